package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// ReceiverOptions say what the receiving mail server is like.
type ReceiverOptions struct {
	Chunking    bool          // offer BDAT (RFC 3030)
	Latency     time.Duration // how long every reply is on its way
	Connections int           // more at once are turned away with 421; 0: no limit
}

// Counts is what the receiver has taken so far.
type Counts struct {
	Messages    int64 `json:"messages"` // copies included
	Bytes       int64 `json:"bytes"`
	Connections int64 `json:"connections"` // open now
	Most        int64 `json:"most"`        // open at once
}

// Tally says how many copies came of each message.
type Tally struct {
	Messages int64    `json:"messages"`
	Distinct int64    `json:"distinct"` // different X-Rapport-Id
	Twice    int64    `json:"twice"`    // copies beyond the first
	Unnamed  int64    `json:"unnamed"`  // without an X-Rapport-Id that can be read
	Examples []string `json:"examples"` // some that came more than once
}

// Receive is the receiving server: it runs in a process of its own, so that
// what it costs is not taken for the engine's. It writes the port it listens on
// as its first line, answers each command that it reads with a line of JSON,
// and ends when the commands do.
//
//	count            Counts
//	tally            Tally
//	first            the first message, as it came
//	reset            {}, and everything counted is forgotten
func Receive(ctx context.Context, commands io.Reader, answers io.Writer, o ReceiverOptions) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := newSink(o)
	go s.accept(listener) // it ends with the listener
	context.AfterFunc(ctx, func() { listener.Close(); s.close() })

	out := json.NewEncoder(answers)
	if err := out.Encode(listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	for lines := bufio.NewScanner(commands); lines.Scan(); {
		answer, err := s.command(strings.Fields(lines.Text()))
		if err != nil {
			return err
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) command(words []string) (any, error) {
	if len(words) == 0 {
		return nil, errors.New("the receiver was given an empty command")
	}
	switch words[0] {
	case "count":
		return s.counts(), nil
	case "tally":
		return s.tally(), nil
	case "first":
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.first, nil
	case "reset":
		s.reset()
	default:
		return nil, fmt.Errorf("the receiver does not know the command %q", words[0])
	}
	return struct{}{}, nil
}
