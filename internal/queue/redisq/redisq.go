package redisq

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"rapport/internal/queue"
)

// Config says which Redis to use and how.
type Config struct {
	// URL is redis://, rediss:// or a cluster: several hosts separated by commas,
	// or redis-cluster://.
	URL string
	// Prefix begins all keys, so that several installations can share a Redis.
	// Empty means "rapport".
	Prefix string
	// CallerClock makes Reserve use the time it is given instead of the clock of
	// the server. It is for virtual time; processes with clocks of their own
	// would not keep a rate together.
	CallerClock bool
}

// Queue is a queue.Queue in Redis. Open makes one.
type Queue struct {
	client redis.UniversalClient
	where  string // host:port, for errors
	keys   keys
	config Config

	turn       atomic.Uint64 // of queue.Order
	forget     time.Duration // after which an idle consumer's name is dropped
	background context.Context
	close      context.CancelFunc // ends the subscriptions
}

var _ queue.Queue = (*Queue)(nil)

// forgetAfter is when the name of a consumer that holds nothing is dropped from
// its group. Names carry process ids, so every restart leaves one behind.
const forgetAfter = time.Hour

// Open reads the address and returns a queue. It does not connect: an
// unreachable server is reported by Ping and by whatever needs it.
func Open(c Config) (*Queue, error) {
	if c.Prefix == "" {
		c.Prefix = "rapport"
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		return nil, fmt.Errorf("the key prefix %q must not contain braces: they choose the slot of a cluster", c.Prefix)
	}
	logging.Disable() // it writes to stderr what every call returns as an error
	client, where, err := dial(c.URL)
	if err != nil {
		return nil, err
	}
	q := &Queue{client: client, where: where, keys: keys{prefix: c.Prefix}, config: c, forget: forgetAfter}
	q.background, q.close = context.WithCancel(context.Background())
	return q, nil
}

// Close ends the subscriptions and closes the connections.
func (q *Queue) Close() error {
	if q.background.Err() != nil {
		return nil
	}
	q.close()
	return q.client.Close()
}

// Ping asks the server for an answer.
func (q *Queue) Ping(ctx context.Context) error {
	return q.failed(ctx, q.client.Ping(ctx).Err())
}
