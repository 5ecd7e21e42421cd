package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/segments"
)

// Most of a large audience come the same way: nothing speaks against them, they
// were never in the campaign, and its first step is a wait that ends for everybody
// in their time zone at one moment. They are written by one statement that says
// who they are. Whoever it does not say that of is looked at one by one, by admit
// and begin, which alone know what to do with them and why: had they been asked,
// they would have written the same rows.

// straightTimes is how many times as many contacts a chunk has after one of which
// that part or less had to be looked at one by one.
const straightTimes = 5

// manyZones bounds the time zones whose first wait is known beforehand.
const manyZones = 500

// straight enrols those of a chunk who come straight in, and returns the others.
func (s *Store) straight(ctx context.Context, q querier, in EnrolInput, people []applicant, written time.Time, next func() int64) (n int64, rest []applicant, err error) {
	if in.Step == nil || in.Step.First == nil || len(people) == 0 {
		return 0, people, nil
	}
	zone, position, due, data := in.firstWaits()
	if len(zone) == 0 {
		return 0, people, nil
	}
	left, ok, err := s.leaving(ctx, q, in, people, written)
	if err != nil || !ok {
		return 0, people, err
	}
	id, contact := make([]int64, 0, len(people)), make([]int64, 0, len(people))
	for _, p := range people {
		if p.excluded == 0 && !left[p.id] {
			id, contact = append(id, next()), append(contact, p.id)
		}
	}
	b := s.statement()
	values := `p.id, cast(` + b.arg(in.Firing.Campaign) + ` as bigint), c.id, cast(` + b.arg(in.Version) + ` as bigint), cast(` + b.arg(ms(in.Now)) + ` as bigint), '` +
		string(campaigns.Active) + `', z.position, z.due_at, ` + b.json("z.data") + `, cast(` + b.arg(in.goalUntil()) + ` as bigint)`
	from := b.table("p", bigints("id", id), bigints("contact_id", contact)) + ` join contacts c on c.id = p.contact_id join ` +
		b.table("z", texts("timezone", zone), texts("position", position), bigints("due_at", due), texts("data", data)) + ` on z.timezone = c.timezone`
	conflict := ""
	if in.crowded || s.dialect == segments.SQLite {
		conflict = " on conflict " + runsOnce + " do nothing"
	}
	come := make(map[int64]bool, len(id))
	err = each(ctx, q, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, position, due_at, data, goal_until) select `+values+
		` from `+from+` where `+in.welcome(b)+conflict+` returning contact_id`, b.args, func(scan func(...any) error) error {
		var contact int64
		err := scan(&contact)
		come[contact] = true
		return err
	})
	return int64(len(come)), slices.DeleteFunc(slices.Clone(people), func(p applicant) bool { return come[p.id] }), err
}

// meet remembers the time zones of contacts who came.
func (a *Audience) meet(come []admitted) {
	if a.zones == nil {
		a.zones = map[string]bool{}
	}
	for _, c := range come {
		if len(a.zones) < manyZones {
			a.zones[c.Timezone] = true
		}
	}
}

// firstWaits are the first waits of new enrolments in the time zones that are known.
func (in *EnrolInput) firstWaits() (zone, position []string, due []int64, data []string) {
	for _, name := range sortedKeys(in.Ahead.zones) {
		e := campaigns.Enrolment{Campaign: in.Firing.Campaign, Version: in.Version, StartedAt: in.Now, State: campaigns.Active, DueAt: in.Now}
		e, ok := in.Step.First(e, name)
		if !ok {
			return nil, nil, nil, nil
		}
		zone, position, due, data = append(zone, name), append(position, e.Position), append(due, msUp(e.DueAt)), append(data, enrolmentRest(e))
	}
	return zone, position, due, data
}

func (in *EnrolInput) goalUntil() *int64 {
	if !in.HasGoal || in.GoalTill.IsZero() {
		return nil
	}
	till := ms(in.GoalTill)
	return &till
}

// welcome is true for contacts c whom nothing speaks against, and who were never
// in the campaign.
func (in *EnrolInput) welcome(b *statement) string {
	everywhere := span{}
	text := `not c.erased and c.suppressed is null and not ` + in.before(b, everywhere, "true")
	if in.Topic != "" {
		text += ` and ` + in.agreed(b, everywhere)
	}
	if in.Apart > 0 {
		text += ` and not ` + segments.SampleSQL("c.seed", campaigns.ApartSalt, in.Apart)
	}
	if in.Share > 0 {
		text += ` and not ` + segments.SampleSQL("c.seed", in.Control, in.Share)
	}
	return text
}

// thin is how many contacts may lie between those of a chunk, for each of them,
// before it costs less to ask about each of them than about that part of everybody.
const thin = 30

// leaving are the contacts of a chunk of whom an exit of the campaign holds, who
// would leave before their first step. ok is false where those of the chunk lie too
// far apart to say.
func (s *Store) leaving(ctx context.Context, q querier, in EnrolInput, people []applicant, now time.Time) (left map[int64]bool, ok bool, err error) {
	left = map[int64]bool{}
	if len(in.Exit) == 0 {
		return left, true, nil
	}
	part := span{people[0].id - 1, people[len(people)-1].id}
	most := (thin + 1) * len(people)
	var n int
	if _, err := one(ctx, q, `select count(*) from (select 1 from contacts where id > $1 and id <= $2 limit $3) as part`, []any{part.after, part.last, most}, &n); err != nil || n == most {
		return nil, false, err
	}
	b := s.statement()
	p := in.SQL
	p.Dialect, p.Now, p.Bound = b.dialect, now, part.of
	p.Scope = segments.Scope{Since: in.Now, Enrolment: nobodys}
	exits := make([]string, len(in.Exit))
	for i, c := range in.Exit {
		exits[i] = c.SQL(&p)
	}
	return left, true, s.freely(ctx, q, func() error {
		return each(ctx, q, `select c.id from contacts c where `+part.of("c.id")+` and (`+strings.Join(exits, " or ")+`)`, p.Args, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			left[id] = true
			return err
		})
	})
}

// nobodys is an id that no enrolment has: of a new one there is no mail yet.
const nobodys = 1
