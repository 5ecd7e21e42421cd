package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
)

// importFlags are the flags of contacts import.
type importFlags struct {
	mapping, types      []string
	topics              []string
	source, at          string
	delimiter, encoding string
	language, timezone  string
	rejected            string
	dry                 bool
}

func (a *app) contactsImport() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Add and update contacts from a CSV file",
		Long: `Add contacts from a CSV file, and update those whose address is known. The first
line names the columns: e-mail, first name, language and the like are recognised
in several languages, every other column becomes an attribute. Comma, semicolon
and tab are told apart, and so are UTF-8, UTF-16 and Windows-1252. A - reads
standard input.

Rows that cannot be imported go into FILE.rejected.csv with the reason; correct
them there and import that file. Importing a file twice changes nothing.

A consent needs the topic and the source, and never brings back who has
withdrawn, bounced or complained.`,
		Example: `  rapport contacts import people.csv
  rapport contacts import people.csv --map "Mail privat=email" --map Notes=-
  rapport contacts import fair.csv --type km=number \
      --topic guides --source "stand at Eurobike" --at 2026-06-24`,
		Args: args("FILE.csv"),
		RunE: a.with(func(s *session, given []string) error { return s.importFile(given[0], &f) }),
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.mapping, "map", nil, "column and field, as in `\"Header=field\"`; - leaves the column out")
	flags.StringArrayVar(&f.types, "type", nil, "`attribute=type`: text, number, bool, date or list")
	flags.StringArrayVar(&f.topics, "topic", nil, "everybody in the file has consented to this `topic`")
	flags.StringVar(&f.source, "source", "", "where they gave that consent, in `words`")
	flags.StringVar(&f.at, "at", "", "when they gave it: a `date`, or a date and time (default: now)")
	flags.StringVar(&f.language, "language", "", "`language` of those who have none")
	flags.StringVar(&f.timezone, "timezone", "", "time `zone` of those who have none")
	flags.StringVar(&f.delimiter, "delimiter", "", "what separates the columns (default: found out)")
	flags.StringVar(&f.encoding, "encoding", "", "utf-8, utf-16 or windows-1252 (default: found out)")
	flags.StringVar(&f.rejected, "rejected", "", "`file` for rejected rows (default: FILE.rejected.csv)")
	flags.BoolVar(&f.dry, "dry-run", false, "read and check everything, store nothing")
	return c
}

// options turns flags into what the importer takes.
func (s *session) options(f *importFlags) (contacts.ImportOptions, error) {
	o := contacts.ImportOptions{
		Encoding: f.encoding, Types: s.work.Attributes, Now: s.now.Now(),
		Consent:  contacts.ImportConsent{Topics: f.topics, Source: f.source},
		Defaults: contacts.ImportDefaults{Language: f.language, Timezone: f.timezone},
	}
	var err error
	if o.Mapping, err = pairs("--map", "Header=field", f.mapping); err != nil {
		return o, err
	}
	if o.GivenTypes, err = pairs("--type", "attribute=type", f.types); err != nil {
		return o, err
	}
	switch f.delimiter {
	case "":
	case `\t`, "tab":
		o.Delimiter = '\t'
	default:
		if r := []rune(f.delimiter); len(r) != 1 {
			return o, usagef("--delimiter takes one character, as in ;")
		}
		o.Delimiter = []rune(f.delimiter)[0]
	}
	known := slices.Sorted(maps.Keys(s.work.Topics))
	for _, topic := range f.topics {
		if len(known) > 0 && !slices.Contains(known, topic) {
			return o, usagef("there is no topic %q%s", topic, orOneOf(topic, known))
		}
	}
	switch {
	case len(f.topics) > 0 && strings.TrimSpace(f.source) == "":
		return o, usagef(`a consent needs a source: say where these people gave it, as in --source "fair in Hamburg"`)
	case len(f.topics) == 0 && (f.source != "" || f.at != ""):
		return o, usagef("--source and --at tell of a consent: name its --topic")
	case f.at != "":
		o.Consent.At, err = s.moment(f.at)
	}
	return o, err
}

// pairs reads flags of the form name=value. The last = divides them, because
// headers may hold one.
func pairs(flag, form string, list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		at := strings.LastIndexByte(text, '=')
		if at < 1 {
			return nil, usagef("%s takes %s, not %q", flag, form, text)
		}
		out[strings.TrimSpace(text[:at])] = strings.TrimSpace(text[at+1:])
	}
	return out, nil
}

// moment reads a date, or a date and time, in the company's zone.
func (s *session) moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := calendar.ParseDateTime(text); err == nil {
		return d.Date.At(d.TimeOfDay, s.location()), nil
	}
	d, err := calendar.ParseDate(text)
	if err != nil {
		return time.Time{}, usagef("%q is not a date: write 2026-03-02, or \"2026-03-02 09:00\"", text)
	}
	return d.At(0, s.location()), nil
}

func (s *session) importFile(name string, f *importFlags) error {
	o, err := s.options(f)
	if err != nil {
		return err
	}
	in, size, err := s.openInput(name)
	if err != nil {
		return err
	}
	defer in.Close()
	rejected := f.rejected
	if rejected == "" {
		rejected = rejectedName(name)
	}
	source := name
	if name == "-" {
		name = "standard input"
	}
	run := &importRun{session: s, dry: f.dry, bar: s.newByteBar(size, "importing")}
	reader := progressbar.NewReader(in, run.bar)
	if run.from, err = contacts.NewImporter(&reader, o); err != nil {
		return fmt.Errorf("cannot import %s: %w", name, err)
	}
	run.rejects = &rejectFile{name: rejected, source: source, headers: run.from.Headers()}
	err = run.all()
	if closing := run.rejects.close(); err == nil {
		err = closing
	}
	run.bar.Finish()
	if err != nil {
		return run.stopped(name, err)
	}
	return run.report()
}

// openInput opens a file, or standard input; size is -1 where it is not known.
func (a *app) openInput(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: %s", name, cause(err))
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		f.Close()
		return nil, 0, fmt.Errorf("cannot read %s: it is not a file", name)
	}
	size := info.Size()
	if !info.Mode().IsRegular() {
		size = -1
	}
	return f, size, nil
}

// cause is an error of the file system without the path, which was named.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// rejectedName is people.rejected.csv for people.csv. A second round of
// corrections keeps the name, and never writes over the file it reads.
func rejectedName(name string) string {
	if name == "-" {
		return "stdin.rejected.csv"
	}
	base := strings.TrimSuffix(name, ".csv")
	return base + ".rejected.csv"
}
