package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"rapport/internal/delivery/smtp/smtptest"
)

// A message is made when a connection takes it up: once, whatever becomes of the
// connection, and never many more at a time than there are connections. One that
// cannot be made keeps no other from going.
func TestMessagesAreMadeWhenTheirTurnComes(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			const n, connections = 60, 2
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions, Script: func(s smtptest.Step) *smtptest.Action {
				if s.Verb == "mail" && s.Connection < 3 && s.Message%10 == 0 {
					return &smtptest.Action{Drop: true}
				}
				return nil
			}})
			p := newPool(t, server, func(c *Config) { c.Connections = connections })
			broken := errors.New("this one cannot be written")
			var open, most atomic.Int64
			var made [n]atomic.Int64
			whole := envelopes(n)
			all := make([]Envelope, n)
			for i := range all {
				all[i] = Envelope{
					Make: func(e *Envelope) error {
						made[i].Add(1)
						if i%7 == 3 {
							return broken
						}
						now := open.Add(1)
						for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
						}
						e.From, e.To, e.Data, e.Ready = whole[i].From, whole[i].To, whole[i].Data, true
						return nil
					},
					Done: func(r Result) {
						if !errors.Is(r.Err, broken) {
							open.Add(-1)
						}
					},
				}
			}
			results := p.SendAll(t.Context(), all)
			for i, r := range results {
				if count := made[i].Load(); count != 1 {
					t.Errorf("message %d was made %d times", i, count)
				}
				if i%7 == 3 {
					if r.Outcome != Temporary || r.Verb != "" || !errors.Is(r.Err, broken) || server.Copies(whole[i].To, fmt.Sprint(i)) != 0 {
						t.Errorf("message %d could not be made: %s", i, r)
					}
					continue
				}
				if r.Outcome == Sent && server.Copies(whole[i].To, fmt.Sprint(i)) != 1 {
					t.Errorf("message %d: %s and %d copies", i, r, server.Copies(whole[i].To, fmt.Sprint(i)))
				}
			}
			if got := most.Load(); got > 2*connections {
				t.Errorf("%d messages were made and not answered at a time, over %d connections", got, connections)
			}
		})
	}
}

// What no connection takes up is not made at all.
func TestNothingIsMadeForNobody(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	p := newPool(t, server, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := p.SendAll(ctx, []Envelope{{Make: func(*Envelope) error { t.Error("it was made"); return nil }}})[0]
	if r.Outcome != Temporary || !errors.Is(r.Err, context.Canceled) {
		t.Error(r)
	}
}

// A message whose memory has room behind it is ended there: what arrives is the
// same, and the message itself is not touched.
func TestAMessageIsEndedWhereItStands(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			const n = 30
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions})
			p := newPool(t, server, func(c *Config) { c.Connections = 2 })
			whole, all := envelopes(n), make([]Envelope, n)
			for i := range all {
				all[i] = whole[i]
				// Now and then there is no room, and more must be taken.
				room := 1024 * (i % 3)
				all[i].Data = append(make([]byte, 0, len(whole[i].Data)+room), whole[i].Data...)
				all[i].Ready, all[i].Roomy = true, true
			}
			for i, r := range p.SendAll(t.Context(), all) {
				if r.Outcome != Sent {
					t.Errorf("message %d: %s", i, r)
				}
				if !bytes.Equal(all[i].Data, whole[i].Data) {
					t.Errorf("message %d is now %q", i, all[i].Data)
				}
			}
			got := map[string]string{}
			for _, m := range server.Messages() {
				got[m.To] = string(m.Data)
			}
			for _, e := range whole {
				if got[e.To] != string(e.Data) {
					t.Errorf("%s got %q, not %q", e.To, got[e.To], e.Data)
				}
			}
		})
	}
}
