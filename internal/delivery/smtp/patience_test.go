package smtp

import (
	"context"
	"testing"
	"time"

	"rapport/internal/delivery/smtp/smtptest"
)

// Who is told to stop waits for the replies to the dots that are out, and not for as
// long as a server may take.
func TestTheEndOfAContextIsWaitedForWithPatience(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration
		answers  bool
		want     string
	}{
		"the server never answers":         {time.Millisecond, false, "unknown at dot: the sender was stopped before the server answered"},
		"the server answers in that time":  {time.Hour, true, "sent: 250 2.0.0 ok queued as T1"},
		"it is waited for as long as ever": {0, true, "sent: 250 2.0.0 ok queued as T1"},
	} {
		for mode, extensions := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				answer := make(chan struct{})
				server := smtptest.Start(t, smtptest.Options{Extensions: extensions, Script: func(s smtptest.Step) *smtptest.Action {
					if s.Verb != "dot" {
						return nil
					}
					stop() // while the message is with the server
					if !c.answers {
						return &smtptest.Action{Hang: true, Keep: true}
					}
					<-answer
					return nil
				}})
				p := newPool(t, server, func(config *Config) { config.Connections, config.Patience = 1, c.patience })
				all := envelopes(3)
				ended := make(chan []Result, 1)
				go func() { ended <- p.SendAll(ctx, all) }()
				<-ctx.Done()
				close(answer)
				results := <-ended
				if got := results[0].String(); got != c.want {
					t.Errorf("what is with the server is %q, want %q", got, c.want)
				}
				for i, r := range results[1:] {
					if r.Outcome != Temporary {
						t.Errorf("message %d, which had no intent, is %s", i+1, r)
					}
				}
			})
		}
	}
}
