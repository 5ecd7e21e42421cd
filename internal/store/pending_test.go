package store

import (
	"strings"
	"testing"
	"time"

	"rapport/segments"
)

// The look for work is made several times a second however large the tables
// are: it reads none of them whole.
func TestLookingForWorkReadsNoTable(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if s.dialect != segments.SQLite {
			return // PostgreSQL decides by how large the tables are
		}
		must(s.Pending(t.Context(), day))(t)
		var scans []string
		check(t, each(t.Context(), s.db, `explain query plan `+pendingText(later(time.Hour)), nil, func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			if strings.HasPrefix(detail, "SCAN") {
				scans = append(scans, detail)
			}
			return err
		}))
		// touched is a list of what is to do, campaigns are few, and the index of
		// batches has the open ones alone.
		equal(t, "tables that are read", scans, []string{"SCAN CONSTANT ROW", "SCAN touched", "SCAN k", "SCAN batches USING INDEX batches_open"})
	})
}
