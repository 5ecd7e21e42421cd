package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a private PostgreSQL with its data in a temporary folder.
// fsync is on, so that what it says is committed survives Kill9.
type PostgresServer struct {
	// DSN is the URL of its database "postgres", for a superuser. It stays the
	// same over Kill9 and Restart.
	DSN string

	programs string // folder of initdb and postgres
	folder   *folder
	port     int
	user     *account
	settings []string // as in "shared_buffers=256MB"
	process  *process
}

// StartPostgres starts a server for this test alone and stops it when the test
// ends. Settings are of postgresql.conf, as in "shared_buffers=256MB". Without
// PostgreSQL on the machine the test is skipped.
func StartPostgres(t T, settings ...string) *PostgresServer {
	t.Helper()
	s, err := startPostgres(settings...)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip(noPostgres)
	}
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	t.Cleanup(s.stop)
	return s
}

// Kill9 kills the server and all its processes without a chance to clean up.
func (s *PostgresServer) Kill9() { s.process.kill9() }

// Restart starts the server again after Kill9 on the same address and data, and
// returns when it has recovered and answers. The kernel may still be clearing
// away the memory of the killed one; until it has, PostgreSQL refuses to start.
func (s *PostgresServer) Restart() error {
	s.process.stop()
	err := until(func() (bool, error) {
		p, err := s.run(s.port)
		if err != nil {
			return !strings.Contains(err.Error(), "pre-existing shared memory block"), err
		}
		s.process = p
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	return nil
}

func startPostgres(settings ...string) (*PostgresServer, error) {
	folders := []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin"}
	initdb := find(folders, "initdb")
	if initdb == "" {
		return nil, fmt.Errorf("initdb: %w", exec.ErrNotFound)
	}
	// initdb may be linked into PATH alone, without its neighbour postgres.
	initdb, err := filepath.EvalSymlinks(initdb)
	if err != nil {
		return nil, err
	}
	user, err := unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	folder, err := makeFolder(user)
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{programs: filepath.Dir(initdb), folder: folder, user: user, settings: settings}
	if err := s.initialise(initdb); err != nil {
		folder.remove()
		return nil, err
	}
	s.process, s.port, err = startOnFreePort(s.run)
	if err != nil {
		folder.remove()
		return nil, err
	}
	s.DSN = s.dsn(s.port)
	return s, nil
}

// initialise makes the data folder. Byte order and UTF-8 are what the engine
// compares text by, whatever the machine's locale is.
func (s *PostgresServer) initialise(initdb string) error {
	p, err := start(command{path: initdb, dir: s.folder.path, user: s.user, args: []string{
		"--pgdata", filepath.Join(s.folder.path, "data"), "--username", "rapport", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
	}})
	if err != nil {
		return err
	}
	<-p.exited
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("initdb failed: %s", p.tail())
	}
	return nil
}

// run starts the server on the port and waits until it answers.
func (s *PostgresServer) run(port int) (*process, error) {
	args := []string{
		"-D", filepath.Join(s.folder.path, "data"), "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.folder.path,
		"-c", "max_connections=200", "-c", "shared_buffers=64MB",
	}
	for _, setting := range s.settings { // of two, the later one counts
		args = append(args, "-c", setting)
	}
	p, err := start(command{path: filepath.Join(s.programs, "postgres"), dir: s.folder.path, user: s.user, args: args})
	if err != nil {
		return nil, err
	}
	err = p.awaitReady(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, s.dsn(port))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (s *PostgresServer) dsn(port int) string {
	return fmt.Sprintf("postgres://rapport@127.0.0.1:%d/postgres?sslmode=disable", port)
}

func (s *PostgresServer) stop() {
	s.process.stop()
	s.folder.remove()
}
