package redisq

import (
	"context"
	"strconv"
	"time"

	"rapport/internal/queue"
)

// Reserve implements queue.Limiter. The clock is the server's unless the queue
// was opened with CallerClock.
func (q *Queue) Reserve(ctx context.Context, ask queue.Ask, now time.Time) (granted int, retryAfter time.Duration, err error) {
	if err := ask.Rate.Check(ask.Key); err != nil {
		return 0, 0, err
	}
	reply, err := reserveScript.Run(ctx, q.client, []string{q.keys.rate(ask.Key)},
		exact(ask.Rate.Per), ask.Rate.Burst, ask.Back, ask.Least, ask.Most, q.clock(now)).Int64Slice()
	if err != nil {
		return 0, 0, q.failed(ctx, err)
	}
	return int(reply[0]), time.Duration(reply[1]) * time.Microsecond, nil
}

// Admit implements queue.Limiter, with the clock of Reserve.
func (q *Queue) Admit(ctx context.Context, arrivals []queue.Arrival, now time.Time) ([]queue.Admission, error) {
	if len(arrivals) == 0 {
		return nil, nil
	}
	keys, args := make([]string, len(arrivals)), []any{q.clock(now)}
	for i, a := range arrivals {
		if err := a.Rate.Check(a.Key); err != nil {
			return nil, err
		}
		keys[i] = q.keys.line(a.Key)
		args = append(args, exact(a.Rate.Per), a.Rate.Burst, a.Again, a.Fresh)
	}
	reply, err := admitScript.Run(ctx, q.client, keys, args...).Int64Slice()
	if err != nil {
		return nil, q.failed(ctx, err)
	}
	out := make([]queue.Admission, len(arrivals))
	for i := range out {
		out[i] = queue.Admission{Again: int(reply[3*i]), Fresh: int(reply[3*i+1]), Wait: time.Duration(reply[3*i+2]) * time.Microsecond}
	}
	return out, nil
}

// clock is the time as scripts take it.
func (q *Queue) clock(now time.Time) string {
	if !q.config.CallerClock {
		return ""
	}
	return strconv.FormatInt(now.UnixMicro(), 10)
}

func exact(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
