package smtp

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"rapport/internal/delivery/smtp/smtptest"
)

// Calls share connections that break, to a server that refuses, and some are given
// up half-way. Each message is made at most once and answered exactly once, what
// was answered is true at the server, and what is in a message's memory after its
// answer reaches nobody.
func TestCallsThatShareConnectionsLoseNothingAndSendNothingTwice(t *testing.T) {
	for mode, extensions := range modes {
		t.Run(mode, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{Extensions: extensions, Script: func(s smtptest.Step) *smtptest.Action {
				switch turn := s.Message*7 + len(s.Verb)*13 + s.Connection*5; {
				case turn%31 == 0:
					return &smtptest.Action{Drop: true}
				case turn%37 == 0 && s.Verb != "ehlo":
					return &smtptest.Action{Reply: "421 4.7.0 too many messages in this session"}
				case turn%23 == 0 && (s.Verb == "mail" || s.Verb == "rcpt" || s.Verb == "dot"):
					return &smtptest.Action{Reply: "451 4.3.0 not now"}
				}
				return nil
			}})
			p := newPool(t, server, func(c *Config) { c.Connections, c.MessagesPerConnection = 3, 9 })
			const calls, each = 8, 25
			memory := sync.Pool{New: func() any { return new([]byte) }}
			var all sync.WaitGroup
			results := make([][]Result, calls)
			var made, done [calls * each]atomic.Int64
			for call := range calls {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				list := make([]Envelope, each)
				for i := range list {
					n := call*each + i
					var data *[]byte
					list[i] = Envelope{
						Make: func(e *Envelope) error {
							made[n].Add(1)
							whole := envelope(n)
							data = memory.Get().(*[]byte)
							*data = append((*data)[:0], whole.Data...)
							e.From, e.To, e.Data, e.Ready = whole.From, whole.To, *data, true
							return nil
						},
						Done: func(Result) {
							done[n].Add(1)
							if data != nil {
								copy(*data, bytes.Repeat([]byte("X"), len(*data)))
								memory.Put(data)
							}
							if call%3 == 2 && i == 5 {
								cancel()
							}
						},
					}
				}
				all.Go(func() { results[call] = p.SendAll(ctx, list) })
			}
			all.Wait()
			for call, list := range results {
				for i, r := range list {
					n := call*each + i
					if made[n].Load() > 1 || done[n].Load() != 1 {
						t.Errorf("message %d was made %d times and answered %d times", n, made[n].Load(), done[n].Load())
					}
					copies := server.Copies(fmt.Sprintf("to%d@example.org", n), fmt.Sprint(n))
					if copies > 1 || r.Outcome == Sent && copies != 1 || r.Outcome != Sent && r.Outcome != Unknown && copies != 0 {
						t.Errorf("message %d: %s, and %d copies arrived", n, r, copies)
					}
				}
			}
			for _, m := range server.Messages() {
				if bytes.Contains(m.Data, []byte("XXXX")) {
					t.Errorf("a message to %s was written from memory that had been given back", m.To)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.waiting) != 0 {
				t.Errorf("%d messages wait for nobody", len(p.waiting))
			}
		})
	}
}
