package clock

import (
	"os"
	"strings"
	"sync"
	"time"
)

// Shifted is another clock with something added to it that a file says, such as
// "1h" or "-90s". The file may change at any time, and the clock jumps then: a
// test of what happens when somebody sets a machine's clock. Without the file
// nothing is added.
type Shifted struct {
	base Clock
	file string

	mu    sync.Mutex
	read  time.Time // when the file was, on the machine's watch
	shift time.Duration
}

// shiftedFor is how long a jump may go unnoticed, in real time.
const shiftedFor = 5 * time.Millisecond

// NewShifted shifts a clock by what a file says.
func NewShifted(base Clock, file string) *Shifted { return &Shifted{base: base, file: file} }

// Now is the shifted time. It has no part that cannot jump: whoever measures
// with it measures the jump.
func (s *Shifted) Now() time.Time { return s.base.Now().Add(s.now()).Round(0) }

func (s *Shifted) now() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read.IsZero() && time.Since(s.read) < shiftedFor {
		return s.shift
	}
	s.read = time.Now()
	text, err := os.ReadFile(s.file)
	if err != nil {
		s.shift = 0
		return 0
	}
	if d, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
		s.shift = d // a file that is just being written changes nothing
	}
	return s.shift
}
