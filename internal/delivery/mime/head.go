package mime

import "strings"

// Head is what many messages have in common in their headers, written once:
// From, ReplyTo, ListID, FeedbackID, Headers, Transactional and Test.
type Head struct {
	from          []byte
	replyTo       []byte
	list          []byte // List-Id and Feedback-ID
	rest          []byte // behind the message's id
	transactional bool
}

// NewHead writes what it takes of m.
func NewHead(m *Message) *Head {
	h := &Head{transactional: m.Transactional}
	h.from = appendAddressField(nil, "From", m.From)
	if m.ReplyTo.Address != "" {
		h.replyTo = appendAddressField(nil, "Reply-To", m.ReplyTo)
	}
	if !m.Transactional {
		h.list = appendList(nil, m)
	}
	if m.Test {
		h.rest = append(h.rest, "X-Rapport-Test: yes\r\n"...)
	}
	for _, f := range m.Headers {
		if allowedName(f.Name) {
			h.rest = appendValue(h.rest, f.Name, f.Value)
		}
	}
	return h
}

// Parts writes the bodies of one message in quoted-printable, as the package
// quoted does. What writes nothing is no part of the message.
type Parts interface {
	AppendText(dst []byte) ([]byte, error)
	AppendHTML(dst []byte) ([]byte, error)
}

// Append appends a message of this head: To, Subject, Date, MessageID, the two
// addresses to unsubscribe at and ID come from m, the bodies from parts. An error
// is one of parts.
func (h *Head) Append(dst []byte, m *Message, parts Parts) ([]byte, error) {
	dst = append(dst, h.from...)
	dst = appendAddressField(dst, "To", m.To)
	dst = append(dst, h.replyTo...)
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
	if !h.transactional {
		dst = appendUnsubscribe(dst, m)
	}
	dst = append(dst, h.list...)
	// RFC 3834: keeps vacation notices and other robots from answering.
	dst = append(dst, "Auto-Submitted: auto-generated\r\n"...)
	if m.ID != "" {
		dst = appendValue(dst, "X-Rapport-Id", m.ID)
	}
	dst = append(dst, h.rest...)
	return appendParts(dst, m.MessageID, parts)
}

// appendUnsubscribe appends the fields of RFC 2369 and RFC 8058.
func appendUnsubscribe(dst []byte, m *Message) []byte {
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
	return dst
}

// appendList appends what names the list.
func appendList(dst []byte, m *Message) []byte {
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

// appendParts appends what stands behind the header fields. Most messages have
// both parts, and nobody knows before they are written.
func appendParts(dst []byte, id string, parts Parts) ([]byte, error) {
	start := len(dst)
	var room [20]byte
	boundary := appendBoundary(room[:0], id)
	dst = append(dst, "Content-Type: multipart/alternative;\r\n boundary=\""...)
	dst = append(dst, boundary...)
	dst = append(dst, "\"\r\n\r\n--"...)
	dst = append(dst, boundary...)
	dst = append(dst, "\r\n"+plainPart...)
	text := len(dst)
	dst, err := parts.AppendText(dst)
	if err != nil {
		return dst, err
	}
	textEnd := len(dst)
	if textEnd == text {
		dst = append(dst[:start], htmlPart...)
	} else {
		dst = append(dst, "\r\n--"...)
		dst = append(dst, boundary...)
		dst = append(dst, "\r\n"+htmlPart...)
	}
	html := len(dst)
	if dst, err = parts.AppendHTML(dst); err != nil {
		return dst, err
	}
	switch {
	case len(dst) == html:
		written := dst[text:textEnd]
		dst = append(append(dst[:start], plainPart...), written...)
	case textEnd > text:
		dst = append(dst, "\r\n--"...)
		dst = append(dst, boundary...)
		dst = append(dst, "--"...)
	}
	return append(dst, "\r\n"...), nil
}

// appendBoundary derives the boundary from the message id. "=_" cannot occur in
// quoted-printable text (RFC 2045 6.7), so no body can contain it, whatever
// it says; the rest keeps it apart from that of a message inside the message.
func appendBoundary(dst []byte, id string) []byte {
	sum := uint64(14695981039346656037) // FNV-1a
	for i := range len(id) {
		sum = (sum ^ uint64(id[i])) * 1099511628211
	}
	dst = append(dst, "=_"...)
	for range 16 {
		dst = append(dst, "0123456789abcdef"[sum>>60])
		sum <<= 4
	}
	return dst
}
