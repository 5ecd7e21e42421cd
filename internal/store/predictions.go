package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/relationship/buying"
)

// Learnt is a model of all customers, as it is kept.
type Learnt struct {
	MadeAt   time.Time
	Purchase string // what counted as a purchase
	Asked    string // what the ladder asked of predictions
	Done     bool   // everybody was predicted by it
	Model    buying.Model
}

const buyingModel = "buying"

// LastLearnt is the model that was learnt last; found is false before the first.
func (s *Store) LastLearnt(ctx context.Context) (l Learnt, found bool, err error) {
	var made int64
	var done int
	var data string
	found, err = one(ctx, s.db, `select made_at, purchase, asked, done, data from models where name = $1`, []any{buyingModel}, &made, &l.Purchase, &l.Asked, &done, &data)
	if err == nil && found {
		l.MadeAt, l.Done = at(made), done == 1
		err = json.Unmarshal([]byte(data), &l.Model)
	}
	if err != nil {
		return Learnt{}, false, fmt.Errorf("cannot read what was learnt of customers: %w", err)
	}
	return l, found, nil
}

// KeepLearnt keeps a model. Where it can say less than the one before, or goes by
// other purchases, what that one has predicted is taken away.
func (s *Store) KeepLearnt(ctx context.Context, l Learnt) error {
	data, err := json.Marshal(l.Model)
	if err != nil {
		return fmt.Errorf("cannot keep what was learnt of customers: %w", err)
	}
	before, _, err := s.LastLearnt(ctx)
	if err != nil {
		return err
	}
	var gone []string
	switch {
	case before.Purchase != l.Purchase:
		gone = contacts.PredictedScores
	default:
		if l.Model.Orders == nil {
			gone = append(gone, contacts.ScorePAlive, contacts.ScoreExpected)
		}
		if l.Model.Orders == nil || l.Model.Amounts == nil {
			gone = append(gone, contacts.ScoreLifetime)
		}
		if l.Model.Ranks == nil {
			gone = append(gone, contacts.ScoreRFM)
		}
	}
	done := 0
	if l.Done {
		done = 1
	}
	err = s.db.writeMany(ctx, func(q querier) error {
		if len(gone) > 0 {
			b := s.statement()
			if _, err := q.exec(ctx, `delete from scores where `+b.inText("name", gone), b.args...); err != nil {
				return err
			}
		}
		_, err := q.exec(ctx, `insert into models (name, made_at, purchase, asked, done, data) values ($1, $2, $3, $4, $5, $6)
			on conflict (name) do update set made_at = $2, purchase = $3, asked = $4, done = $5, data = $6`,
			buyingModel, ms(l.MadeAt), l.Purchase, l.Asked, done, string(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot keep what was learnt of customers: %w", err)
	}
	return nil
}

// Purchases says which events are purchases, and whose are read.
type Purchases struct {
	Event, Value string      // the name of the event, and its property with what was paid
	After        contacts.ID // the contacts behind this one
	Limit        int
	Now          time.Time // what lies after it is not seen
}

// Customer is a contact who has bought.
type Customer struct {
	ID        contacts.ID
	History   buying.History
	Predicted []contacts.Score // so far, by name
}

// Customers reads what the next contacts have bought; last is the one to go on
// behind, and 0 when there is none left.
func (s *Store) Customers(ctx context.Context, in Purchases) (list []Customer, last contacts.ID, err error) {
	err = s.db.readMany(ctx, func(q querier) error {
		ids, err := s.customerIDs(ctx, q, in)
		if err != nil {
			return err
		}
		last = lastOf(ids, in.Limit)
		list, err = s.histories(ctx, q, in, ids)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read purchases: %w", err)
	}
	return list, last, nil
}

// lastOf is the last of a page, or 0 when it is not full.
func lastOf(ids []int64, limit int) contacts.ID {
	if len(ids) < limit {
		return 0
	}
	return contacts.ID(ids[len(ids)-1])
}

// customerIDs are the next contacts who have bought: whoever has not has the
// health none, which the ladder sees to.
func (s *Store) customerIDs(ctx context.Context, q querier, in Purchases) (ids []int64, err error) {
	err = each(ctx, q, `select id from contacts where id > $1 and not erased and health not in ('', 'none') order by id limit $2`,
		[]any{int64(in.After), in.Limit}, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

func (s *Store) histories(ctx context.Context, q querier, in Purchases, ids []int64) ([]Customer, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	b := s.statement()
	value := b.amount("e", in.Value)
	and := ` and ` + b.inText(b.unindexed("e.name"), []string{in.Event}) + ` and not e.machine and e.at <= ` + b.arg(ms(in.Now))
	var list []Customer
	err := each(ctx, q, `select e.contact_id, e.at, `+value+b.eventsOf(ids, and)+` order by 1, 2`, b.args, func(scan func(...any) error) error {
		var who contacts.ID
		var when, paid int64
		if err := scan(&who, &when, &paid); err != nil {
			return err
		}
		if n := len(list); n == 0 || list[n-1].ID != who {
			list = append(list, Customer{ID: who})
		}
		list[len(list)-1].History.Add(buying.Purchase{At: at(when), Value: float64(paid) / contacts.Million})
		return nil
	})
	return list, err
}

// Prediction is what is predicted of a contact from now on.
type Prediction struct {
	Contact contacts.ID
	Scores  []contacts.Score
	Told    []contacts.Event // to the ladder
}

// PredictCustomers asks decide what is predicted of the next customers, and writes
// it. The contacts are locked, so that who buys at this moment is predicted
// afterwards. last is the one to go on behind, and 0 when there is none left.
func (s *Store) PredictCustomers(ctx context.Context, in Purchases, decide func([]Customer) []Prediction) (last contacts.ID, err error) {
	err = s.db.write(ctx, func(q querier) error {
		ids, err := s.customerIDs(ctx, q, in)
		if err != nil {
			return err
		}
		last = lastOf(ids, in.Limit)
		if err := s.lockContacts(ctx, q, contactIDs(ids)); err != nil {
			return err
		}
		list, err := s.histories(ctx, q, in, ids)
		if err != nil {
			return err
		}
		facts := make(map[contacts.ID]*contacts.Facts, len(ids))
		for _, id := range ids {
			facts[contacts.ID(id)] = &contacts.Facts{}
		}
		if err := s.loadScores(ctx, q, ids, facts); err != nil {
			return err
		}
		for i := range list {
			_, list[i].Predicted = contacts.Predicted(facts[list[i].ID].Scores)
		}
		predictions := decide(list)
		for i := range predictions {
			known := facts[predictions[i].Contact].Scores
			predictions[i].Scores = slices.DeleteFunc(predictions[i].Scores, func(p contacts.Score) bool { return slices.Contains(known, p) })
		}
		return s.savePredictions(ctx, q, predictions, in.Now)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot predict what customers will do: %w", err)
	}
	return last, nil
}

// savePredictions expects the contacts to be locked, and in the order of their ids.
func (s *Store) savePredictions(ctx context.Context, q querier, list []Prediction, now time.Time) error {
	var who, value []int64
	var name []string
	var told []contacts.Event
	for _, p := range list {
		for _, score := range p.Scores {
			who, name, value = append(who, int64(p.Contact)), append(name, score.Name), append(value, score.Value)
		}
		told = append(told, p.Told...)
	}
	if len(who) > 0 {
		b := s.statement()
		from := b.table("r", bigints("contact_id", who), texts("name", name), bigints("value", value))
		if _, err := q.exec(ctx, `insert into scores (contact_id, name, sign, value) select r.contact_id, r.name, 0, r.value from `+from+` where true
			on conflict (contact_id, name) do update set sign = 0, value = excluded.value where scores.value <> excluded.value`, b.args...); err != nil {
			return err
		}
	}
	return s.tell(ctx, q, told, now) // last: the ids of events are waited for
}

func contactIDs(ids []int64) []contacts.ID {
	out := make([]contacts.ID, len(ids))
	for i, id := range ids {
		out[i] = contacts.ID(id)
	}
	return out
}
