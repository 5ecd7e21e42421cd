package engine

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
	"rapport/internal/store"
)

const atBest = `
campaign: welcome
topic: guides
audience: { segment: prospects }
start: { schedule: "0 9 * * *" }
deliver: { send_time: best, window: { days: MON-SUN, from: "08:00", to: "20:00" } }
steps: [ { send: one } ]
`

func TestMailWaitsForTheHourInWhichAContactClicks(t *testing.T) {
	r := start(t, 2, smtptest.Options{}, "", map[string]string{"campaigns/welcome.yaml": atBest})
	var in []store.Incoming
	for i := range 5 {
		for who, hour := range []int{17, 12} { // of the first a person's, of the other a scanner's
			at := monday.AddDate(0, 0, -i-1).Add(time.Duration(hour-8) * time.Hour)
			in = append(in, store.Incoming{Email: fmt.Sprintf("p%05d@example.com", who), Event: contacts.Event{
				Name: contacts.EventClicked, At: at, Key: fmt.Sprint(who, i), Machine: who == 1}})
		}
	}
	if _, err := r.Store.Ingest(t.Context(), in, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.at(0, 9, 0)
	r.wants("queued: waits until 17:00, the hour in which P0 clicks most", "sent")
	r.at(0, 16, 59)
	r.wants("queued: waits until 17:00, the hour in which P0 clicks most", "sent")
	r.at(0, 17, 0)
	r.wants("sent", "sent")
}
