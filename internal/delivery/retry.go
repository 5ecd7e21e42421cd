package delivery

import (
	"hash/fnv"
	"time"

	"rapport/internal/delivery/smtp"
	"rapport/internal/ident"
)

// patience is how long a message is tried after it was due.
const patience = 72 * time.Hour

// The waits between attempts; the last one repeats.
var waits = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}

// throttled is the least wait after a server asked for fewer messages.
const throttled = 2 * time.Minute

// nextTry is when a message goes again after an attempt that was answered with
// "later"; ok is false when its time is up.
func nextTry(message, attempts int64, due, now time.Time, outcome smtp.Outcome) (at time.Time, ok bool) {
	wait := waits[min(max(int(attempts)-1, 0), len(waits)-1)]
	if outcome == smtp.Throttled {
		wait = max(wait, throttled)
	}
	at = now.Add(wait + jitter(message, attempts, wait))
	return at, at.Before(due.Add(patience))
}

// jitter spreads the next attempts of a batch over a fifth of the wait. It is
// made of the message's id: the same message in the same attempt, the same time.
func jitter(message, attempts int64, wait time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(ident.Format(message)))
	h.Write([]byte{byte(attempts)})
	return wait / 5 * time.Duration(h.Sum32()%1000) / 1000
}
