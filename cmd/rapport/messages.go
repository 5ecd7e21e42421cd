package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/campaigns"
	"rapport/internal/ident"
	"rapport/internal/store"
)

func (a *app) messagesCommand() *cobra.Command {
	return groupOf(&cobra.Command{
		Use:   "messages",
		Short: "List messages, and settle those nobody is sure of",
		Example: `  rapport messages list --state unknown
  rapport messages settle 067tcbg05r801 --as sent --reason "seen in the log"`,
	}, a.messagesList(), a.messagesSettle())
}

// states are the states of a message, as --state takes them.
var states = []string{string(campaigns.Queued), string(campaigns.Sending), string(campaigns.Sent), string(campaigns.Failed),
	string(campaigns.Skipped), string(campaigns.Unknown)}

func (a *app) messagesList() *cobra.Command {
	var state, campaign, contact string
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List messages with their state and reason, newest first",
		Long: `List messages with their state and reason, newest first. A message is queued,
sending, sent, failed, skipped or unknown: unknown is one whose worker fell
silent before it could say whether the mail server took it.`,
		Example: `  rapport messages list --state failed
  rapport messages list --campaign welcome --limit 50
  rapport messages list --contact ana@example.com --json`,
		RunE: a.with(func(s *session, _ []string) error {
			f := store.MessageFilter{State: campaigns.MessageState(state), Limit: limit}
			if state != "" && !slices.Contains(states, state) {
				return usagef("there is no state %q%s", state, orOneOf(state, states))
			}
			if err := fromOne(limit); err != nil {
				return err
			}
			if campaign != "" {
				k, err := s.campaign(campaign)
				if err != nil {
					return err
				}
				f.Campaign = k.ID
			}
			if contact != "" {
				c, err := s.contact(contact)
				if err != nil {
					return err
				}
				f.Contact = c.ID
			}
			list, err := s.store.Messages(s.ctx, f)
			if err != nil {
				return err
			}
			if s.json {
				out := []any{}
				for _, m := range list {
					out = append(out, messageJSON(m))
				}
				return s.print(out)
			}
			s.showMessages(list, limit)
			return nil
		}),
	}
	c.Flags().StringVar(&state, "state", "", "only messages in this `state`: "+strings.Join(states, ", "))
	c.Flags().StringVar(&campaign, "campaign", "", "only messages of this campaign, by its `name`")
	c.Flags().StringVar(&contact, "contact", "", "only messages to this contact, by `e-mail`")
	c.Flags().IntVar(&limit, "limit", 50, "show at most this `many`")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

func (s *session) showMessages(list []store.Message, limit int) {
	if len(list) == 0 {
		s.printf("There are no such messages.\n")
		return
	}
	t := s.newTable("MESSAGE", "STATE", "WHEN", "CONTACT", "TEMPLATE AND REASON")
	for _, m := range list {
		what := plain(m.Template)
		if why := reasonOf(m); why != "" {
			what += s.faint(" — " + plain(why))
		}
		t.row(ident.Format(m.ID), s.state(string(m.State)), s.faint(s.soon(moved(m))), plain(m.Email), what)
	}
	t.print()
	if len(list) == limit {
		s.printf("%s\n", s.faint(fmt.Sprintf("the newest %s; --limit shows more", count(limit))))
	}
}

// moved is when the message became what it is; of a queued one, when it may go.
func moved(m store.Message) time.Time {
	switch {
	case !m.Decided.IsZero():
		return m.Decided
	case m.State == campaigns.Queued && !m.NotBefore.IsZero():
		return m.NotBefore
	}
	return m.Created
}

// reasonOf is why a message is what it is, in the words of whoever decided.
func reasonOf(m store.Message) string {
	switch {
	case m.Reason != "":
		return m.Reason
	case m.State == campaigns.Sent && m.Mailbox:
		return "caught by the mailbox"
	case m.State == campaigns.Sent && m.Provider != "":
		return "through " + m.Provider
	}
	return m.Reply
}

func (a *app) messagesSettle() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use:   "settle ID",
		Short: "Say what became of a message that nobody is sure of",
		Long: `Say what became of a message whose state is unknown. Look it up at the mail
server first: Message-ID and X-Rapport-Id hold the id. As sent it counts for
limits and the contact goes on from there; as failed its step is passed by. It
is never sent again.`,
		Example: `  rapport messages settle 067tcbg05r801 --as sent --reason "seen in the log"
  rapport messages settle 067tcbg05r801 --as failed`,
		Args: args("ID"),
		RunE: a.with(func(s *session, given []string) error {
			id, err := messageID(given[0])
			if err != nil {
				return err
			}
			to := campaigns.MessageState(as)
			if to != campaigns.Sent && to != campaigns.Failed {
				return usagef("say what became of it: --as sent, or --as failed")
			}
			return s.settle(id, to, reason)
		}),
	}
	c.Flags().StringVar(&as, "as", "", "`sent` or failed")
	c.Flags().StringVar(&reason, "reason", "", "how you know, in `words`")
	_ = c.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"sent", "failed"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

// messageID reads an id as people see it, or as a number.
func messageID(text string) (int64, error) {
	if id, err := ident.Parse(text); err == nil {
		return id, nil
	}
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	return 0, usagef("%q is not the id of a message: it has 13 letters and digits, as messages list shows it", text)
}

func (s *session) settle(id int64, to campaigns.MessageState, reason string) error {
	m, found, err := s.store.Message(s.ctx, id)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no message %s", ident.Format(id))
	}
	if m.State == to {
		return s.settled(m, false)
	}
	if !campaigns.Allowed(m.State, to, campaigns.ByPerson) || m.State != campaigns.Unknown {
		return fmt.Errorf("the message %s is %s: only one that is unknown can be settled", ident.Format(id), m.State)
	}
	if reason == "" {
		reason = "settled by hand"
	}
	o := store.Outcome{Message: id, State: to, Reason: reason, At: s.now.Now()}
	if to == campaigns.Sent && !m.Decided.IsZero() {
		o.At = m.Decided // it left when its worker meant to send it, not when somebody found out
	}
	ready, err := s.store.Record(s.ctx, []store.Outcome{o}, campaigns.ByPerson, s.now.Now())
	if err != nil {
		return err
	}
	_ = ready // a message that became final gives no batch
	if m, _, err = s.store.Message(s.ctx, id); err != nil {
		return err
	}
	if m.State != to {
		return fmt.Errorf("the message %s became %s in this moment: nothing was changed", ident.Format(id), m.State)
	}
	return s.settled(m, true)
}

func (s *session) settled(m store.Message, changed bool) error {
	if s.json {
		return s.print(messageJSON(m))
	}
	if !changed {
		s.printf("%s is %s already\n", ident.Format(m.ID), s.state(string(m.State)))
		return nil
	}
	s.printf("%s to %s is %s\n", ident.Format(m.ID), plain(m.Email), s.state(string(m.State)))
	return nil
}

func messageJSON(m store.Message) any {
	type message struct {
		ID        string     `json:"id"`
		State     string     `json:"state"`
		Reason    string     `json:"reason"`
		Contact   string     `json:"contact"`
		Campaign  string     `json:"campaign"`
		Step      int        `json:"step"`
		Template  string     `json:"template"`
		Subject   string     `json:"subject"`
		Created   time.Time  `json:"created"`
		NotBefore *time.Time `json:"not_before"`
		Decided   *time.Time `json:"decided"`
		Attempts  int64      `json:"attempts"`
		Provider  string     `json:"provider"`
		Reply     string     `json:"reply"`
		Mailbox   bool       `json:"mailbox"`
	}
	return message{ID: ident.Format(m.ID), State: string(m.State), Reason: m.Reason, Contact: m.Email, Campaign: m.Campaign, Step: m.Step,
		Template: m.Template, Subject: m.Subject, Created: m.Created.UTC(), NotBefore: known(m.NotBefore), Decided: known(m.Decided),
		Attempts: m.Attempts, Provider: m.Provider, Reply: m.Reply, Mailbox: m.Mailbox}
}

// known is a moment for JSON: null where there is none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
