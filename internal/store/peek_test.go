package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What looks changes nothing: no file, no table, no migration.
func TestAPeekAtADatabaseChangesNothing(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			ctx, address := t.Context(), open(t)
			look := func(step string, missing bool, behind int) {
				t.Helper()
				for range 2 {
					l, err := Peek(ctx, address)
					check(t, err)
					if l.Missing != missing || behind >= 0 && l.Behind != behind || l.Clock.IsZero() != (name == "sqlite") {
						t.Errorf("%s: %+v", step, l)
					}
				}
			}
			look("before there is anything", true, -1)
			if name == "sqlite" {
				if _, err := os.Stat(address); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the file is there: %v", err)
				}
			}
			migrated(t, address, newestMigration(t)).Close()
			look("one migration behind", false, 1)
			openStore(t, address)
			look("up to date", false, 0)
		})
	}
	if _, err := Peek(context.WithoutCancel(t.Context()), "postgres://nobody@127.0.0.1:1/none"); err == nil || !strings.HasPrefix(err.Error(), "cannot reach the database postgres://127.0.0.1:1/none: ") {
		t.Errorf("of a server that is not there it says %v", err)
	}
}

// newestMigration is the number of the newest migration, the same for both databases.
func newestMigration(t *testing.T) (last int64) {
	t.Helper()
	files := must(fs.ReadDir(migrations, "migrations/sqlite"))(t)
	number, _, _ := strings.Cut(files[len(files)-1].Name(), "_")
	return must(strconv.ParseInt(number, 10, 64))(t)
}
