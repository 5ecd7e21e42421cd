package store

import (
	"context"
	"io"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
)

// file is an import of some addresses.
func file(rules func(context.Context) *Rules, emails ...string) Import {
	return Import{
		Next: func() (*contacts.Row, *contacts.Reject, error) {
			if len(emails) == 0 {
				return nil, nil, io.EOF
			}
			r := &contacts.Row{Contact: contacts.Contact{Email: emails[0]}}
			emails = emails[1:]
			return r, nil, nil
		},
		Stored: func([]*contacts.Row, []ContactResult) error { return nil },
		Rules:  rules, Clock: clock.NewManual(day),
	}
}

// stranger is where everybody stands by a version.
func stranger(version int64) *Rules {
	return &Rules{Version: version, Meet: func(f *contacts.Facts, now time.Time) (StateChange, bool) {
		return StateChange{Contact: f.Contact.ID, Stage: "stranger", StageSince: now, Health: "none", HealthSince: now}, f.Contact.Email == "more@example.com"
	}}
}

func TestWhoIsNewGetsAPlaceByTheVersionThatRunsAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		first, _, err := s.Apply(ctx, ApplyInput{Hash: "1"}, day)
		check(t, err)
		rules := func(context.Context) *Rules { return stranger(first.ID) }
		check(t, s.Import(ctx, file(rules, "ana@example.com", "more@example.com")))
		second, _, err := s.Apply(ctx, ApplyInput{Hash: "2"}, later(time.Minute))
		check(t, err)
		check(t, s.Import(ctx, file(rules, "late@example.com"))) // by the version of before
		rules = func(context.Context) *Rules { return stranger(second.ID) }
		check(t, s.Import(ctx, file(rules, "ben@example.com", "ana@example.com")))
		check(t, s.Import(ctx, file(nil, "nobody@example.com")))

		found := must(s.ContactsByEmail(ctx, []string{"ana@example.com", "more@example.com", "late@example.com", "ben@example.com", "nobody@example.com"}))(t)
		stages := map[string]string{}
		for email, c := range found {
			stages[email] = c.Stage
		}
		equal(t, "stages", stages, map[string]string{"ana@example.com": "stranger", "more@example.com": "stranger", "late@example.com": "", "ben@example.com": "stranger", "nobody@example.com": ""})
		var look []string
		for _, touched := range takeAll(t, s) {
			for email, c := range found {
				if c.ID == touched.Contact {
					look = append(look, email)
				}
			}
		}
		equal(t, "who has to be looked at", look, []string{"more@example.com", "late@example.com", "nobody@example.com"})
	})
}

// An apply looks at everybody again. Who is being written when it begins is seen by
// it, because it waits until they are there.
func TestNobodyIsWrittenPastAnApply(t *testing.T) {
	s := openStore(t, opens["postgres"](t))
	ctx := t.Context()
	first, _, err := s.Apply(ctx, ApplyInput{Hash: "1"}, day)
	check(t, err)
	applied := make(chan error, 1)
	in := upsertOrder{in: []ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"}}}, now: day, rules: stranger(first.ID)}
	u := must(s.newUpsert(ctx, in))(t)
	check(t, s.db.write(ctx, func(q querier) error {
		if err := u.run(q); err != nil {
			return err
		}
		go func() {
			_, _, err := s.Apply(ctx, ApplyInput{Hash: "2", Touch: true}, later(time.Minute))
			applied <- err
		}()
		// Until it waits; or until it is over, which is the fault.
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for count(t, s, `select count(*) from pg_locks where not granted`) == 0 {
			select {
			case err := <-applied:
				t.Fatalf("the apply is over before those are who are being written: %v", err)
			case <-ticker.C:
			}
		}
		return nil
	}))
	check(t, <-applied)
	equal(t, "who is looked at again", len(takeAll(t, s)), 1)
}
