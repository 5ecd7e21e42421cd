package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// receiver is the receiving server in its own process, as a bench sees it.
type receiver struct {
	*child
	port int

	mu       sync.Mutex
	commands io.WriteCloser
	answers  *bufio.Reader
}

// startReceiver starts a receiving server that ends with the run.
func (r *Run) startReceiver(o ReceiverOptions) (*receiver, error) {
	arguments := []string{"bench", "receiver", "--latency", o.Latency.String(), "--connections", fmt.Sprint(o.Connections)}
	if o.Chunking {
		arguments = append(arguments, "--chunking")
	}
	c := exec.Command(r.Program, arguments...)
	c.Env = environment()
	commands, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, out := io.Pipe() // not StdoutPipe, which ends before what was written is read
	c.Stdout = out
	p, err := start("the receiving server", c)
	if err != nil {
		return nil, err
	}
	go func() {
		<-p.exited
		out.CloseWithError(p.ended())
	}()
	v := &receiver{child: p, commands: commands, answers: bufio.NewReader(answers)}
	r.atEnd(func() error {
		commands.Close()
		return v.stop()
	})
	return v, v.read(&v.port)
}

func (v *receiver) portOf() int { return v.port }

// ask sends a command and reads its answer.
func (v *receiver) ask(answer any, command ...string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := fmt.Fprintln(v.commands, strings.Join(command, " ")); err != nil {
		return fmt.Errorf("the receiving server does not listen any more: %w", err)
	}
	return v.read(answer)
}

func (v *receiver) read(answer any) error {
	line, err := v.answers.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the receiving server does not answer: %w", err)
	}
	return json.Unmarshal(line, answer)
}

func (v *receiver) counts() (c Counts, err error) { return c, v.ask(&c, "count") }
func (v *receiver) tally() (t Tally, err error)   { return t, v.ask(&t, "tally") }
func (v *receiver) first() (b []byte, err error)  { return b, v.ask(&b, "first") }
func (v *receiver) reset() error                  { return v.ask(&struct{}{}, "reset") }
