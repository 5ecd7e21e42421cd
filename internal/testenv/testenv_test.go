package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { Main(m) }

func TestPostgresDatabasesAreFreshAndSeparate(t *testing.T) {
	ctx := t.Context()
	first, second := Postgres(t), Postgres(t)
	if first == second {
		t.Fatalf("two calls returned one database: %s", first)
	}
	if err := execute(first, "create table only_here (id bigint)"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var tables int
	const count = "select count(*) from information_schema.tables where table_schema = 'public'"
	if err := conn.QueryRow(ctx, count).Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Errorf("a fresh database has %d tables", tables)
	}
}

func TestPostgresDatabaseIsDroppedWithTheTest(t *testing.T) {
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = Postgres(t)
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) }) // still open when the database goes
	})
	if dsn == "" {
		t.Skip(noPostgres)
	}
	if err := execute(dsn, "select 1"); err == nil {
		t.Error("the database is still there")
	}
}

func TestPostgresKeepsWhatItCommittedOverKill9(t *testing.T) {
	s := StartPostgres(t)
	if err := execute(s.DSN, "create table kept (id bigint)", "insert into kept values (7)"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		busy, err := pgx.Connect(t.Context(), s.DSN)
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() {
			_, err := busy.Exec(context.Background(), "select pg_sleep(600)")
			result <- err
		}()
		s.Kill9()
		if err := <-result; err == nil {
			t.Error("a statement survived kill -9")
		}
		if err := execute(s.DSN, "select 1"); err == nil {
			t.Error("answers after kill -9")
		}
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var id int
	if err := conn.QueryRow(t.Context(), "select id from kept").Scan(&id); err != nil || id != 7 {
		t.Errorf("id %d, error %v", id, err)
	}
}

func TestRedisIsPrivateAndEmptyAfterARestart(t *testing.T) {
	ctx := t.Context()
	one, other := StartRedis(t), StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: one.Addr})
	defer client.Close()
	neighbour := redis.NewClient(&redis.Options{Addr: other.Addr})
	defer neighbour.Close()

	if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n := neighbour.DBSize(ctx).Val(); n != 0 {
		t.Errorf("the neighbour holds %d keys", n)
	}
	one.Kill9()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("answers after kill -9")
	}
	if err := one.Restart(); err != nil {
		t.Fatal(err)
	}
	if n, err := client.DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("%d keys after a restart, error %v", n, err)
	}
	one.Stop()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("answers after stop")
	}
}

func TestRedisDatabasesOfARunningServerAreSeparate(t *testing.T) {
	server := StartRedis(t)
	var urls []string
	t.Run("two claims", func(t *testing.T) {
		for range 2 {
			url, err := claimDatabase(t, server.URL())
			if err != nil {
				t.Fatal(err)
			}
			urls = append(urls, url)
		}
	})
	if diff := cmp.Diff([]string{server.URL() + "/1", server.URL() + "/2"}, urls); diff != "" {
		t.Error(diff)
	}
	url, err := claimDatabase(t, server.URL()+"?protocol=2")
	if want := server.URL() + "/1?protocol=2"; url != want || err != nil {
		t.Errorf("after the test the first is free again: got %s, %v, want %s", url, err, want)
	}
}

func TestWithDatabase(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		{"postgres://u:p%40@db.example:6000/postgres?sslmode=disable", "postgres://u:p%40@db.example:6000/x?sslmode=disable"},
		{"host=127.0.0.1 port=6001 user=u sslmode=disable", "postgres://u@127.0.0.1:6001/x?sslmode=disable"},
		{"host=/run/pg user=u port=6002", "postgres://u@/x?host=%2Frun%2Fpg&port=6002&sslmode=disable"},
	} {
		got, err := withDatabase(test.dsn, "x")
		if err != nil || got != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.dsn, got, err, test.want)
		}
	}
}

// A process that is killed takes its server along, and the next one removes the
// folder. The test runs itself as that process.
func TestServersDieWithTheProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that died")
	}
	const role = "TESTENV_ROLE"
	if os.Getenv(role) == "victim" {
		s := StartRedis(t)
		fmt.Println("server", s.Addr, s.folder.path)
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		_ = self.Kill()
		select {}
	}
	if find(nil, "redis-server") == "" {
		t.Skip(noRedis)
	}
	victim := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	victim.Env = append(os.Environ(), role+"=victim")
	out, err := victim.Output()
	var addr, path string
	if _, scan := fmt.Sscanf(string(out), "server %s %s", &addr, &path); scan != nil {
		t.Fatalf("%v, output %q", err, out)
	}
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	for ping(addr) == nil {
		select {
		case <-deadline.C:
			t.Fatalf("the server at %s outlived its process", addr)
		case <-time.After(pollInterval):
		}
	}
	removeOrphans(os.TempDir())
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", path, err)
	}
}

func TestFoldersInUseStay(t *testing.T) {
	f, err := makeFolder(nil)
	if err != nil {
		t.Fatal(err)
	}
	removeOrphans(os.TempDir())
	if _, err := os.Stat(f.path); err != nil {
		t.Error(err)
	}
	f.remove()
	if _, err := os.Stat(f.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed, and still there: %v", err)
	}
}

func TestPostgresOfTheEnvironment(t *testing.T) {
	s := StartPostgres(t)
	t.Setenv(postgresEnv, s.DSN)
	dsn := Postgres(t)
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if int(c.Port) != s.port {
		t.Errorf("%s is not on the server that %s names", dsn, postgresEnv)
	}
}

// skipped records what a test would have been told.
type skipped struct {
	testing.TB
	reason string
}

func (s *skipped) Skip(args ...any) {
	s.reason = args[0].(string)
	panic(s)
}

func TestMissingProgramsSkipWithOneLine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(redisEnv, "")
	for want, ask := range map[string]func(T){
		noRedis: func(t T) { Redis(t) },
		"Chromium is not installed; ./test.sh installs it": func(t T) { Chromium(t) },
	} {
		s := &skipped{TB: t}
		func() {
			defer func() { _ = recover() }()
			ask(s)
		}()
		if s.reason != want {
			t.Errorf("got %q, want %q", s.reason, want)
		}
	}
}
