package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

func TestOpenAgainKeepsEverything(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			s := must(Open(t.Context(), address, Options{Fleeting: true}))(t)
			id := must(s.DatabaseID(t.Context()))(t)
			if len(id) != 16 || must(s.DatabaseID(t.Context()))(t) != id {
				t.Errorf("the database's id is %q", id)
			}
			people(t, s, "ana@example.com")
			first := must(s.reserve(t.Context(), "ids", 10))(t)
			s.Close()
			s = openStore(t, address)
			equal(t, "the id after opening again", must(s.DatabaseID(t.Context()))(t), id)
			equal(t, "the contacts after opening again", must(s.CountContacts(t.Context()))(t), int64(1))
			if next := must(s.reserve(t.Context(), "ids", 10))(t); next < first+10 {
				t.Errorf("number %d was given twice", next)
			}
			equal(t, "migrations", count(t, s, `select count(*) from goose_db_version where version_id = 1`), int64(1))
		})
	}
}

func TestDatabasesDiffer(t *testing.T) {
	a := openStore(t, filepath.Join(t.TempDir(), "a.db"))
	b := openStore(t, filepath.Join(t.TempDir(), "b.db"))
	if must(a.DatabaseID(t.Context()))(t) == must(b.DatabaseID(t.Context()))(t) {
		t.Error("two databases have one id")
	}
	people(t, a, "ana@example.com")
	people(t, b, "ana@example.com")
	x, _, _ := a.ContactByEmail(t.Context(), "ana@example.com")
	y, _, _ := b.ContactByEmail(t.Context(), "ana@example.com")
	if x.Seed == y.Seed {
		t.Error("ana has the same random number in two databases")
	}
}

func TestSaveStatesReplacesWhatDiffers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ids := people(t, s, "ana@example.com", "bob@example.com")
		takeAll(t, s)
		state := StateChange{Contact: ids[0], Stage: "customer", StageSince: later(time.Hour), Health: "new", HealthSince: later(time.Hour), NextChange: later(time.Hour * 24),
			Changes: []contacts.StageChange{
				{Contact: ids[0], Kind: "stage", From: "stranger", To: "prospect", Rule: "consent guides", EventKey: "k1", Event: 1, At: day},
				{Contact: ids[0], Kind: "stage", From: "prospect", To: "customer", Rule: "event order.placed", EventKey: "k2", Event: 2, At: later(time.Hour)},
				{Contact: ids[0], Kind: "health", From: "none", To: "new", Rule: "first purchase", EventKey: "k2", Event: 2, At: later(time.Hour)},
			}}
		other := StateChange{Contact: ids[1], Stage: "stranger", Health: "none"}
		check(t, s.SaveStates(ctx, []StateChange{other, state}))
		check(t, s.SaveStates(ctx, []StateChange{state, other}))
		facts := must(s.LoadFacts(ctx, ids))(t)
		equal(t, "the history", facts[ids[0]].Changes, state.Changes)
		c := facts[ids[0]].Contact
		equal(t, "the columns", []any{c.Stage, c.StageSince, c.Health, c.HealthSince}, []any{"customer", later(time.Hour), "new", later(time.Hour)})
		equal(t, "the ladder", must(s.Ladder(ctx))(t), []LadderCount{{"customer", "new", 1}, {"stranger", "none", 1}})
		equal(t, "the moves", must(s.Moves(ctx, later(time.Minute)))(t), []Move{{"health", "none", "new", 1}, {"stage", "prospect", "customer", 1}})

		// A late event that was earlier rewrites the history.
		state.Changes = slices.Delete(state.Changes, 0, 1)
		state.Changes[0].From = "stranger"
		check(t, s.SaveStates(ctx, []StateChange{state}))
		equal(t, "the history after a late event", must(s.LoadFacts(ctx, ids))(t)[ids[0]].Changes, state.Changes)

		equal(t, "moved by time too early", must(s.TouchDue(ctx, later(time.Hour), 10))(t), 0)
		equal(t, "moved by time", must(s.TouchDue(ctx, later(24*time.Hour), 10))(t), 1)
		equal(t, "moved by time again", must(s.TouchDue(ctx, later(24*time.Hour), 10))(t), 0)
		equal(t, "touched", takeAll(t, s), []Touched{{Contact: ids[0]}})
		check(t, s.Touch(ctx, ids))
		equal(t, "waiting", must(s.TouchedWaiting(ctx))(t), int64(2))
	})
}

func TestKeysAreShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		key, secret, err := s.CreateKey(ctx, "shop", []string{"events", "contacts"}, day)
		check(t, err)
		found, ok, err := s.FindKey(ctx, secret)
		check(t, err)
		if !ok || !found.May("events") || found.May("admin") {
			t.Errorf("the key is %+v, found %v", found, ok)
		}
		equal(t, "the key", found, key)
		equal(t, "the secret in the table", count(t, s, `select count(*) from api_keys where hash = $1 or name = $1`, secret), int64(0))
		if _, ok, _ := s.FindKey(ctx, secret+"x"); ok {
			t.Error("another secret opens as well")
		}
		equal(t, "revoked", must(s.RevokeKey(ctx, key.ID, later(time.Hour)))(t), true)
		equal(t, "revoked again", must(s.RevokeKey(ctx, key.ID, later(time.Hour)))(t), false)
		if _, ok, _ := s.FindKey(ctx, secret); ok {
			t.Error("a revoked key still opens")
		}
		key.Revoked = later(time.Hour)
		equal(t, "the list", must(s.Keys(ctx))(t), []Key{key})
	})
}

func TestOverviewOfACampaign(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		ids := people(t, s, "a@example.com", "b@example.com", "c@example.com", "d@example.com")
		states := []campaigns.MessageState{campaigns.Sent, campaigns.Sent, campaigns.Failed}
		var messages []int64
		for i, state := range states {
			messages = append(messages, sent(t, s, k, ids[i], state))
		}
		check(t, s.db.write(ctx, func(q querier) error {
			for _, text := range []string{
				fmt.Sprintf(`update enrolments set state = 'exited', reason = 'event order.placed', ended_at = %d, converted_at = %d where contact_id = %d`, ms(later(2*time.Hour)), ms(later(2*time.Hour)), ids[0]),
				fmt.Sprintf(`update messages set reason = 'mailbox unavailable' where id = %d`, messages[2]),
				fmt.Sprintf(`insert into refusals (campaign_id, contact_id, reason, first_at, last_at) values (%d, %d, 'no consent to guides', %d, %d)`, k, ids[3], ms(day), ms(later(3*time.Hour))),
				fmt.Sprintf(`insert into firings (campaign_id, start_key, wall, at, state, enrolled, refused, ended_at) values (%d, '0 9 * * *', '2026-03-02T09:00', %d, 'done', 3, 1, %d)`, k, ms(day), ms(later(time.Second))),
			} {
				if _, err := q.exec(ctx, text); err != nil {
					return err
				}
			}
			return nil
		}))
		in := []Incoming{
			{Event: contacts.Event{Name: "email.opened", Key: "1", Message: messages[0]}},
			{Event: contacts.Event{Name: "email.opened", Key: "2", Message: messages[0]}},
			{Event: contacts.Event{Name: "email.opened", Key: "3", Message: messages[1], Machine: true}},
			{Event: contacts.Event{Name: "email.clicked", Key: "4", Message: messages[0]}},
			{Event: contacts.Event{Name: "order.placed", Key: "5", Contact: ids[0]}},
		}
		must(s.Ingest(ctx, in, later(time.Hour)))(t)

		all := must(s.Progress(ctx))(t)
		answers := Answers{Opened: 1, Clicked: 1}
		want := &Progress{Enrolled: 3, Parked: 2, Exited: 1, Converted: 1,
			ExitReasons: []ReasonCount{{"event order.placed", 1}}, Refused: 1, Refusals: []ReasonCount{{"no consent to guides", 1}},
			Messages: map[campaigns.MessageState]int64{"sent": 2, "failed": 1}, Answers: answers,
			Steps: []StepProgress{{Number: 1, Template: "welcome", Messages: map[campaigns.MessageState]int64{"sent": 2, "failed": 1}, Answers: answers}}}
		equal(t, "the progress", all, map[int64]*Progress{k: want})
		equal(t, "the progress of one", must(s.Progress(ctx, k))(t)[k], want)
		equal(t, "the progress of another", len(must(s.Progress(ctx, k+1))(t)), 0)

		totals := must(s.Totals(ctx))(t)
		equal(t, "the totals", totals, Totals{Contacts: 4, Messages: map[string]int64{"sent": 2, "failed": 1},
			Events: map[string]int64{"email.opened": 2, "email.clicked": 1, "order.placed": 1}, Stages: map[string]int64{"": 4},
			Enrolments: map[string]int64{"parked": 2, "exited": 1}})
		failed := must(s.Messages(ctx, MessageFilter{State: campaigns.Failed, Campaign: k}))(t)
		equal(t, "the failed messages", failed, []Message{{ID: messages[2], Step: 1, Contact: ids[2], Email: "c@example.com", Campaign: "welcome", Template: "welcome",
			Subject: "Hello", State: "failed", Reason: "mailbox unavailable", Created: day, NotBefore: day, Expires: day, Decided: later(time.Minute)}})
		equal(t, "one contact's messages", len(must(s.Messages(ctx, MessageFilter{Contact: ids[0]}))(t)), 1)
		first := must(s.Messages(ctx, MessageFilter{Limit: 2}))(t)
		equal(t, "the second page", len(must(s.Messages(ctx, MessageFilter{Limit: 2, Before: first[1].ID}))(t)), 1)
		equal(t, "the firings", must(s.RecentFirings(ctx, 0, 5))(t), []Firing{{FiringKey: FiringKey{k, "0 9 * * *", "2026-03-02T09:00"}, At: day, State: "done", Enrolled: 3, Refused: 1, EndedAt: later(time.Second)}})
		equal(t, "the firings of another", len(must(s.RecentFirings(ctx, k+1, 5))(t)), 0)
	})
}

func TestTimelineNewestFirstInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		id := people(t, s, "ana@example.com")[0]
		message := sent(t, s, k, id, campaigns.Sent)
		must(s.SetConsent(ctx, []ConsentChange{{Contact: id, Topic: "guides", State: "given", Source: "form", At: day}}, day))(t)
		var in []Incoming
		for i := range 5 { // five in one millisecond
			in = append(in, Incoming{Event: contacts.Event{Name: "email.clicked", Key: fmt.Sprint(i), Message: message, Link: fmt.Sprint(i), At: later(time.Hour)}})
		}
		must(s.Ingest(ctx, in, later(2*time.Hour)))(t)
		check(t, s.SaveStates(ctx, []StateChange{{Contact: id, Stage: "customer", Health: "none", Changes: []contacts.StageChange{
			{Contact: id, Kind: "stage", From: "stranger", To: "prospect", Rule: "email clicked", At: later(time.Hour)},
			{Contact: id, Kind: "stage", From: "prospect", To: "customer", Rule: "email clicked", At: later(time.Hour)}}}}))
		all, _, more, err := s.Timeline(ctx, id, Page{}, 100)
		check(t, err)
		var lines []string
		for _, e := range all {
			lines = append(lines, fmt.Sprintf("%s %s %s%s%s%s", e.At.Format("15:04"), e.Kind, e.Name, e.Link, e.State, e.To))
		}
		equal(t, "the timeline", lines, []string{
			"09:00 event email.clicked4", "09:00 event email.clicked3", "09:00 event email.clicked2", "09:00 event email.clicked1", "09:00 event email.clicked0",
			"09:00 stage customer", "09:00 stage prospect", "08:01 message sent", "08:00 consent guidesgiven", "08:00 enrolment parked",
		})
		equal(t, "more", more, false)
		equal(t, "the message", all[7], Entry{At: later(time.Minute), Kind: EntryMessage, ID: message, Campaign: "welcome", Template: "welcome", State: "sent"})
		equal(t, "the enrolment", all[9].ID, ident.Enrolment(message))
		for size := 1; size < 12; size++ {
			var paged []Entry
			page, more := Page{}, true
			for more {
				var list []Entry
				if list, page, more, err = s.Timeline(ctx, id, page, size); err != nil {
					t.Fatal(err)
				}
				paged = append(paged, list...)
			}
			if d := cmp.Diff(all, paged, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("in pages of %d (-all +paged):\n%s", size, d)
			}
		}
	})
}

// A transaction that the database asks to try again uses the same ids again.
func TestIDsAreTheSameInTheSecondTry(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		reserved := must(s.ids(t.Context(), 2, day))(t)
		first, second := reserved.again(), reserved.again()
		a, b := first(), first()
		if a == b || second() != a || second() != b {
			t.Error("the second try has other ids")
		}
		other := must(s.ids(t.Context(), 1, day))(t).again()()
		if other == a || other == b {
			t.Error("an id is given twice")
		}
		defer func() {
			if recover() == nil {
				t.Error("more ids than were reserved")
			}
		}()
		first()
	})
}
