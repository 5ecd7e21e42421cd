package simulate

import (
	"context"

	"rapport/internal/delivery/smtp"
)

// catcher is the end of the way of all mail in virtual time: a delivery.Provider
// that has each message made as for the wire, notes its intent, and takes it. No
// connection is opened.
type catcher struct {
	take func(to string, data []byte) // data is not to be kept; nil: nobody reads
}

// SendAll takes the messages in their order.
func (c *catcher) SendAll(ctx context.Context, envelopes []smtp.Envelope) []smtp.Result {
	results := make([]smtp.Result, len(envelopes))
	for i := range envelopes {
		results[i] = c.send(ctx, &envelopes[i])
		if done := envelopes[i].Done; done != nil {
			done(results[i])
		}
	}
	return results
}

func (c *catcher) send(ctx context.Context, e *smtp.Envelope) smtp.Result {
	if err := ctx.Err(); err != nil {
		return smtp.Result{Outcome: smtp.Temporary, Text: err.Error(), Err: err}
	}
	if e.Make != nil {
		if err := e.Make(e); err != nil {
			return smtp.Result{Outcome: smtp.Temporary, Text: err.Error(), Err: err}
		}
	}
	if e.Intent != nil {
		if err := e.Intent(); err != nil {
			return smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbIntent, Text: err.Error(), Err: err}
		}
	}
	if c.take != nil {
		c.take(e.To, e.Data)
	}
	return smtp.Result{Outcome: smtp.Sent, Code: 250, Text: "taken", Verb: smtp.VerbDot}
}
