package store

import (
	"os"
	"path/filepath"
	"testing"
)

// An embedded database is the file that was named, whatever stands in its path.
func TestAnEmbeddedDatabaseIsTheFileNamed(t *testing.T) {
	for _, folder := range []string{"plain", "a#b", "a?b", "100%41", "with space", "ümlaut"} {
		dir := filepath.Join(t.TempDir(), folder)
		check(t, os.Mkdir(dir, 0o700))
		name := filepath.Join(dir, "rapport.db")
		s := openStore(t, name)
		people(t, s, "ana@example.com")
		l := must(Peek(t.Context(), name))(t)
		if _, err := os.Stat(name); err != nil || l.Missing || l.Behind != 0 {
			t.Errorf("in %q: %v, a look at it says %+v", folder, err, l)
		}
	}
}
