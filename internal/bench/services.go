package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"rapport/internal/store"
	"rapport/internal/testenv"
)

// ownPostgres are the settings of a PostgreSQL that a bench starts: safe, and sized
// as its documentation recommends, with a quarter of the machine's memory for shared
// buffers; what a machine with less than 2 GB has is taken as 2, and more than 16 as 16.
func ownPostgres(memory int64) []string {
	const gb = 1 << 30
	return []string{
		"fsync=on", "synchronous_commit=on", "full_page_writes=on",
		fmt.Sprintf("shared_buffers=%dMB", min(max(memory, 2*gb), 16*gb)/4>>20),
		"max_wal_size=4GB", "checkpoint_timeout=15min", "max_connections=300",
	}
}

// services finds or starts the servers of this run, and looks whether the
// database may be filled.
func (r *Run) services(ctx context.Context) (err error) {
	if r.Embedded {
		r.Database, r.Redis = filepath.Join(r.Dir, "workspace", ".rapport", "rapport.db"), ""
		r.Note("embedded default: one SQLite file (synchronous = full), the queue in the process")
		return nil
	}
	if r.Database == "" {
		settings := ownPostgres(r.Report.Machine.Memory)
		err := r.started("PostgreSQL", "--database", func(t testenv.T) {
			r.Database = testenv.StartPostgres(t, settings...).DSN
		})
		if err != nil {
			return err
		}
		if r.Database, err = ownDatabase(ctx, r.Database, r.Report.Bench); err != nil {
			return err
		}
		r.Note("a PostgreSQL of its own: %s", strings.Join(settings, ", "))
	} else if err := r.mayFill(ctx); err != nil {
		return err
	}
	if r.Redis == "" {
		err := r.started("Redis", "--redis", func(t testenv.T) { r.Redis = testenv.StartRedis(t).URL() })
		if err != nil {
			return err
		}
		r.Note("a Redis of its own, which keeps nothing on disk")
	}
	return r.lookAt(ctx)
}

// errFull refuses a database that is somebody's.
var errFull = errors.New("the database has contacts in it, and a bench mails them all (to its own receiving server) " +
	"and replaces the workspace that was applied: give it an empty one, or --force")

// mayFill refuses a database that holds somebody's contacts.
func (r *Run) mayFill(ctx context.Context) error {
	if r.Force {
		return nil
	}
	s, err := store.Open(ctx, r.Database, store.Options{Connections: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	if any, err := s.ContactIDs(ctx, 0, 1); err != nil || len(any) == 0 {
		return err
	}
	return errFull
}

// ownDatabase makes a database beside another one and returns its address.
func ownDatabase(ctx context.Context, address, name string) (string, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	name = "bench_" + strings.ReplaceAll(name, "-", "_")
	if _, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", err
	}
	return strings.Replace(address, "/postgres?", "/"+name+"?", 1), nil
}

// started runs f, which starts servers as tests do, and turns its way of giving
// up into errors.
func (r *Run) started(server, flag string, f func(testenv.T)) (err error) {
	t := &starter{run: r}
	defer func() {
		switch why := recover(); why {
		case nil:
		case t:
			if err = t.err; err == nil {
				err = fmt.Errorf("%s is not installed on this machine: install it, name a running one with %s, or measure the embedded default with --embedded",
					server, flag)
			}
		default:
			panic(why)
		}
	}()
	f(t)
	return nil
}

// starter is a bench in the place of a test.
type starter struct {
	run *Run
	err error // why it gave up; nil: the server is not installed
}

func (s *starter) Helper() {}

func (s *starter) Cleanup(f func()) { s.run.atEnd(func() error { f(); return nil }) }

func (s *starter) Skip(...any) { panic(s) }

func (s *starter) Fatalf(format string, args ...any) {
	s.err = fmt.Errorf(format, args...)
	panic(s)
}

// lookAt asks the servers what they are, and for their processes where they run
// on this machine.
func (r *Run) lookAt(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, r.Database)
	if err != nil {
		return fmt.Errorf("cannot reach the database: %w", err)
	}
	defer conn.Close(ctx)
	var backend int
	var fsync, synchronous string
	if err := conn.QueryRow(ctx, `select pg_backend_pid(), current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')`).
		Scan(&backend, &r.Report.Machine.Postgres, &fsync, &synchronous); err != nil {
		return err
	}
	if fsync != "on" || synchronous != "on" {
		r.Note("PostgreSQL does not keep what it confirms: fsync is %s and synchronous_commit is %s", fsync, synchronous)
	}
	if backendStat, err := readStat(backend); err == nil && isLocal(conn.Config().Host) && backendStat.name == "postgres" {
		r.postgresPid = backendStat.parent
	}

	options, err := redis.ParseURL(r.Redis)
	if err != nil {
		return fmt.Errorf("the address of Redis cannot be read: %w", err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	info, err := client.InfoMap(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("cannot reach Redis: %w", err)
	}
	about := info["Server"]
	r.Report.Machine.Redis = about["redis_version"]
	var pid int
	_, _ = fmt.Sscan(about["process_id"], &pid) // 0 where it does not say
	host, _, err := net.SplitHostPort(options.Addr)
	if redisStat, statErr := readStat(pid); err == nil && statErr == nil && isLocal(host) && strings.HasPrefix(redisStat.name, "redis") {
		r.redisPid = pid
	}
	if measurable() && (r.postgresPid == 0 || r.redisPid == 0) {
		r.Note("what PostgreSQL or Redis costs is not measured: it does not run on this machine")
	}
	return nil
}

func isLocal(host string) bool {
	if filepath.IsAbs(host) || host == "localhost" || host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// vacuum brings the statistics of the database up to date and writes its pages
// out, as autovacuum and the checkpointer have done in an installation that has
// run for a while.
func (in *mailHouse) vacuum(ctx context.Context) error {
	in.Step("vacuum", 0, 0)
	conn, err := pgx.Connect(ctx, in.Database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err = conn.Exec(ctx, "vacuum (analyze)"); err != nil {
		return err
	}
	if _, err = conn.Exec(ctx, "checkpoint"); err != nil { // a right that not every role has
		in.Note("no checkpoint was made before the measurement: %v", err)
	}
	return nil
}
