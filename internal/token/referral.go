package token

import "encoding/binary"

// Referral is the code by which a contact brings friends. People pass it on, so
// it is signed for that alone: it opens no page of the contact's own.
func (s *Signer) Referral(contact int64) string {
	var room [binary.MaxVarintLen64]byte
	body := binary.AppendUvarint(room[:0], uint64(contact))
	return string(s.appendSealed(nil, forReferral, body, body))
}

// VerifyReferral reads such a code. Every error is ErrInvalid.
func (s *Signer) VerifyReferral(text string) (contact int64, err error) {
	id, mac, body, ok := split(text)
	if !ok || !s.believes(id, mac, forReferral, body) {
		return 0, ErrInvalid
	}
	who, n := binary.Uvarint(body)
	if n <= 0 || n != len(body) {
		return 0, ErrInvalid
	}
	return int64(who), nil
}
