package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// onBoth runs a test of the contract over both databases, each empty.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, open(t))
			test(t, s)
		})
	}
}

// opens gives the address of a new, empty database of each kind.
var opens = map[string]func(t *testing.T) string{
	"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "rapport.db") },
	"postgres": func(t *testing.T) string { return testenv.Postgres(t) },
}

func openStore(t *testing.T, name string) *Store {
	t.Helper()
	s, err := Open(t.Context(), name, Options{Fleeting: true, Connections: 12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// day is the moment tests start from; later gives moments after it.
var day = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func later(d time.Duration) time.Time { return day.Add(d) }

// must is for calls whose failure ends the test.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any, options ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, options...); d != "" {
		t.Errorf("%s is not as wanted (-want +got):\n%s", what, d)
	}
}

// people adds contacts by address and returns their ids in that order.
func people(t *testing.T, s *Store, emails ...string) []contacts.ID {
	t.Helper()
	in := make([]ContactInput, len(emails))
	for i, email := range emails {
		in[i].Contact.Email = email
	}
	results := must(s.UpsertContacts(t.Context(), in, day))(t)
	ids := make([]contacts.ID, len(results))
	for i, r := range results {
		if r.Rejected != "" {
			t.Fatalf("%s was rejected: %s", emails[i], r.Rejected)
		}
		ids[i] = r.ID
	}
	return ids
}

// campaign applies a workspace with one campaign and returns its id.
func campaign(t *testing.T, s *Store, name string) int64 {
	t.Helper()
	_, _, err := s.Apply(t.Context(), ApplyInput{Hash: name, Numbers: map[string]map[string]int{name: {"send:welcome": 1, "send:guide": 2}}}, day)
	check(t, err)
	return must(s.Campaigns(t.Context()))(t)[name].ID
}

// sent writes an enrolment whose first message is in a state, past the way it
// would have come there.
func sent(t *testing.T, s *Store, campaign int64, who contacts.ID, state campaigns.MessageState) (message int64) {
	t.Helper()
	ctx := t.Context()
	enrolment := must(s.ids(ctx, 1, day))(t).again()()
	message = ident.Message(enrolment, 1)
	check(t, s.db.write(ctx, func(q querier) error {
		if _, err := q.exec(ctx, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, position, parked_for)
			values ($1, $2, $3, 1, $4, 'parked', 'send:welcome', $5)`, enrolment, campaign, int64(who), ms(day), message); err != nil {
			return err
		}
		if _, err := q.exec(ctx, `insert into batches (id, lane, campaign_id, messages, open_count, not_before, created_at) values ($1, 'main', $2, $3, 1, 0, $4)`,
			enrolment, campaign, ident.Pack([]int64{message}), ms(day)); err != nil {
			return err
		}
		_, err := q.exec(ctx, `insert into messages (id, contact_id, campaign_id, template, subject, state, batch_id, due_at, not_before, expires_at, claimed_at, decided_at, created_at)
			values ($1, $2, $3, 'welcome', 'Hello', $4, $5, $6, $6, $6, $6, $7, $6)`, message, int64(who), campaign, string(state), enrolment, ms(day), ms(later(time.Minute)))
		return err
	}))
	return message
}

// takeAll empties the touched rows and returns their contacts and events.
func takeAll(t *testing.T, s *Store) []Touched {
	t.Helper()
	var out []Touched
	check(t, s.db.write(t.Context(), func(q querier) (err error) {
		out, err = s.takeTouched(t.Context(), q, time.UnixMilli(1<<42), 10_000)
		return err
	}))
	for i := range out {
		out[i].ID = 0
	}
	return out
}

func count(t *testing.T, s *Store, query string, args ...any) (n int64) {
	t.Helper()
	_, err := one(context.Background(), s.db, query, args, &n)
	check(t, err)
	return n
}
