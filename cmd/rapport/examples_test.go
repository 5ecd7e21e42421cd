package main

import (
	"path/filepath"
	"strings"
	"testing"

	"rapport/examples"
)

// Every example that init makes has nothing that readers of its mail would mind.
func TestEveryExampleIsLinted(t *testing.T) {
	for _, name := range examples.Names() {
		dir := filepath.Join(t.TempDir(), name)
		must(t, nil, "init", dir, "--example", name)
		if got := must(t, nil, "-C", dir, "templates", "lint"); !strings.HasPrefix(got, "ok ") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
