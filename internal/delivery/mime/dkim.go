package mime

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Signer puts a DKIM signature (RFC 6376) on a message.
type Signer interface {
	// AppendField appends the signature's header field, which stands before the
	// message.
	AppendField(dst, message []byte) []byte
	// Size is the most bytes that AppendField appends.
	Size() int
}

// DKIM says with which key a domain signs.
type DKIM struct {
	Domain   string // d=, the domain that takes responsibility
	Selector string // s=, the key is published at SELECTOR._domainkey.DOMAIN
	Key      crypto.Signer
	Now      func() time.Time // t=, the time of signing
}

// signedFields are covered by every signature whether they are present or not:
// a field that is named and absent cannot be added on the way. From and
// Subject are named twice, so that a second one cannot either. RFC 8058 4
// wants both unsubscribe fields covered.
var signedFields = [...]string{
	"from", "from", "to", "subject", "subject", "date", "message-id", "reply-to",
	"mime-version", "content-type", "auto-submitted", "x-rapport-id",
	"list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id",
}

// NewSigner returns a signer with relaxed/relaxed canonicalisation for an RSA
// key of at least 1024 bits or an Ed25519 key (RFC 8463). It is safe for use by
// several goroutines. An RSA-2048 signature takes about 2 ms of a core, an
// Ed25519 one a tenth of that or less: where the relay can sign, let it.
func NewSigner(d DKIM) (Signer, error) {
	s := &dkim{key: d.Key, now: d.Now}
	switch key := d.Key.(type) {
	case ed25519.PrivateKey:
		s.algorithm = "ed25519-sha256"
	case *rsa.PrivateKey:
		s.algorithm = "rsa-sha256"
		// RFC 8301 3.2: verifiers ignore shorter keys.
		if key.N.BitLen() < 1024 {
			return nil, fmt.Errorf("dkim key of %q has %d bits: make one of 2048", d.Domain, key.N.BitLen())
		}
	default:
		return nil, fmt.Errorf("dkim key of %q is a %T: only RSA and Ed25519 keys can sign", d.Domain, d.Key)
	}
	if d.Domain == "" || d.Selector == "" {
		return nil, fmt.Errorf("dkim for domain %q with selector %q: both must be given", d.Domain, d.Selector)
	}
	if d.Now == nil {
		return nil, errors.New("dkim: a clock is needed for the time of signing")
	}
	// Every line of the field is broken at a blank of its own, before signing:
	// relaxed canonicalisation turns a fold into one space and would not drop
	// one that was put into the middle of a word afterwards, as go-mail's own
	// signer does to a long h= tag.
	s.head = "DKIM-Signature: v=1; a=" + s.algorithm + "; c=relaxed/relaxed;\r\n d=" + d.Domain +
		";\r\n s=" + d.Selector + "; t="
	s.fields = ";\r\n h=" + foldList(signedFields[:]) + ";\r\n bh="
	// Signing once here shows now, and not in the middle of a campaign, that
	// the key works.
	signature, err := s.signature([]byte("test"))
	if err != nil {
		return nil, fmt.Errorf("dkim for %q: the key cannot sign: %w", d.Domain, err)
	}
	hash := make([]byte, sha256.Size)
	s.size = len(s.appendSignature(s.appendHead(nil, math.MinInt64, hash), signature))
	return s, nil
}

// ParseKey reads a PEM private key in PKCS#1 or PKCS#8.
func ParseKey(pem []byte) (crypto.Signer, error) {
	key, err := mail.PrivKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("dkim key: %w", err)
	}
	return key, nil
}

type dkim struct {
	key          crypto.Signer
	now          func() time.Time
	algorithm    string
	head, fields string // the parts of the field that never change
	size         int
}

func (s *dkim) Size() int { return s.size }

func (s *dkim) AppendField(dst, message []byte) []byte {
	header, body := splitMessage(message)
	work := works.Get().(*work)
	defer works.Put(work)
	bodyHash := work.bodyHash(body)

	start := len(dst)
	dst = s.appendHead(dst, s.now().Unix(), bodyHash)
	// RFC 6376 3.7: the fields named, then the signature's own with an empty
	// b= and no line ending.
	work.input = appendNamedFields(work.input[:0], header, signedFields[:])
	work.input = appendRelaxedField(work.input, dst[start:])
	signature, err := s.signature(work.input[:len(work.input)-2])
	if err != nil {
		// NewSigner has seen this key sign, and only its kind and length
		// decide; an unsigned message is better than none.
		return dst[:start]
	}
	return s.appendSignature(dst, signature)
}

// appendHead appends the field up to its b=.
func (s *dkim) appendHead(dst []byte, at int64, bodyHash []byte) []byte {
	dst = append(dst, s.head...)
	dst = strconv.AppendInt(dst, at, 10)
	dst = append(dst, s.fields...)
	dst = base64.StdEncoding.AppendEncode(dst, bodyHash)
	return append(dst, ";\r\n b="...)
}

// appendSignature appends the rest of the field.
func (s *dkim) appendSignature(dst, signature []byte) []byte {
	var room [1024]byte
	for text := base64.StdEncoding.AppendEncode(room[:0], signature); len(text) > 0; {
		n := min(len(text), lineLimit-4)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) > 0 {
			dst = append(dst, "\r\n  "...)
		}
	}
	return append(dst, "\r\n"...)
}

// signature signs the SHA-256 of input. Ed25519 too signs the hash, not the
// text: RFC 8463 3.
func (s *dkim) signature(input []byte) ([]byte, error) {
	hash := sha256.Sum256(input)
	if key, ok := s.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, hash[:]), nil
	}
	return s.key.Sign(rand.Reader, hash[:], crypto.SHA256)
}

// foldList joins names with colons; blanks around a colon are allowed
// (RFC 6376 3.5, h=), so lines are broken after one.
func foldList(names []string) string {
	var b strings.Builder
	col := 3
	for i, name := range names {
		if i > 0 {
			b.WriteByte(':')
			col++
		}
		if col+len(name)+1 > lineLimit {
			b.WriteString("\r\n ")
			col = 1
		}
		b.WriteString(name)
		col += len(name)
	}
	return b.String()
}
