package smtp

import "context"

// Try opens a connection as for mail, signs in, and says good-bye: Sent means that
// the server would take a message up.
func Try(ctx context.Context, config Config) Result {
	p := NewPool(config, nil)
	defer p.Close()
	c, fail := p.dial(ctx)
	if fail != nil {
		return fail.result
	}
	c.quit(quitTime)
	return Result{Outcome: Sent}
}
