package bench

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
)

// Who has bought twice and was not seen for a while: nine of ten of the contacts
// that are filled in. Of twenty, one has bought once and one came back lately.
const enrolled = `
  - { event: order.placed, count: { at_least: 2 } }
  - not: { event: order.placed, in_last: 60d }`

// enrolFirst is where the ids of these contacts begin: far behind those that the
// engine gives to the readers of the second campaign.
const enrolFirst = 1_000_000_000

// enrolEvents is how many events each of them has.
const enrolEvents = 3

// inEnrolled is true for those contacts for whom the condition holds: the bench
// counts them by how they were made, and not by what the engine finds.
const inEnrolled = `(contact_id > 1000000000 and contact_id % 20 not in (0, 10))`

// fillLapsed adds contacts with the events that the condition asks about. They
// are written as if they had been there for long: each with its stage, and
// nobody is waiting to be looked at.
func fillLapsed(ctx context.Context, r *Run, s *store.Store, now time.Time) error {
	for month := -12 * fillYears; month <= 0; month++ { // the partitions of an installation of that age
		if _, err := s.Maintain(ctx, now.AddDate(0, month, 0)); err != nil {
			return err
		}
	}
	db, err := pgx.Connect(ctx, r.Database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	f := &fill{ctx: ctx, db: db, run: r, size: r.Size, now: now.UnixMilli()}
	f.exec("begin")
	indexes := f.dropIndexes()
	f.each("contacts", r.Size, fillLapsedContacts, fillLapsedConsents)
	f.each("events", r.Size*enrolEvents, fillLapsedEvents)
	f.tally()
	for i, text := range indexes {
		f.run.Step("indexes", int64(i), int64(len(indexes)))
		f.exec(text)
	}
	f.exec("commit")
	return f.err
}

const fillLapsedContacts = `insert into contacts (id, email, first_name, attributes, folded, seed, stage, stage_since, created_at, updated_at)
	select i, 'lapsed-' || i || '@customers.example', 'Person', '{"country": "AT"}'::jsonb,
		jsonb_build_object('t', jsonb_build_object('email', 'lapsed-' || i || '@customers.example', 'first_name', 'person', 'country', 'at')),
		hashint8extended(i, 20) & 4294967295, 'customer', $4::bigint - 60480000000, $4 - 60480000000, $4
	from generate_series(1000000000 + $1::bigint, 1000000000 + $2::bigint) as i where $3::bigint > 0`

const fillLapsedConsents = `insert into consents (contact_id, topic, state, source, at, key)
	select i, 'offers', 'given', 'bench', $4::bigint - 60480000000, 'bench' from generate_series(1000000000 + $1::bigint, 1000000000 + $2::bigint) as i where $3::bigint > 0`

// Three times everybody comes by, in an order that is not that of the ids: to
// buy, to buy again, and to look around. What has happened stands in the order of
// time, but for those few who came back.
const fillLapsedEvents = `insert into events (id, contact_id, name, at, key, properties, folded)
	select ((at / 1000 - 1577836800) << 32) | ((j & 4194303) << 10), contact_id, case when bought then 'order.placed' else 'page.viewed' end, at, 'bench:' || j,
		case when bought then '{"total": 80, "currency": "EUR"}' else '{"url": "/products/42"}' end::jsonb,
		case when bought then '{"n": {"total": 80000000}, "t": {"currency": "eur"}}' else '{"t": {"url": "/products/42"}}' end::jsonb
	from (select j, contact_id, visit = 0 or visit = 1 and contact_id % 20 <> 0 or visit = 2 and contact_id % 20 = 10 as bought,
			case when visit = 2 and contact_id % 20 = 10 then $4::bigint - 2592000000 + j % 1000000 * 1000
				else $4 - 60480000000 + (55000000000 * ((j - 1) / ($3::bigint * 3.0::double precision)))::bigint end as at
		from (select j, (j - 1) / $3 as visit, 1000000001 + (j * 611953 + 17) % $3 as contact_id
			from generate_series($1::bigint, $2::bigint) as j offset 0) as visits offset 0) as priced`
