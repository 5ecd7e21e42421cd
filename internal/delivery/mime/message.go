package mime

import (
	"net/mail"
	"strings"
	"time"

	"rapport/internal/quoted"
)

// Header is one extra header field, for instance a provider's metadata.
// A name that is no RFC 5322 field name, or that [Append] writes itself, is
// left out: a message with two From fields is refused or believed wrongly.
type Header struct {
	Name, Value string
}

// Message is what one e-mail says. Text and HTML are UTF-8; bytes that are
// not become U+FFFD. Any line ending is understood.
type Message struct {
	From, To, ReplyTo mail.Address // ReplyTo without an address writes no header

	// EnvelopeFrom is the return path. It is no header: the last server on
	// the way writes Return-Path. It stands here so that [Envelope] and
	// [NeedsUTF8] see all addresses of a message.
	EnvelopeFrom string

	Subject string
	Text    string // with HTML too: the first part of multipart/alternative
	HTML    string

	MessageID string    // with or without angle brackets
	Date      time.Time // written with its own zone

	// ListUnsubscribe is an https URL that takes a one-click POST (RFC 8058);
	// ListUnsubscribeMail an address or a mailto URL (RFC 2369). Only the
	// former adds List-Unsubscribe-Post.
	ListUnsubscribe     string
	ListUnsubscribeMail string
	ListID              string // RFC 2919; brackets are added where they are missing
	FeedbackID          string // "campaign:contact:kind:sender", read by Gmail's Postmaster Tools
	ID                  string // X-Rapport-Id: what a bounce or a reply is matched by

	Headers []Header

	// Transactional mail belongs to no list: the List- fields and the
	// Feedback-ID are left out.
	Transactional bool
	// Test marks a copy sent to try a template: X-Rapport-Test says so, and
	// whoever counts answers leaves it out.
	Test bool
}

// Append appends the message to dst and returns the extended buffer.
// A message with both bodies is multipart/alternative, text first (the last
// part is the preferred one, RFC 2046 5.1.4); with one body it is that part
// alone, and with none an empty text.
func Append(dst []byte, m *Message) []byte {
	dst, _ = NewHead(m).Append(dst, m, bodies{m}) // bodies make no errors
	return dst
}

// bodies are the parts that a Message holds itself.
type bodies struct{ *Message }

func (b bodies) AppendText(dst []byte) ([]byte, error) { return quoted.Append(dst, b.Text), nil }
func (b bodies) AppendHTML(dst []byte) ([]byte, error) { return quoted.Append(dst, b.HTML), nil }

// ours are the fields that Append writes, or that only a server on the way
// may write.
var ours = map[string]bool{
	"from": true, "to": true, "reply-to": true, "subject": true, "date": true,
	"message-id": true, "mime-version": true, "list-unsubscribe": true,
	"list-unsubscribe-post": true, "list-id": true, "feedback-id": true,
	"auto-submitted": true, "x-rapport-id": true, "x-rapport-test": true,
	"content-type": true, "content-transfer-encoding": true,
	"bcc": true, "cc": true, "sender": true, "return-path": true, "received": true,
	"dkim-signature": true,
}

func allowedName(name string) bool {
	if name == "" || len(name) > 60 || name[0] == '.' { // a line may not begin with a dot
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == ':' || c >= 0x7f {
			return false
		}
	}
	return !ours[strings.ToLower(name)]
}
