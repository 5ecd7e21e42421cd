package token

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// Personal is the path of a link whose address has contact data in it: link n
// of a message, leading to target. The address itself is signed, for it stands
// in no link table (semantics.md, rule 25).
func (s *Signer) Personal(b Base, message int64, n int, target string) string {
	return string(s.AppendPersonal([]byte(b.Click(n)+"/"), message, n, []byte(target)))
}

// AppendPersonal appends the last part of such a path, what stands behind that of
// Click and a slash.
func (s *Signer) AppendPersonal(dst []byte, message int64, n int, target []byte) []byte {
	var room [256]byte
	return s.appendSealed(dst, forLink, appendLinkBody(room[:0], message, n, target), target)
}

// VerifyPersonal returns the address that the last part of a personal link
// carries, if it was signed for this message and this n.
func (s *Signer) VerifyPersonal(message int64, n int, text string) (target string, err error) {
	id, mac, body, ok := split(text)
	if !ok || !s.believes(id, mac, forLink, appendLinkBody(nil, message, n, body)) {
		return "", ErrInvalid
	}
	return string(body), nil
}

func appendLinkBody(dst []byte, message int64, n int, target []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(message))
	dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	return append(dst, target...)
}

// Local parts survive in lower case only: some servers change it.
var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// bouncePrefix begins the local part of a return path of ours.
const bouncePrefix = "b-"

// Bounce is the local part of a message's return path (VERP): bounces come to
// it and say so which message they are about. It has 36 characters, of the 64
// that a local part may have (RFC 5321, section 4.5.3.1.1).
func (s *Signer) Bounce(message int64) string { return string(s.AppendBounce(nil, message)) }

// AppendBounce appends it.
func (s *Signer) AppendBounce(dst []byte, message int64) []byte {
	k := s.keys[0]
	var room [8]byte
	body := binary.BigEndian.AppendUint64(room[:0], uint64(message))
	sum := k.sign(forBounce, body)
	var whole [1 + macSize + 8]byte
	out := append(append(append(whole[:0], k.id), sum[:macSize]...), body...)
	return base32Lower.AppendEncode(append(dst, bouncePrefix...), out)
}

// VerifyBounce reads the local part of a return path, in either case.
func (s *Signer) VerifyBounce(local string) (message int64, err error) {
	text, ok := strings.CutPrefix(strings.ToLower(local), bouncePrefix)
	if !ok {
		return 0, ErrInvalid
	}
	raw, err := base32Lower.DecodeString(text)
	if err != nil || len(raw) != 1+macSize+8 || base32Lower.EncodeToString(raw) != text {
		return 0, ErrInvalid
	}
	body := raw[1+macSize:]
	if !s.believes(raw[0], raw[1:1+macSize], forBounce, body) {
		return 0, ErrInvalid
	}
	return int64(binary.BigEndian.Uint64(body)), nil
}
