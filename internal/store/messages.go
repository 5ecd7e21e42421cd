package store

import (
	"context"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/ident"
)

// MessageFilter chooses messages; its zero fields choose all.
type MessageFilter struct {
	State    campaigns.MessageState
	Campaign int64
	Contact  contacts.ID
	Before   int64 // only ids below: the last one of a page gives the next page
	Limit    int   // at most this many; 0 means 100
}

// Message is a line of the ledger, for people.
type Message struct {
	ID        int64
	Step      int // number of its send step
	Contact   contacts.ID
	Email     string
	Campaign  string
	Template  string
	Subject   string // as it was sent, else as it was planned
	State     campaigns.MessageState
	Reason    string
	Created   time.Time
	NotBefore time.Time
	Expires   time.Time
	Decided   time.Time // when it became final; of sent: when it was sent; else zero
	Attempts  int64
	Provider  string
	Reply     string // the last answer of the mail server
	Mailbox   bool   // the built-in mailbox took it
}

// Messages lists messages, newest first.
func (s *Store) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	b := s.statement()
	where := "true"
	if f.State != "" {
		where += " and m.state = " + b.arg(string(f.State))
	}
	if f.Campaign != 0 {
		where += " and m.campaign_id = " + b.arg(f.Campaign)
	}
	if f.Contact != 0 {
		where += " and m.contact_id = " + b.arg(int64(f.Contact))
	}
	if f.Before != 0 {
		where += " and m.id < " + b.arg(f.Before)
	}
	limit := f.Limit
	if limit == 0 {
		limit = 100
	}
	return s.messagesWhere(ctx, b, where+` order by m.id desc limit `+b.arg(limit))
}

// Message returns one message; found is false when there is none.
func (s *Store) Message(ctx context.Context, id int64) (m Message, found bool, err error) {
	b := s.statement()
	list, err := s.messagesWhere(ctx, b, "m.id = "+b.arg(id))
	if err != nil || len(list) == 0 {
		return Message{}, false, err
	}
	return list[0], true, nil
}

func (s *Store) messagesWhere(ctx context.Context, b *statement, where string) ([]Message, error) {
	var out []Message
	err := each(ctx, s.db, `select m.id, m.contact_id, coalesce(c.email, ''), coalesce(k.name, ''), m.template,
			case when m.subject_sent <> '' then m.subject_sent else m.subject end, m.state, m.reason,
			m.created_at, m.not_before, m.expires_at, m.decided_at, m.attempts, m.provider, m.reply, m.mailbox
		from messages m left join contacts c on c.id = m.contact_id left join campaigns k on k.id = m.campaign_id
		where `+where, b.args,
		func(scan func(...any) error) error {
			var m Message
			var created, notBefore, expires int64
			var decided *int64
			err := scan(&m.ID, &m.Contact, &m.Email, &m.Campaign, &m.Template, &m.Subject, &m.State, &m.Reason,
				&created, &notBefore, &expires, &decided, &m.Attempts, &m.Provider, &m.Reply, &m.Mailbox)
			m.Step = ident.Step(m.ID)
			m.Created, m.NotBefore, m.Expires, m.Decided = at(created), at(notBefore), at(expires), atNull(decided)
			out = append(out, m)
			return err
		})
	return out, err
}
