package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/responses"
	"rapport/internal/token"
)

const (
	ordered    = "order.placed" // the event of the bench: the ladder looks at it
	hookSecret = "the webhook secret of the bench"
	linkSecret = "the secret of the bench, which signs links"
	stride     = 7919 // a prime, so that neighbours in time are none in the tables
	browser    = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// address is that of contact n.
func address(n int64) string { return fmt.Sprintf("p%07d@bench.example", n) }

// orders makes signed callbacks, events at a time, about the contacts from 0 to
// people, which some connections share: event n of a connection has a place of
// its own in the row of all, so that everybody has their turn before anybody has
// a second one.
func (b *callbackBench) orders(name string, connections, events int, people int64) func(int) func([]byte) []byte {
	return func(connection int) func([]byte) []byte {
		mac := hmac.New(sha256.New, []byte(hookSecret))
		n := 0
		var body []byte
		return func(buffer []byte) []byte {
			body = body[:0]
			if events > 1 {
				body = append(body, '[')
			}
			for i := range events {
				if i > 0 {
					body = append(body, ',')
				}
				at := int64(n)*int64(connections) + int64(connection)
				body = appendOrder(body, fmt.Sprintf("%s-%d-%d", name, connection, n), at*stride%people)
				n++
			}
			if events > 1 {
				body = append(body, ']')
			}
			return appendCallback(buffer, mac, body)
		}
	}
}

func appendOrder(b []byte, id string, who int64) []byte {
	b = append(b, `{"event":"`+ordered+`","id":"`...)
	b = append(b, id...)
	b = append(b, `","email":"`...)
	b = append(b, address(who)...)
	return append(b, `","properties":{"total":49.5,"currency":"EUR"}}`...)
}

// appendCallback makes a request of a body. Signing is no part of what is
// measured, so its one slow part, making the key ready, is done beforehand.
func appendCallback(b []byte, mac interface {
	Reset()
	Write([]byte) (int, error)
	Sum([]byte) []byte
}, body []byte) []byte {
	at := strconv.AppendInt(nil, clock.System{}.Now().Unix(), 10)
	mac.Reset()
	mac.Write(at)
	mac.Write([]byte{'.'})
	mac.Write(body)
	b = append(b, "POST /webhooks/main HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"+responses.TimestampHeader+": "...)
	b = append(b, at...)
	b = append(b, "\r\n"+responses.SignatureHeader+": v1="...)
	b = hex.AppendEncode(b, mac.Sum(nil))
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

// opens measures tracking pixels of messages that were sent an hour ago.
func (b *callbackBench) opens(ctx context.Context) error {
	if b.database == "" {
		return nil
	}
	b.Step("opens", 0, 0)
	signer, err := token.NewSigner([]string{linkSecret})
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	messages, err := b.sentMessages(ctx, now.Add(-time.Hour))
	if err != nil {
		return err
	}
	paths := make([]string, len(messages))
	for i, m := range messages {
		paths[i] = signer.Message(m.message, int64(m.contact)).Open()
	}
	return b.run(ctx, "open", load{address: b.listen, connections: callers, during: b.scaled(openTime), next: func(connection int) func([]byte) []byte {
		n := connection
		return func(buffer []byte) []byte {
			if n >= len(paths) {
				return nil
			}
			buffer = append(buffer, "GET "+paths[n]+" HTTP/1.1\r\nHost: bench\r\nUser-Agent: "+browser+"\r\n\r\n"...)
			n += callers
			return buffer
		}
	}}, 1, false)
}

type sentMessage struct {
	message int64
	contact contacts.ID
}

// steady sends orders of people who have none at a rate that must be kept up,
// and looks at some of them: how long after the answer has their stage moved?
func (b *callbackBench) steady(ctx context.Context) error {
	b.Step("a steady stream", 0, 0)
	if _, err := b.catchUp(ctx); err != nil {
		return err
	}
	first := b.Report.Size / 2
	w := watchStages(b.store, b.ids, sampleEvery)
	l := load{address: b.listen, connections: callers, during: b.scaled(steadyTime), rate: steadyRate,
		next: func(connection int) func([]byte) []byte {
			mac := hmac.New(sha256.New, []byte(hookSecret))
			who := first + int64(connection)
			var body []byte
			return func(buffer []byte) []byte {
				if who >= b.Report.Size {
					return nil
				}
				body = appendOrder(body[:0], "steady-"+strconv.FormatInt(who, 10), who)
				who += callers
				return appendCallback(buffer, mac, body)
			}
		},
		answered: func(connection, request int, at time.Time) {
			w.answered(first+int64(connection)+int64(request)*callers, at)
		}}
	stop := w.run(ctx)
	before := b.cpu()
	done, err := l.run(ctx)
	used := b.cpu().since(before)
	if err == nil {
		_, err = b.catchUp(ctx)
	}
	lags, watching := stop()
	if err = firstOf(err, watching); err != nil {
		return err
	}
	b.answered, b.failed = b.answered+done.good, b.failed+done.bad
	whole := loadDone{latency: lags}
	b.Figure("steady events", float64(done.good)/done.took.Seconds(), "events/s")
	b.Figure("steady p99", done.percentile(99).Seconds()*1000, "ms")
	b.Figure("steady stage follows p50", whole.percentile(50).Seconds()*1000, "ms")
	b.Figure("steady stage follows p99", whole.percentile(99).Seconds()*1000, "ms")
	b.figureCPU("steady", used, done.good)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sentMessages makes a message for everybody that was sent at a time.
func (b *callbackBench) sentMessages(ctx context.Context, at time.Time) ([]sentMessage, error) {
	list := make([]sentMessage, len(b.ids))
	for i, id := range b.ids {
		list[i] = sentMessage{ident.Message(ident.New(at, int64(i+1)), 1), id}
	}
	return list, b.execute(ctx, `insert into messages (id, contact_id, campaign_id, template, state, due_at, not_before, expires_at,
			decided_at, template_hash, created_at)
		select r.id, r.contact, 0, 'bench', 'sent', $3, $3, $3, $3, 'bench', $3 from unnest($1::bigint[], $2::bigint[]) as r(id, contact)`,
		messageIDs(list), contactIDs(list), at.UnixMilli())
}

func messageIDs(list []sentMessage) []int64 {
	out := make([]int64, len(list))
	for i := range list {
		out[i] = list[i].message
	}
	return out
}

func contactIDs(list []sentMessage) []int64 {
	out := make([]int64, len(list))
	for i := range list {
		out[i] = int64(list[i].contact)
	}
	return out
}
