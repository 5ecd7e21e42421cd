package redisq

import (
	"context"
	"strconv"
	"time"

	"rapport/internal/queue"
)

// Reserve implements queue.Limiter. The clock is the server's unless the queue
// was opened with CallerClock.
func (q *Queue) Reserve(ctx context.Context, key string, rate queue.Rate, n int, now time.Time) (granted int, retryAfter time.Duration, err error) {
	if err := rate.Check(key); err != nil {
		return 0, 0, err
	}
	clock := ""
	if q.config.CallerClock {
		clock = strconv.FormatInt(now.UnixMicro(), 10)
	}
	reply, err := reserveScript.Run(ctx, q.client, []string{q.keys.rate(key)},
		strconv.FormatFloat(rate.Per, 'g', -1, 64), rate.Burst, n, clock).Int64Slice()
	if err != nil {
		return 0, 0, q.failed(ctx, err)
	}
	return int(reply[0]), time.Duration(reply[1]) * time.Microsecond, nil
}
