package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/ident"
)

// sortedKeys is the keys of a map in order: statements are the same each time
// and rows are locked in one order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// insertMessages writes the planned messages and groups them into batches that
// may go at the same time on the same lane.
func (s *Store) insertMessages(ctx context.Context, q querier, stepped []Stepped, now time.Time, next func() int64) ([]Batch, error) {
	var planned []*PlannedMessage
	for _, st := range stepped {
		if st.Message != nil {
			planned = append(planned, st.Message)
		}
	}
	if len(planned) == 0 {
		return nil, nil
	}
	var waiting []waitingMessage
	for _, m := range planned {
		waiting = append(waiting, waitingMessage{ID: m.ID, Lane: m.Lane, Campaign: m.Campaign, NotBefore: m.NotBefore})
	}
	batches, of, err := s.insertBatches(ctx, q, waiting, now, next)
	if err != nil {
		return nil, err
	}
	n := len(planned)
	id, contact, campaign, batch := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	notBefore, expires := make([]int64, n), make([]int64, n)
	template, subject, reason := make([]string, n), make([]string, n), make([]string, n)
	for i, m := range planned {
		id[i], contact[i], campaign[i], batch[i] = m.ID, int64(m.Contact), m.Campaign, of[m.ID]
		notBefore[i], expires[i] = ms(m.NotBefore), ms(m.Expires)
		template[i], subject[i], reason[i] = m.Template, m.Subject, m.Reason
	}
	b := s.statement()
	due := b.arg(ms(now))
	from := b.table("r", bigints("id", id), bigints("contact_id", contact), bigints("campaign_id", campaign), bigints("batch_id", batch),
		bigints("not_before", notBefore), bigints("expires_at", expires), texts("template", template), texts("subject", subject), texts("reason", reason))
	_, err = q.exec(ctx, `insert into messages (id, contact_id, campaign_id, template, subject, state, reason, batch_id, due_at, not_before, expires_at, created_at)
		select r.id, r.contact_id, r.campaign_id, r.template, r.subject, 'queued', r.reason, r.batch_id, cast(`+due+` as bigint), r.not_before, r.expires_at, cast(`+due+` as bigint)
		from `+from, b.args...)
	return batches, err
}

// waitingMessage is a queued message that needs a batch.
type waitingMessage struct {
	ID        int64
	Lane      string
	Campaign  int64
	NotBefore time.Time
	Size      int // of its batch at most; 0: BatchSize
}

// again is the lane of what was claimed once and goes again, beside the one it
// came from: it has had its place in that line, and need not stand behind
// everybody once more.
func again(lane string) string { return strings.TrimSuffix(lane, againLane) + againLane }

const againLane = ".again"

// insertBatches writes batches for queued messages and tells which message is
// in which. It returns those that may go now, for the queue.
func (s *Store) insertBatches(ctx context.Context, q querier, waiting []waitingMessage, now time.Time, next func() int64) (ready []Batch, of map[int64]int64, err error) {
	type group struct {
		lane      string
		campaign  int64
		notBefore int64
		size      int
	}
	groups := map[group][]int64{}
	var order []group
	for _, m := range waiting {
		// What is held goes on the second, so that batches stay large.
		g := group{m.Lane, m.Campaign, 0, min(cmp.Or(m.Size, BatchSize), BatchSize)}
		if m.NotBefore.After(now) {
			g.notBefore = ms(m.NotBefore.Add(time.Second - 1).Truncate(time.Second))
		}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], m.ID)
	}
	var id, campaign, open, notBefore, queued []int64
	var lane []string
	var packed [][]byte
	of = map[int64]int64{}
	for _, g := range order {
		for chunk := range slices.Chunk(groups[g], g.size) {
			slices.Sort(chunk)
			b := next()
			for _, m := range chunk {
				of[m] = b
			}
			id, campaign, open, lane = append(id, b), append(campaign, g.campaign), append(open, int64(len(chunk))), append(lane, g.lane)
			notBefore, packed = append(notBefore, g.notBefore), append(packed, ident.Pack(chunk))
			if g.notBefore == 0 {
				queued = append(queued, ms(now))
				ready = append(ready, Batch{ID: b, Lane: g.lane})
			} else {
				queued = append(queued, 0)
			}
		}
	}
	if len(id) == 0 {
		return nil, of, nil
	}
	b := s.statement()
	created := b.arg(ms(now))
	from := b.table("r", bigints("id", id), texts("lane", lane), bigints("campaign_id", campaign), blobs("messages", packed), bigints("open_count", open),
		bigints("not_before", notBefore), bigints("queued_at", queued))
	_, err = q.exec(ctx, `insert into batches (id, lane, campaign_id, messages, open_count, not_before, queued_at, created_at)
		select r.id, r.lane, r.campaign_id, r.messages, r.open_count, r.not_before, r.queued_at, cast(`+created+` as bigint) from `+from, b.args...)
	if err != nil {
		return nil, nil, err
	}
	return ready, of, nil
}

// closeBatches takes settled or moved messages out of the count of their batches.
func (s *Store) closeBatches(ctx context.Context, q querier, closed map[int64]int64) error {
	if len(closed) == 0 {
		return nil
	}
	ids := sortedKeys(closed)
	n := make([]int64, len(ids))
	for i, id := range ids {
		n[i] = closed[id]
	}
	b := s.statement()
	from := b.table("r", bigints("id", ids), bigints("n", n))
	_, err := q.exec(ctx, `update batches set open_count = open_count - r.n from `+from+` where batches.id = r.id`, b.args...)
	return err
}

// LostBatches returns open batches on the lanes given that may go and were put
// on the queue before a moment; it marks them as queued now. Pass the lanes
// whose queue is empty: what is missing there was committed and never queued,
// or Redis has lost it.
func (s *Store) LostBatches(ctx context.Context, lanes []string, queuedBefore, now time.Time, limit int) ([]Batch, error) {
	return s.requeue(ctx, now, limit, func(b *statement) string {
		return `b.queued_at > 0 and b.queued_at < ` + b.arg(ms(queuedBefore)) + ` and ` + b.inText("b.lane", lanes)
	})
}

// DueBatches returns batches that were held until a moment that has come; it
// marks them as queued now.
func (s *Store) DueBatches(ctx context.Context, now time.Time, limit int) ([]Batch, error) {
	return s.requeue(ctx, now, limit, func(*statement) string { return `b.queued_at = 0` })
}

func (s *Store) requeue(ctx context.Context, now time.Time, limit int, which func(*statement) string) ([]Batch, error) {
	var out []Batch
	err := s.db.write(ctx, func(q querier) error {
		out = nil
		b := s.statement()
		text := `update batches set queued_at = ` + b.arg(ms(now)) + ` where id in (
			select b.id from batches b join campaigns k on k.id = b.campaign_id
			where b.open_count > 0 and b.not_before <= ` + b.arg(ms(now)) + ` and k.status <> 'paused' and ` + which(b) + `
			order by b.not_before, b.id limit ` + b.arg(limit) + b.lock("for update of b skip locked") + `) returning id, lane`
		return each(ctx, q, text, b.args, func(scan func(...any) error) error {
			var x Batch
			err := scan(&x.ID, &x.Lane)
			out = append(out, x)
			return err
		})
	})
	return out, err
}

// OpenLanes lists the lanes that have unsettled messages.
func (s *Store) OpenLanes(ctx context.Context) ([]string, error) {
	var lanes []string
	err := each(ctx, s.db, `select distinct lane from batches where open_count > 0`, nil, func(scan func(...any) error) error {
		var l string
		err := scan(&l)
		lanes = append(lanes, l)
		return err
	})
	slices.Sort(lanes)
	return lanes, err
}

// RequeueAll marks every open batch as not queued: for a queue that begins
// empty with its process.
func (s *Store) RequeueAll(ctx context.Context) error {
	return s.db.write(ctx, func(q querier) error {
		_, err := q.exec(ctx, `update batches set queued_at = 0 where open_count > 0`)
		return err
	})
}
