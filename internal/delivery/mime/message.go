package mime

import (
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"slices"
	"strings"
	"time"
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
	dst = slices.Grow(dst, 2048+(len(m.Text)+len(m.HTML))*9/8)

	dst = appendAddressField(dst, "From", m.From)
	dst = appendAddressField(dst, "To", m.To)
	if m.ReplyTo.Address != "" {
		dst = appendAddressField(dst, "Reply-To", m.ReplyTo)
	}
	dst = appendText(dst, "Subject", m.Subject)
	dst = append(dst, "Date: "...)
	dst = m.Date.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 -0700")
	dst = append(dst, "\r\n"...)
	if m.MessageID != "" {
		dst = append(dst, "Message-ID: "...)
		dst = appendBracketed(dst, m.MessageID)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "MIME-Version: 1.0\r\n"...)
	if !m.Transactional {
		dst = appendListFields(dst, m)
	}
	// RFC 3834: keeps vacation notices and other robots from answering.
	dst = append(dst, "Auto-Submitted: auto-generated\r\n"...)
	if m.ID != "" {
		dst = appendValue(dst, "X-Rapport-Id", m.ID)
	}
	if m.Test {
		dst = append(dst, "X-Rapport-Test: yes\r\n"...)
	}
	for _, h := range m.Headers {
		if allowedName(h.Name) {
			dst = appendValue(dst, h.Name, h.Value)
		}
	}
	return appendBodies(dst, m)
}

func appendListFields(dst []byte, m *Message) []byte {
	https := len(m.ListUnsubscribe) > 8 && strings.EqualFold(m.ListUnsubscribe[:8], "https://")
	if https || m.ListUnsubscribeMail != "" {
		dst = append(dst, "List-Unsubscribe: "...)
		if https {
			dst = append(dst, '<')
			dst = appendURL(dst, m.ListUnsubscribe)
			dst = append(dst, '>')
		}
		if m.ListUnsubscribeMail != "" {
			if https {
				dst = append(dst, ",\r\n "...)
			}
			dst = append(dst, '<')
			if !strings.HasPrefix(m.ListUnsubscribeMail, "mailto:") {
				dst = append(dst, "mailto:"...)
			}
			dst = appendURL(dst, m.ListUnsubscribeMail)
			dst = append(dst, '>')
		}
		dst = append(dst, "\r\n"...)
	}
	if https {
		dst = append(dst, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"...)
	}
	if m.ListID != "" {
		if strings.Contains(m.ListID, "<") {
			dst = appendText(dst, "List-Id", m.ListID)
		} else {
			dst = append(dst, "List-Id: "...)
			dst = appendBracketed(dst, m.ListID)
			dst = append(dst, "\r\n"...)
		}
	}
	if m.FeedbackID != "" {
		dst = appendValue(dst, "Feedback-ID", m.FeedbackID)
	}
	return dst
}

const (
	plainPart = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	htmlPart  = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)

func appendBodies(dst []byte, m *Message) []byte {
	switch {
	case m.HTML == "":
		dst = append(dst, plainPart...)
		dst = AppendQuotedPrintable(dst, m.Text)
	case m.Text == "":
		dst = append(dst, htmlPart...)
		dst = AppendQuotedPrintable(dst, m.HTML)
	default:
		boundary := boundaryOf(m.MessageID)
		dst = append(dst, "Content-Type: multipart/alternative;\r\n boundary=\""...)
		dst = append(dst, boundary...)
		dst = append(dst, "\"\r\n\r\n--"...)
		dst = append(dst, boundary...)
		dst = append(dst, "\r\n"+plainPart...)
		dst = AppendQuotedPrintable(dst, m.Text)
		dst = append(dst, "\r\n--"...)
		dst = append(dst, boundary...)
		dst = append(dst, "\r\n"+htmlPart...)
		dst = AppendQuotedPrintable(dst, m.HTML)
		dst = append(dst, "\r\n--"...)
		dst = append(dst, boundary...)
		dst = append(dst, "--"...)
	}
	return append(dst, "\r\n"...)
}

// boundaryOf derives the boundary from the message id. "=_" cannot occur in
// quoted-printable text (RFC 2045 6.7), so no body can contain it, whatever
// it says.
func boundaryOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "=_" + hex.EncodeToString(sum[:15])
}

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
