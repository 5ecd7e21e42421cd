package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// Simulation says what to live through.
type Simulation struct {
	Workspace *workspace.Workspace // without errors among its findings
	Env       func(string) (string, bool)
	Log       *slog.Logger

	From     calendar.Date // the first day
	Days     int
	Seed     uint64
	Contacts int               // how many people to invent, when there are no People
	People   []Person          // who they are, when they are known
	Rates    map[RateKey]Rates // how they answer; nil: DefaultRates

	Tell func(now time.Time) // after each step of the clock; may be nil

	engines int // 0: as many as there should be for so many people
	// inspect looks at each engine's store when its days are over; for tests.
	inspect func(context.Context, *store.Store) error
}

// How finely a simulation looks. A mail may leave two hours later than it
// would, and time alone moves people into a segment once a day; a report
// by the day is hardly different, and comes many times sooner.
const (
	simulationGrain   = 2 * time.Hour
	simulationRefresh = 24 * time.Hour
)

// shards is how many engines the people are dealt out to when there are many: a
// contact's life depends on nobody else's, and two engines keep two processors
// busy. It must not depend on the machine, or the same seed would give other bytes.
const (
	shards  = 2
	manyAre = 2000
)

// Simulate lives through the days with the real engine, and reports what came of
// them. The same input gives the same report.
func Simulate(ctx context.Context, s Simulation) (*Report, error) {
	zone, err := calendar.LoadZone(s.Workspace.Company.Timezone)
	if err != nil {
		return nil, err
	}
	start := s.From.At(0, zone)
	people := s.People
	if people == nil {
		people = TradeOf(s.Workspace).People(Crowd{Seed: s.Seed, Size: s.Contacts, Start: start, Days: s.Days, Later: 0.2, Past: 0.4})
	}
	n := s.engines
	switch {
	case n > 0:
	case len(people) >= manyAre:
		n = shards
	default:
		n = 1
	}
	reports := make([]*Report, n)
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		part := s
		part.People = nil
		for j := i; j < len(people); j += n {
			part.People = append(part.People, people[j])
		}
		if i > 0 {
			part.Tell = nil
		}
		group.Go(func() error {
			r, err := part.live(ctx, zone, start)
			reports[i] = r
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return merge(reports), nil
}

// live lets some of the people live, with an engine of their own.
func (s Simulation) live(ctx context.Context, zone *time.Location, start time.Time) (*Report, error) {
	ready, findings := workspace.FromFiles(s.Workspace.Files, s.Env)
	for _, f := range findings {
		if !f.Warning {
			return nil, fmt.Errorf("the workspace has faults: %s", strict.Render(f, false))
		}
	}
	ready.RefreshSegments = max(ready.RefreshSegments, simulationRefresh)
	model := NewModel(s.Seed, TradeOf(ready), s.People)
	if s.Rates != nil {
		model.Rates = s.Rates
	}
	hand := &direct{model: model, start: start, topics: map[string]string{}, copies: map[string]int{}, double: map[string]string{}, ids: map[int]contacts.ID{}}
	for name, topic := range ready.Topics {
		if topic.Double {
			hand.double[workspace.ConfirmCampaign(name)] = name
		}
	}
	for name, d := range ready.Campaigns {
		hand.topics[name] = d.Topic
	}
	held := &holds{campaigns: map[hold]int64{}}
	var err error
	hand.lab, err = newLab(ctx, labSetup{Ready: ready, Start: start, Env: s.Env, Log: s.Log, Take: hand.take, Held: held.hear})
	if err != nil {
		return nil, err
	}
	defer hand.close()
	world := &World{Model: model, Hand: hand}
	world.Start(start)

	// Who is there at the start stands somewhere before the first day begins.
	if err := settle(ctx, hand.Engine, world, start); err != nil {
		return nil, err
	}
	until := s.From.AddDays(s.Days).At(0, zone)
	report := &report{Simulation: s, lab: hand.lab, zone: zone, start: start, until: until, holds: held}
	if err := report.begin(ctx); err != nil {
		return nil, err
	}
	tell := s.Tell
	if tell == nil {
		tell = func(time.Time) {}
	}
	v := virtual{Engine: hand.Engine, World: world, Clock: hand.clock, Grain: simulationGrain, Until: until, Tell: tell}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	if s.inspect != nil {
		if err := s.inspect(ctx, hand.Store); err != nil {
			return nil, err
		}
	}
	return report.end(ctx)
}
