package bench

import (
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/testenv"
)

func TestWhatIsMissingIsSaidInPlainWords(t *testing.T) {
	for want, f := range map[string]func(testenv.T){
		"":              func(testenv.T) {},
		"redis: no air": func(t testenv.T) { t.Fatalf("redis: %s", "no air") },
		"Redis is not installed on this machine: install it, name a running one with --redis, or measure the embedded default with --embedded": func(t testenv.T) { t.Skip("x") },
	} {
		got := ""
		if err := (&Run{}).started("Redis", "--redis", f); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestADatabaseWithContactsIsRefused(t *testing.T) {
	address := testenv.Postgres(t)
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := []store.ContactInput{{Contact: contacts.Contact{Email: "ana@example.com"}}}
	if _, err := s.UpsertContacts(t.Context(), in, time.Unix(1_800_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	_, err = Send.Do(t.Context(), Options{Program: "none", Database: address, Redis: "redis://127.0.0.1:1", Dir: t.TempDir()})
	if want := errFull.Error(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = Send.Do(t.Context(), Options{Program: "none", Database: address, Redis: "redis://127.0.0.1:1", Dir: t.TempDir(), Force: true})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot reach Redis: ") {
		t.Errorf("with --force: %v, want that Redis cannot be reached", err)
	}
}
