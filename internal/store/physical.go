package store

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"rapport/segments"
)

// PhysicalID names this very database, and not its content: a copy that was
// restored elsewhere has another one. `delivery: live` is bound to it
// (semantics.md, rule 12). A PostgreSQL server that was copied file by file
// keeps it; docs/reliability.md says so.
func (s *Store) PhysicalID(ctx context.Context) (id string, err error) {
	if s.name == Memory {
		return Memory, nil
	}
	if s.dialect == segments.Postgres {
		_, err = one(ctx, s.db, `select (select system_identifier::text from pg_control_system()) || '/' || oid::text
			from pg_database where datname = current_database()`, nil, &id)
		return id, err
	}
	info, err := os.Stat(s.name)
	if err != nil {
		return "", err
	}
	file, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return s.name, nil
	}
	return fmt.Sprintf("file %d/%d", file.Dev, file.Ino), nil
}
