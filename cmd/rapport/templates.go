package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/templates"
)

func (a *app) templatesCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:     "templates",
		Short:   "Look at mail before anybody gets it",
		Example: `  rapport templates preview welcome --contact ana@example.com`,
	}, a.templatesPreview(), a.templatesLint())
}

// previewFlags are the flags of templates preview.
type previewFlags struct {
	contact, campaign string
	html              string
	text              bool
}

func (a *app) templatesPreview() *cobra.Command {
	var f previewFlags
	c := &cobra.Command{
		Use:   "preview NAME",
		Short: "Show a template as a contact would get it",
		Long: `Show a template as a contact would get it: subject, preheader and text, or the
HTML into a file for the browser. The template is read from the folder, so that
it can be looked at while it is written. Without --contact it is for an invented
person. Nothing is sent, and links are not tracked.`,
		Example: `  rapport templates preview welcome
  rapport templates preview welcome --contact ana@example.com
  rapport templates preview welcome --html welcome.html`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(templateNames),
		RunE: a.with(func(s *session, given []string) error {
			if f.html != "" && f.text {
				return usagef("choose one of --html and --text")
			}
			return s.preview(given[0], &f)
		}),
	}
	c.Flags().StringVar(&f.contact, "contact", "", "for this contact, by `e-mail`")
	c.Flags().StringVar(&f.campaign, "campaign", "", "as this campaign sends it, by `name` (default: the first that does)")
	c.Flags().StringVar(&f.html, "html", "", "write the HTML to this `file`, - for standard output")
	c.Flags().BoolVar(&f.text, "text", false, "only the text part")
	return c
}

func (s *session) preview(name string, f *previewFlags) error {
	applied, err := s.folder()
	if err != nil {
		return err
	}
	t := applied.Templates.Template(name)
	if t == nil {
		return fmt.Errorf("there is no template %q%s", name, orOneOf(name, applied.Templates.Names()))
	}
	d, step, err := sentBy(applied, name, f.campaign)
	if err != nil {
		return err
	}
	if step != nil && step.Send.Subject != "" {
		if t, err = t.WithSubject(step.Send.Subject); err != nil {
			return fmt.Errorf("the subject of campaign %s: %w", d.Name, err)
		}
	}
	facts, err := s.recipient(applied, d, f.contact)
	if err != nil {
		return err
	}
	in := delivery.PreviewInput(applied, d, facts, originOf(d, s.now.Now()), s.now.Now())
	in.Links = previewLinks{strings.TrimRight(applied.PublicURL, "/")}
	out, err := t.Render(in)
	if err != nil {
		return err
	}
	return s.showMail(mailText(d, facts, applied), out, f)
}

// sentBy finds a campaign that sends a template, and its step.
func sentBy(applied *catalog.Applied, template, campaign string) (*campaigns.Definition, *campaigns.Step, error) {
	all := applied.Workspace.Campaigns
	if campaign != "" && all[campaign] == nil {
		return nil, nil, fmt.Errorf("there is no campaign %q%s", campaign, orOneOf(campaign, slices.Sorted(maps.Keys(all))))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if campaign != "" && name != campaign {
			continue
		}
		for _, step := range all[name].Sends() {
			if step.Send.Template == template {
				return all[name], step, nil
			}
		}
	}
	if campaign != "" {
		return nil, nil, fmt.Errorf("the campaign %s does not send %s", campaign, template)
	}
	return nil, nil, nil // a template may stand there before a campaign does
}

// recipient is the contact that is stored, or an invented one.
func (s *session) recipient(applied *catalog.Applied, d *campaigns.Definition, email string) (*contacts.Facts, error) {
	if email != "" {
		c, err := s.contact(email)
		if err != nil {
			return nil, err
		}
		return s.facts(c.ID)
	}
	return inventedFacts(applied, s.now.Now()), nil
}

// inventedFacts is somebody of whom everything is known.
func inventedFacts(applied *catalog.Applied, now time.Time) *contacts.Facts {
	c := contacts.Contact{Email: "sam@example.com", FirstName: "Sam", LastName: "Sample", Language: applied.Company.Language,
		CreatedAt: now, Attributes: map[string]any{}}
	if stages := applied.Relationship.Stages(); len(stages) > 0 {
		c.Stage = stages[min(1, len(stages)-1)]
	}
	for name, typ := range applied.Attributes {
		c.Attributes[name] = invented(name, typ, now)
	}
	return &contacts.Facts{Contact: c}
}

// invented is a value of a declared attribute.
func invented(name, typ string, now time.Time) any {
	switch typ {
	case "number":
		return 42.0
	case "bool":
		return true
	case "date":
		return now.AddDate(0, 1, 0).Format(time.DateOnly)
	case "list":
		return []any{"one", "two"}
	}
	return strings.ReplaceAll(name, "_", " ")
}

// originOf is an event such as the one that starts the campaign.
func originOf(d *campaigns.Definition, now time.Time) campaigns.Origin {
	if d == nil || d.Start.Event == "" {
		return campaigns.Origin{}
	}
	return campaigns.Origin{Name: d.Start.Event, At: now}
}

// mailHead is what stands above a mail.
type mailHead struct{ from, to, campaign string }

func mailText(d *campaigns.Definition, f *contacts.Facts, applied *catalog.Applied) mailHead {
	head := mailHead{to: f.Contact.Email}
	if name := nameOf(&f.Contact); name != "" {
		head.to = name + " <" + f.Contact.Email + ">"
	}
	if d != nil {
		from := applied.Senders[applied.SenderOf(d)].From
		head.campaign, head.from = d.Name, cmp.Or(strings.TrimSpace(from.Name+" <"+from.Address+">"), from.Address)
	}
	return head
}

func (s *session) showMail(head mailHead, out templates.Output, f *previewFlags) error {
	switch {
	case s.json:
		return s.print(map[string]string{"from": head.from, "to": head.to, "campaign": head.campaign, "subject": out.Subject,
			"preheader": out.Preheader, "html": out.HTML, "text": out.Text})
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

// previewLinks lead where the template says, without a token: nothing that is
// done with a preview counts.
type previewLinks struct{ root string }

func (l previewLinks) AppendClick(dst []byte, _ int, target []byte, _ bool) []byte {
	return append(dst, target...)
}
func (l previewLinks) Open() string        { return "" }
func (l previewLinks) Unsubscribe() string { return l.root + "/u/preview" }
func (l previewLinks) Preferences() string { return l.root + "/p/preview" }
func (l previewLinks) View() string        { return l.root + "/v/preview" }
