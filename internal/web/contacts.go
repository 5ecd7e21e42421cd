package web

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/segments"
)

// pageSize is how many lines a list shows at once.
const pageSize = 50

type contactsData struct {
	Query string
	List  []contacts.Contact
	Total int64
	Next  string // address of the page that follows, or ""
}

func (w *Web) contacts(q *request) (view, error) {
	text := strings.TrimSpace(q.URL.Query().Get("q"))
	after, _ := strconv.ParseInt(q.URL.Query().Get("after"), 10, 64) // nonsense is the first page
	d := contactsData{Query: text}
	if exact, err := contacts.ParseAddress(text); err == nil && after == 0 {
		list, err := w.Store.Search(q.Context(), exact, 0, 2)
		if err != nil {
			return view{}, err
		}
		if len(list) == 1 && list[0].Email == exact {
			return view{title: "/contacts/" + strconv.FormatInt(int64(list[0].ID), 10)}, errRedirect
		}
	}
	var err error
	if d.List, err = w.Store.Search(q.Context(), text, contacts.ID(after), pageSize+1); err != nil {
		return view{}, err
	}
	if len(d.List) > pageSize {
		d.List = d.List[:pageSize]
		values := q.URL.Query()
		values.Set("after", strconv.FormatInt(int64(d.List[pageSize-1].ID), 10))
		d.Next = "/contacts?" + values.Encode()
	}
	if d.Total, err = w.Store.CountContacts(q.Context()); err != nil {
		return view{}, err
	}
	return view{page: "contacts", room: "contacts", title: "Contacts", data: d}, nil
}

type contactData struct {
	contacts.Contact
	Name       string
	Local      string // what the clock says where they are
	Consents   []consentRow
	Changes    []contacts.StageChange // newest first
	Campaigns  []contacts.Participation
	Segments   []membership
	Attributes []attribute
	Scores     []attribute
	Days       []day
	Next       string
	First      bool // this is the newest part of the timeline
	Rungs      []string
}

type consentRow struct {
	Topic string
	Now   contacts.Consent // State is "none" without any
}

type attribute struct{ Name, Value string }

// membership is a segment with the answer for one contact, and why.
type membership struct {
	Name string
	In   bool
	Why  segments.Explanation
}

func (w *Web) contact(q *request) (view, error) {
	id, err := strconv.ParseInt(q.PathValue("id"), 10, 64)
	if err != nil {
		return view{}, errNotFound
	}
	all, err := w.Store.LoadFacts(q.Context(), []contacts.ID{contacts.ID(id)})
	if err != nil {
		return view{}, err
	}
	f := all[contacts.ID(id)]
	if f == nil {
		return view{}, errNotFound
	}
	d := contactData{Contact: f.Contact, Name: strings.TrimSpace(f.Contact.FirstName + " " + f.Contact.LastName)}
	if f.Contact.Erased {
		d.Name, d.Email = "Erased contact", ""
	}
	d.Changes = slices.Clone(f.Changes)
	slices.Reverse(d.Changes)
	d.Campaigns = slices.Clone(f.Campaigns)
	slices.Reverse(d.Campaigns)
	d.Consents = q.consents(f)
	d.Segments = q.memberships(f)
	d.Rungs = stagesOf(q.applied)
	for _, name := range slices.Sorted(maps.Keys(f.Contact.Attributes)) {
		d.Attributes = append(d.Attributes, attribute{name, valueText(f.Contact.Attributes[name])})
	}
	scoring := scoringOf(q.applied)
	for _, s := range scoring.Values(f, q.now) {
		d.Scores = append(d.Scores, attribute{s.Name, valueText(s.Value)})
	}
	if points, _ := f.Score(contacts.ScorePoints); scoring.TierOf(points.Value) != "" {
		d.Scores = append(d.Scores, attribute{"tier", scoring.TierOf(points.Value)})
	}
	if zone, err := calendar.LoadZone(f.Contact.Timezone); f.Contact.Timezone != "" && err == nil {
		d.Local = q.now.In(zone).Format("15:04")
	}
	page := pageOf(q)
	d.First = page.At.IsZero()
	list, next, more, err := w.Store.Timeline(q.Context(), contacts.ID(id), page, pageSize)
	if err != nil {
		return view{}, err
	}
	d.Days = q.days(list)
	if more {
		d.Next = fmt.Sprintf("/contacts/%d?at=%d&skip=%d#timeline", id, next.At.UnixMilli(), next.Skip)
	}
	title := d.Name
	if title == "" {
		title = d.Email
	}
	return view{page: "contact", room: "contacts", title: title, data: d, live: 5}, nil
}

func pageOf(q *request) store.Page {
	at, err := strconv.ParseInt(q.URL.Query().Get("at"), 10, 64)
	if err != nil {
		return store.Page{}
	}
	skip, _ := strconv.Atoi(q.URL.Query().Get("skip"))
	return store.Page{At: time.UnixMilli(at).UTC(), Skip: min(max(skip, 0), 10_000)}
}

// consents are those of the workspace's topics, and what there is besides.
func (q *request) consents(f *contacts.Facts) (out []consentRow) {
	var topics []string
	if q.applied != nil {
		topics = slices.Clone(q.applied.TopicOrder)
	}
	for _, c := range f.Consents {
		if !slices.Contains(topics, c.Topic) {
			topics = append(topics, c.Topic)
		}
	}
	for _, topic := range topics {
		c := f.ConsentFor(topic)
		if c.State == "" {
			c.State = contacts.ConsentNone
		}
		out = append(out, consentRow{topic, c})
	}
	return out
}

// memberships asks every segment of the contact; those that hold come first.
func (q *request) memberships(f *contacts.Facts) (out []membership) {
	if q.applied == nil || f.Contact.Erased {
		return nil
	}
	question := &segments.Question{Facts: f, Now: q.now, Segments: q.applied.Segments, Zone: q.zone, Ladder: stagesOf(q.applied), Scoring: scoringOf(q.applied)}
	for _, name := range slices.Sorted(maps.Keys(q.applied.Segments)) {
		why := q.applied.Segments[name].Where.Explain(question)
		out = append(out, membership{name, why.Held, why})
	}
	slices.SortStableFunc(out, func(a, b membership) int {
		if a.In == b.In {
			return 0
		}
		if a.In {
			return -1
		}
		return 1
	})
	return out
}

// valueText writes a value of an attribute or a property.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = valueText(v[i])
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		return propertiesText(v)
	}
	return fmt.Sprint(v)
}

// propertiesText writes the properties of an event on one line.
func propertiesText(all map[string]any) string {
	parts := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		if inner, ok := value.(map[string]any); ok {
			value = "(" + propertiesText(inner) + ")"
		}
		parts = append(parts, name+": "+valueText(value))
	}
	return strings.Join(parts, " · ")
}
