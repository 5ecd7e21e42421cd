package responses

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestOwnNamesAreWordsWithDots(t *testing.T) {
	is := regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$`)
	for _, name := range []string{"order.placed", "a", "a1.2b_-.c", "", "1a", "a..b", ".a", "a.", "a.-b", "_a", "a b", "A", "ä", "a.b\n"} {
		if ownName(name) != is.MatchString(name) {
			t.Errorf("ownName(%q) = %t", name, ownName(name))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if name := rapid.StringMatching(`[az09._A-]{0,6}`).Draw(t, "name"); ownName(name) != is.MatchString(name) {
			t.Fatalf("ownName(%q) = %t", name, ownName(name))
		}
	})
}
