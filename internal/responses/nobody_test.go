package responses

import (
	"testing"

	"rapport/internal/token"
)

// The addresses in a test or a preview say what they would do, and do nothing.
func TestTheLinksOfATestChangeNothing(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/u/", "/p/", "/s/", "/confirm/", "/r/", "/v/"} {
		for _, word := range []string{token.Test, token.Preview} {
			w := f.do("GET", path+word, "")
			if w.Code != 200 {
				t.Errorf("GET %s%s: got %d", path, word, w.Code)
			}
			contains(t, w.Body.String(), "This was only a test", "Here it changes nothing")
		}
	}
	if w := f.do("POST", "/u/"+token.Test, "List-Unsubscribe=One-Click"); w.Code != 200 || len(w.Result().Cookies()) != 0 {
		t.Errorf("one click got %d", w.Code)
	}
	if f.consent("guides") != "given" || f.suppressed() != "" {
		t.Errorf("somebody was unsubscribed: %s %s", f.consent("guides"), f.suppressed())
	}
}
