package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the segment bench asks about: a shop of two years, in which a few buy
// often and most look around. Everything is drawn from the number of the row, so
// that two runs of one size ask about the same people.
const (
	eventsEach   = 10     // events for each contact
	fillYears    = 2      // over which they happened
	fillCampaign = 20     // campaigns, the first of them largest
	fillChunk    = 10_000 // contacts whose rows are written in one statement, times eventsEach
)

// draw is a number from 0 to below 1 that belongs to a row and a purpose.
const draw = `create function pg_temp.draw(i bigint, purpose bigint) returns double precision
	language sql immutable parallel safe
	return (hashint8extended(i, purpose) & 1048575) / 1048576.0`

// fillWorld empties the tables that the segment bench asks and fills them with
// size contacts, ten events each, and the campaigns that wrote to them.
func fillWorld(ctx context.Context, r *Run, dsn string, size int64, now time.Time) error {
	db, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	f := &fill{ctx: ctx, db: db, run: r, size: size, now: now.UnixMilli()}
	f.exec("begin") // so that a fill that ends half way leaves the indexes in their places
	f.exec(`truncate contacts, consents, consent_history, events, event_keys, campaigns, enrolments, messages, batches, segments, memberships, touched, stage_changes, tallies`)
	f.exec(draw)
	indexes := f.dropIndexes()
	f.each("events", size*eventsEach, fillEvents)
	f.exec(`create temp table bought as select contact_id, count(*) as orders, max(at) as last_at from events where name = 'order.placed' group by contact_id`)
	f.exec(`create unique index on bought (contact_id)`)
	f.exec(`analyze bought`)
	f.tally()
	f.each("contacts", size, fillContacts)
	f.each("consents", size, fillConsents)
	f.exec(fillCampaigns, fillCampaign, f.now)
	f.each("messages", size/2, fillEnrolments, fillMessages)
	for i, text := range indexes {
		f.run.Step("indexes", int64(i), int64(len(indexes)))
		f.exec(text)
	}
	f.exec("commit")
	// What autovacuum does within minutes: what is seen by all is marked, so that
	// an index alone can answer, and the planner knows how values are spread.
	for _, table := range []string{"contacts", "consents", "events", "tallies", "enrolments", "messages"} {
		f.run.Step("vacuum analyze "+table, 0, 0)
		f.exec("vacuum (analyze) " + table)
	}
	return f.err
}

// fill runs statements until one fails.
type fill struct {
	ctx  context.Context
	db   *pgx.Conn
	run  *Run
	size int64
	now  int64
	err  error
}

func (f *fill) exec(text string, args ...any) {
	if f.err != nil {
		return
	}
	if _, err := f.db.Exec(f.ctx, text, args...); err != nil {
		f.err = fmt.Errorf("cannot fill the database: %w", err)
	}
}

// each runs statements for the rows 1 to n, in portions: $1 to $2, of $3
// contacts, at the moment $4.
func (f *fill) each(what string, n int64, statements ...string) {
	const portion = fillChunk * eventsEach
	for from := int64(1); from <= n && f.err == nil; from += portion {
		f.run.Step(what, from-1, n)
		for _, text := range statements {
			f.exec(text, from, min(from+portion-1, n), f.size, f.now)
		}
	}
	f.run.Step(what, n, n)
}

// tally writes the tallies of all events, which nobody takes from touched.
func (f *fill) tally() {
	f.run.Step("tallies", 0, 0)
	f.exec("set local work_mem = '256MB'")
	f.exec(fillTallies)
	f.exec("set local work_mem to default")
}

// dropIndexes takes the indexes away that no constraint needs and returns how
// to make them again: building one at the end is several times faster.
func (f *fill) dropIndexes() (again []string) {
	if f.err != nil {
		return nil
	}
	rows, err := f.db.Query(f.ctx, `select x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) from pg_index x
		join pg_class t on t.oid = x.indrelid where t.relname in ('contacts', 'events', 'enrolments', 'messages')
		and t.relnamespace = current_schema()::regnamespace and not x.indisunique`)
	if err != nil {
		f.err = err
		return nil
	}
	names := map[string]string{}
	var name, text string
	_, f.err = pgx.ForEachRow(rows, []any{&name, &text}, func() error { names[name] = text; return nil })
	for name, text := range names {
		f.exec("drop index " + name)
		again = append(again, strings.Replace(text, " ON ONLY ", " ON ", 1)) // of all partitions
	}
	return again
}

const fillTallies = `insert into tallies (contact_id, name, number, first_at, last_at, earlier, sums)
	select contact_id, name, count(*), min(at), max(at), (array_agg(at order by at desc))[2:8],
		case when name = 'order.placed' then jsonb_build_object('total', sum((folded -> 'n' ->> 'total')::bigint)) else '{}' end
	from events where not machine group by name, contact_id order by name, contact_id on conflict do nothing`

// Events come in as they happen, so their order is that of time. A few contacts
// have most of them: rank u⁵ of all, spread over the ids by a prime. "offset 0"
// keeps PostgreSQL from working out a column again wherever it is used.
const fillEvents = `insert into events (id, contact_id, name, at, key, properties, folded, campaign_id, template, link, message_id, machine)
	select ((at / 1000 - 1577836800) << 32) | ((j & 4194303) << 10), contact_id, name, at, 'bench:' || j,
		case name when 'order.placed' then ('{"total": ' || cents / 100.0 || ', "currency": "EUR"}')::jsonb
			when 'page.viewed' then ('{"url": "/products/' || j % 5000 || '"}')::jsonb else '{}' end,
		case name when 'order.placed' then ('{"n": {"total": ' || cents * 10000 || '}, "t": {"currency": "eur"}}')::jsonb
			when 'page.viewed' then ('{"t": {"url": "/products/' || j % 5000 || '"}}')::jsonb else '{}' end,
		campaign, case when campaign > 0 then 'letter-' || campaign % 5 else '' end,
		case name when 'email.clicked' then 'https://shop.example/' || j % 50 else '' end,
		least(campaign, 1), name in ('email.opened', 'email.clicked') and (b >> 40) % 100 < 15
	from (select j, b, at, contact_id, name,
			case when name like 'email.%' then 1 + (b % 400) * (b % 400) / 8000 else 0 end as campaign,
			500 + (b % 271) * (b % 271) * (b % 271) / 1000 as cents
		from (select j, b, $4::bigint - 63072000000 + (63072000000 * (j / ($3::bigint * 10.0::double precision)))::bigint as at,
				1 + (($3 * case when (b >> 20) % 10 < 4 then u * u * u * u * u else u end)::bigint * 611953 + 17) % $3 as contact_id,
				(array['page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed','page.viewed',
					'order.placed','order.placed','cart.abandoned','email.delivered','email.delivered','email.opened','email.opened','email.clicked','app.login'])[1 + (a >> 24) % 20] as name
			from (select j, a, b, (a & 16777215) / 16777216.0::double precision as u
				from (select j, hashint8extended(j, 1) & 9223372036854775807 as a, hashint8extended(j, 2) & 9223372036854775807 as b
					from generate_series($1::bigint, $2::bigint) as j offset 0) as hashed offset 0) as drawn offset 0) as named offset 0) as priced`

const fillContacts = `insert into contacts (id, email, first_name, attributes, folded, seed, stage, stage_since, health, health_since, created_at, updated_at)
	select i, 'person' || i || '@example.com', 'Person ' || i,
		jsonb_build_object('country', country, 'age', age, 'likes', jsonb_build_array(hobby), 'birthday', birthday, 'plan', plan),
		jsonb_build_object('t', jsonb_build_object('email', 'person' || i || '@example.com', 'first_name', 'person ' || i, 'country', lower(country), 'plan', plan, 'birthday', birthday::text),
			'n', jsonb_build_object('age', age * 1000000), 'l', jsonb_build_object('likes', jsonb_build_array('t' || hobby)),
			'd', jsonb_build_object('birthday', birthday - date '1970-01-01'),
			'y', jsonb_build_object('birthday', extract(month from birthday)::int * 100 + extract(day from birthday)::int)),
		hashint8extended(i, 20) & 4294967295,
		case when orders >= 6 then 'advocate' when orders >= 2 then 'client' when orders = 1 then 'customer' when pg_temp.draw(i, 21) < 0.3 then 'prospect' else 'stranger' end,
		created, case when last_at > $4 - 7776000000 then 'active' when last_at is not null then 'lapsed' else 'none' end, coalesce(last_at, created), created, created
	from (select i, b.orders, b.last_at, $4::bigint - 63072000000 + (i * (63072000000 / $3::bigint)) as created,
			(array['DE','DE','DE','AT','CH','FR','FR','GB','US','NL'])[1 + floor(10 * pg_temp.draw(i, 22))] as country,
			18 + floor(60 * pg_temp.draw(i, 23))::int as age,
			(array['road','gravel','city','mountain'])[1 + floor(4 * pg_temp.draw(i, 24))] as hobby,
			date '1950-01-01' + floor(20000 * pg_temp.draw(i, 25))::int as birthday,
			(array['free','free','free','team','pro'])[1 + floor(5 * pg_temp.draw(i, 26))] as plan
		from generate_series($1::bigint, $2::bigint) as i left join bought b on b.contact_id = i offset 0) as drawn`

const fillConsents = `insert into consents (contact_id, topic, state, source, at)
	select i, topic, case when pg_temp.draw(i, 30) < 0.9 then 'given' else 'withdrawn' end, 'bench', $4
	from generate_series($1::bigint, $2::bigint) as i, (values ('news', 0.8::double precision), ('guides', 0.4)) as t(topic, share)
	where pg_temp.draw(i, 31) < share and $3::bigint > 0`

const fillCampaigns = `insert into campaigns (id, name, version_id, applied_at, changed_at)
	select i, 'letter-' || i, 1, $2::bigint, $2 from generate_series(1, $1::bigint) as i`

// Half of the contacts were written to once by some campaign.
const fillEnrolments = `insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, ended_at, converted_at)
	select ((at / 1000 - 1577836800) << 32) | ((i & 4194303) << 10), campaign, contact, 1, at, state,
		case when state <> 'active' then at + 86400000 end, case when pg_temp.draw(i, 44) < 0.05 then at + 86400000 end
	from (select i, $4::bigint - 31536000000 + (31536000000 * (i / ($3::bigint / 2.0)))::bigint as at, 1 + floor(20 * power(pg_temp.draw(i, 41), 2))::bigint as campaign,
			1 + (i * 2 * 611953 + 17) % $3 as contact,
			(array['finished','finished','finished','exited','active','control'])[1 + floor(6 * pg_temp.draw(i, 42))] as state
		from generate_series($1::bigint, $2::bigint) as i) as drawn`

const fillMessages = `insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at, decided_at, created_at)
	select ((at / 1000 - 1577836800) << 32) | ((i & 4194303) << 10) | 1, 1 + (i * 2 * 611953 + 17) % $3, campaign, 'letter-' || campaign % 5,
		case when pg_temp.draw(i, 43) < 0.95 then 'sent' else 'skipped' end, at, at, at + 86400000, at, at
	from (select i, $4::bigint - 31536000000 + (31536000000 * (i / ($3::bigint / 2.0)))::bigint as at, 1 + floor(20 * power(pg_temp.draw(i, 41), 2))::bigint as campaign
		from generate_series($1::bigint, $2::bigint) as i) as drawn`
