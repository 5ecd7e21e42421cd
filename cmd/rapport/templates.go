package main

import (
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/delivery"
	"rapport/internal/mailbox"
)

func (a *app) templatesCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:     "templates",
		Short:   "Look at mail before anybody gets it",
		Example: `  rapport templates preview welcome --contact ana@example.com`,
	}, a.templatesPreview(), a.templatesLint(), a.templatesSend())
}

// previewFlags are the flags of templates preview.
type previewFlags struct {
	whom
	html    string
	out     string
	text    bool
	headers bool
}

func (a *app) templatesPreview() *cobra.Command {
	var f previewFlags
	c := &cobra.Command{
		Use:   "preview NAME",
		Short: "Show a template as a contact would get it",
		Long: `Show a template as a contact would get it: subject, preheader and text, its
header fields, or all of it as files for the browser and the mail program. The
template is read from the folder, so that it can be looked at while it is
written. Without --contact it is for an invented person, of whom all declared
attributes are known; --set says what else, of either. Nothing is sent, and links
are not tracked.`,
		Example: `  rapport templates preview welcome
  rapport templates preview welcome --contact ana@example.com
  rapport templates preview welcome --set first_name=Ana --language de --headers
  rapport templates preview welcome --out previews
  rapport templates preview welcome --html welcome.html`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(templateNames),
		RunE: a.with(func(s *session, given []string) error {
			n := 0
			for _, set := range []bool{f.html != "", f.text, f.headers, f.out != ""} {
				if set {
					n++
				}
			}
			if n > 1 {
				return usagef("choose one of --html, --text, --headers and --out")
			}
			return s.preview(given[0], &f)
		}),
	}
	f.add(c)
	c.Flags().StringVar(&f.html, "html", "", "write the HTML to this `file`, - for standard output")
	c.Flags().StringVar(&f.out, "out", "", "write NAME.html, .txt, .eml and a page with all of it on desktop and phone into this `folder`")
	c.Flags().BoolVar(&f.text, "text", false, "only the text part")
	c.Flags().BoolVar(&f.headers, "headers", false, "only the header fields")
	return c
}

func (s *session) preview(name string, f *previewFlags) error {
	one, applied, err := s.single(name, &f.whom)
	if err != nil {
		return err
	}
	w, err := one.Write(applied, s.now.Now())
	if err != nil {
		return err
	}
	head := mailHead{to: one.Facts.Contact.Email}
	if name := nameOf(&one.Facts.Contact); name != "" {
		head.to = name + " <" + one.Facts.Contact.Email + ">"
	}
	if one.Campaign != nil {
		head.campaign = one.Campaign.Name
	}
	head.fields = fieldsOf(w.Envelope.Data)
	if sender, ok := applied.Senders[one.Sender]; ok {
		head.from = sender.From.Address
		if sender.From.Name != "" {
			head.from = sender.From.Name + " <" + sender.From.Address + ">"
		}
	}
	if f.out != "" {
		return s.previewFiles(f.out, name, head, w)
	}
	return s.showMail(head, w, f)
}

// mailHead is what stands above a mail.
type mailHead struct {
	from, to, campaign string
	fields             []mailbox.Header
}

func (s *session) showMail(head mailHead, out delivery.Written, f *previewFlags) error {
	switch {
	case s.json:
		type field struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		}
		fields := []field{}
		for _, h := range head.fields {
			fields = append(fields, field(h))
		}
		return s.print(struct {
			From      string  `json:"from"`
			To        string  `json:"to"`
			Campaign  string  `json:"campaign"`
			Subject   string  `json:"subject"`
			Preheader string  `json:"preheader"`
			HTML      string  `json:"html"`
			Text      string  `json:"text"`
			Headers   []field `json:"headers"`
		}{head.from, head.to, head.campaign, out.Subject, out.Preheader, out.HTML, out.Text, fields})
	case f.html == "-":
		s.printf("%s", out.HTML)
		return nil
	case f.html != "":
		if err := os.WriteFile(f.html, []byte(out.HTML), 0o644); err != nil {
			return fmt.Errorf("cannot write %s: %w", f.html, cause(err))
		}
		s.note("written to %s", f.html)
		return nil
	case f.text:
		s.printf("%s\n", s.wrapped(out.Text))
		return nil
	case f.headers:
		return s.showFields(head)
	}
	t := s.newTable()
	for _, line := range [][2]string{{"from", head.from}, {"to", head.to}, {"subject", s.head(plain(out.Subject))},
		{"preheader", plain(out.Preheader)}, {"campaign", head.campaign}} {
		if line[1] != "" {
			t.row(s.faint(line[0]), line[1])
		}
	}
	t.print()
	s.printf("\n%s\n", s.wrapped(out.Text))
	return nil
}

// fieldsOf are the header fields of a message as they are written, in their order,
// unfolded and decoded.
func fieldsOf(message []byte) (out []mailbox.Header) {
	head, _, _ := strings.Cut(string(message), "\r\n\r\n")
	words := new(mime.WordDecoder)
	for field := range strings.SplitSeq(unfolded.ReplaceAllString(head, " "), "\r\n") {
		name, value, ok := strings.Cut(field, ": ")
		if !ok {
			continue
		}
		if decoded, err := words.DecodeHeader(value); err == nil {
			value = decoded
		}
		out = append(out, mailbox.Header{Name: name, Value: value})
	}
	return out
}

var unfolded = regexp.MustCompile(`\r\n[ \t]+`)

func (s *session) showFields(head mailHead) error {
	if len(head.fields) == 0 {
		return fmt.Errorf("no campaign sends this template, so nobody knows from whom it is: say --sender NAME")
	}
	for _, h := range head.fields {
		s.printf("%s %s\n", s.faint(h.Name+":"), plain(h.Value))
	}
	listed := func(name string) bool {
		return slices.ContainsFunc(head.fields, func(h mailbox.Header) bool { return h.Name == name })
	}
	if listed("List-Id") && !listed("List-Unsubscribe") {
		s.note("there is no List-Unsubscribe: mail programs take one with https:// only, and public_url has none")
	}
	return nil
}

// previewFiles writes all of a mail into a folder.
func (s *session) previewFiles(folder, name string, head mailHead, out delivery.Written) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w", folder, cause(err))
	}
	page, err := previewPage(name, head, out)
	if err != nil {
		return err
	}
	files := []struct {
		ending string
		data   []byte
	}{{".page.html", page}, {".html", []byte(out.HTML)}, {".txt", []byte(out.Text + "\n")}, {".eml", out.Envelope.Data}}
	var written []string
	for _, f := range files {
		path := filepath.Join(folder, name+f.ending)
		if len(f.data) == 0 {
			continue
		}
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, cause(err))
		}
		written = append(written, filepath.ToSlash(path))
	}
	if s.json {
		return s.print(map[string]any{"files": written})
	}
	s.printf("%s\n", strings.Join(written, "\n"))
	return nil
}
