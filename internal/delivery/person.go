package delivery

import (
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/templates"
)

// renderInput is what templates may say about a contact and the company.
func renderInput(applied *catalog.Applied, d *campaigns.Definition, f *contacts.Facts, origin campaigns.Origin, now time.Time) templates.Input {
	language, zone := spoken(applied, &f.Contact)
	return templates.Input{
		Contact: &person{contact: &f.Contact, name: fullName(&f.Contact), loyal: loyaltyOf(applied, f)}, Company: companyOf(applied), Campaign: campaignOf(d),
		Event: &occasion{origin}, Language: language, Now: now, Zone: zone,
	}
}

func companyOf(applied *catalog.Applied) map[string]any {
	c := &applied.Company
	return map[string]any{"name": c.Name, "address": c.Address, "website": c.Website, "timezone": c.Timezone, "language": c.Language}
}

func campaignOf(d *campaigns.Definition) map[string]any {
	return map[string]any{"name": d.Name, "description": d.Description, "purpose": d.Purpose, "topic": d.Topic}
}

// spoken is the language and the zone a contact is written to in: its own, else
// the company's.
func spoken(applied *catalog.Applied, c *contacts.Contact) (string, *time.Location) {
	language, zone := c.Language, applied.Zone
	if language == "" {
		language = applied.Company.Language
	}
	if c.Timezone != "" {
		if z, err := calendar.LoadZone(c.Timezone); err == nil {
			zone = z
		}
	}
	return language, zone
}

func fullName(c *contacts.Contact) string { return strings.TrimSpace(c.FirstName + " " + c.LastName) }

// person is a contact as templates see it: its attributes by their names, and
// before them what every contact has. A field without a value is not there.
type person struct {
	contact *contacts.Contact
	name    string // fullName
	loyal   *loyalty
}

// Get is the field of a name.
func (p *person) Get(key string) (any, bool) {
	c := p.contact
	if text := p.field(key); text != nil && *text != "" {
		return text, true // no string: a pointer takes no memory
	}
	switch key {
	case "id":
		return int64(c.ID), true
	case "created_at":
		return c.CreatedAt, true
	case "attributes":
		return c.Attributes, true
	}
	if p.loyal != nil && slices.Contains(loyaltyFields, key) {
		return p.loyal.get(key)
	}
	v, ok := c.Attributes[key]
	return v, ok
}

// personFields are the texts that every contact may have.
var personFields = []string{"email", "first_name", "last_name", "name", "language", "timezone", "stage", "health"}

func (p *person) field(key string) *string {
	c := p.contact
	switch key {
	case "email":
		return &c.Email
	case "first_name":
		return &c.FirstName
	case "last_name":
		return &c.LastName
	case "name":
		return &p.name
	case "language":
		return &c.Language
	case "timezone":
		return &c.Timezone
	case "stage":
		return &c.Stage
	case "health":
		return &c.Health
	}
	return nil
}

// Keys lists the fields that are there.
func (p *person) Keys() []string {
	keys := []string{"id", "created_at", "attributes"}
	for _, key := range personFields {
		if *p.field(key) != "" {
			keys = append(keys, key)
		}
	}
	if p.loyal != nil {
		keys = append(keys, loyaltyFields...)
	}
	return withKeys(keys, p.contact.Attributes)
}

// occasion is the event that started an enrolment, as templates see it: its
// properties by their names, and before them its name and time.
type occasion struct{ campaigns.Origin }

// Get is the field of a name.
func (o *occasion) Get(key string) (any, bool) {
	if o.Name != "" {
		switch key {
		case "name":
			return &o.Name, true
		case "at":
			return o.At, true
		}
	}
	v, ok := o.Properties[key]
	return v, ok
}

// Keys lists the fields that are there.
func (o *occasion) Keys() []string {
	var keys []string
	if o.Name != "" {
		keys = append(keys, "name", "at")
	}
	return withKeys(keys, o.Properties)
}

// withKeys are keys and those of a map, sorted, each once.
func withKeys(keys []string, m map[string]any) []string {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
