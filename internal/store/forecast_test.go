package store

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// reached is what Reach counts, as text, in an order.
func reached(list []Reached) (out []string) {
	slices.SortFunc(list, func(a, b Reached) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.Moment, b.Moment), cmp.Compare(a.Age, b.Age))
	})
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s %d age %d full %t: %d", r.Verdict, r.Moment, r.Age, r.Full, r.Count))
	}
	return out
}

func TestReachAgreesWithAdmitting(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		all := consenting(t, s, 10) // p0000 to p0009, created at day
		must(s.Suppress(ctx, []Suppression{{Email: "p0000@example.com", Reason: contacts.ReasonManual, At: day}}, day))(t)
		must(s.SetConsent(ctx, []ConsentChange{{Contact: all[1], Topic: "guides", State: contacts.ConsentWithdrawn, Source: "page", At: later(time.Hour)}}, later(time.Hour)))(t)
		for i, ended := range []any{nil, ms(later(time.Hour))} { // p0002 runs, p0003 was in it
			_, err := s.db.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, ended_at) values ($1, $2, $3, 1, $4, 'active', $5)`,
				int64(1024*(i+1)), k, int64(all[i+2]), ms(day), ended)
			check(t, err)
		}
		in := StartInput{Campaign: k, Moments: []time.Time{later(2 * time.Hour), later(100 * time.Hour)}, Topic: "guides", Reentry: campaigns.ReentryAfter,
			Before: []time.Time{later(-time.Hour), later(time.Hour)}, Since: later(-24 * time.Hour), Full: []int64{int64(all[9])},
			Exclude: []*segments.Condition{condition(t, "{attribute: email, is: p0004@example.com}")},
			SQL:     segments.SQL{Zone: time.UTC, CampaignIDs: func(string) int64 { return 0 }}}
		want := []string{
			"already in 0 age 1 full false: 1", "enrols 0 age 1 full true: 1", "enrols 0 age 1 full false: 4", "enrols 1 age 1 full false: 1",
			"excluded 0 age 1 full false: 1", "no consent 0 age 1 full false: 1", "suppressed 0 age 1 full false: 1",
		}
		got := reached(must(s.Reach(ctx, in))(t))
		slices.Sort(got)
		slices.Sort(want)
		equal(t, "who is reached", got, want)

		// Time alone brings people in: asked as of each moment.
		in.Audience = condition(t, "{not: {attribute: created_at, in_last: 3d}}")
		in.Reentry = campaigns.ReentryNever
		got = reached(must(s.Reach(ctx, in))(t))
		slices.Sort(got)
		equal(t, "who comes with time", got, []string{"already in 1 age 1 full false: 1", "enrols 1 age 1 full false: 4", "enrols 1 age 1 full true: 1",
			"excluded 1 age 1 full false: 1", "no consent 1 age 1 full false: 1", "suppressed 1 age 1 full false: 1", "was in before 1 age 1 full false: 1"})
	})
}

func TestASampleStandsForEverybody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		k := campaign(t, s, "welcome")
		consenting(t, s, 400)
		none := must(s.SampleContacts(ctx, 300, 100, later(-time.Hour)))(t)
		if none.Most != nil {
			t.Error("a sample of most is taken where everybody can be asked")
		}
		samples := must(s.SampleContacts(ctx, 100, 50, later(24*time.Hour)))(t)
		for name, sample := range map[string]*Sample{"most": samples.Most, "few": samples.Few} {
			in := StartInput{Campaign: k, Moments: []time.Time{day}, Topic: "guides", Reentry: campaigns.ReentryNever, Since: later(24 * time.Hour), Sample: sample,
				Audience: condition(t, "{not: {event: order.placed}}"), SQL: segments.SQL{Zone: time.UTC}}
			equal(t, name, reached(must(s.Reach(ctx, in))(t)), []string{"enrols 0 age -1 full false: 400"})
		}
	})
}

func TestApprovalsHoldForOneContentOnOneVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ana, _, err := s.CreateKey(ctx, "Ana", []string{"apply"}, day)
		check(t, err)
		bob, _, err := s.CreateKey(ctx, "Bob", []string{"approve"}, day)
		check(t, err)
		try := func(hash string) error {
			_, _, err := s.Apply(ctx, ApplyInput{Hash: hash, Approved: &ana}, day)
			return err
		}
		approve := func(k Key, hash string) {
			current, _, err := s.CurrentVersion(ctx)
			check(t, err)
			check(t, s.Approve(ctx, Approval{Hash: hash, Base: current.ID, Key: k.ID, Name: k.Name, At: day}))
		}
		refused := "cannot store the new version: " + ErrUnapproved.Error()
		wants := func(what string, err error, want string) {
			t.Helper()
			if (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
		wants("nobody's", try("one"), refused)
		approve(ana, "one")
		wants("one's own", try("one"), refused)
		approve(bob, "other")
		wants("that of another content", try("one"), refused)
		approve(bob, "one")
		wants("somebody else's", try("one"), "")
		current, _, err := s.CurrentVersion(ctx)
		check(t, err)
		equal(t, "who approved", current.Approved, "Bob")
		wants("another content on top of it", try("other"), refused)
		approve(bob, "other")
		wants("approved there", try("other"), "")
		wants("going back by the old approval", try("one"), refused)
		approve(bob, "one")
		must(s.RevokeKey(ctx, bob.ID, day))(t)
		wants("by a key that was revoked", try("one"), refused)
	})
}

func TestApprovalsComeToADatabaseWithVersions(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 9)
			if _, err := db.Exec(`insert into versions (id, hash, author, files, applied_at) values (1, 'a', 'Ana', '', 5)`); err != nil {
				t.Fatal(err)
			}
			db.Close()
			s := openStore(t, address)
			list := must(s.Versions(t.Context(), 10))(t)
			equal(t, "the version", list, []Version{{ID: 1, Hash: "a", Author: "Ana", Applied: at(5)}})
		})
	}
}
