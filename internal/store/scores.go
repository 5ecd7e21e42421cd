package store

import (
	"context"

	"rapport/internal/contacts"
)

// loadScores adds the scores of contacts, in the order of their names.
func (s *Store) loadScores(ctx context.Context, q querier, ids []int64, facts map[contacts.ID]*contacts.Facts) error {
	b := s.statement()
	return each(ctx, q, `select contact_id, name, sign, value from scores where `+b.in("contact_id", ids)+` order by contact_id, name`, b.args,
		func(scan func(...any) error) error {
			var who contacts.ID
			var score contacts.Score
			err := scan(&who, &score.Name, &score.Sign, &score.Value)
			if f := facts[who]; f != nil {
				f.Scores = append(f.Scores, score)
			}
			return err
		})
}

// saveScores writes the scores that have moved, of the contacts whose scores are
// told, and takes away what nobody has any more. What is predicted is not among
// them: savePredictions writes it.
func (s *Store) saveScores(ctx context.Context, q querier, states []StateChange) error {
	var ids, contact, sign, value []int64
	var name []string
	for _, st := range states {
		if !st.Scored {
			continue
		}
		ids = append(ids, int64(st.Contact))
		for _, score := range st.Scores {
			contact, name = append(contact, int64(st.Contact)), append(name, score.Name)
			sign, value = append(sign, score.Sign), append(value, score.Value)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	b := s.statement()
	from := b.table("r", bigints("contact_id", contact), texts("name", name))
	if _, err := q.exec(ctx, `delete from scores where `+b.in("contact_id", ids)+` and not `+b.inText("name", contacts.PredictedScores)+` and (contact_id, name) not in (select r.contact_id, r.name from `+from+`)`, b.args...); err != nil {
		return err
	}
	if len(contact) == 0 {
		return nil
	}
	b = s.statement()
	from = b.table("r", bigints("contact_id", contact), texts("name", name), bigints("sign", sign), bigints("value", value))
	_, err := q.exec(ctx, `insert into scores (contact_id, name, sign, value) select r.contact_id, r.name, r.sign, r.value from `+from+` where true
		on conflict (contact_id, name) do update set sign = excluded.sign, value = excluded.value
		where scores.sign <> excluded.sign or scores.value <> excluded.value`, b.args...)
	return err
}
