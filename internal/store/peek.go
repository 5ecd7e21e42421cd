package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Peeked is what can be seen of a database without changing it.
type Peeked struct {
	Clock   time.Time // the server's; zero of an embedded file
	Missing bool      // there is no embedded file yet, or none of our tables
	Behind  int       // migrations that the next Open makes
}

// Peek looks at a database as Open would open it, and changes nothing: it makes
// no file and no table, and migrates nothing.
func Peek(ctx context.Context, name string) (Peeked, error) {
	if OnPostgres(name) {
		return peekPostgres(ctx, name)
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return Peeked{Missing: true}, nil
	}
	db, err := sql.Open("sqlite", fileURI(name)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return Peeked{}, err
	}
	defer db.Close()
	var has int
	if err := db.QueryRowContext(ctx, `select count(*) from sqlite_schema where name = 'goose_db_version'`).Scan(&has); err != nil {
		return Peeked{}, fmt.Errorf("cannot read the database %s: %w", name, err)
	}
	return peeked(has > 0, func(at *int64) error { return db.QueryRowContext(ctx, lastMigration).Scan(at) })
}

// OnPostgres reports whether the name of a database is that of one in PostgreSQL, and
// not a file.
func OnPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// connect makes one connection to PostgreSQL. shown is its address without secrets.
func connect(ctx context.Context, name string) (c *pgx.Conn, shown string, err error) {
	config, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, "", fmt.Errorf("the database address cannot be read: %w", err)
	}
	shown = fmt.Sprintf("postgres://%s:%d/%s", config.Host, config.Port, config.Database)
	if c, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, shown, fmt.Errorf("cannot reach the database %s: %w", shown, err)
	}
	return c, shown, nil
}

func peekPostgres(ctx context.Context, name string) (Peeked, error) {
	c, shown, err := connect(ctx, name)
	if err != nil {
		return Peeked{}, err
	}
	defer c.Close(ctx)
	var has bool
	var clock time.Time
	if err := c.QueryRow(ctx, `select to_regclass('goose_db_version') is not null, clock_timestamp()`).Scan(&has, &clock); err != nil {
		return Peeked{}, fmt.Errorf("cannot read the database %s: %w", shown, err)
	}
	l, err := peeked(has, func(at *int64) error { return c.QueryRow(ctx, lastMigration).Scan(at) })
	l.Clock = clock
	return l, err
}

// lastMigration is the last one that a database has had; they go by number.
const lastMigration = `select coalesce(max(version_id), 0) from goose_db_version where is_applied`

func peeked(has bool, last func(*int64) error) (l Peeked, err error) {
	var at int64
	if has {
		if err := last(&at); err != nil {
			return Peeked{}, err
		}
	}
	files, err := fs.Glob(migrations, "migrations/postgres/*.sql") // SQLite has those of the same numbers
	if err != nil {
		return Peeked{}, err
	}
	for _, file := range files {
		number, _, _ := strings.Cut(file[strings.LastIndexByte(file, '/')+1:], "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > at {
			l.Behind++
		}
	}
	l.Missing = at == 0
	return l, nil
}
