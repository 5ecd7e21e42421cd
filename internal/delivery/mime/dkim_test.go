package mime

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// verify checks a relaxed/relaxed signature as RFC 6376 6.1 says, with code of
// its own: regular expressions where the signer walks bytes.
func verify(message string, key crypto.PublicKey) error {
	head, body, _ := strings.Cut(message, "\r\n\r\n")
	var fields []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			fields[len(fields)-1] += "\r\n" + line
		} else {
			fields = append(fields, line)
		}
	}
	blanks := regexp.MustCompile(`[ \t\r\n]+`)
	relax := func(field string) string {
		name, value, _ := strings.Cut(field, ":")
		return strings.ToLower(strings.TrimSpace(name)) + ":" + strings.TrimSpace(blanks.ReplaceAllString(value, " "))
	}
	signature := fields[0]
	if !strings.HasPrefix(signature, "DKIM-Signature:") {
		return fmt.Errorf("the first field is %q", signature)
	}
	tags := map[string]string{}
	_, list, _ := strings.Cut(signature, ":")
	for tag := range strings.SplitSeq(list, ";") {
		name, value, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = blanks.ReplaceAllString(value, "")
	}

	body = regexp.MustCompile(`[ \t]+`).ReplaceAllString(body, " ")
	body = strings.ReplaceAll(body, " \r\n", "\r\n")
	body = strings.TrimRight(strings.TrimSuffix(body, " "), "\r\n")
	if body != "" {
		body += "\r\n"
	}
	if sum := sha256.Sum256([]byte(body)); base64.StdEncoding.EncodeToString(sum[:]) != tags["bh"] {
		return fmt.Errorf("body hash %x is not %s of %q", sum, tags["bh"], body)
	}

	var input strings.Builder
	used := map[int]bool{0: true}
	for name := range strings.SplitSeq(tags["h"], ":") {
		for i := len(fields) - 1; i >= 0; i-- {
			if f := relax(fields[i]); !used[i] && strings.HasPrefix(f, strings.ToLower(name)+":") {
				used[i] = true
				input.WriteString(f + "\r\n")
				break
			}
		}
	}
	input.WriteString(relax(regexp.MustCompile(`(;\s*b=)[^;]*`).ReplaceAllString(signature, "$1")))
	b, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(input.String()))
	switch key := key.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(key, sum[:], b) {
			return fmt.Errorf("the signature does not fit %q", input.String())
		}
		return nil
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], b)
	}
	return fmt.Errorf("a %T", key)
}

// The verifier itself, by the example of RFC 8463 appendix A.
func TestVerifierKnowsTheRFC(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
	if err != nil {
		t.Fatal(err)
	}
	message := strings.ReplaceAll(`DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`, "\n", "\r\n")
	if err := verify(message, ed25519.PublicKey(key)); err != nil {
		t.Error(err)
	}
	if err := verify(strings.Replace(message, "Suzie Q", "Suzie P", 1), ed25519.PublicKey(key)); err == nil {
		t.Error("a changed message verifies")
	}
}

func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ed25519": e}
}

// sign puts the field before the message, as a sender does.
func sign(t interface{ Errorf(string, ...any) }, s Signer, message []byte) string {
	before := string(message)
	field := s.AppendField([]byte("x"), message)[1:]
	if len(field) == 0 || len(field) > s.Size() {
		t.Errorf("a field of %d bytes where %d are the most", len(field), s.Size())
	}
	if string(message) != before {
		t.Errorf("the message was changed")
	}
	return string(field) + before
}

func TestSignaturesVerify(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			signer, err := NewSigner(DKIM{Domain: "northwind.example", Selector: "s1", Key: key, Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			message := Append(nil, sample())
			signed := sign(t, signer, message)
			checkWire(t, []byte(signed), false)
			if err := verify(signed, key.Public()); err != nil {
				t.Error(err)
			}
			for old, new := range map[string]string{
				"List-Unsubscribe: <https": "List-Unsubscribe: <http", "One-Click": "Two-Clicks", "Subject: ": "Subject: Re: ",
				"\r\nTo: ": "\r\nFrom: evil@x.example\r\nTo: ", "Hello Ann,": "Hello Bob,",
				"List-Id:": "X-List-Id:", "Reply-To: ": "Reply-To: x@y.example, ", "t=": "t=1",
			} {
				changed := strings.Replace(signed, old, new, 1)
				if changed == signed {
					t.Fatalf("no %q", old)
				}
				if err := verify(changed, key.Public()); err == nil {
					t.Errorf("verifies with %q for %q", new, old)
				}
			}
			// What servers may do on the way does not break it.
			folded := strings.Replace(signed, "Feedback-ID: ", "FEEDBACK-Id:\r\n\t  ", 1) + "\r\n\r\n"
			if err := verify(folded, key.Public()); err != nil {
				t.Errorf("folded anew: %v", err)
			}
		})
	}
}

func TestAnyBodyVerifies(t *testing.T) {
	key := keys(t)["ed25519"]
	signer, err := NewSigner(DKIM{Domain: "x.example", Selector: "s", Key: key, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", " ", "\t", "\r\n", "  b", ".", "\r\n\r\n", "twelve-bytes", "four-and-five and six"})).Draw(t, "body"), "")
		subject := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", " ", "\t", "\r\n ", ":", ";"})).Draw(t, "subject"), "")
		message := "From: a@b\r\nSubject: " + subject + "x\r\n\r\n" + body + "\r\n"
		if err := verify(sign(t, signer, []byte(message)), key.Public()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestKeysThatCannotSign(t *testing.T) {
	now := func() time.Time { return noon }
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short.N.Rsh(short.N, 1)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := keys(t)["ed25519"]
	for _, test := range []struct {
		config DKIM
		want   string
	}{
		{DKIM{Domain: "x.example", Selector: "s", Key: short, Now: now}, `dkim key of "x.example" has 1023 bits: make one of 2048`},
		{DKIM{Domain: "x.example", Selector: "s", Key: curve, Now: now}, `dkim key of "x.example" is a *ecdsa.PrivateKey: only RSA and Ed25519 keys can sign`},
		{DKIM{Domain: "x.example", Selector: "s", Now: now}, `dkim key of "x.example" is a <nil>: only RSA and Ed25519 keys can sign`},
		{DKIM{Domain: "x.example", Key: good, Now: now}, `dkim for domain "x.example" with selector "": both must be given`},
		{DKIM{Domain: "x.example", Selector: "s", Key: good}, "dkim: a clock is needed for the time of signing"},
	} {
		if _, err := NewSigner(test.config); err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
	if _, err := ParseKey([]byte("hello")); err == nil || err.Error() != "dkim key: no valid PEM data found" {
		t.Errorf("no PEM: %v", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(good)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil || !bytes.Equal(key.(ed25519.PrivateKey), good.(ed25519.PrivateKey)) {
		t.Errorf("PKCS#8: %v", err)
	}
}

// BenchmarkSign is one message of 22 KB.
func BenchmarkSign(b *testing.B) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := NewSigner(DKIM{Domain: "x.example", Selector: "s", Key: key, Now: func() time.Time { return noon }})
	if err != nil {
		b.Fatal(err)
	}
	m := sample()
	m.HTML = strings.Repeat("<p style=\"margin:0\">A paragraph with a <a href=\"https://x.example/c/abc?d=1\">link</a> and words.</p>\n", 220)
	message := Append(nil, m)
	var field []byte
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		field = signer.AppendField(field[:0], message)
	}
}
