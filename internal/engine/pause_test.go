package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"rapport/campaigns"
	"rapport/internal/clock"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

// Another campaign of the same sender goes on: when it is through, the worker has
// long had its chance to send what it must not.
func TestPauseAndStopHoldWhatIsClaimedAlready(t *testing.T) {
	for _, c := range []struct {
		name, rate    string
		people, after int
	}{
		{"at full speed", "", 2000, 300},
		{"at a slow rate", "rate: 40/s, ", 60, 10},
	} {
		for _, to := range []store.CampaignStatus{store.Paused, store.Stopped} {
			t.Run(fmt.Sprint(c.name, " ", to), func(t *testing.T) {
				server := smtptest.Start(t, smtptest.Options{Extensions: []string{"PIPELINING"}})
				e := openEngine(t, Options{Clock: clock.System{}})
				started := strings.NewReplacer(`schedule: "0 9 * * *"`, "event: joined").Replace(one)
				apply(t, e, shopWith(t, map[string]string{
					"rapport.yaml":           strings.Replace(live(server.Port, ""), "main: { smtp", "main: { "+c.rate+"smtp", 1),
					"campaigns/welcome.yaml": started,
					"campaigns/other.yaml":   strings.NewReplacer("welcome", "other", "send: one", "send: two").Replace(started),
				}))
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- e.Run(ctx) }()
				arrived := func(subject string) (n int) {
					for _, m := range server.Messages() {
						if bytes.Contains(m.Data, []byte("\r\nSubject: "+subject+" for ")) {
							n++
						}
					}
					return n
				}
				signUpAt(t, e.Store, "example.com", c.people, clock.System{}.Now())
				eventually(t, func() bool { return arrived("one") >= c.after })

				from := []store.CampaignStatus{store.Running, store.Paused}
				if ok, err := e.Store.SetCampaignStatus(ctx, "welcome", to, from, clock.System{}.Now()); err != nil || !ok {
					t.Fatal(ok, err)
				}
				e.campaignChanged(ctx, "welcome")
				then := arrived("one")
				if err := e.Store.WakeStopped(ctx, "welcome", clock.System{}.Now()); err != nil {
					t.Fatal(err)
				}
				eventually(t, func() bool { return arrived("two") == c.people })
				late := arrived("one") - then
				t.Logf("%d of %d had gone, %d more were on the wire", then, c.people, late)
				// What was on the wire until the worker heard of it; its four claims held
				// up to eight hundred.
				if late > 100 {
					t.Errorf("%d messages went after the campaign was %s", late, to)
				}
				if then+late == c.people {
					t.Fatal("all had gone: nothing was tested")
				}
				want := int64(then + late)
				if to == store.Paused {
					want = int64(c.people)
					if ok, err := e.Store.SetCampaignStatus(ctx, "welcome", store.Running, from, clock.System{}.Now()); err != nil || !ok {
						t.Fatal(ok, err)
					}
					e.campaignChanged(ctx, "welcome")
				}
				eventually(t, func() bool {
					k, err := e.Store.Campaigns(ctx)
					if err != nil {
						t.Fatal(err)
					}
					p, err := e.Store.Progress(ctx, k["welcome"].ID)
					if err != nil {
						t.Fatal(err)
					}
					m := p[k["welcome"].ID].Messages
					return m[campaigns.Sent] == want && m[campaigns.Queued]+m[campaigns.Sending] == 0
				})
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if n := server.Duplicates(); n != 0 {
					t.Errorf("%d twice", n)
				}
			})
		}
	}
}
