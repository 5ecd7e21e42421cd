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
	MadeAt   time.Time // when predicting everybody by it was begun
	Purchase string    // what counted as a purchase
	Asked    string    // what the ladder asked of predictions when everybody was told last
	Done     bool      // everybody was predicted by it
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

// KeepLearnt keeps a model. What the one before has predicted stays until
// PredictCustomers has come to a contact.
func (s *Store) KeepLearnt(ctx context.Context, l Learnt) error {
	data, err := json.Marshal(l.Model)
	if err == nil {
		done := 0
		if l.Done {
			done = 1
		}
		err = s.db.write(ctx, func(q querier) error {
			_, err := q.exec(ctx, `insert into models (name, made_at, purchase, asked, done, data) values ($1, $2, $3, $4, $5, $6)
				on conflict (name) do update set made_at = $2, purchase = $3, asked = $4, done = $5, data = $6`,
				buyingModel, ms(l.MadeAt), l.Purchase, l.Asked, done, string(data))
			return err
		})
	}
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
	and := ` and ` + b.inText(b.unindexed("e.name", "''"), []string{in.Event}) + ` and not ` + b.unindexed("e.machine", "false") + ` and e.at <= ` + b.arg(ms(in.Now))
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
	Scores  []contacts.Score // all of them: what is not among them is withdrawn
	Told    []contacts.Event // to the ladder
}

// predictedIDs are the next contacts of whom something may have to be said: who
// has bought, and of whom something is predicted that may not hold any more.
func (s *Store) predictedIDs(ctx context.Context, q querier, in Purchases) (ids []int64, err error) {
	buyers, err := s.customerIDs(ctx, q, in)
	if err != nil {
		return nil, err
	}
	b := s.statement()
	err = each(ctx, q, `select distinct contact_id from scores where contact_id > `+b.arg(int64(in.After))+` and `+b.inText(b.unindexed("name", "''"), contacts.PredictedScores)+
		` order by contact_id limit `+b.arg(in.Limit), b.args, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	ids = append(ids, buyers...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), in.Limit)], err
}

// PredictCustomers asks decide what is predicted of the next contacts who have
// bought, or of whom something is predicted, and writes it. The contacts are
// locked, so that who buys at this moment is predicted afterwards. last is the one
// to go on behind, and 0 when there is none left.
func (s *Store) PredictCustomers(ctx context.Context, in Purchases, decide func([]Customer) []Prediction) (last contacts.ID, err error) {
	err = s.db.write(ctx, func(q querier) error {
		ids, err := s.predictedIDs(ctx, q, in)
		if err != nil {
			return err
		}
		last = lastOf(ids, in.Limit)
		if ids, err = s.lockLiving(ctx, q, ids); err != nil || len(ids) == 0 {
			return err
		}
		bought, err := s.histories(ctx, q, in, ids)
		if err != nil {
			return err
		}
		known, err := s.predicted(ctx, q, ids)
		if err != nil {
			return err
		}
		list := make([]Customer, len(ids))
		for i, id := range ids {
			list[i].ID = contacts.ID(id)
			if len(bought) > 0 && bought[0].ID == list[i].ID {
				list[i], bought = bought[0], bought[1:]
			}
			list[i].Predicted = known[list[i].ID]
		}
		return s.savePredictions(ctx, q, decide(list), known, in.Now)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot predict what customers will do: %w", err)
	}
	return last, nil
}

// predicted is what is predicted of contacts so far, by name.
func (s *Store) predicted(ctx context.Context, q querier, ids []int64) (map[contacts.ID][]contacts.Score, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	facts := make(map[contacts.ID]*contacts.Facts, len(ids))
	for _, id := range ids {
		facts[contacts.ID(id)] = &contacts.Facts{}
	}
	if err := s.loadScores(ctx, q, ids, facts); err != nil {
		return nil, err
	}
	known := make(map[contacts.ID][]contacts.Score, len(ids))
	for id, f := range facts {
		_, known[id] = contacts.Predicted(f.Scores)
	}
	return known, nil
}

// savePredictions expects the contacts to be locked, and in the order of their ids;
// known is what is predicted of them so far.
func (s *Store) savePredictions(ctx context.Context, q querier, list []Prediction, known map[contacts.ID][]contacts.Score, now time.Time) error {
	var who, value, goneWho []int64
	var name, goneName []string
	var told []contacts.Event
	for _, p := range list {
		for _, score := range p.Scores {
			if !slices.Contains(known[p.Contact], score) {
				who, name, value = append(who, int64(p.Contact)), append(name, score.Name), append(value, score.Value)
			}
		}
		for _, old := range known[p.Contact] {
			if !slices.ContainsFunc(p.Scores, func(s contacts.Score) bool { return s.Name == old.Name }) {
				goneWho, goneName = append(goneWho, int64(p.Contact)), append(goneName, old.Name)
			}
		}
		told = append(told, p.Told...)
	}
	if len(goneWho) > 0 {
		b := s.statement()
		from := b.table("r", bigints("contact_id", goneWho), texts("name", goneName))
		if _, err := q.exec(ctx, `delete from scores where (contact_id, name) in (select r.contact_id, r.name from `+from+`)`, b.args...); err != nil {
			return err
		}
	}
	if len(who) > 0 {
		b := s.statement()
		from := b.table("r", bigints("contact_id", who), texts("name", name), bigints("value", value))
		if _, err := q.exec(ctx, `insert into scores (contact_id, name, sign, value) select r.contact_id, r.name, 0, r.value from `+from+` where true
			on conflict (contact_id, name) do update set sign = 0, value = excluded.value`, b.args...); err != nil {
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
