package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

const (
	noPostgres  = "PostgreSQL is not installed; ./test.sh installs it"
	postgresEnv = "RAPPORT_TEST_POSTGRES"
)

// shared is the one PostgreSQL of this test process.
var shared struct {
	sync.Mutex
	server *PostgresServer
}

// databases numbers the databases of this process.
var databases atomic.Int64

// Main runs the tests of a package and then stops the server that they shared.
// A package that calls Postgres has
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// The exit code is the one that m.Run sets.
func Main(m interface{ Run() int }) {
	defer Stop()
	m.Run()
}

// Stop stops the server that Postgres started, if it did. The next call of
// Postgres starts a new one.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.stop()
		shared.server = nil
	}
}

// Postgres returns the connection string (a postgres:// URL) of a fresh, empty
// database that is dropped when the test ends. The server is the one that
// RAPPORT_TEST_POSTGRES names, else one started once per process; with neither
// the test is skipped.
func Postgres(t T) string {
	t.Helper()
	admin := os.Getenv(postgresEnv)
	if admin == "" {
		server, err := sharedPostgres()
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip(noPostgres)
		}
		if err != nil {
			t.Fatalf("postgres: %v", err)
		}
		admin = server.DSN
	}
	name := fmt.Sprintf("rapport_test_%d_%d", os.Getpid(), databases.Add(1))
	quoted := pgx.Identifier{name}.Sanitize()
	// force: a leftover of a process with the same id, or a pool that the test
	// forgot to close, must not keep the next test from running.
	drop := "drop database if exists " + quoted + " with (force)"
	if err := execute(admin, drop, "create database "+quoted); err != nil {
		t.Fatalf("postgres: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, drop); err != nil {
			t.Fatalf("postgres: drop %s: %v", name, err)
		}
	})
	dsn, err := withDatabase(admin, name)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	return dsn
}

func sharedPostgres() (*PostgresServer, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		return shared.server, nil
	}
	s, err := startPostgres()
	if err != nil {
		return nil, err
	}
	shared.server = s
	return s, nil
}

// execute runs statements, each in its own transaction.
func execute(dsn string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// withDatabase returns the URL of another database on the server of dsn, which
// may be a URL or a list of key=value.
func withDatabase(dsn, name string) (string, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + name}
	if c.Password != "" {
		u.User = url.UserPassword(c.User, c.Password)
	}
	port := strconv.Itoa(int(c.Port))
	query := url.Values{}
	if filepath.IsAbs(c.Host) { // a folder with a Unix socket
		query.Set("host", c.Host)
		query.Set("port", port)
	} else {
		u.Host = net.JoinHostPort(c.Host, port)
	}
	if c.TLSConfig == nil {
		query.Set("sslmode", "disable")
	} else {
		query.Set("sslmode", "require")
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
