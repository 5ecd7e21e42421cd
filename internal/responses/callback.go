package responses

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// The generic callback: how any system tells what happened.
const (
	TimestampHeader = "Rapport-Timestamp" // Unix seconds at which it was signed
	SignatureHeader = "Rapport-Signature" // v1=HEX, several with commas between while secrets rotate

	maxBody = 1 << 20
	maxAge  = 5 * time.Minute
)

// MaxEvents is how many events one request may bring.
const MaxEvents = 1000

// Sign makes the value of SignatureHeader: HMAC-SHA256 over the timestamp as
// it stands in its header, a dot, and the body as it is sent.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Verify checks the two headers of a callback against its raw body. Any of the
// secrets may have signed it. The error says what a sender has to change.
func Verify(timestamp, signature string, body []byte, secrets []string, now time.Time) error {
	if timestamp == "" {
		return errors.New("the header Rapport-Timestamp is missing: send the Unix seconds at which you sign")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("the header Rapport-Timestamp is not a number of Unix seconds")
	}
	if signature == "" {
		return errors.New("the header Rapport-Signature is missing: send v1= and the hexadecimal HMAC-SHA256 of timestamp, dot and body")
	}
	switch age := now.Sub(time.Unix(seconds, 0)).Truncate(time.Second); {
	case age > maxAge:
		return fmt.Errorf("the signature is %s old, more than 5m0s: check the sender's clock", age)
	case age < -maxAge:
		return fmt.Errorf("the signature is %s ahead of time, more than 5m0s: check the sender's clock", -age)
	}
	ok := false
	for _, secret := range secrets {
		want := []byte(Sign(secret, timestamp, body))
		for given := range strings.SplitSeq(signature, ",") {
			ok = hmac.Equal([]byte(strings.ToLower(strings.TrimSpace(given))), want) || ok
		}
	}
	if !ok {
		return errors.New("the signature does not fit the body: sign the raw bytes with the secret of this provider")
	}
	return nil
}

// callback is one event as the generic callback writes it.
type callback struct {
	Event      string         `json:"event"`
	ID         string         `json:"id"`
	Message    string         `json:"message"`
	MessageID  string         `json:"message_id"`
	Email      string         `json:"email"`
	At         string         `json:"at"`
	Link       string         `json:"link"`
	Topic      string         `json:"topic"`
	Machine    bool           `json:"machine"`
	Properties map[string]any `json:"properties"`
}

// BadEvent says what is wrong with one event of several.
type BadEvent struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

// Callback is a body that was read: its good events, each with its index, and
// what is wrong with the others.
type Callback struct {
	Events []store.Incoming
	Index  []int
	Bad    []BadEvent
}

// ErrTooMany tells a list that is too long from a body that is no JSON.
var ErrTooMany = errors.New("too many events")

// ParseCallback reads a body: one event or a list of them. source names the
// sender; signed is the timestamp it was signed at, which tells events without
// an id and a time apart.
func ParseCallback(body []byte, source, signed string) (Callback, error) {
	var out Callback
	take := func(i int, c callback, raw string) {
		in, problem := eventOf(c, raw, sender{source, signed, i})
		if problem != "" {
			out.Bad = append(out.Bad, BadEvent{i, problem})
			return
		}
		out.Events, out.Index = append(out.Events, in), append(out.Index, i)
	}
	if list, ok := quickEntries(body); ok {
		out.Events, out.Index = make([]store.Incoming, 0, len(list)), make([]int, 0, len(list))
		for i := range list {
			take(i, list[i].callback, list[i].raw)
		}
		return out, nil
	}
	list, err := SplitJSON(body)
	if err != nil {
		return Callback{}, err
	}
	for i, raw := range list {
		var c callback
		if problem := DecodeStrict(raw, &c, "event, id, message, message_id, email, at, link, topic, machine and properties"); problem != "" {
			out.Bad = append(out.Bad, BadEvent{i, problem})
			continue
		}
		take(i, c, string(raw))
	}
	return out, nil
}

// SplitJSON parts a body, an object or a list, into its entries and leaves their
// content alone. A body that is no JSON gives an error with line and column, a
// list that is too long one that is ErrTooMany.
func SplitJSON(body []byte) ([]json.RawMessage, error) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	var list []json.RawMessage
	var err error
	if len(trimmed) > 0 && trimmed[0] == '[' {
		err = json.Unmarshal(body, &list)
	} else {
		var one json.RawMessage
		err = json.Unmarshal(body, &one)
		list = []json.RawMessage{one}
	}
	if err != nil {
		return nil, notJSON(body, err)
	}
	if len(list) > MaxEvents {
		return nil, fmt.Errorf("%w: %d in one request, at most %d may come at once", ErrTooMany, len(list), MaxEvents)
	}
	return list, nil
}

// notJSON says where a body stops being JSON.
func notJSON(body []byte, err error) error {
	offset := int64(len(body))
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = min(s.Offset, offset)
	}
	before := body[:max(offset-1, 0)]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("the body is not JSON: line %d, column %d: %s", line, column, strings.TrimPrefix(err.Error(), "json: "))
}

// sender is who brings an event, when that was signed, and at which place of the
// body the event stands.
type sender struct {
	source, signed string
	index          int
}

// eventOf turns one event into what the store takes, or says what is wrong.
func eventOf(c callback, raw string, from sender) (in store.Incoming, problem string) {
	if problem := CheckName(c.Event); problem != "" {
		return in, problem
	}
	in.Event = contacts.Event{Name: c.Event, Link: c.Link, Machine: c.Machine, Properties: c.Properties}
	in.Source = "webhook " + from.source
	if c.At != "" {
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return in, "at " + Quote(c.At) + " is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)"
		}
		in.At = at
	}
	if problem := whose(c, &in); problem != "" {
		return in, problem
	}
	if kind := c.Properties["type"]; c.Event == contacts.EventBounced && kind != "hard" && kind != "soft" {
		return in, `email.bounced needs properties.type: "hard" when the address is dead, "soft" when it may work later`
	}
	if c.Topic != "" && c.Event != contacts.EventUnsubscribed {
		return in, "topic goes with email.unsubscribed only"
	}
	in.Topic = c.Topic
	in.Key = callbackKey(c, raw, from)
	return in, ""
}

// DecodeStrict reads one entry of a body into a struct and says what is wrong
// with it, or "". fields names those that there are.
func DecodeStrict(raw json.RawMessage, into any, fields string) (problem string) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return "it is " + article(e.Value) + " and must be an object"
		}
		return e.Field + " must not be " + article(e.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "there is no field " + field + ": use " + fields
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func article(kind string) string {
	kind, _, _ = strings.Cut(kind, " ") // "number 1.5" says too much
	switch kind {
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "string":
		return "a text"
	}
	return "a " + kind
}

// whose finds out what the event is about: a message by our id or by its
// Message-ID, else a contact by address.
func whose(c callback, in *store.Incoming) (problem string) {
	id := c.Message
	if id == "" && c.MessageID != "" {
		id, _, _ = strings.Cut(strings.Trim(c.MessageID, "<> "), "@")
	}
	if id != "" {
		message, err := ident.Parse(id)
		if err == nil {
			in.Message = message
			return ""
		}
		if c.Message != "" {
			return "message " + Quote(c.Message) + " is not an id of ours: send what X-Rapport-Id says"
		}
		// A provider may have put its own Message-ID in the place of ours.
		if c.Email == "" {
			return "message_id " + Quote(c.MessageID) + " is not one of ours: send what X-Rapport-Id says as message, or an email"
		}
	}
	if c.Email == "" {
		return "it names nobody: send message, message_id or email"
	}
	email, err := contacts.ParseAddress(c.Email)
	if err != nil {
		return "email: " + err.Error()
	}
	in.Email = email
	return ""
}

// callbackKey is what makes a repetition of the same event harmless. Without an
// id the whole event is its key; where it does not tell its time either, the
// request it came in does, so that two equal events are two, and a request that
// is sent again is one.
func callbackKey(c callback, raw string, from sender) string {
	if c.ID != "" {
		if len(c.ID) <= 200 {
			return "webhook:" + from.source + ":" + c.ID
		}
		sum := sha256.Sum256([]byte(c.ID))
		return "webhook:" + from.source + ":#" + hex.EncodeToString(sum[:16])
	}
	h := sha256.New()
	_, _ = io.WriteString(h, raw)
	if c.At == "" {
		fmt.Fprintf(h, "\x00%s\x00%d", from.signed, from.index)
	}
	return "webhook:" + from.source + ":=" + hex.EncodeToString(h.Sum(nil)[:16])
}
