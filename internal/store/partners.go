package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/contacts"
	"rapport/segments"
)

// Brought is what came through a partner.
type Brought struct {
	Partner  string // as the attribute has it, folded
	Contacts int64
	Buyers   int64   // of them, who have bought
	Orders   int64   // of theirs
	Value    float64 // of these orders, in the company's currency
}

// BroughtBy counts what came through each partner: the contacts whose attribute
// names one, and what they have bought since. Erased contacts are not among them.
// It goes through all contacts.
func (s *Store) BroughtBy(ctx context.Context, attribute string, in Purchases) ([]Brought, error) {
	found := map[string]*Brought{}
	of := func(name string) *Brought {
		if found[name] == nil {
			found[name] = &Brought{Partner: name}
		}
		return found[name]
	}
	err := s.db.readMany(ctx, func(q querier) error {
		b := s.statement()
		partner := b.text("c", attribute)
		if err := each(ctx, q, `select partner, count(*) from (select `+partner+` as partner from contacts c where not c.erased) as x
			where partner is not null group by partner`, b.args, func(scan func(...any) error) error {
			var name string
			var n int64
			err := scan(&name, &n)
			of(name).Contacts = n
			return err
		}); err != nil {
			return err
		}
		b = s.statement()
		partner = b.text("c", attribute)
		value := b.amount("e", in.Value)
		return each(ctx, q, `select partner, count(distinct contact_id), count(*), sum(value) from (
			select `+partner+` as partner, e.contact_id, cast(`+value+` as double precision) / 1000000 as value
			from contacts c join events e on e.contact_id = c.id
			where not c.erased and e.name = `+b.arg(in.Event)+` and not e.machine and e.at <= `+b.arg(ms(in.Now))+`) as x
			where partner is not null group by partner`, b.args, func(scan func(...any) error) error {
			var name string
			var one Brought
			err := scan(&name, &one.Buyers, &one.Orders, &one.Value)
			to := of(name)
			to.Buyers, to.Orders, to.Value = one.Buyers, one.Orders, one.Value
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count what came through partners: %w", err)
	}
	out := make([]Brought, 0, len(found))
	for _, one := range found {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Brought) int { return strings.Compare(a.Partner, b.Partner) })
	return out, nil
}

// text is the folded text of an attribute or property; null without it.
func (b *statement) text(alias, path string) string {
	if b.dialect == segments.Postgres {
		return `(` + alias + `.folded -> '` + contacts.KindText.Key() + `' ->> ` + b.arg(path) + `)`
	}
	return b.form(alias, contacts.KindText, path)
}
