package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// enrolled writes running enrolments that are due at a moment.
func enrolled(t *testing.T, s *Store, campaign int64, first, n int, due time.Time) {
	t.Helper()
	id := must(s.ids(t.Context(), n, day))(t).again()
	check(t, s.db.write(t.Context(), func(q querier) error {
		for i := range n {
			if _, err := q.exec(t.Context(), `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at)
				values ($1, $2, $3, 1, $4, 'active', $5)`, id(), campaign, int64(first+i), ms(day), ms(due)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestAFewDoNotWaitBehindMany(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		large, small := campaign(t, s, "large"), campaign(t, s, "small")
		paused := campaign(t, s, "paused")
		enrolled(t, s, large, 1, 500, day)
		enrolled(t, s, small, 1, 7, later(time.Minute))
		enrolled(t, s, paused, 1, 3, day)
		must(s.SetCampaignStatus(t.Context(), "paused", Paused, []CampaignStatus{Running}, day))(t)
		now := later(2 * time.Minute)
		for second := range 2 { // whoever's turn comes first
			of := map[int64]int{}
			check(t, s.db.write(t.Context(), func(q querier) error {
				due, err := s.takeDue(t.Context(), q, now.Add(time.Duration(second)*time.Second), 100)
				for i, d := range due {
					of[d.Enrolment.Campaign]++
					if i > 0 && d.Enrolment.ID < due[i-1].Enrolment.ID && d.Enrolment.DueAt.Equal(due[i-1].Enrolment.DueAt) {
						t.Errorf("%s comes after %s", ident.Format(d.Enrolment.ID), ident.Format(due[i-1].Enrolment.ID))
					}
				}
				return err
			}))
			if of[small] != 7 || of[large] < 50 || of[paused] != 0 {
				t.Errorf("a turn took %d of the small campaign, %d of the large and %d of the paused one", of[small], of[large], of[paused])
			}
		}
	})
}

// Schedules fire side by side, events start the same campaign, and some end
// meanwhile: a contact is in it once at a time.
func TestNobodyRunsTwiceInACampaign(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		d := beginningWithAWait(t, "start: { schedule: \"0 9 * * *\" }\ntopic: guides")
		ids := consenting(t, s, 60)
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				key := FiringKey{Campaign: id, Start: "schedule", Wall: fmt.Sprint(i)}
				must(s.ClaimFiring(ctx, key, day, "a", later(time.Minute)))(t)
				in := EnrolInput{Firing: key, Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Reentry: campaigns.ReentryAlways}
				if i%2 == 0 { // some are asked about one by one, others come straight in
					in.Ahead, in.Step = &Audience{zones: map[string]bool{"": true}}, shortWay(d, nil, day, new(int))
				}
				for !must(s.EnrolChunk(ctx, in, 7))(t).Done {
				}
			})
			wg.Go(func() {
				for _, contact := range ids {
					check(t, s.db.write(ctx, func(q querier) error {
						r := Reaction{Contact: contact, Enrol: []NewEnrolment{{Campaign: id, Version: 1, StartedAt: day}}}
						fresh := must(s.ids(context.WithoutCancel(ctx), 0, day))(t)
						fresh.first, fresh.n = int64(1_000_000+int64(i)*1000)+int64(contact)%1000, 1
						return s.insertReactedEnrolments(ctx, q, []Reaction{r}, day, fresh.again())
					}))
				}
			})
			wg.Go(func() {
				for share := range int64(5) {
					check(t, s.db.write(ctx, func(q querier) error {
						_, err := q.exec(ctx, `update enrolments set ended_at = $1, state = 'finished' where ended_at is null and contact_id % 5 = $2`, ms(day), share)
						return err
					}))
				}
			})
		}
		wg.Wait()
		equal(t, "twice in it", count(t, s, `select count(*) from (select contact_id from enrolments where ended_at is null group by contact_id having count(*) > 1) x`), int64(0))
		equal(t, "who were never in it", int64(60)-count(t, s, `select count(distinct contact_id) from enrolments`), int64(0))
	})
}

// A firing may enrol a contact and end it between the look at its facts and the
// row of an event: reentry never holds all the same.
func TestWhoComesOnceComesOnceByAnEventToo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		id, _ := welcome(t, s)
		contact := consenting(t, s, 1)[0]
		_, err := s.db.exec(t.Context(), `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, ended_at) values (1024, $1, $2, 1, 0, 'finished', 1)`, id, int64(contact))
		check(t, err)
		for i, once := range []bool{true, false} {
			check(t, s.db.write(t.Context(), func(q querier) error {
				r := Reaction{Contact: contact, Enrol: []NewEnrolment{{Campaign: id, Version: 1, StartedAt: day, Once: once}}}
				return s.insertReactedEnrolments(t.Context(), q, []Reaction{r}, day, func() int64 { return int64(2048 * (i + 1)) })
			}))
			equal(t, fmt.Sprintf("enrolments, once %t", once), count(t, s, `select count(*) from enrolments`), int64(i+1))
		}
	})
}

// migrated makes a database as it was before a migration.
func migrated(t *testing.T, address string, before int64) *sql.DB {
	t.Helper()
	driver, folder, dialect := "sqlite", "sqlite", goose.DialectSQLite3
	if strings.HasPrefix(address, "postgres://") {
		driver, folder, dialect = "pgx", "postgres", goose.DialectPostgres
	}
	db := must(sql.Open(driver, address))(t)
	t.Cleanup(func() { db.Close() })
	files := must(fs.Sub(migrations, "migrations/"+folder))(t)
	p := must(goose.NewProvider(dialect, db, files, goose.WithLogger(goose.NopLogger())))(t)
	must(p.UpTo(t.Context(), before-1))(t)
	return db
}

func TestEnrolmentsKeepRunningThroughTheirNewIndexes(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			db := migrated(t, address, 6)
			for i := range 20 { // ten contacts who ended once and run again
				ended := "null"
				if i < 10 {
					ended = fmt.Sprint(ms(day))
				}
				text := fmt.Sprintf(`insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at, ended_at)
					values (%d, 1, %d, 1, %d, 'active', %d, %s)`, 1024*(i+1), i%10, ms(day), ms(day), ended)
				if _, err := db.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
					t.Fatal(err)
				}
			}
			db.Close()
			s := openStore(t, address)
			equal(t, "enrolments", count(t, s, `select count(*) from enrolments`), int64(20))
			_, err := s.db.exec(t.Context(), `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state) values (999999, 1, 3, 1, 0, 'active')`)
			if err == nil {
				t.Error("a contact who ran before the migration runs twice after it")
			}
			equal(t, "who come for the second time", count(t, s, `select count(*) from enrolments where run = 1 and ended_at is null`), int64(10))
		})
	}
}

func TestAnAudienceIsAskedOnceAndPermissionInEachChunk(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		id, _ := welcome(t, s)
		consenting(t, s, 40)
		must(s.ClaimFiring(ctx, firing(id), day, "a", later(time.Minute)))(t)
		in := EnrolInput{Firing: firing(id), Owner: "a", Version: 1, Now: day, LeaseTill: later(time.Minute), Topic: "guides", Ahead: &Audience{}}
		equal(t, "the first chunk", must(s.EnrolChunk(ctx, in, 10))(t), EnrolResult{Enrolled: 10})
		// Who comes afterwards is not in the audience; who leaves is not mailed.
		people(t, s, "late@example.com")
		must(s.Suppress(ctx, []Suppression{{Email: "p0015@example.com", Reason: contacts.ReasonManual, At: day}}, day))(t)
		equal(t, "the second chunk", must(s.EnrolChunk(ctx, in, 10))(t), EnrolResult{Enrolled: 9, Refused: 1})
		// Another scheduler had the firing in between and gave it back.
		other := in
		other.Ahead = nil
		equal(t, "the other's chunk", must(s.EnrolChunk(ctx, other, 10))(t), EnrolResult{Enrolled: 10})
		equal(t, "the last chunk", must(s.EnrolChunk(ctx, in, 20))(t), EnrolResult{Enrolled: 10, Refused: 1, Done: true})
		equal(t, "enrolments", count(t, s, `select count(distinct contact_id) from enrolments`), int64(39))
	})
}
