package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/contacts"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// suppressBatch is how many addresses go into one transaction.
const suppressBatch = 2000

func (a *app) suppressionsCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "suppressions",
		Short: "The addresses that get nothing, whatever they consent to",
		Example: `  rapport suppressions list
  rapport suppressions import blocked.txt --reason manual`,
	}, a.suppressionsList(), a.suppressionsImport(), a.suppressionsRemove())
}

// importable are the reasons that a list can be imported with.
var importable = []string{contacts.ReasonManual, contacts.ReasonHardBounce, contacts.ReasonComplaint, contacts.ReasonUnsubscribedAll}

func (a *app) suppressionsList() *cobra.Command {
	var reason string
	var limit int
	all := append(slices.Clone(importable), contacts.ReasonErased)
	c := &cobra.Command{
		Use:   "list",
		Short: "List the addresses that get nothing",
		Long: `List the addresses that get nothing, in their order. An erased person stands
there as a mark: the address itself is gone.`,
		Example: `  rapport suppressions list
  rapport suppressions list --reason complaint --json`,
		RunE: a.with(func(s *session, _ []string) error {
			if reason != "" && !slices.Contains(all, reason) {
				return usagef("there is no reason %q%s", reason, orOneOf(reason, all))
			}
			if err := fromOne(limit); err != nil {
				return err
			}
			list, err := s.store.Suppressions(s.ctx, reason, "", limit)
			if err != nil {
				return err
			}
			if s.json {
				type suppression struct {
					Email  string    `json:"email"`
					Reason string    `json:"reason"`
					Source string    `json:"source"`
					At     time.Time `json:"at"`
				}
				out := []suppression{}
				for _, x := range list {
					out = append(out, suppression{x.Email, x.Reason, x.Source, x.At.UTC()})
				}
				return s.print(out)
			}
			if len(list) == 0 {
				s.printf("No address is suppressed.\n")
				return nil
			}
			t := s.newTable("ADDRESS", "REASON", "SINCE", "SOURCE")
			for _, x := range list {
				t.row(plain(x.Email), x.Reason, s.faint(s.when(x.At)), plain(x.Source))
			}
			t.print()
			if len(list) == limit {
				s.printf("%s\n", s.faint(fmt.Sprintf("the first %s; --limit shows more", count(limit))))
			}
			return nil
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "only this `reason`: "+strings.Join(all, ", "))
	c.Flags().IntVar(&limit, "limit", 100, "show at most this `many`")
	return c
}

func (a *app) suppressionsImport() *cobra.Command {
	var reason, source string
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Suppress every address of a file",
		Long: `Suppress every address of a file: one a line, or the first column of a CSV file.
A - reads standard input. Lines that hold no address are named and passed over.
An address that is suppressed already keeps the graver reason.`,
		Example: `  rapport suppressions import blocked.txt
  rapport suppressions import old.csv --reason hard-bounce --source "old system"`,
		Args: args("FILE"),
		RunE: a.with(func(s *session, given []string) error {
			if !slices.Contains(importable, reason) {
				return usagef("there is no reason %q%s", reason, orOneOf(reason, importable))
			}
			if source == "" {
				source = "import " + given[0]
			}
			return s.suppressAll(given[0], store.Suppression{Reason: reason, Source: source, At: s.now.Now()})
		}),
	}
	c.Flags().StringVar(&reason, "reason", contacts.ReasonManual, "why: "+strings.Join(importable, ", "))
	c.Flags().StringVar(&source, "source", "", "where it is known from, in `words` (default: the file)")
	return c
}

// suppressAll reads addresses and suppresses them in batches.
func (s *session) suppressAll(name string, as store.Suppression) error {
	in, size, err := s.openInput(name)
	if err != nil {
		return err
	}
	defer in.Close()
	bar := s.newByteBar(size, "suppressing")
	var batch []store.Suppression
	var read, changed int
	var wrong []string
	flush := func() error {
		n, err := s.store.Suppress(s.ctx, batch, s.now.Now())
		changed += n
		batch = batch[:0]
		return err
	}
	err = addresses(in, func(line int, text string, bytes int) error {
		bar.Add(bytes)
		address, err := contacts.ParseAddress(text)
		if err != nil {
			if line > 1 { // the first line may name the column
				wrong = append(wrong, fmt.Sprintf("line %d: %s", line, err))
			}
			return nil
		}
		read++
		x := as
		x.Email = address
		if batch = append(batch, x); len(batch) == suppressBatch {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	bar.Finish()
	if err != nil {
		return fmt.Errorf("cannot import %s: %w", name, err)
	}
	if read > 0 {
		s.tell(queue.Notice{Kind: queue.Resync}) // who holds a claimed message looks again
	}
	if s.json {
		return s.print(map[string]any{"addresses": read, "changed": changed, "rejected": append([]string{}, wrong...)})
	}
	const most = 10
	for _, text := range wrong[:min(most, len(wrong))] {
		s.note("%s", plain(text))
	}
	if more := len(wrong) - most; more > 0 {
		s.note("and %s more", of(more, "line"))
	}
	s.printf("%s, %s new or graver, %s without an address\n", amount(read, "address", "addresses"), count(changed), of(len(wrong), "line"))
	if read == 0 {
		return errFindings
	}
	return nil
}

func amount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// addresses gives the first field of each line that is not empty.
func addresses(in io.Reader, each func(line int, text string, bytes int) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimPrefix(lines.Text(), "\ufeff")
		if fields, err := csv.NewReader(strings.NewReader(strings.ReplaceAll(text, ";", ","))).Read(); err == nil {
			text = fields[0]
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := each(n, text, len(lines.Bytes())+1); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errors.New("a line has more than 1 MB: this is no list of addresses")
	}
	return lines.Err()
}

func (a *app) suppressionsRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove EMAIL…",
		Short: "Let addresses be mailed again, as far as they consent",
		Long: `Take addresses off the list. Their contacts may be mailed again as far as they
consent. Only do so at the wish of the person.`,
		Example: `  rapport suppressions remove ana@example.com`,
		Args:    args("EMAIL…"),
		RunE: a.with(func(s *session, given []string) error {
			list := make([]string, len(given))
			for i, text := range given {
				address, err := contacts.ParseAddress(text)
				if err != nil {
					return usagef("%s", err)
				}
				list[i] = address
			}
			n, err := s.store.Unsuppress(s.ctx, list)
			if err != nil {
				return err
			}
			if s.json {
				return s.print(map[string]any{"removed": n})
			}
			if n == 0 {
				return fmt.Errorf("%s not on the list", strings.Join(list, ", ")+map[bool]string{true: " is", false: " are"}[len(list) == 1])
			}
			s.printf("%s taken off the list\n", amount(n, "address", "addresses"))
			return nil
		}),
	}
}
