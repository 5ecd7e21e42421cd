package store

import (
	"fmt"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/measure"
)

// ran is an enrolment as it ended.
type ran struct {
	who              contacts.ID
	run, version     int64
	started          time.Time
	state, arm       string
	took             time.Duration // after the start; with an arm
	goal             time.Duration // after the start; 0: without
	converted        time.Duration // after the start; 0: never
	value            float64
	clicked, replied time.Duration // after the start
	machine          bool          // who clicked
}

// past writes enrolments of a campaign, past the way they would have come there.
func past(t *testing.T, s *Store, campaign int64, list ...ran) {
	t.Helper()
	ctx := t.Context()
	next := must(s.ids(ctx, len(list), day))(t).again()
	check(t, s.db.write(ctx, func(q querier) error {
		for _, r := range list {
			id := next()
			after := func(d time.Duration) any {
				if d == 0 {
					return nil
				}
				return ms(r.started.Add(d))
			}
			data := "{}"
			if r.arm != "" {
				data = fmt.Sprintf(`{"arms":{"first-offer":%q},"took":{"first-offer":%d}}`, r.arm, ms(r.started.Add(r.took)))
			}
			b := s.statement()
			text := `insert into enrolments (id, campaign_id, contact_id, version_id, run, started_at, state, goal_until, converted_at, value, ended_at, data) values (` +
				b.arg(id) + `, ` + b.arg(campaign) + `, ` + b.arg(int64(r.who)) + `, ` + b.arg(r.version) + `, ` + b.arg(r.run) + `, ` + b.arg(ms(r.started)) + `, ` +
				b.arg(r.state) + `, ` + b.arg(after(r.goal)) + `, ` + b.arg(after(r.converted)) + `, ` + b.arg(r.value) + `, ` + b.arg(ms(r.started)) + `, ` + b.json(b.arg(data)) + `)`
			if _, err := q.exec(ctx, text, b.args...); err != nil {
				return err
			}
			for name, d := range map[string]time.Duration{contacts.EventClicked: r.clicked, contacts.EventReplied: r.replied} {
				if d != 0 {
					b := s.statement()
					text := `insert into events (id, contact_id, name, at, key, message_id, machine) values (` + b.arg(id+int64(len(name))) + `, ` + b.arg(int64(r.who)) + `, ` +
						b.arg(name) + `, ` + b.arg(after(d)) + `, ` + b.arg(fmt.Sprint(id, name)) + `, ` + b.arg(id+3) + `, ` + b.arg(r.machine) + `)`
					if _, err := q.exec(ctx, text, b.args...); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}))
}

const hour = time.Hour

func TestControlGroupsAreCountedByAssignmentAndEachContactOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		id, who := campaign(t, s, "welcome"), people(t, s, "a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example")
		past(t, s, id,
			ran{who: who[0], version: 5, started: day, state: "finished", goal: 48 * hour, converted: 3 * hour, value: 40},
			ran{who: who[0], version: 5, run: 1, started: later(5 * hour), state: "finished", goal: 48 * hour, converted: 6 * hour, value: 900}, // comes again
			ran{who: who[1], version: 5, started: day, state: "exited", goal: 48 * hour},                                                        // was sent nothing, and counts
			ran{who: who[2], version: 6, started: later(40 * hour), state: "control", goal: 48 * hour, converted: hour, value: 30},
			ran{who: who[3], version: 4, started: later(-hour), state: "finished", goal: 48 * hour, converted: hour, value: 70},           // before it was compared
			ran{who: who[3], version: 6, run: 1, started: later(50 * hour), state: "active", goal: 48 * hour, converted: hour, value: 20}, // its first since
			ran{who: who[4], version: 6, started: later(-hour), state: "finished", goal: 48 * hour, converted: hour},                      // moved to the new version: began before
		)
		in := CompareInput{Test: Test{Version: 5, Since: day}, Campaign: id, Now: later(50 * hour)}
		equal(t, "groups", must(s.Controls(t.Context(), in))(t), measure.Uplift{
			Treated: measure.Group{Of: 3, Count: 2, Sum: measure.Sum{Total: 60, Squares: 2000}, Open: 1},
			Control: measure.Group{Of: 1, Count: 1, Sum: measure.Sum{Total: 30, Squares: 900}, Open: 1},
		})
	})
}

func TestOneAbsurdValueIsBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		id, who := campaign(t, s, "welcome"), people(t, s, "a@x.example", "b@x.example")
		past(t, s, id,
			ran{who: who[0], version: 5, started: day, state: "finished", goal: 48 * hour, converted: hour, value: 1e200},
			ran{who: who[1], version: 5, started: day, state: "finished", goal: 48 * hour})
		u := must(s.Controls(t.Context(), CompareInput{Test: Test{Version: 5, Since: day}, Campaign: id, Now: later(50 * hour)}))(t)
		equal(t, "sum", u.Treated.Sum, measure.Sum{Total: 1e12, Squares: 1e24})
	})
}

func TestArmsAreCountedWhenTheirTimeIsOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := campaign(t, s, "welcome")
		var emails []string
		for i := range 12 {
			emails = append(emails, fmt.Sprintf("%d@x.example", i))
		}
		who := people(t, s, emails...)
		past(t, s, id,
			ran{who: who[0], version: 5, started: day, state: "finished", arm: "discount", took: 2 * hour, goal: 24 * hour, converted: 3 * hour, clicked: 3 * hour},
			ran{who: who[1], version: 5, started: day, state: "active", arm: "discount", took: 2 * hour, goal: 24 * hour, clicked: 30 * hour},                     // too late
			ran{who: who[2], version: 5, started: day, state: "active", arm: "discount", took: 2 * hour, goal: 24 * hour, converted: hour, clicked: hour},         // both before the split
			ran{who: who[3], version: 5, started: day, state: "active", arm: "discount", took: 2 * hour, goal: 99 * hour, converted: 3 * hour, replied: 4 * hour}, // did it, and its time is not over
			ran{who: who[4], version: 5, started: day, state: "exited", arm: "service", took: 2 * hour, goal: 24 * hour, clicked: 3 * hour, machine: true},
			ran{who: who[5], version: 4, started: day, state: "finished", arm: "service", took: 2 * hour, goal: 24 * hour, converted: 3 * hour},  // of another test
			ran{who: who[6], version: 5, started: day, state: "finished", goal: 24 * hour, converted: 3 * hour},                                  // never came to the split
			ran{who: who[7], version: 5, started: day, state: "control", goal: 24 * hour},                                                        //
			ran{who: who[8], version: 5, started: day, state: "finished", arm: "service", took: 2 * hour},                                        // had no goal
			ran{who: who[0], version: 5, run: 1, started: later(hour), state: "finished", arm: "discount", goal: 24 * hour, converted: 2 * hour}, // comes again
		)
		in := CompareInput{Test: Test{Version: 5, Since: day}, Campaign: id, Now: later(48 * hour), Split: "first-offer", By: campaigns.ByGoal}
		equal(t, "by goal", must(s.Arms(ctx, in))(t), map[string]measure.Arm{
			"discount": {Name: "discount", Of: 2, Count: 1, Open: 1}, "service": {Name: "service", Of: 1}})
		in.By, in.Within = campaigns.ByClicked, 24*hour
		equal(t, "by clicks", must(s.Arms(ctx, in))(t), map[string]measure.Arm{
			"discount": {Name: "discount", Of: 4, Count: 1}, "service": {Name: "service", Of: 2}})
		in.By, in.Now = campaigns.ByReplied, later(26*hour-1)
		equal(t, "before their time", must(s.Arms(ctx, in))(t), map[string]measure.Arm{
			"discount": {Name: "discount", Open: 4}, "service": {Name: "service", Open: 2}})
		in.Now = later(26 * hour)
		equal(t, "by replies", must(s.Arms(ctx, in))(t), map[string]measure.Arm{
			"discount": {Name: "discount", Of: 4, Count: 1}, "service": {Name: "service", Of: 2}})
		in.Split = "another"
		equal(t, "another split", must(s.Arms(ctx, in))(t), map[string]measure.Arm{})
	})
}

func TestTheControlGroupOfTheWorkspaceStandsBesideOneOfItsSize(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id := campaign(t, s, "welcome")
		var emails []string
		for i := range 2000 {
			emails = append(emails, fmt.Sprintf("%d@x.example", i))
		}
		who := people(t, s, emails...)
		all := must(s.LoadFacts(ctx, who))(t)
		const share = 0.2
		var held, compared []contacts.ID
		for _, w := range who {
			seed := all[w].Contact.Seed
			is, other := campaigns.IsApart(seed, share), !campaigns.IsApart(seed, 1-share)
			if is && other {
				t.Fatalf("contact %d is in both groups", w)
			}
			if is {
				held = append(held, w)
			}
			if other {
				compared = append(compared, w)
			}
		}
		if n, m := len(held), len(compared); n < 320 || n > 480 || m < 320 || m > 480 {
			t.Fatalf("%d are held out and %d compared, of 2000 at 20%%", n, m)
		}
		var in []Incoming
		order := func(w contacts.ID, key string, at time.Time, properties map[string]any) {
			in = append(in, Incoming{Source: "shop", Email: all[w].Contact.Email, Event: contacts.Event{Name: "order.placed", At: at, Key: key, Properties: properties}})
		}
		order(held[0], "1", later(hour), map[string]any{"cart": map[string]any{"total": 20.5}})
		order(held[0], "2", later(2*hour), map[string]any{"cart.total": 10})
		order(held[1], "3", later(-hour), map[string]any{"cart": map[string]any{"total": 99}}) // before
		order(compared[0], "4", later(hour), map[string]any{"cart": map[string]any{"total": 7}})
		order(compared[1], "5", later(hour), map[string]any{"cart": map[string]any{"total": "much"}})
		order(compared[2], "6", later(hour), nil)
		_, err := s.Ingest(ctx, in, later(3*hour))
		check(t, err)
		past(t, s, id, ran{who: compared[0], version: 5, started: later(hour), state: "finished"}, ran{who: held[0], version: 5, started: later(-hour), state: "finished"})
		check(t, s.db.write(ctx, func(q querier) error {
			return s.insertRefusals(ctx, q, EnrolInput{Firing: FiringKey{Campaign: id}, Now: later(hour)},
				[]refused{{int64(held[0]), campaigns.ReasonApart}, {int64(held[1]), campaigns.ReasonApart}, {int64(held[2]), "no consent to guides"}})
		}))
		got := must(s.Apart(ctx, ApartInput{Share: share, Since: day, Event: "order.placed", Value: "cart.total", Marketing: []int64{id}}))(t)
		equal(t, "groups", got, Apart{
			Uplift: measure.Uplift{Valued: true,
				Treated: measure.Group{Of: int64(len(compared)), Count: 3, Sum: measure.Sum{Total: 7, Squares: 49}},
				Control: measure.Group{Of: int64(len(held)), Count: 1, Sum: measure.Sum{Total: 30.5, Squares: 930.25}}},
			Events: [2]int64{3, 2}, Reached: [2]int64{1, 2},
		})
		got = must(s.Apart(ctx, ApartInput{Share: share, Since: day, Event: "order.placed"}))(t)
		equal(t, "without a value", got.Treated, measure.Group{Of: int64(len(compared)), Count: 3})
	})
}
