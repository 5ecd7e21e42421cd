package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/strict"
	"rapport/segments"
)

// beginningWithAWait is the definition of a campaign that begins with a wait, unless
// the lines say its steps.
func beginningWithAWait(t *testing.T, lines string) *campaigns.Definition {
	t.Helper()
	var f strict.Findings
	if !strings.Contains(lines, "steps:") {
		lines += "\nsteps:\n  - wait: 3d\n  - send: guide"
	}
	n, ok := strict.Parse("campaigns/it.yaml", []byte("campaign: it\nsender: mia\n"+lines+"\n"), &f)
	var d *campaigns.Definition
	if ok {
		d, ok = campaigns.Decode(n, nil, nil)
	}
	if !ok || f.Errors() > 0 {
		t.Fatal(f.All())
	}
	_, err := d.AssignNumbers(nil)
	check(t, err)
	return d
}

// shortWay is the step machine with the short way through a first step; asked
// counts those about whom the long way was asked.
func shortWay(d *campaigns.Definition, limits []campaigns.Limit, now time.Time, asked *int) *Step {
	input := func(x Due) campaigns.Input {
		in := campaigns.Input{Pinned: d, Enrolment: x.Enrolment, Now: now, Zone: time.UTC, Permit: campaigns.Permit{Limits: limits}}
		for _, m := range x.Sent {
			in.Permit.Sent = append(in.Permit.Sent, m.At)
		}
		in.Question.Facts, in.Question.Now = x.Facts, now
		return in
	}
	stepped := func(e campaigns.Enrolment, made campaigns.Decision) Stepped {
		out := Stepped{Enrolment: made.Enrolment}
		if m := made.Message; m != nil {
			out.Message = &PlannedMessage{ID: m.ID, Contact: e.Contact, Campaign: e.Campaign, Template: m.Template, Lane: "main",
				NotBefore: m.NotBefore, Reason: m.Hold, Expires: m.Expires}
		}
		return out
	}
	return &Step{
		Needs: everyStep,
		Decide: func(due []Due) []Stepped {
			*asked += len(due)
			out := make([]Stepped, len(due))
			for i, x := range due {
				out[i] = stepped(x.Enrolment, campaigns.Next(input(x)))
			}
			return out
		},
		First: func(e campaigns.Enrolment, timezone string) (Stepped, bool) {
			made, ok := campaigns.First(input(Due{Enrolment: e, Facts: &contacts.Facts{Contact: contacts.Contact{Timezone: timezone}}}))
			return stepped(e, made), ok
		},
	}
}

// crowd adds people of every kind that a firing meets.
func crowd(t *testing.T, s *Store, r *rand.Rand, n int) []contacts.ID {
	t.Helper()
	ctx := t.Context()
	one := func(odds int) bool { return r.IntN(odds) == 0 }
	in := make([]ContactInput, n)
	for i := range in {
		in[i].Contact = contacts.Contact{Email: fmt.Sprintf("p%04d@example.com", i), Timezone: []string{"", "Europe/Vienna", "America/New_York", "Pacific/Auckland", "Nowhere/Else"}[r.IntN(5)]}
		in[i].Contact.Attributes = map[string]any{"tier": []string{"gold", "iron"}[r.IntN(2)]}
	}
	var ids []contacts.ID
	var consents []ConsentChange
	var events []Incoming
	for i, x := range must(s.UpsertContacts(ctx, in, day))(t) {
		ids = append(ids, x.ID)
		if !one(8) {
			consents = append(consents, ConsentChange{Contact: x.ID, Topic: "guides", State: contacts.ConsentGiven, Source: "form", At: later(-time.Hour)})
		}
		if one(12) {
			consents = append(consents, ConsentChange{Contact: x.ID, Topic: "guides", State: []string{contacts.ConsentWithdrawn, contacts.ConsentPending}[r.IntN(2)], Source: "form", At: later(-time.Minute)})
		}
		if one(4) {
			events = append(events, Incoming{Event: contacts.Event{Name: "order.placed", Key: fmt.Sprint("o", i), Contact: x.ID, At: later(time.Duration(r.IntN(21)-10) * time.Second)}})
		}
	}
	_, err := s.SetConsent(ctx, consents, day)
	check(t, err)
	must(s.Ingest(ctx, events, later(10*time.Second)))(t) // some have bought since a firing of day
	for i := range ids {
		email := in[i].Contact.Email
		if one(15) {
			reason := []string{contacts.ReasonManual, contacts.ReasonUnsubscribedAll, contacts.ReasonHardBounce}[r.IntN(3)]
			must(s.Suppress(ctx, []Suppression{{Email: email, Reason: reason, At: day}}, day))(t)
		}
		if one(20) {
			must(s.Erase(ctx, email, day))(t)
		}
	}
	return ids
}

// mailed gives some contacts mail of another campaign, of which some counts for
// limits.
func mailed(t *testing.T, s *Store, r *rand.Rand, campaign int64, ids []contacts.ID) {
	t.Helper()
	next := must(s.ids(t.Context(), 3*len(ids), later(-20*24*time.Hour)))(t).again()
	check(t, s.db.write(t.Context(), func(q querier) error {
		for _, id := range ids {
			for range max(0, r.IntN(6)-3) {
				state := []campaigns.MessageState{campaigns.Queued, campaigns.Sending, campaigns.Sent, campaigns.Unknown, campaigns.Failed, campaigns.Skipped}[r.IntN(6)]
				when := ms(later(-time.Duration(r.IntN(12*24)) * time.Hour))
				var decided any
				if state.Settled() {
					decided = when
				}
				if _, err := q.exec(t.Context(), `insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at, claimed_at, decided_at, created_at)
					values ($1, $2, $3, 'other', $4, $5, $5, $5, $5, $6, $5)`, ident.Message(next(), 1), int64(id), campaign, string(state), when, decided); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// been gives some contacts an enrolment that they had, or have, in both campaigns.
func been(t *testing.T, s *Store, r *rand.Rand, both [2]int64, ids []contacts.ID) {
	t.Helper()
	next := must(s.ids(t.Context(), 2*len(ids), later(-48*time.Hour)))(t).again()
	check(t, s.db.write(t.Context(), func(q querier) error {
		for _, id := range ids {
			if r.IntN(4) != 0 {
				continue
			}
			state := []campaigns.State{campaigns.Active, campaigns.Finished, campaigns.Exited, campaigns.Control}[r.IntN(4)]
			ended := any(ms(later(-time.Hour)))
			if state == campaigns.Active || state == campaigns.Control && r.IntN(2) == 0 {
				ended = nil
			}
			started := ms(later(-time.Duration(1+r.IntN(96)) * time.Hour))
			for _, campaign := range both {
				if _, err := q.exec(t.Context(), `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, ended_at)
					values ($1, $2, $3, 1, $4, $5, $6)`, next(), campaign, int64(id), started, string(state), ended); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// Whoever goes straight in stands where he would stand had he been asked about one
// by one, and whoever is refused is refused for the same reason.
func TestStraightIsWhatIsDecidedOneByOne(t *testing.T) {
	gold := condition(t, "{ attribute: tier, is: gold }")
	limits := []campaigns.Limit{{Max: 1, Per: calendar.Span{Days: 2}}, {Max: 3, Per: calendar.Span{Days: 7}}}
	sends := "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nsteps:\n  - send: guide\n"
	limited := func(in *EnrolInput) { in.CountsSince, in.Limited = campaigns.CountsSince(limits, in.Now) }
	cases := map[string]struct {
		lines string
		set   func(in *EnrolInput)
	}{
		"sends":                        {lines: sends},
		"sends within limits":          {lines: sends, set: limited},
		"sends in the contact's hours": {lines: sends + "deliver: { window: { from: \"09:00\", to: \"18:00\", timezone: contact } }", set: limited},
		"sends at nobody's hour":       {lines: sends + "deliver: { window: { from: \"03:00\", to: \"04:00\" } }\nexit: [ { event: order.placed } ]"},
		"sends at the best hour":       {lines: sends + "deliver: { send_time: best }"},
		"sends again": {lines: sends + "reentry: restart\ncontrol: 30%\nexit: [ { event: order.placed } ]", set: func(in *EnrolInput) {
			limited(in)
			in.Reentry, in.HasGoal, in.GoalTill, in.Control, in.Share = campaigns.ReentryRestart, true, day, "control/it", 0.3
		}},
		"plain":                       {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides"},
		"transactional":               {lines: "kind: transactional\nstart: { event: order.placed }", set: func(in *EnrolInput) { in.Topic = "" }},
		"in each contact's zone":      {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\ndeliver: { window: { from: \"09:00\", to: \"18:00\", timezone: contact } }"},
		"with an exit":                {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nexit: [ { event: order.placed } ]"},
		"with exits of everything":    {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nexit: [ { event: order.placed, count: { at_least: 1 } }, { attribute: tier, is: gold }, { email: clicked } ]"},
		"with an exit of who did not": {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nexit: [ { not: { event: order.placed } } ]"},
		"with a goal": {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\ngoal: { event: order.placed, within: 14d }", set: func(in *EnrolInput) {
			in.HasGoal, in.GoalTill = true, later(14*24*time.Hour)
		}},
		"with a goal and a control group": {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\ngoal: { event: order.placed, within: 14d }\ncontrol: 30%", set: func(in *EnrolInput) {
			in.HasGoal, in.GoalTill, in.Control, in.Share = true, later(14*24*time.Hour), "control/it", 0.3
		}},
		"apart":       {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides", set: func(in *EnrolInput) { in.Apart = 0.3 }},
		"excluding":   {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides", set: func(in *EnrolInput) { in.Exclude = map[string]*segments.Condition{"gold": gold} }},
		"always":      {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nreentry: always", set: func(in *EnrolInput) { in.Reentry = campaigns.ReentryAlways }},
		"restart":     {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nreentry: restart", set: func(in *EnrolInput) { in.Reentry = campaigns.ReentryRestart }},
		"after a day": {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nreentry: { after: 1d }", set: func(in *EnrolInput) { in.Reentry, in.Before = campaigns.ReentryAfter, later(-24*time.Hour) }},
		"restart, with a control group and an exit": {lines: "start: { schedule: \"0 9 * * *\" }\ntopic: guides\nreentry: restart\ncontrol: 30%\nexit: [ { event: order.placed } ]", set: func(in *EnrolInput) {
			in.Reentry, in.HasGoal, in.GoalTill, in.Control, in.Share = campaigns.ReentryRestart, true, day, "control/it", 0.3
		}},
	}
	onBoth(t, func(t *testing.T, s *Store) {
		numbers := map[string]map[string]int{}
		for name := range cases {
			numbers["asked "+name], numbers["straight "+name] = map[string]int{"send:guide": 1}, map[string]int{"send:guide": 1}
		}
		_, _, err := s.Apply(t.Context(), ApplyInput{Hash: "all", Numbers: numbers}, day)
		check(t, err)
		known := must(s.Campaigns(t.Context()))(t)
		r := rand.New(rand.NewPCG(20, 24))
		ids := crowd(t, s, r, 400)
		mailed(t, s, r, 999, ids)
		for _, name := range sortedKeys(cases) {
			c := cases[name]
			t.Run(name, func(t *testing.T) {
				both := [2]int64{known["asked "+name].ID, known["straight "+name].ID}
				been(t, s, r, both, ids)
				now := later(20 * time.Second)
				var rows, refusals, mail [2][]string
				var asked [2]int
				var fired [2]Firing
				for i, id := range both {
					d := beginningWithAWait(t, c.lines)
					in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, Written: now, LeaseTill: later(time.Minute), Topic: "guides",
						Reentry: campaigns.ReentryNever, Exit: d.Exit, SQL: segments.SQL{Zone: time.UTC, CampaignIDs: func(string) int64 { return 0 }}, Ahead: &Audience{}}
					if c.set != nil {
						c.set(&in)
					}
					var of []campaigns.Limit
					if in.Limited {
						of = limits
					}
					if in.Step = shortWay(d, of, now, &asked[i]); i == 0 {
						in.Step.First = nil
					}
					must(s.ClaimFiring(t.Context(), in.Firing, day, "a", later(time.Minute)))(t)
					for !must(s.EnrolChunk(t.Context(), in, 50))(t).Done {
					}
					rows[i], refusals[i], mail[i] = enrolmentRows(t, s, id), refusalRows(t, s, id), messageRows(t, s, id)
					fired[i] = must(s.RecentFirings(t.Context(), id, 1))(t)[0]
					fired[i].Campaign = 0
				}
				equal(t, "enrolments", rows[1], rows[0])
				equal(t, "refusals", refusals[1], refusals[0])
				equal(t, "messages", mail[1], mail[0])
				equal(t, "the firing", fired[1], fired[0])
				if name != "with an exit of who did not" && name != "sends at the best hour" && asked[1] >= asked[0] {
					t.Errorf("%d of %d contacts were asked about although the short way was open", asked[1], asked[0])
				}
			})
		}
	})
}

func enrolmentRows(t *testing.T, s *Store, campaign int64) (list []string) {
	t.Helper()
	b := s.statement()
	check(t, each(t.Context(), s.db, `select contact_id, run, version_id, started_at, state, position, coalesce(due_at, 0), coalesce(parked_for - id, 0), `+b.readJSON("data")+`, reason,
		coalesce(goal_until, 0), coalesce(converted_at, 0), coalesce(ended_at, 0), rev from enrolments where campaign_id = $1 order by contact_id, run`, []any{campaign}, func(scan func(...any) error) error {
		var n [10]int64
		var state, position, data, reason string
		err := scan(&n[0], &n[1], &n[2], &n[3], &state, &position, &n[4], &n[5], &data, &reason, &n[6], &n[7], &n[8], &n[9])
		list = append(list, fmt.Sprint(n, state, position, data, reason))
		return err
	}))
	return list
}

// messageRows are the messages of a campaign that are in a batch which has them in it.
func messageRows(t *testing.T, s *Store, campaign int64) (list []string) {
	t.Helper()
	held := map[[2]int64]bool{}
	check(t, each(t.Context(), s.db, `select id, messages, open_count, not_before, lane from batches where campaign_id = $1`, []any{campaign}, func(scan func(...any) error) error {
		var id, open, notBefore int64
		var packed []byte
		var lane string
		if err := scan(&id, &packed, &open, &notBefore, &lane); err != nil {
			return err
		}
		ids, err := ident.Unpack(packed)
		if int(open) != len(ids) || lane != "main" {
			t.Errorf("a batch of %d messages has %d open on the lane %s", len(ids), open, lane)
		}
		for _, m := range ids {
			held[[2]int64{id, m}] = true
		}
		return err
	}))
	check(t, each(t.Context(), s.db, `select m.id, m.batch_id, m.contact_id, m.template, m.state, m.reason, m.due_at, m.not_before, m.expires_at, m.created_at from messages m
		join enrolments e on e.id = (m.id & -1024) and e.contact_id = m.contact_id where m.campaign_id = $1 order by m.contact_id, m.id`, []any{campaign}, func(scan func(...any) error) error {
		var id, batch int64
		var n [5]int64
		var template, state, reason string
		if err := scan(&id, &batch, &n[0], &template, &state, &reason, &n[1], &n[2], &n[3], &n[4]); err != nil {
			return err
		}
		list = append(list, fmt.Sprint(n, ident.Step(id), template, state, reason, held[[2]int64{batch, id}]))
		return nil
	}))
	return list
}

func refusalRows(t *testing.T, s *Store, campaign int64) (list []string) {
	t.Helper()
	check(t, each(t.Context(), s.db, `select contact_id, reason, first_at, last_at, times from refusals where campaign_id = $1 order by contact_id, reason`, []any{campaign}, func(scan func(...any) error) error {
		var n [4]int64
		var reason string
		err := scan(&n[0], &reason, &n[1], &n[2], &n[3])
		list = append(list, fmt.Sprint(n, reason))
		return err
	}))
	return list
}

// Of several reasons a firing records the one that Admit gives.
func TestAFiringRefusesForTheReasonThatAdmitGives(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		gold := condition(t, "{ attribute: tier, is: gold }")
		d := beginningWithAWait(t, "start: { schedule: \"0 9 * * *\" }\ntopic: guides\naudience: { segment: all, exclude: [gold] }")
		d.Apart = 1
		set := segments.Set{"all": &segments.Segment{Name: "all"}, "gold": &segments.Segment{Name: "gold", Where: gold}}
		d.Audience.Segment = ""
		id, _ := welcome(t, s)
		asked := 0
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Apart: d.Apart,
			Exclude: map[string]*segments.Condition{"gold": gold}, SQL: segments.SQL{Zone: time.UTC}, Step: shortWay(d, nil, day, &asked)}
		const suppressed, silent, excluded = 1, 2, 4
		var want []string
		for kind := range 8 {
			facts := &contacts.Facts{}
			facts.Contact.Email = fmt.Sprintf("p%d@example.com", kind)
			if kind&excluded != 0 {
				facts.Contact.Attributes = map[string]any{"tier": "gold"}
			}
			put := ContactInput{Contact: facts.Contact}
			if kind&silent == 0 {
				facts.Consents = []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "form", At: day}}
				put.Consents = facts.Consents
			}
			x := must(s.UpsertContacts(ctx, []ContactInput{put}, day))(t)[0]
			if kind&suppressed != 0 {
				facts.Contact.Suppression = &contacts.Suppression{Reason: contacts.ReasonManual}
				must(s.Suppress(ctx, []Suppression{{Email: facts.Contact.Email, Reason: contacts.ReasonManual, At: day}}, day))(t)
			}
			a := campaigns.Admit(campaigns.Applicant{Definition: d, Facts: facts, Segments: set, Now: day, Zone: time.UTC})
			want = append(want, fmt.Sprint([4]int64{int64(x.ID), ms(day), ms(day), 1}, a.Reason))
		}
		must(s.ClaimFiring(ctx, in.Firing, day, "a", later(time.Minute)))(t)
		must(s.EnrolChunk(ctx, in, 100))(t)
		equal(t, "refusals", refusalRows(t, s, id), want)
	})
}

// Who takes no newsletter gets a receipt all the same, however it starts.
func TestAFiringOfAReceiptPassesAnUnsubscribeOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		people(t, s, "a@example.com", "b@example.com")
		must(s.Suppress(ctx, []Suppression{{Email: "a@example.com", Reason: contacts.ReasonUnsubscribedAll, At: day},
			{Email: "b@example.com", Reason: contacts.ReasonHardBounce, At: day}}, day))(t)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute)}
		equal(t, "result", must(s.EnrolChunk(ctx, in, 100))(t), EnrolResult{Enrolled: 1, Refused: 1, Done: true})
	})
}

// Where the short way closes in the middle of a firing, no chunk of the many that it
// would have taken is asked about one by one.
func TestAChunkIsSmallAgainWhereTheShortWayCloses(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		d := beginningWithAWait(t, "start: { schedule: \"0 9 * * *\" }\ntopic: guides")
		consenting(t, s, 400)
		asked, chunks, most := 0, 0, 0
		step := shortWay(d, nil, day, &asked)
		first, decide := step.First, step.Decide
		step.First = func(e campaigns.Enrolment, zone string) (Stepped, bool) {
			stands, ok := first(e, zone)
			return stands, ok && chunks < 2
		}
		step.Decide = func(due []Due) []Stepped { most = max(most, len(due)); return decide(due) }
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Ahead: &Audience{}, Step: step}
		must(s.ClaimFiring(ctx, in.Firing, day, "a", later(time.Minute)))(t)
		var enrolled int64
		for done := false; !done; chunks++ {
			x := must(s.EnrolChunk(ctx, in, 20))(t)
			enrolled, done = enrolled+x.Enrolled, x.Done
		}
		equal(t, "enrolled", enrolled, int64(400))
		equal(t, "rows", count(t, s, `select count(distinct contact_id) from enrolments`), int64(400))
		equal(t, "asked about at once", most, 20)
		if asked >= 400 {
			t.Error("nobody came straight in")
		}
	})
}
