package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	embedded "modernc.org/sqlite"

	"rapport/segments"
)

//go:embed migrations
var migrations embed.FS

// Store is an open database with the engine's tables in it.
type Store struct {
	db      database
	dialect segments.Dialect
	name    string // for messages: never with a password

	sequences sync.Mutex
	reserved  map[string]block
}

// Options of Open. The zero value is right for production.
type Options struct {
	// Shared opens an embedded file that another process may have open too:
	// for commands that look or import while `serve` runs.
	Shared bool
	// Fleeting gives up surviving a power cut in an embedded file, never a
	// killed process: for demos, simulations and tests.
	Fleeting bool
	// Connections bounds the pool; 0 means a sensible number.
	Connections int
}

// Open opens a database, makes or migrates its tables, and says in plain words
// what stands in the way. A name that starts with postgres:// or postgresql://
// is a server; Memory is an embedded database without a file; every other is the
// path of an embedded file.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if name == Memory {
		return openMemory(ctx)
	}
	if OnPostgres(name) {
		return openPostgres(ctx, name, o)
	}
	return openSQLite(ctx, name, o)
}

// transactionPatience is how long PostgreSQL waits for the next statement of a
// transaction before it ends it. A process that was suspended, or whose network
// was cut without a word, would otherwise keep its locks for hours, until TCP
// notices: other workers, and the sweep that gives the silent one up, would wait
// for them.
const transactionPatience = "30s"

func openPostgres(ctx context.Context, name string, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(name)
	if err != nil {
		return nil, fmt.Errorf("the database address cannot be read: %w", err)
	}
	config.MaxConns = int32(o.Connections)
	if o.Connections == 0 {
		config.MaxConns = int32(max(8, 4*runtime.NumCPU()))
	}
	config.ConnConfig.RuntimeParams["application_name"] = "rapport"
	// A plan that was made when a table was small stays with its statement for as
	// long as the connection lives. Planning anew costs little beside what a batch
	// does, and a first campaign is not sent by reading whole tables.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	// What it would compile for costs more than the statements of a batch.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	shown := fmt.Sprintf("postgres://%s:%d/%s", config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.Database)

	plain := stdlib.OpenDB(*config.ConnConfig)
	defer plain.Close()
	if err := plain.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("cannot reach the database %s: %w", shown, err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, goose.DialectPostgres, plain, "postgres", goose.WithSessionLocker(locker)); err != nil {
		return nil, fmt.Errorf("cannot bring the tables of %s up to date: %w", shown, err)
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "set idle_in_transaction_session_timeout = '"+transactionPatience+"'")
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the database %s: %w", shown, err)
	}
	return &Store{db: postgres{pool}, dialect: segments.Postgres, name: shown, reserved: map[string]block{}}, nil
}

// Memory names a database that lives in the memory of the process and ends with
// it: for simulations. It has one connection and is for one goroutine, and a
// transaction that fails spoils it.
const Memory = ":memory:"

func openMemory(ctx context.Context) (*Store, error) {
	if err := registerFunctions(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(off)&_pragma=temp_store(memory)&_pragma=journal_mode(off)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // another connection would be another database
	db.SetMaxIdleConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, db, "sqlite"); err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot make the tables in memory: %w", err)
	}
	a, err := newAlone(ctx, db)
	if err != nil {
		db.Close()
		return nil, err
	}
	return &Store{db: a, dialect: segments.SQLite, name: Memory, reserved: map[string]block{}}, nil
}

// The functions of ours that SQL calls, registered once for the process.
var registerFunctions = sync.OnceValue(func() error {
	return embedded.RegisterDeterministicScalarFunction("rapport_match", 2,
		func(_ *embedded.FunctionContext, args []driver.Value) (driver.Value, error) {
			pattern, ok1 := args[0].(string)
			text, ok2 := args[1].(string)
			return ok1 && ok2 && segments.MatchPortable(pattern, text), nil
		})
})

func openSQLite(ctx context.Context, name string, o Options) (*Store, error) {
	if err := registerFunctions(); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("the database has no name: give a file or postgres://…")
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the database: %w", err)
	}
	held := &fileLock{}
	if !o.Shared {
		var err error
		if held, err = lockFile(name + ".lock"); err != nil {
			return nil, err
		}
	}
	synchronous := "full"
	if o.Fleeting {
		synchronous = "off"
	}
	dsn := fileURI(name) + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(off)" +
		"&_pragma=synchronous(" + synchronous + ")&_pragma=cache_size(-32000)&_pragma=wal_autocheckpoint(8000)&_pragma=temp_store(memory)"
	writer, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, writer, "sqlite"); err != nil {
		writer.Close()
		held.release()
		return nil, fmt.Errorf("cannot bring the tables of %s up to date: %w", name, err)
	}
	readers, err := sql.Open("sqlite", dsn+"&_pragma=query_only(on)")
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	return &Store{db: sqlite{writer, readers, held}, dialect: segments.SQLite, name: name, reserved: map[string]block{}}, nil
}

// fileURI names a file whatever stands in its path: to SQLite, "#" would end the
// name, and another database would be opened.
func fileURI(name string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(name)
}

func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder string, o ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, append(o, goose.WithLogger(goose.NopLogger()))...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Name is how messages call the database: its address without a password.
func (s *Store) Name() string { return s.name }

// Embedded reports whether the store is one file of this process.
func (s *Store) Embedded() bool { return s.dialect == segments.SQLite }

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.ping(ctx); err != nil {
		return fmt.Errorf("cannot reach the database %s: %w", s.name, err)
	}
	return nil
}

// Clock is what the database's own clock shows; the zero time for an embedded one,
// which has none.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	if s.Embedded() {
		return time.Time{}, s.Ping(ctx)
	}
	var shown int64
	if _, err := one(ctx, s.db, `select (extract(epoch from clock_timestamp()) * 1000)::bigint`, nil, &shown); err != nil {
		return time.Time{}, fmt.Errorf("cannot reach the database %s: %w", s.name, err)
	}
	return at(shown), nil
}

// Close ends all connections.
func (s *Store) Close() { s.db.close() }
