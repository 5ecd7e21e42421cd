package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // other encodings than UTF-8
	"github.com/emersion/go-message/mail"
)

// ErrGone is returned for a message that is not kept, or not any more.
var ErrGone = errors.New("the message is not in the mailbox any more")

// Filter chooses messages; its fields must all hold.
type Filter struct {
	To        string // this address, whatever its case
	RapportID string
	Text      string // somewhere in recipient, sender or subject, whatever its case
	Before    int64  // only IDs below; 0: all. For the next page.
}

func (f Filter) matches(m Message) bool {
	if f.Before > 0 && m.ID >= f.Before {
		return false
	}
	if f.To != "" && !strings.EqualFold(f.To, m.To) || f.RapportID != "" && f.RapportID != m.RapportID {
		return false
	}
	if f.Text == "" {
		return true
	}
	text := strings.ToLower(f.Text)
	return strings.Contains(strings.ToLower(m.To), text) || strings.Contains(strings.ToLower(m.From), text) ||
		strings.Contains(strings.ToLower(m.Subject), text)
}

// List returns kept messages, the latest first, at most limit of them; a limit
// of 0 is all.
func (m *Mailbox) List(filter Filter, limit int) []Message {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Message
	for id := m.last; id > 0 && id > m.last-int64(len(m.ring)); id-- {
		c := m.ring[id%int64(len(m.ring))]
		if !filter.matches(c) {
			continue
		}
		out = append(out, c)
		if len(out) == limit {
			break
		}
	}
	return out
}

// Get returns a kept message.
func (m *Mailbox) Get(id int64) (Message, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := m.ring[max(id, 0)%int64(len(m.ring))]
	return c, id > 0 && c.ID == id
}

// Duplicates returns who got what more than once, by recipient.
func (m *Mailbox) Duplicates() []Duplicate {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]Duplicate, 0, len(m.duplicates))
	for _, d := range m.duplicates {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		return strings.Compare(a.To+"\x00"+a.RapportID, b.To+"\x00"+b.RapportID)
	})
	return out
}

// Copies returns how many copies of a message an address got, of all that ever
// came.
func (m *Mailbox) Copies(to, rapportID string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return int(m.seen[keyOf(strings.ToLower(to), rapportID)])
}

// Header is one field of a message, decoded.
type Header struct{ Name, Value string }

// Content is a message taken apart.
type Content struct {
	Headers    []Header // in the order they came
	Text, HTML string
}

// Parsed returns a kept message taken apart. What is wrong with a message is
// passed over where something can still be read.
func (m *Mailbox) Parsed(id int64) (Content, error) {
	c, ok := m.Get(id)
	if !ok {
		return Content{}, fmt.Errorf("message %d: %w", id, ErrGone)
	}
	content, err := Parse(c.Raw)
	if err != nil {
		return content, fmt.Errorf("message %d: %w", id, err)
	}
	return content, nil
}

// Parse takes a message apart.
func Parse(raw []byte) (Content, error) {
	var c Content
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return c, err
	}
	defer func() { _ = r.Close() }() // it reads from memory
	for fields := r.Header.Fields(); fields.Next(); {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
		}
		c.Headers = append(c.Headers, Header{Name: fields.Key(), Value: value})
	}
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil && !message.IsUnknownCharset(err) {
			return c, err
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return c, err
		}
		kind, _, _ := inline.ContentType() // what cannot be read is shown as text
		switch {
		case kind == "text/html" && c.HTML == "":
			c.HTML = string(body)
		case kind != "text/html" && c.Text == "":
			c.Text = string(body)
		}
	}
}

// headline finds the two header fields that every message is listed by, without
// reading the rest.
func headline(raw []byte) (subject, rapportID string) {
	for at := 0; at < len(raw) && (subject == "" || rapportID == ""); {
		end := bytes.IndexByte(raw[at:], '\n')
		if end < 0 {
			end = len(raw) - at - 1
		}
		line := bytes.TrimRight(raw[at:at+end+1], "\r\n")
		at += end + 1
		if len(line) == 0 {
			break
		}
		switch {
		case subject == "" && hasField(line, "Subject:"):
			subject = decode(unfold(line[len("Subject:"):], raw[at:]))
		case rapportID == "" && hasField(line, "X-Rapport-Id:"):
			rapportID = strings.TrimSpace(unfold(line[len("X-Rapport-Id:"):], raw[at:]))
		}
	}
	return subject, rapportID
}

func hasField(line []byte, name string) bool {
	return len(line) >= len(name) && strings.EqualFold(string(line[:len(name)]), name)
}

// unfold joins a field's first line with the folded ones after it.
func unfold(first, rest []byte) string {
	value := string(first)
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		value += strings.TrimRight(string(line), "\r")
		rest = after
	}
	return strings.TrimSpace(value)
}

func decode(s string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return decoded
	}
	return s
}
