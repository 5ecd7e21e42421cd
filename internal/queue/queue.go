package queue

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrUnreachable is in the chain of an error when the queue's server did not
// answer. The caller keeps what it has, says so in /readyz and tries again; no
// work is lost by it.
var ErrUnreachable = errors.New("the queue is unreachable")

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("the queue is closed")

// Queue is all that the processes of one installation share besides the
// database. Its methods may be called by many goroutines at once.
type Queue interface {
	Work
	Limiter
	Notices
	Pinger
	// Close ends blocked calls and subscriptions and frees the connections.
	io.Closer
}

// Entry is one batch in the hands of a consumer.
type Entry struct {
	Lane  string
	Batch int64
	// Token names this entry to Ack. It means nothing outside the queue.
	Token string
	// Deliveries counts how often the entry was handed out, this time included.
	// A number that grows tells of a batch that kills its workers.
	Deliveries int
}

// Depth is what a lane holds.
type Depth struct {
	Ready   int // waiting to be taken
	Pending int // taken and not acknowledged
	Delayed int // waiting for their time
}

// Work hands batches to consumers. A batch is handed to one consumer at a time
// until it is acknowledged; a crash of either side may hand it out again, and
// may lose it, so the database decides what is left to do in a batch.
type Work interface {
	// Push makes batches ready, in the order given.
	Push(ctx context.Context, lane string, batches ...int64) error

	// Take hands out up to max ready entries of the lanes, in the order of
	// Order. With none ready it waits for up to wait, and returns an empty slice
	// and no error when none came. A cancelled context ends the wait, within a
	// second where a server is asked; nothing is taken then.
	Take(ctx context.Context, consumer string, lanes []string, max int, wait time.Duration) ([]Entry, error)

	// Ack removes entries for good. Acknowledging twice is harmless.
	Ack(ctx context.Context, entries ...Entry) error

	// Reclaim hands up to max entries to consumer that were taken at least idle
	// ago and never acknowledged: their consumer is dead. The clock of idle
	// starts anew.
	Reclaim(ctx context.Context, consumer string, idle time.Duration, max int) ([]Entry, error)

	// GiveBack makes ready again what consumer has taken and not acknowledged,
	// and returns how many: for one that starts anew under its name and knows
	// that it holds nothing, so that nobody has to wait for Reclaim.
	GiveBack(ctx context.Context, consumer string) (int, error)

	// Later makes the batch ready at a time, once Due is called. A batch that
	// is delayed already gets the new time.
	Later(ctx context.Context, lane string, batch int64, at time.Time) error

	// Due makes ready what was delayed until now or earlier, the earliest
	// first, and returns how many.
	Due(ctx context.Context, now time.Time) (moved int, err error)

	// Depth returns what each lane holds. Every lane that was ever used is
	// there, until the queue is emptied from outside.
	Depth(ctx context.Context) (map[string]Depth, error)
}

// Limiter grants tokens so that all processes together keep a rate. The clock is
// the server's, so that all processes share it; where there is no server it is
// now.
type Limiter interface {
	// Reserve takes tokens of a key and returns how many it got. When it got fewer
	// than Most, retryAfter is the time until the least that it takes is there
	// again.
	Reserve(ctx context.Context, ask Ask, now time.Time) (granted int, retryAfter time.Duration, err error)

	// Admit lets through what the rates of the keys allow now, and gives those
	// who must wait a place in a line, in which all processes stand. The answers
	// run parallel to the arrivals.
	Admit(ctx context.Context, arrivals []Arrival, now time.Time) ([]Admission, error)
}

// Ask is how many tokens of a key are wanted.
type Ask struct {
	Key  string
	Rate Rate
	// Back are tokens of an earlier grant that were not used. They go back into
	// the bucket first, so that nothing is lost and nothing leaves in a burst.
	Back int
	// Least is the smallest grant: fewer than so many are none, so that a rate is
	// not spent in crumbs. It is at least 1 and at most the burst.
	Least int
	Most  int
}

// Arrival is who wants to pass under the rate of a key.
type Arrival struct {
	Key  string
	Rate Rate
	// Again have stood in the line, and their time has come. They need a token
	// only. Fresh ones go to the end of the line where there is one.
	Again, Fresh int
}

// Admission is what became of an Arrival: how many may pass now. The others have
// a place in the line: the first of them gets its token after Wait, each further
// one 1/Rate.Per later.
type Admission struct {
	Again, Fresh int
	Wait         time.Duration
}

// Notice says that something changed which others may hold in memory.
type Notice struct {
	Kind string // what changed, for example "pause", "consent", "suppression"
	Key  string // which one, for example a campaign or a contact
}

// Resync is the kind of the notice that a subscriber gets when it may have
// missed some: after a lost connection, or when it read too slowly. It should
// read again whatever it holds in memory.
const Resync = "resync"

// Notices spreads news among processes, at most once and fast (within 250 ms).
// They only save time: what matters is decided again in the database.
type Notices interface {
	// Publish tells all subscribers, those of this process included.
	Publish(ctx context.Context, n Notice) error

	// Subscribe returns what is published from now on, and closes the channel
	// when the context or the queue ends. It never fails: while the server is
	// away it keeps trying, and the first notice afterwards is a Resync.
	Subscribe(ctx context.Context) <-chan Notice
}

// Pinger says whether the queue can be used.
type Pinger interface {
	// Ping returns nil or an error that says what is wrong and where.
	Ping(ctx context.Context) error
}
