package main

import (
	"encoding/json"
	"fmt"
	"maps"
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

// whom says for whom, and as whose, a mail is written.
type whom struct {
	contact, campaign, sender, language string
	set                                 []string
}

func (f *whom) add(c *cobra.Command) {
	c.Flags().StringVar(&f.contact, "contact", "", "for this contact, by `e-mail` (default: an invented one)")
	c.Flags().StringArrayVar(&f.set, "set", nil, "what is known of it, as `field=value`; event.field=value for the event that starts the campaign")
	c.Flags().StringVar(&f.language, "language", "", "in this `language`, as de-AT")
	c.Flags().StringVar(&f.campaign, "campaign", "", "as this campaign sends it, by `name` (default: the first that does)")
	c.Flags().StringVar(&f.sender, "sender", "", "from this sender, by `name` (default: that of the campaign)")
}

// single is the mail that a template makes.
func (s *session) single(name string, f *whom) (one delivery.Single, applied *catalog.Applied, err error) {
	if applied, err = s.folder(); err != nil {
		return one, nil, err
	}
	t := applied.Templates.Template(name)
	if t == nil {
		return one, nil, fmt.Errorf("there is no template %q%s", name, orOneOf(name, applied.Templates.Names()))
	}
	d, step, err := sentBy(applied, name, f.campaign)
	if err != nil {
		return one, nil, err
	}
	if step != nil && step.Send.Subject != "" {
		if t, err = t.WithSubject(step.Send.Subject); err != nil {
			return one, nil, fmt.Errorf("the subject of campaign %s: %w", d.Name, err)
		}
	}
	one = delivery.Single{Template: t, Campaign: d, Origin: originOf(applied, d, s.now.Now())}
	if one.Sender, err = senderOf(applied, d, t, f.sender); err != nil {
		return one, nil, err
	}
	if one.Facts, err = s.recipient(applied, f.contact); err != nil {
		return one, nil, err
	}
	if f.language != "" {
		f.set = append(f.set, "language="+f.language)
	}
	for _, text := range f.set {
		if err := setField(applied, &one, text); err != nil {
			return one, nil, err
		}
	}
	return one, applied, nil
}

// senderOf is who a mail is from: the sender that was named, that of the campaign,
// of the template's topic, or the only one; "" when nobody can tell.
func senderOf(applied *catalog.Applied, d *campaigns.Definition, t *templates.Template, named string) (string, error) {
	all := slices.Sorted(maps.Keys(applied.Senders))
	switch {
	case named != "" && !slices.Contains(all, named):
		return "", fmt.Errorf("there is no sender %q%s", named, orOneOf(named, all))
	case named != "":
		return named, nil
	case d != nil:
		return applied.SenderOf(d), nil
	case applied.Topics[t.Topic()].Sender != "":
		return applied.Topics[t.Topic()].Sender, nil
	case len(all) == 1:
		return all[0], nil
	}
	return "", nil
}

// setField makes field=value known of whom a mail is for.
func setField(applied *catalog.Applied, one *delivery.Single, text string) (err error) {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(name), "contact."), "attributes.")
	if !ok || name == "" {
		return usagef("%q is no field with its value: write --set first_name=Ana", text)
	}
	c := &one.Facts.Contact
	if property, isEvent := strings.CutPrefix(name, "event."); isEvent {
		v, err := typed(value, applied.Events[one.Origin.Name][property])
		if err != nil {
			return usagef("--set %s: %s", name, err)
		}
		if one.Origin.Properties == nil {
			one.Origin.Properties = map[string]any{}
		}
		one.Origin.Properties[property] = v
		return nil
	}
	if field := map[string]*string{"first_name": &c.FirstName, "last_name": &c.LastName, "timezone": &c.Timezone, "stage": &c.Stage, "health": &c.Health}[name]; field != nil {
		*field = value
		return nil
	}
	switch name {
	case "email":
		if c.Email, err = contacts.ParseAddress(value); err != nil {
			return usagef("--set email: %s", err)
		}
		return nil
	case "language":
		if c.Language, err = contacts.ParseLanguage(value); err != nil {
			return usagef("%s", err)
		}
		return nil
	}
	if applied.Attributes != nil && applied.Attributes[name] == "" {
		return usagef("no attribute %q is declared in rapport.yaml%s", name, orOneOf(name, slices.Sorted(maps.Keys(applied.Attributes))))
	}
	v, err := typed(value, applied.Attributes[name])
	if err != nil {
		return usagef("--set %s: %s", name, err)
	}
	if c.Attributes == nil {
		c.Attributes = map[string]any{}
	}
	c.Attributes[name] = v
	return nil
}

// typed is a value of a declared type. Without one it is what JSON says it is,
// else text.
func typed(text, typ string) (any, error) {
	if typ != "" {
		return contacts.ParseValue(text, typ)
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err == nil && v != nil {
		return v, nil
	}
	return text, nil
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
func (s *session) recipient(applied *catalog.Applied, email string) (*contacts.Facts, error) {
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

// originOf is an event such as the one that starts the campaign, with what is
// declared of it.
func originOf(applied *catalog.Applied, d *campaigns.Definition, now time.Time) campaigns.Origin {
	if d == nil || d.Start.Event == "" {
		return campaigns.Origin{}
	}
	o := campaigns.Origin{Name: d.Start.Event, At: now, Properties: map[string]any{}}
	for name, typ := range applied.Events[d.Start.Event] {
		o.Properties[name] = invented(name, typ, now)
	}
	return o
}
