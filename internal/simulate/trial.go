package simulate

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// trial is one scenario on its way.
type trial struct {
	scenario workspace.Scenario
	zone     *time.Location // of the company
	setup    labSetup

	*lab
	campaign *campaigns.Definition
	contact  contacts.ID
	judge    judge
	waiting  map[int64]string // why a message waits, as it was seen last
	pending  []int            // entries whose expectation may still come true within their minute
}

// watched is how long a contact whom nothing has enrolled is followed after the
// last entry: at least for so long, and until its campaign has started once.
const watched = 7 * 24 * time.Hour

// longest bounds an enrolment that waits for a date of years ahead.
const longest = 3 * 366 * 24 * time.Hour

func (t *trial) run(ctx context.Context) (Verdict, error) {
	began := clock.System{}.Now()
	s := &t.scenario
	from := s.From.In(t.zone)
	t.setup.Start = from
	t.waiting, t.judge = map[int64]string{}, judge{scenario: s, zone: t.zone}
	var err error
	if t.lab, err = newLab(ctx, t.setup); err != nil {
		return Verdict{}, err
	}
	defer t.close()
	t.campaign = t.setup.Ready.Campaigns[s.Campaign]
	if err := t.only(ctx); err != nil {
		return Verdict{}, err
	}
	if err := t.create(ctx); err != nil {
		return Verdict{}, err
	}
	for i := range s.Entries {
		if err := t.entry(ctx, i); err != nil {
			return Verdict{}, err
		}
	}
	if err := t.toTheEnd(ctx); err != nil {
		return Verdict{}, err
	}
	if t.judge.story, _, _, err = t.Store.Timeline(ctx, t.contact, store.Page{}, mostLines); err != nil {
		return Verdict{}, err
	}
	// Of other campaigns only the mail counts.
	t.judge.story = slices.DeleteFunc(t.judge.story, func(e store.Entry) bool {
		return e.Campaign != "" && e.Campaign != s.Campaign && e.Kind != store.EntryMessage && e.Kind != store.EntryEvent
	})
	slices.Reverse(t.judge.story) // oldest first
	v := t.judge.verdict()
	v.Took = clock.System{}.Now().Sub(began)
	return v, nil
}

// mostLines bounds the timeline of one contact.
const mostLines = 100_000

// runs reports whether a campaign runs in the scenario: its own does, and those
// that it names beside.
func (t *trial) runs(name string) bool {
	return name == t.scenario.Campaign || slices.Contains(t.scenario.Beside, name)
}

// only lets no other campaign run.
func (t *trial) only(ctx context.Context) error {
	for name := range t.setup.Ready.Campaigns {
		if t.runs(name) {
			continue
		}
		if _, err := t.Store.SetCampaignStatus(ctx, name, store.Paused, []store.CampaignStatus{store.Running}, t.clock.Now()); err != nil {
			return err
		}
	}
	return t.Refresh(ctx)
}

// create makes the contact, and gives it the stage and the health that it has
// not earned by what stands in the scenario.
func (t *trial) create(ctx context.Context) error {
	c := &t.scenario.Contact
	seed, err := t.seed()
	if err != nil {
		return err
	}
	now := t.clock.Now()
	in := store.ContactInput{Source: "scenario", Contact: contacts.Contact{
		Email: c.Email, FirstName: c.FirstName, LastName: c.LastName, Language: c.Language, Timezone: c.Timezone,
		Attributes: stored(c.Attributes), Seed: seed, CreatedAt: now,
	}}
	for _, topic := range c.Consents {
		in.Consents = append(in.Consents, contacts.Consent{Topic: topic, State: contacts.ConsentGiven, Source: "scenario", At: now})
	}
	results, err := t.Store.UpsertContacts(ctx, []store.ContactInput{in}, now)
	if err != nil {
		return err
	}
	if r := results[0]; r.Rejected != "" || len(r.Refused) > 0 {
		return fmt.Errorf("the contact cannot be made: %s%s", r.Rejected, strings.Join(r.Refused, "; "))
	}
	t.contact = results[0].ID
	if c.Stage != "" || c.Health != "" {
		if err := t.tell(ctx, contacts.Event{Name: contacts.EventPlaced, Key: "placed", Properties: map[string]any{"stage": c.Stage, "health": c.Health}}, ""); err != nil {
			return err
		}
	}
	if err := t.settle(ctx); err != nil {
		return err
	}
	f, err := t.facts(ctx)
	if err != nil {
		return err
	}
	t.judge.begins(f)
	return nil
}

// mostSeeds is how many seeds are tried for the arms that a scenario asks for.
const mostSeeds = 1 << 20

// seed is the contact's random number: always the same one for a scenario, and
// one that draws the arms it asks for.
func (t *trial) seed() (uint32, error) {
	h := fnv.New32a()
	h.Write([]byte(t.scenario.File + "\x00" + t.scenario.Name))
	seed, splits := h.Sum32(), t.campaign.Splits()
	for range mostSeeds {
		if seed != 0 && !slices.ContainsFunc(sortedKeys(t.scenario.Arms), func(name string) bool {
			return splits[name].ArmOf(t.campaign.Name, seed) != t.scenario.Arms[name]
		}) {
			return seed, nil
		}
		seed++
	}
	return 0, fmt.Errorf("no contact takes these arms: is the weight of one of them 0?")
}

// entry lets time pass until an entry, and does or looks at what it says.
func (t *trial) entry(ctx context.Context, i int) error {
	e := &t.scenario.Entries[i]
	if err := t.until(ctx, e.At.In(t.zone)); err != nil {
		return err
	}
	if e.Expect != nil {
		f, err := t.facts(ctx)
		if err != nil {
			return err
		}
		if !t.judge.holds(i, f) {
			t.pending = append(t.pending, i)
		}
		return nil
	}
	event := contacts.Event{Name: e.Event, Key: fmt.Sprintf("entry:%04d", i), Link: e.Link, Properties: stored(e.Properties)}
	if strings.HasPrefix(e.Event, "email.") {
		m, found, err := t.about(ctx, e.Template)
		if err != nil || !found {
			t.judge.noMail(i)
			return err
		}
		event.Message = m
	}
	topic := ""
	if e.Event == contacts.EventUnsubscribed {
		topic = t.campaign.Topic
	}
	if e.Event == contacts.EventBounced && event.Properties["type"] == nil {
		event.Properties = map[string]any{"type": "hard"}
	}
	if err := t.tell(ctx, event, topic); err != nil {
		return err
	}
	return t.settle(ctx)
}

// tell stores an event of this moment.
func (t *trial) tell(ctx context.Context, e contacts.Event, topic string) error {
	now := t.clock.Now()
	e.At = now
	results, err := t.Store.Ingest(ctx, []store.Incoming{{Event: e, Source: "scenario", Topic: topic, Email: t.scenario.Contact.Email}}, now)
	if err == nil && results[0].Unmatched != "" {
		err = fmt.Errorf("event %s: %s", e.Name, results[0].Unmatched)
	}
	return err
}

// about is the latest message that the contact has, of a template or of any.
func (t *trial) about(ctx context.Context, template string) (id int64, found bool, err error) {
	list, err := t.Store.Messages(ctx, store.MessageFilter{Contact: t.contact, State: campaigns.Sent, Limit: mostLines})
	var latest time.Time
	for _, m := range list {
		if (template == "" || m.Template == template) && (!found || m.Decided.After(latest)) {
			id, latest, found = m.ID, m.Decided, true
		}
	}
	return id, found, err
}

// until lets time pass. What an entry expects of a minute may come true until its end.
func (t *trial) until(ctx context.Context, end time.Time) error {
	if minute := t.clock.Now().Truncate(time.Minute).Add(time.Minute); len(t.pending) > 0 && !end.Before(minute) {
		if err := t.pass(ctx, minute.Add(-time.Millisecond)); err != nil {
			return err
		}
		f, err := t.facts(ctx)
		if err != nil {
			return err
		}
		for _, i := range t.pending {
			t.judge.look(i, f)
		}
		t.pending = nil
	}
	return t.pass(ctx, end)
}

// pass jumps from one moment at which something happens to the next.
func (t *trial) pass(ctx context.Context, end time.Time) error {
	for {
		next, err := t.next(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || !next.Before(end) {
			break
		}
		t.clock.Set(next)
		if err := t.settle(ctx); err != nil {
			return err
		}
	}
	if t.clock.Now().Before(end) {
		t.clock.Set(end)
		return t.settle(ctx)
	}
	return nil
}

// next is when anything can happen by itself; zero is never.
func (t *trial) next(ctx context.Context) (time.Time, error) {
	now := t.clock.Now()
	next, _, err := t.Store.NextDue(ctx)
	if err != nil {
		return time.Time{}, err
	}
	earlier := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	applied := t.Catalog.Current()
	var facts *contacts.Facts
	for name, d := range applied.Workspace.Campaigns {
		if !t.runs(name) {
			continue
		}
		if f, ok := d.NextFiring(now, t.zone); ok {
			earlier(f.At)
		}
		segment := applied.Segments[d.Audience.Segment]
		if d.Start.Kind != campaigns.StartEnter || segment == nil {
			continue
		}
		if facts == nil {
			if facts, err = t.facts(ctx); err != nil {
				return time.Time{}, err
			}
		}
		q := applied.Question(facts, now)
		earlier(up(segment.Where.NextChange(&q)))
	}
	if least := now.Add(time.Millisecond); !next.IsZero() && next.Before(least) {
		next = least
	}
	return next, nil
}

// up is a moment in whole milliseconds, as the store keeps them, and not before it.
func up(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// settle lets the engine do what there is to do, and notes what waits, and why.
func (t *trial) settle(ctx context.Context) error {
	if _, err := t.Settle(ctx); err != nil {
		return err
	}
	queued, err := t.Store.Messages(ctx, store.MessageFilter{Contact: t.contact, State: campaigns.Queued})
	if err != nil {
		return err
	}
	for _, m := range queued {
		if m.Reason != "" && t.waiting[m.ID] != m.Reason {
			t.waiting[m.ID] = m.Reason
			t.judge.waits(t.clock.Now(), m.Template, m.Reason)
		}
	}
	return nil
}

func (t *trial) facts(ctx context.Context) (*contacts.Facts, error) {
	facts, err := t.Store.LoadFacts(ctx, []contacts.ID{t.contact})
	if err != nil {
		return nil, err
	}
	return facts[t.contact], nil
}

// toTheEnd lets time pass until the enrolment has ended; where there is none,
// until there was a chance for one.
func (t *trial) toTheEnd(ctx context.Context) error {
	start := t.clock.Now()
	if err := t.until(ctx, start.Truncate(time.Minute).Add(time.Minute)); err != nil {
		return err
	}
	idle := start.Add(watched)
	if f, ok := t.campaign.NextFiring(start, t.zone); ok && !f.At.Before(idle) {
		idle = f.At.Add(time.Minute)
	}
	for {
		f, err := t.facts(ctx)
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(f.Campaigns, func(p contacts.Participation) bool { return p.Campaign != t.scenario.Campaign })
		open := slices.ContainsFunc(own, func(p contacts.Participation) bool { return p.EndedAt.IsZero() })
		now := t.clock.Now()
		if !open && (len(own) > 0 || !now.Before(idle)) || now.After(start.Add(longest)) {
			return nil
		}
		next, err := t.next(ctx)
		if err != nil {
			return err
		}
		switch {
		case !open && (next.IsZero() || next.After(idle)):
			next = idle
		case next.IsZero():
			return nil // nothing will ever move it
		}
		if err := t.pass(ctx, next); err != nil {
			return err
		}
	}
}

// stored is a map of a workspace's values as the store keeps them: as JSON does.
func stored(in map[string]any) map[string]any {
	if in == nil {
		return nil
	}
	out := make(map[string]any, len(in))
	for name, v := range in {
		out[name] = campaigns.Plain(v)
	}
	return out
}
