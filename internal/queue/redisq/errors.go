package redisq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"rapport/internal/queue"
)

// unreachable is a failure that passes when the server is back.
type unreachable struct {
	where  string // host:port
	reason string
	cause  error
}

func (e *unreachable) Error() string {
	return fmt.Sprintf("redis at %s is unreachable: %s", e.where, e.reason)
}

func (e *unreachable) Is(target error) bool { return target == queue.ErrUnreachable }

func (e *unreachable) Unwrap() error { return e.cause }

// passing are the first words of replies of a server that cannot serve now.
var passing = []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "READONLY", "ERR max number of clients"}

// refusing are the first words of replies to a wrong login.
var refusing = []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR AUTH", "ERR Client sent AUTH"}

// failed turns an error of the client into what a person should read. It
// returns nil for nil and the context's own error when that has ended.
func (q *Queue) failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case q.background.Err() != nil:
		return queue.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	where, reason := q.where, err.Error()
	var op *net.OpError
	var reply redis.Error
	switch {
	case errors.As(err, &op):
		if op.Op == "dial" && op.Addr != nil {
			where = op.Addr.String()
		}
		return &unreachable{where, root(op), err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &unreachable{where, "it closed the connection", err}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &unreachable{where, "it did not answer in time", err}
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return &unreachable{where, "all connections are in use", err}
	case errors.As(err, &reply) && begins(reason, passing):
		return &unreachable{where, reason, err}
	case errors.As(err, &reply) && begins(reason, refusing):
		return fmt.Errorf("redis at %s refuses the login: %w; correct user and password in redis:", where, err)
	}
	return fmt.Errorf("redis at %s: %w", where, err)
}

// root is the innermost text of a network error, without the address again.
func root(op *net.OpError) string {
	var call *os.SyscallError
	if errors.As(op, &call) {
		return call.Err.Error()
	}
	if op.Timeout() {
		return "it did not answer in time"
	}
	return op.Err.Error()
}

func begins(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

// gone says that a stream or its group vanished under the command, because
// somebody emptied Redis.
func gone(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "NOGROUP") || strings.HasPrefix(err.Error(), "UNBLOCKED"))
}
