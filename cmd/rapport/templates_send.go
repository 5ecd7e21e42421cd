package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/internal/delivery/smtp"
)

func (a *app) templatesSend() *cobra.Command {
	var f whom
	var to string
	c := &cobra.Command{
		Use:   "send NAME --to EMAIL",
		Short: "Send yourself a template as a marked test",
		Long: `Send a template to your own address, as a contact would get it, through the
provider of its sender and signed like all its mail. The subject begins with
[Test] and the header says X-Rapport-Test: yes.

A test counts for nothing: it stands in no ledger and no limit, its links lead
straight where the template says, and those to unsubscribe open a page that
changes nothing. It leaves the house whatever delivery says in rapport.yaml,
because a person has named the one address it goes to.

The template is read from the folder; for whom it is written is said as with
rapport templates preview.`,
		Example: `  rapport templates send welcome --to me@example.com
  rapport templates send welcome --contact ana@example.com --to me@example.com`,
		Args:              args("NAME"),
		ValidArgsFunction: a.completeNames(templateNames),
		RunE: a.with(func(s *session, given []string) error {
			if to == "" {
				return usagef("say where it goes: --to me@example.com")
			}
			address, err := contacts.ParseAddress(to)
			if err != nil {
				return usagef("--to: %s", err)
			}
			return s.sendTest(given[0], address, &f)
		}),
	}
	f.add(c)
	c.Flags().StringVar(&to, "to", "", "the `address` that gets the test")
	return c
}

func (s *session) sendTest(name, to string, f *whom) error {
	one, applied, err := s.single(name, f)
	if err != nil {
		return err
	}
	if one.Sender == "" {
		return fmt.Errorf("no campaign sends %s, so nobody knows from whom it is: say --sender NAME", name)
	}
	one.TestTo = to
	w, err := one.Write(applied, s.now.Now())
	if err != nil {
		return err
	}
	providers := applied.Senders[one.Sender].Providers
	if len(providers) == 0 {
		return fmt.Errorf("sender %s has no provider: write one into rapport.yaml, under providers", one.Sender)
	}
	var provider string
	var r smtp.Result
	for _, provider = range providers {
		if r = handOver(s.ctx, applied, provider, w.Envelope); !r.Provider {
			break
		}
		s.note("%s is not to be had: %s", provider, r)
	}
	return s.tested(testResult{Template: name, To: to, Provider: provider, Subject: "[Test] " + w.Subject, Sent: r.Outcome == smtp.Sent, Reply: replied(r)})
}

// testPatience is how long a mail server may take over each step of a test: a
// person waits for it.
const testPatience = 30 * time.Second

// handOver gives one message to a provider.
func handOver(ctx context.Context, applied *catalog.Applied, provider string, e smtp.Envelope) smtp.Result {
	config := delivery.Way(applied.Providers[provider])
	config.Connections, config.ConnectTimeout, config.CommandTimeout, config.DataTimeout = 1, testPatience, testPatience, testPatience
	pool := smtp.NewPool(config, nil)
	defer pool.Close()
	return pool.SendAll(ctx, []smtp.Envelope{e})[0]
}

// testResult is what became of a test.
type testResult struct {
	Template string `json:"template"`
	To       string `json:"to"`
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
	Sent     bool   `json:"sent"`
	Reply    string `json:"reply"` // of the mail server, or what happened instead
}

func replied(r smtp.Result) string {
	text := strings.TrimSpace(strings.Join(strings.Fields(fmt.Sprintf("%s %s", r.Enhanced, r.Text)), " "))
	if r.Code != 0 {
		text = fmt.Sprintf("%d %s", r.Code, text)
	}
	return cmp.Or(strings.TrimSpace(text), r.Outcome.String())
}

func (s *session) tested(r testResult) error {
	if s.json {
		if err := s.print(r); err != nil {
			return err
		}
	} else if r.Sent {
		s.printf("sent %q to %s through %s: %s\n", plain(r.Subject), r.To, r.Provider, plain(r.Reply))
	}
	if !r.Sent {
		return fmt.Errorf("%s did not take the test to %s: %s", r.Provider, r.To, plain(r.Reply))
	}
	return nil
}
