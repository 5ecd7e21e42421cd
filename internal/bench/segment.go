package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/segments"
)

// Segment measures how fast conditions are answered: by PostgreSQL over
// everybody, and in memory from loaded facts.
var Segment = Bench{
	Name:    "segment",
	Short:   "conditions over a million contacts with ten million events",
	Example: "  rapport bench segment --contacts 100000",
	Size:    1_000_000,
	Run:     segment,
}

// ladder are the stages of the contacts that are filled in.
var ladder = []string{"stranger", "prospect", "customer", "client", "advocate"}

// segmentHeads are the conditions that are timed, each with its name.
var segmentHeads = []struct{ name, where string }{
	{"attribute is", `{ attribute: country, is: AT }`},
	{"attribute in", `{ attribute: country, in: [DE, AT, CH] }`},
	{"attribute contains", `{ attribute: email, contains: "99@" }`},
	{"attribute above", `{ attribute: age, above: 40 }`},
	{"attribute has", `{ attribute: likes, has: gravel }`},
	{"attribute exists", `{ attribute: plan, exists: true }`},
	{"attribute anniversary", `{ attribute: birthday, anniversary_in: 7d }`},
	{"created_at anniversary", `{ attribute: created_at, anniversary_in: 7d }`},
	{"created_at in_last", `{ attribute: created_at, in_last: 30d }`},
	{"event", `{ event: order.placed }`},
	{"event frequent", `{ event: page.viewed }`},
	{"event in_last", `{ event: order.placed, in_last: 60d }`},
	{"not event in_last", `{ not: { event: order.placed, in_last: 60d } }`},
	{"event count", `{ event: order.placed, count: { at_least: 2 }, in_last: 365d }`},
	{"event count frequent", `{ event: page.viewed, count: { at_least: 3 } }`},
	{"event count at most", `{ event: order.placed, count: { at_most: 1 } }`},
	{"event sum", `{ event: order.placed, sum: { of: total, above: 500 } }`},
	{"event sum in_last", `{ event: order.placed, sum: { of: total, above: 100 }, in_last: 90d }`},
	{"event where", `{ event: order.placed, where: { total: { above: 150 } } }`},
	{"event where frequent", `{ event: page.viewed, where: { url: /products/42 } }`},
	{"event pick first", `{ event: order.placed, pick: first, in_last: 90d }`},
	{"event pick last", `{ event: order.placed, pick: last, where: { total: { above: 100 } } }`},
	{"event of any", `{ any: [ { event: order.placed, in_last: 60d }, { attribute: country, is: AT } ] }`},
	{"email sent", `{ email: sent, in_last: 90d }`},
	{"email sent campaign", `{ email: sent, campaign: letter-3 }`},
	{"email opened", `{ email: opened }`},
	{"email opened in_last", `{ email: opened, in_last: 90d }`},
	{"email opened campaign", `{ email: opened, campaign: letter-3 }`},
	{"email opened never", `{ not: { email: opened } }`},
	{"email opened count", `{ email: opened, count: { at_least: 3 }, in_last: 365d }`},
	{"email clicked link", `{ email: clicked, link: "https://shop.example/7" }`},
	{"email clicked template", `{ email: clicked, template: letter-2 }`},
	{"stage", `{ stage: { at_least: client } }`},
	{"stage for", `{ stage: customer, for: 30d }`},
	{"health", `{ health: lapsed, for: 30d }`},
	{"consent", `{ consent: guides }`},
	{"consent none", `{ consent: guides, is: none }`},
	{"segment", `{ segment: vips }`},
	{"campaign in", `{ campaign: letter-3, is: in }`},
	{"campaign finished", `{ campaign: letter-1, is: finished }`},
	{"campaign never", `{ campaign: letter-1, is: never }`},
	{"sample", `{ sample: 10%, salt: bench }`},
}

// lapsingClients is the example of the language's own page.
const lapsingClients = `
- stage: { at_least: client }
- { event: order.placed, count: { at_least: 2 }, in_last: 365d }
- not: { event: order.placed, in_last: 60d }
- any:
    - { attribute: country, in: [DE, AT, CH] }
    - segment: vips
`

const vips = `{ event: order.placed, sum: { of: total, above: 1000 }, in_last: 730d }`

// segmentTexts are the segments by name.
var segmentTexts = map[string]string{"lapsing-clients": lapsingClients, "vips": vips}

func segment(ctx context.Context, r *Run) error {
	if r.Embedded {
		return errors.New("the segment bench asks PostgreSQL: leave --embedded out")
	}
	s, err := store.Open(ctx, r.Database, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	// The partitions that an installation of that age has.
	now := r.Clock.Now()
	for month := -12 * fillYears; month <= 0; month++ {
		if _, err := s.Maintain(ctx, now.AddDate(0, month, 0)); err != nil {
			return err
		}
	}
	if err := fillWorld(ctx, r, r.Database, r.Size, now); err != nil {
		return err
	}
	return measureSegments(ctx, r, s, now)
}

func measureSegments(ctx context.Context, r *Run, s *store.Store, now time.Time) error {
	set, err := benchSegments()
	if err != nil {
		return err
	}
	in := store.Question{Now: now, Segments: set, Ladder: ladder}
	if err := timeCount(ctx, r, s, "lapsing-clients", set["lapsing-clients"].Where, in); err != nil {
		return err
	}
	for i, head := range segmentHeads {
		r.Step("heads", int64(i), int64(len(segmentHeads)))
		c, err := condition(head.where)
		if err != nil {
			return err
		}
		if err := timeCount(ctx, r, s, head.name, c, in); err != nil {
			return err
		}
	}
	if err := timeRefresh(ctx, r, s, set, now); err != nil {
		return err
	}
	return timeMatching(ctx, r, s, set, now)
}

// refreshPart is how many contacts a refresh goes through in a transaction, as
// the scheduler has it.
const refreshPart = 10_000

// timeRefresh makes the baseline of a segment and then compares everybody with it.
func timeRefresh(ctx context.Context, r *Run, s *store.Store, set segments.Set, now time.Time) error {
	in := store.SegmentInput{Name: "lapsing-clients", Hash: "bench", Condition: set["lapsing-clients"].Where,
		SQL: segments.SQL{Now: now, Segments: set, Ladder: ladder}}
	for _, what := range []string{"refresh, first", "refresh, again"} {
		r.Step(what, 0, 0)
		began := r.Clock.Now()
		touched, err := s.RefreshSegment(ctx, in, now, refreshPart)
		if err != nil {
			return err
		}
		if touched != 0 {
			return fmt.Errorf("%s: %d contacts came or went although nothing happened", what, touched)
		}
		r.Figure(what, milliseconds(r.Clock.Now().Sub(began)), "ms")
	}
	return nil
}

// timeCount counts a condition three times and notes the middle one: the first
// may find cold caches, and that is not what it is about.
func timeCount(ctx context.Context, r *Run, s *store.Store, name string, c *segments.Condition, in store.Question) error {
	var took [3]time.Duration
	var n int64
	cpu := cpuOf()
	for i := range took {
		began := r.Clock.Now()
		var err error
		if n, err = s.CountSegment(ctx, c, in); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		took[i] = r.Clock.Now().Sub(began)
	}
	if c := cpuOf() - cpu; c > 0 {
		r.Figure(name+" CPU", c/3, "ms")
	}
	middle := max(min(took[0], took[1]), min(max(took[0], took[1]), took[2]))
	r.Figure(name, milliseconds(middle), "ms")
	r.Figure(name+" rows", float64(n), "contacts")
	return nil
}

var cpuOf = func() float64 { return 0 }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// timeMatching loads of a thousand contacts what the example looks at, as whoever
// reacts to news does, and matches them in memory; and then all that is known of them.
func timeMatching(ctx context.Context, r *Run, s *store.Store, set segments.Set, now time.Time) error {
	var ids []contacts.ID
	step := max(r.Size/1000, 1)
	for id := int64(1); id <= r.Size && len(ids) < 1000; id += step {
		ids = append(ids, contacts.ID(id))
	}
	where := set["lapsing-clients"].Where
	needs := where.Needs(set)
	var best time.Duration
	for range 3 {
		began := r.Clock.Now()
		facts, err := s.LoadNeeded(ctx, ids, needs)
		if err != nil {
			return err
		}
		for _, f := range facts {
			where.Match(&segments.Question{Facts: f, Now: now, Segments: set, Ladder: ladder})
		}
		if took := r.Clock.Now().Sub(began); best == 0 || took < best {
			best = took
		}
	}
	r.Figure("load and match 1,000", milliseconds(best), "ms")
	began := r.Clock.Now()
	facts, err := s.LoadFacts(ctx, ids)
	if err != nil {
		return err
	}
	r.Figure("load all of 1,000", milliseconds(r.Clock.Now().Sub(began)), "ms")
	const rounds = 20
	began = r.Clock.Now()
	for range rounds {
		for _, f := range facts {
			where.Match(&segments.Question{Facts: f, Now: now, Segments: set, Ladder: ladder})
		}
	}
	took := r.Clock.Now().Sub(began)
	r.Figure("match one", float64(took.Nanoseconds())/float64(rounds*len(facts))/1000, "µs")
	return nil
}

func benchSegments() (segments.Set, error) {
	set := segments.Set{}
	for name, where := range segmentTexts {
		c, err := condition(where)
		if err != nil {
			return nil, err
		}
		set[name] = &segments.Segment{Name: name, Where: c}
	}
	return set, nil
}

func condition(text string) (*segments.Condition, error) {
	var found strict.Findings
	n, ok := strict.Parse("segment.yaml", []byte(text), &found)
	if ok {
		if c, ok := segments.Decode(n, nil); ok {
			return c, nil
		}
	}
	return nil, fmt.Errorf("cannot read a condition: %v", found.All())
}
