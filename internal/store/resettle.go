package store

import (
	"context"
	"fmt"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
)

// Resettle is what an apply does with those who are on their way in one campaign.
type Resettle struct {
	Campaign string
	// Pins lists, by version, the steps on which nothing changes: who stands
	// there is only pinned to the new version.
	Pins map[int64][]string
	// Each decides about one of the others, in the transaction of the apply. A
	// decision whose enrolment has the version 0 pins it to the new one.
	Each func(e campaigns.Enrolment, c *contacts.Contact) (Resettled, error)
}

// Resettled is what becomes of one enrolment.
type Resettled struct {
	Leave     bool // it stays as it is
	Enrolment campaigns.Enrolment
	Withdraw  int64  // a queued message to skip
	Why       string // the reason of that
	// Retarget is a queued message that is made of another template from now on.
	Retarget          int64
	Template, Subject string
}

// resettleSize is how many enrolments are decided about at a time.
const resettleSize = 5000

// resettle moves or ends those on their way, in the transaction that stores the
// version: whoever looks at them sees all of it or nothing. Those that a scheduler
// holds are waited for.
func (s *Store) resettle(ctx context.Context, q querier, list []Resettle, version int64, now time.Time) (n int64, err error) {
	for _, r := range list {
		var campaign int64
		if found, err := one(ctx, q, `select id from campaigns where name = $1`, []any{r.Campaign}, &campaign); err != nil || !found {
			return n, err
		}
		for _, old := range sortedKeys(r.Pins) {
			b := s.statement()
			pinned, err := q.exec(ctx, `update enrolments set version_id = `+b.arg(version)+`, rev = rev + 1 where campaign_id = `+b.arg(campaign)+
				` and version_id = `+b.arg(old)+` and ended_at is null and state in ('active', 'parked') and `+b.inText("position", r.Pins[old]), b.args...)
			if err != nil {
				return n, err
			}
			n += pinned
		}
		some, err := s.resettleEach(ctx, q, r, campaign, version, now)
		if n += some; err != nil {
			return n, fmt.Errorf("campaign %s: %w", r.Campaign, err)
		}
	}
	return n, nil
}

func (s *Store) resettleEach(ctx context.Context, q querier, r Resettle, campaign, version int64, now time.Time) (n int64, err error) {
	for after := int64(0); ; {
		b := s.statement()
		due, err := s.readEnrolments(ctx, q, b, `e.campaign_id = `+b.arg(campaign)+` and e.version_id <> `+b.arg(version)+
			` and e.ended_at is null and e.state in ('active', 'parked') and e.id > `+b.arg(after),
			` order by e.id limit `+b.arg(resettleSize)+b.lock("for update of e"), resettleSize)
		if err != nil || len(due) == 0 {
			return n, err
		}
		after = due[len(due)-1].Enrolment.ID
		some, err := s.resettleSome(ctx, q, r, due, version, now)
		if n += some; err != nil {
			return n, err
		}
	}
}

func (s *Store) resettleSome(ctx context.Context, q querier, r Resettle, due []Due, version int64, now time.Time) (int64, error) {
	ids := make([]contacts.ID, len(due))
	for i, d := range due {
		ids[i] = d.Enrolment.Contact
	}
	people, err := s.readContacts(ctx, q, ids, "")
	if err != nil {
		return 0, err
	}
	of := make(map[contacts.ID]*contacts.Contact, len(people))
	for i := range people {
		of[people[i].ID] = &people[i]
	}
	var saved, withdrawn []Stepped
	var pinned []int64
	var again []Resettled
	for _, d := range due {
		done, err := r.Each(d.Enrolment, of[d.Enrolment.Contact])
		if err != nil {
			return 0, err
		}
		if done.Leave {
			continue
		}
		saved = append(saved, Stepped{Enrolment: done.Enrolment})
		if done.Enrolment.Version == 0 {
			pinned = append(pinned, d.Enrolment.ID)
		}
		if done.Withdraw != 0 {
			withdrawn = append(withdrawn, Stepped{Enrolment: campaigns.Enrolment{Reason: done.Why}, Withdraw: done.Withdraw})
		}
		if done.Retarget != 0 {
			again = append(again, done)
		}
	}
	if len(saved) == 0 {
		return 0, nil
	}
	if _, err := s.saveEnrolments(ctx, q, saved, nil); err != nil {
		return 0, err
	}
	if err := s.withdraw(ctx, q, withdrawn, now); err != nil {
		return 0, err
	}
	if err := s.retarget(ctx, q, again); err != nil {
		return 0, err
	}
	b := s.statement()
	_, err = q.exec(ctx, `update enrolments set version_id = `+b.arg(version)+` where `+b.in("id", pinned), b.args...)
	return int64(len(saved)), err
}

// retarget makes queued messages be rendered from another template.
func (s *Store) retarget(ctx context.Context, q querier, list []Resettled) error {
	if len(list) == 0 {
		return nil
	}
	ids, templates, subjects := make([]int64, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, r := range list {
		ids[i], templates[i], subjects[i] = r.Retarget, r.Template, r.Subject
	}
	b := s.statement()
	from := b.table("r", bigints("id", ids), texts("template", templates), texts("subject", subjects))
	_, err := q.exec(ctx, `update messages set template = r.template, subject = r.subject from `+from+
		` where messages.id = r.id and messages.state = 'queued'`, b.args...)
	return err
}
