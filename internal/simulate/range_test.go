package simulate

import (
	"fmt"
	"testing"
)

// The figures are those of the papers: Newcombe, Statistics in Medicine 17 (1998),
// pages 857 to 872 (method 3) and 873 to 890 (method 10).
func TestRangesAreThoseOfThePapers(t *testing.T) {
	for _, c := range []struct {
		k, n int64
		want string
	}{
		{81, 263, "0.2553 to 0.3662"},
		{15, 148, "0.0624 to 0.1605"},
		{0, 20, "0.0000 to 0.1611"},
		{1, 29, "0.0061 to 0.1718"},
		{0, 0, "0.0000 to 1.0000"},
	} {
		if got := limits(wilson(c.k, c.n)); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.k, c.n, got, c.want)
		}
	}
	if got, want := limits(newcombe(wilson(56, 70), wilson(48, 80))), "0.0524 to 0.3339"; got != want {
		t.Errorf("difference %s, want %s", got, want)
	}
}

func limits(r Range) string { return fmt.Sprintf("%.4f to %.4f", r.Low, r.High) }
