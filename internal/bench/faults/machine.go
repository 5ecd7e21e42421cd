package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rapport/internal/engine"
)

// machine is a computer of an installation: a copy of the workspace with its own
// disk, its own clock, its own lines to the servers, and one process.
type machine struct {
	trial           *trial
	name            string
	roles           []string
	dir             string // the workspace; its disk is .rapport below
	postgres, redis *proxy // nil in an embedded installation
	process         *process
	gone            bool // it ended for good, as the scenario wants
}

// newMachine makes a machine that does not run yet.
func (t *trial) newMachine(roles string) (*machine, error) {
	m := &machine{trial: t, name: fmt.Sprintf("%d-%s", len(t.machines), strings.ReplaceAll(roles, ",", "-")), roles: strings.Split(roles, ",")}
	m.dir = filepath.Join(t.dir, m.name)
	if err := copyShop(m.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(m.disk(), 0o700); err != nil {
		return nil, err
	}
	var err error
	if t.database != nil {
		if m.postgres, err = newProxy(t.database.addr); err != nil {
			return nil, err
		}
		t.ground.Cleanup(m.postgres.close)
		if m.redis, err = newProxy(t.redis.Addr); err != nil {
			return nil, err
		}
		t.ground.Cleanup(m.redis.close)
	}
	t.ground.Cleanup(func() {
		if m.process != nil {
			m.process.kill()
		}
	})
	return m, nil
}

func (m *machine) disk() string      { return filepath.Join(m.dir, ".rapport") }
func (m *machine) log() string       { return m.dir + ".log" }
func (m *machine) shiftFile() string { return m.dir + ".shift" }

func (m *machine) has(role string) bool { return slices.Contains(m.roles, role) }

// command is a rapport command line on this machine.
func (m *machine) command(args ...string) *exec.Cmd {
	t := m.trial
	c := exec.Command(t.Program, append([]string{"--dir", m.dir}, args...)...)
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.Getenv("TMPDIR"),
		fmt.Sprintf("RAPPORT_TEST_SPEED=%d@%d", t.speed(), t.anchor),
		"RAPPORT_TEST_SHIFT=" + m.shiftFile(),
		fmt.Sprintf("SMTP_PORT=%d", t.receiver.port),
		"WEBHOOK_SECRET=" + webhookSecret, "LINK_SECRET=" + linkSecret,
	}
	if t.Quick {
		c.Env = append(c.Env, fmt.Sprintf("RAPPORT_TEST_WATCH=%d", watch))
	}
	if t.database != nil {
		c.Env = append(c.Env, "DATABASE_URL="+t.database.through(m.postgres.Addr), "REDIS_URL=redis://"+m.redis.Addr)
	}
	return c
}

// start starts its process and waits until that works.
func (m *machine) start(ctx context.Context) error {
	before := m.said(readyToSend)
	p, err := start(m.name, m.log(), m.command("serve", "--listen", m.trial.listen, "--roles", strings.Join(m.roles, ",")))
	if err != nil {
		return err
	}
	m.process = p
	return until(ctx, startLimit, m.name+" works", func() (bool, string) {
		switch {
		case !p.running():
			return true, "" // looked at below
		case m.has(engine.RoleWorker) && m.said(readyToSend) == before:
			return false, "it is not ready to send"
		case !m.has(engine.RoleWeb):
			return true, ""
		}
		answer, err := http.Get(m.trial.url() + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, answer.Status
	})
}

// restart starts the machine again after its process ended.
func (m *machine) restart(ctx context.Context) error {
	if err := m.start(ctx); err != nil {
		return err
	}
	return m.alive()
}

// alive is an error when the process has ended by itself.
func (m *machine) alive() error {
	if m.process == nil || m.process.running() {
		return nil
	}
	return fmt.Errorf("%s ended by itself with exit code %d", m.name, m.process.code)
}

const (
	// readyToSend is what a worker logs when it has settled what an earlier one
	// left in doubt.
	readyToSend = "ready to send"

	startLimit = 30 * time.Second
)

// said counts how often the log has a text.
func (m *machine) said(what string) int {
	text, err := os.ReadFile(m.log())
	if err != nil {
		return 0 // nothing yet
	}
	return strings.Count(string(text), what)
}

// shift sets its clock forward, or back.
func (m *machine) shift(by time.Duration) error {
	unnamed := m.shiftFile() + ".new"
	if err := os.WriteFile(unnamed, []byte(by.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(unnamed, m.shiftFile())
}
