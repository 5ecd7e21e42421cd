package delivery

import (
	"context"
	"errors"
	"time"
)

// StopWithin is how long a worker takes at most to stop, where nobody says: so much
// less than the 30 seconds that Kubernetes leaves between SIGTERM and SIGKILL that
// the rest of the process ends in them too.
const StopWithin = 25 * time.Second

// writeTime is what is kept of that time for recording what came of the mail.
const writeTime = 5 * time.Second

// Patience is how long a worker that stops within some time waits for what mail
// servers answer to the messages that they have whole.
func Patience(within time.Duration) time.Duration { return within - min(writeTime, within/5) }

// errStopTime ends what a process that stops still asks of the database.
var errStopTime = errors.New("the time for stopping is over")

// Finishing is the context of what is brought to its end after ctx has ended: it ends
// when the time for that is over. What a worker has not recorded by then stands in its
// journal, as after a kill, and the next start settles it. done frees what it takes.
func Finishing(ctx context.Context, within time.Duration) (finish context.Context, done func()) {
	finish, end := context.WithCancelCause(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(within)
		defer timer.Stop()
		select {
		case <-timer.C:
			end(errStopTime)
		case <-finish.Done():
		}
	})
	return finish, func() { forget(); end(nil) }
}
