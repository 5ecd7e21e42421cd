package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/segments"
)

// Most of a large audience come the same way: nothing speaks against them, they
// were never in the campaign, and its first step is a wait that ends for everybody
// in their time zone at one moment, or a message that may go then. They are written
// by one statement that says who they are. Whoever it does not say that of is looked at one by one, by admit
// and begin, which alone know what to do with them and why: had they been asked,
// they would have written the same rows.

// straightTimes is how many times as many contacts a chunk has after one of which
// that part or less had to be looked at one by one.
const straightTimes = 5

// manyZones bounds the time zones whose first wait is known beforehand.
const manyZones = 500

// maxWays bounds how many statements a chunk is worth.
const maxWays = 4

// way is what becomes of the new enrolments of some time zones.
type way struct {
	message *PlannedMessage // nil: they wait; its id is the number of its step
	zone    []string
	stands  []campaigns.Enrolment
}

// straight enrols those of a chunk who come straight in, with their first messages,
// and returns the others.
func (s *Store) straight(ctx context.Context, q querier, in EnrolInput, people []applicant, written time.Time, next func() int64) (n int64, ready []Batch, rest []applicant, err error) {
	if in.Step == nil || in.Step.First == nil || len(people) == 0 {
		return 0, nil, people, nil
	}
	ways := in.ways()
	if len(ways) == 0 || len(ways) > maxWays {
		return 0, nil, people, nil
	}
	left, ok, err := s.leaving(ctx, q, in, people, written)
	if err != nil || !ok {
		return 0, nil, people, err
	}
	id := make(map[int64]int64, len(people))
	for _, p := range people {
		if p.excluded == 0 && !left[p.id] {
			id[p.id] = next()
		}
	}
	come := make(map[int64]bool, len(id))
	var planned []Stepped
	for _, w := range ways {
		if err := s.come(ctx, q, in, w, id, func(contact int64) {
			come[contact] = true
			if w.message != nil {
				m := *w.message
				m.ID, m.Contact = id[contact]|w.message.ID, contacts.ID(contact)
				planned = append(planned, Stepped{Message: &m})
			}
			delete(id, contact)
		}); err != nil {
			return 0, nil, nil, err
		}
	}
	slices.SortFunc(planned, func(a, b Stepped) int { return cmp.Compare(a.Message.ID, b.Message.ID) })
	if ready, err = s.insertMessages(ctx, q, planned, written, next); err != nil {
		return 0, nil, nil, err
	}
	return int64(len(come)), ready, slices.DeleteFunc(slices.Clone(people), func(p applicant) bool { return come[p.id] }), nil
}

// come writes the enrolments of contacts who come one way, whose ids are given by
// contact, and tells who they are.
func (s *Store) come(ctx context.Context, q querier, in EnrolInput, w way, ids map[int64]int64, tell func(contact int64)) error {
	contact := sortedKeys(ids)
	id := make([]int64, len(contact))
	for i, c := range contact {
		id[i] = ids[c]
	}
	n := len(w.zone)
	position, data, due := make([]string, n), make([]string, n), make([]int64, n)
	for i, e := range w.stands {
		position[i], due[i], data[i] = e.Position, msUp(e.DueAt), enrolmentRest(e)
	}
	b := s.statement()
	parked := "cast(null as bigint)"
	if w.message != nil {
		parked = "p.id + cast(" + b.arg(w.message.ID) + " as bigint)"
	}
	values := `p.id, cast(` + b.arg(in.Firing.Campaign) + ` as bigint), c.id, cast(` + b.arg(in.Version) + ` as bigint), cast(` + b.arg(ms(in.Now)) + ` as bigint), '` +
		string(w.stands[0].State) + `', z.position, z.due_at, ` + parked + `, ` + b.json("z.data") + `, cast(` + b.arg(in.goalUntil()) + ` as bigint)`
	from := b.table("p", bigints("id", id), bigints("contact_id", contact)) + ` join contacts c on c.id = p.contact_id join ` +
		b.table("z", texts("timezone", w.zone), texts("position", position), nullable("due_at", due), texts("data", data)) + ` on z.timezone = c.timezone`
	where := in.welcome(b)
	if w.message != nil && in.Limited {
		where += ` and not exists (select 1 from messages m where m.contact_id = c.id and m.state not in ('queued', 'failed', 'skipped')
			and coalesce(m.decided_at, m.claimed_at, m.created_at) >= ` + b.arg(ms(in.CountsSince)) + `)`
	}
	conflict := ""
	if in.crowded || s.dialect == segments.SQLite {
		conflict = " on conflict " + runsOnce + " do nothing"
	}
	return each(ctx, q, `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, position, due_at, parked_for, data, goal_until) select `+values+
		` from `+from+` where `+where+conflict+` returning contact_id`, b.args, func(scan func(...any) error) error {
		var contact int64
		err := scan(&contact)
		tell(contact)
		return err
	})
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

// ways are what becomes of new enrolments in the time zones that are known; none
// where that depends on more.
func (in *EnrolInput) ways() (out []way) {
	type plan struct {
		notBefore, expires int64
		reason             string
	}
	at := map[plan]int{}
	for _, zone := range sortedKeys(in.Ahead.zones) {
		e := campaigns.Enrolment{Campaign: in.Firing.Campaign, Version: in.Version, StartedAt: in.Now, State: campaigns.Active, DueAt: in.Now}
		first, ok := in.Step.First(e, zone)
		if !ok {
			return nil
		}
		var p plan
		if m := first.Message; m != nil {
			p = plan{ms(m.NotBefore), ms(m.Expires), m.Reason}
		}
		i, known := at[p]
		if !known {
			i, at[p] = len(out), len(out)
			out = append(out, way{message: first.Message})
		}
		out[i].zone, out[i].stands = append(out[i].zone, zone), append(out[i].stands, first.Enrolment)
	}
	return out
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

// dense reports whether n contacts are so many of a part of everybody that asking
// about all of it costs less than asking about each of them.
func (s *Store) dense(ctx context.Context, q querier, part span, n int) (bool, error) {
	most := (thin + 1) * n
	var all int
	_, err := one(ctx, q, `select count(*) from (select 1 from contacts where id > $1 and id <= $2 limit $3) as part`, []any{part.after, part.last, most}, &all)
	return err == nil && all < most, err
}

// leaving are the contacts of a chunk of whom an exit of the campaign holds, who
// would leave before their first step. ok is false where those of the chunk lie too
// far apart to say.
func (s *Store) leaving(ctx context.Context, q querier, in EnrolInput, people []applicant, now time.Time) (left map[int64]bool, ok bool, err error) {
	left = map[int64]bool{}
	if len(in.Exit) == 0 {
		return left, true, nil
	}
	part := span{people[0].id - 1, people[len(people)-1].id}
	if ok, err := s.dense(ctx, q, part, len(people)); !ok {
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
