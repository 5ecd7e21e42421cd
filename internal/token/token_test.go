package token

import (
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	secretA = "0123456789abcdef0123456789abcdef"
	secretB = "fedcba9876543210fedcba9876543210"
)

func signer(t testing.TB, secrets ...string) *Signer {
	t.Helper()
	s, err := NewSigner(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Made with another implementation of HMAC. Tokens stand in mail that was sent years ago: these must verify for ever.
func TestPinnedTokens(t *testing.T) {
	s := signer(t, secretA)
	base := s.Message(7<<32|1, 42)
	for _, c := range []struct{ what, got, want string }{
		{"message", string(base), "kl7p5eyMUWIXS3OIxAAAAAcAAAABKg"},
		{"open", base.Open(), "/o/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg"},
		{"click", base.Click(3), "/c/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg/3"},
		{"unsubscribe", base.Unsubscribe(), "/u/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg"},
		{"preferences", base.Preferences(), "/p/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg"},
		{"view", base.View(), "/v/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg"},
		{"personal", s.Personal(base, 7<<32|1, 3, "https://x.example/?e=a%40b"), "/c/kl7p5eyMUWIXS3OIxAAAAAcAAAABKg/3/kioAw5rftvM35DgmqWh0dHBzOi8veC5leGFtcGxlLz9lPWElNDBi"},
		{"bounce", s.Bounce(7<<32 | 1), "b-slnxlh7xoc6cm3wctrm6caaaaadqaaaaae"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, c.got, c.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	for _, c := range []struct {
		secrets []string
		want    string
	}{
		{nil, "there is no secret to sign links with: give at least one under secrets, for example the output of `openssl rand -hex 32`"},
		{[]string{secretA, "short"}, "secret 2 of 2 has 5 bytes: it needs at least 32, for example the output of `openssl rand -hex 32`"},
		{[]string{secretA, secretB, secretA}, "secret 3 of 3 is there twice: give each secret once"},
	} {
		if _, err := NewSigner(c.secrets); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.secrets, err, c.want)
		}
	}
}

func TestSecretsRotate(t *testing.T) {
	before := signer(t, secretA)
	after := signer(t, secretB, secretA)
	later := signer(t, secretB)
	old, fresh := before.Message(1024, 7), after.Message(1024, 7)
	want := Claims{Message: 1024, Contact: 7}
	for _, c := range []struct {
		what string
		s    *Signer
		text Base
		ok   bool
	}{
		{"an old token after the new secret came", after, old, true},
		{"a new token", after, fresh, true},
		{"an old token after its secret went", later, old, false},
		{"a new token after the old secret went", later, fresh, true},
	} {
		got, err := c.s.Verify(string(c.text))
		if c.ok && (err != nil || got != want) || !c.ok && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %+v, %v", c.what, got, err)
		}
	}
}

func TestTokensRoundTrip(t *testing.T) {
	s := signer(t, secretB, secretA)
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.Int64Range(0, math.MaxInt64).Draw(t, "message")
		contact := rapid.Int64Range(0, math.MaxInt64).Draw(t, "contact")
		base := s.Message(message, contact)
		if url.PathEscape(string(base)) != string(base) {
			t.Fatalf("%q does not stand in a path as it is", base)
		}
		if got, err := s.Verify(string(base)); err != nil || got != (Claims{message, contact}) {
			t.Fatalf("got %+v, %v", got, err)
		}
		n, target := rapid.IntRange(0, 500).Draw(t, "n"), rapid.String().Draw(t, "target")
		link, _ := strings.CutPrefix(s.Personal(base, message, n, target), base.Click(n)+"/")
		if got, err := s.VerifyPersonal(message, n, link); err != nil || got != target {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := s.VerifyPersonal(message, n+1, link); err == nil {
			t.Fatal("a personal link holds for another number")
		}
		if _, err := s.VerifyPersonal(message^1, n, link); err == nil {
			t.Fatal("a personal link holds for another message")
		}
		local := s.Bounce(message)
		if len(local) > 64 {
			t.Fatalf("the local part %s has %d characters", local, len(local))
		}
		if got, err := s.VerifyBounce(strings.ToUpper(local)); err != nil || got != message {
			t.Fatalf("got %d, %v", got, err)
		}
	})
}

// Property: no change of a single character, and no token of another kind, is believed.
func TestNothingElseIsBelieved(t *testing.T) {
	s := signer(t, secretA)
	base := string(s.Message(5<<32, 99))
	for i := range len(base) {
		for _, c := range []byte("A_z9-") {
			if base[i] == c {
				continue
			}
			changed := base[:i] + string(c) + base[i+1:]
			if _, err := s.Verify(changed); err == nil {
				t.Errorf("%s is believed", changed)
			}
		}
	}
	link := strings.TrimPrefix(s.Personal(Base(base), 5<<32, 1, string(make([]byte, 9))), Base(base).Click(1)+"/")
	for _, text := range []string{"", "A", base[:len(base)-1], base + "A", base + "=", base + "\n", base[:4] + "\r\n" + base[4:], " " + base, link} {
		if got, err := s.Verify(text); err == nil {
			t.Errorf("%q is believed: %+v", text, got)
		}
	}
	bounce := s.Bounce(5 << 32)
	for _, text := range []string{"", "b-", bounce[2:], bounce + "a", bounce[:len(bounce)-1], strings.Replace(bounce, "b-", "c-", 1)} {
		if _, err := s.VerifyBounce(text); err == nil {
			t.Errorf("%q is believed", text)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := signer(f, secretA, secretB)
	f.Add(string(s.Message(1, 2)))
	f.Add(s.Bounce(1))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		// Whoever has no secret has no second text for a token either.
		if c, err := s.Verify(text); err == nil {
			made := []string{string(signer(t, secretA).Message(c.Message, c.Contact)), string(signer(t, secretB).Message(c.Message, c.Contact))}
			if !slices.Contains(made, text) {
				t.Fatalf("%q was never made and is believed", text)
			}
		}
		if m, err := s.VerifyBounce(text); err == nil && m < 0 {
			t.Fatalf("a negative message from %q", text)
		}
		_, _ = s.VerifyPersonal(1, 1, text)
	})
}

func BenchmarkMessage(b *testing.B) {
	s := signer(b, secretA)
	for i := range b.N {
		s.Message(int64(i)<<10, int64(i))
	}
}
