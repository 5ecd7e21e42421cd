package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"sync"
)

// MinSecret is how many bytes a secret must have at least: as many as the hash
// has, so that guessing the secret is never easier than guessing a signature.
const MinSecret = 32

// macSize is how many bytes of the HMAC a token carries. 96 bits can only be
// guessed by asking the server, 2^95 times on average (RFC 2104, section 5).
const macSize = 12

// What a signature is for is part of what is signed: a text that was signed
// for one purpose verifies for no other.
const (
	forKeyID    = 'k'
	forMessage  = 'm'
	forLink     = 'l'
	forBounce   = 'b'
	forReferral = 'r'
)

// ErrInvalid says that a text is no token of ours: cut short, changed on its
// way, or signed with a secret that is no longer in use.
var ErrInvalid = errors.New("this is no token of ours: it was changed on its way, or its secret is no longer in use")

// Base is the token of one message.
type Base string

// Open is the path of the picture that tells that a message was opened.
func (b Base) Open() string { return "/o/" + string(b) }

// Click is the path of link n of the message's template.
func (b Base) Click(n int) string { return "/c/" + string(b) + "/" + strconv.Itoa(n) }

// Unsubscribe is the path for List-Unsubscribe and for the link in the footer.
func (b Base) Unsubscribe() string { return "/u/" + string(b) }

// Preferences is the path of the contact's preference centre.
func (b Base) Preferences() string { return "/p/" + string(b) }

// View is the path of the message in the browser.
func (b Base) View() string { return "/v/" + string(b) }

// Survey is the path of the survey that the message asks.
func (b Base) Survey() string { return "/s/" + string(b) }

// Confirm is the path at which a consent is confirmed that the message asks for.
func (b Base) Confirm() string { return "/confirm/" + string(b) }

// Claims is what a message's token says.
type Claims struct {
	Message int64
	Contact int64
}

// Signer signs with the first of its secrets and believes all of them. It is
// safe for use by many goroutines.
type Signer struct{ keys []*key }

type key struct {
	id   byte
	macs sync.Pool // of *mac: making one costs as much as using it
}

// mac is a keyed hash with room for what it reads and writes.
type mac struct {
	hash hash.Hash
	room []byte
}

// NewSigner takes the secrets that sign tokens, the newest first. Each must
// have at least MinSecret bytes.
func NewSigner(secrets []string) (*Signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret to sign links with: give at least one under secrets, for example the output of `openssl rand -hex 32`")
	}
	s := &Signer{}
	seen := map[string]bool{}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("secret %d of %d has %d bytes: it needs at least %d, for example the output of `openssl rand -hex 32`",
				i+1, len(secrets), len(secret), MinSecret)
		}
		if seen[secret] {
			return nil, fmt.Errorf("secret %d of %d is there twice: give each secret once", i+1, len(secrets))
		}
		seen[secret] = true
		s.keys = append(s.keys, newKey(secret))
	}
	return s, nil
}

func newKey(secret string) *key {
	k := &key{}
	k.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, []byte(secret))} }
	k.id = k.sign(forKeyID, nil)[0]
	return k
}

// sign returns the HMAC over a purpose and a body.
func (k *key) sign(purpose byte, body []byte) [sha256.Size]byte {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.hash.Reset()
	m.room = append(append(m.room[:0], purpose), body...)
	m.hash.Write(m.room)
	m.room = m.hash.Sum(m.room[:0])
	return [sha256.Size]byte(m.room)
}

// appendSealed appends key id, signature and body as one text.
func (s *Signer) appendSealed(dst []byte, purpose byte, signed, body []byte) []byte {
	k := s.keys[0]
	sum := k.sign(purpose, signed)
	var room [256]byte
	out := append(room[:0], k.id)
	out = append(out, sum[:macSize]...)
	out = append(out, body...)
	return encoding.AppendEncode(dst, out)
}

// Strict: without it, several texts would stand for one token.
var encoding = base64.RawURLEncoding.Strict()

// split takes a text apart, without believing it yet.
func split(text string) (id byte, mac, body []byte, ok bool) {
	// The decoder passes over line breaks; ours is the only text of a token.
	for i := range len(text) {
		if text[i] == '\n' || text[i] == '\r' {
			return 0, nil, nil, false
		}
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < 1+macSize {
		return 0, nil, nil, false
	}
	return raw[0], raw[1 : 1+macSize], raw[1+macSize:], true
}

// believes compares a signature with those of all secrets that have its key
// id, in constant time for each.
func (s *Signer) believes(id byte, mac []byte, purpose byte, signed []byte) bool {
	for _, k := range s.keys {
		if k.id != id {
			continue
		}
		if sum := k.sign(purpose, signed); hmac.Equal(sum[:macSize], mac) {
			return true
		}
	}
	return false
}

// Message makes the token of a message.
func (s *Signer) Message(message, contact int64) Base {
	return Base(s.AppendMessage(nil, message, contact))
}

// AppendMessage appends the token of a message.
func (s *Signer) AppendMessage(dst []byte, message, contact int64) []byte {
	var room [8 + binary.MaxVarintLen64]byte
	body := binary.BigEndian.AppendUint64(room[:0], uint64(message))
	body = binary.AppendUvarint(body, uint64(contact))
	return s.appendSealed(dst, forMessage, body, body)
}

// Verify reads the token of a message. Every error is ErrInvalid.
func (s *Signer) Verify(text string) (Claims, error) {
	id, mac, body, ok := split(text)
	if !ok || len(body) < 9 || !s.believes(id, mac, forMessage, body) {
		return Claims{}, ErrInvalid
	}
	contact, n := binary.Uvarint(body[8:])
	if n != len(body)-8 {
		return Claims{}, ErrInvalid
	}
	return Claims{Message: int64(binary.BigEndian.Uint64(body)), Contact: int64(contact)}, nil
}
