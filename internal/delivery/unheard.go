package delivery

import (
	"context"
	"errors"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// unheard puts back what a failed claim may have taken: when the connection broke
// at the commit, the messages are this worker's and it does not know. Nobody else
// would look for them while its heart beats. It returns why the claim failed.
func (w *Worker) unheard(ctx, finish context.Context, in store.ClaimInput, fence int64, why error) error {
	if fence == 0 {
		return why // it failed before it took anything
	}
	for try := 0; ; try++ {
		taken, err := w.Store.Unheard(finish, in.Batches, fence)
		if err == nil {
			now := w.Clock.Now()
			for i := range taken {
				taken[i].State, taken[i].NotBefore, taken[i].Untried = campaigns.Queued, now, true
				taken[i].Reason = "its worker did not hear that it had claimed it"
			}
			return errors.Join(why, w.record(ctx, finish, taken, nil))
		}
		if ctx.Err() != nil && try > 0 {
			return why // the next start of this worker settles it
		}
		pause(ctx, min(time.Second<<min(try, 5), 30*time.Second))
	}
}
