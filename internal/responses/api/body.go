package api

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/contacts"
	"rapport/internal/responses"
	"rapport/internal/store"
)

// split parts a body into its entries.
func split(body []byte) ([]json.RawMessage, error) {
	list, err := responses.SplitJSON(body)
	if errors.Is(err, responses.ErrTooMany) {
		return nil, huma.NewError(413, err.Error())
	}
	if err != nil {
		return nil, huma.Error400BadRequest(err.Error())
	}
	return list, nil
}

// parseEvent turns an entry into what the store takes, or says what is wrong.
func parseEvent(raw json.RawMessage) (in store.Incoming, wrong string) {
	var e Event
	if wrong := responses.DecodeStrict(raw, &e, "event, email, contact, id, at, properties and create"); wrong != "" {
		return in, wrong
	}
	if wrong := responses.CheckName(e.Event); wrong != "" {
		return in, wrong
	}
	if strings.HasPrefix(e.Event, "email.") {
		return in, "event " + e.Event + " tells how somebody answered a message: it comes through /webhooks/"
	}
	in.Event = contacts.Event{Name: e.Event, Properties: e.Properties, Contact: contacts.ID(e.Contact)}
	in.Source, in.CreateContact = "api", e.Create
	if e.At != "" {
		at, err := time.Parse(time.RFC3339, e.At)
		if err != nil {
			return in, "at " + responses.Quote(e.At) + " is no time: write it as 2026-03-02T09:30:00Z (RFC 3339)"
		}
		in.At = at
	}
	switch {
	case e.Contact < 0:
		return in, "contact is no id"
	case e.Contact > 0 && e.Email != "":
		return in, "it names somebody twice: send email or contact"
	case e.Contact > 0:
	case e.Email == "":
		return in, "it names nobody: send email or contact"
	default:
		email, err := contacts.ParseAddress(e.Email)
		if err != nil {
			return in, "email: " + err.Error()
		}
		in.Email = email
	}
	if e.ID != "" { // without one, each report is an event of its own
		in.Key = eventKey(e.ID)
	}
	return in, ""
}

func eventKey(id string) string {
	if len(id) <= 200 {
		return "api:" + id
	}
	sum := sha256.Sum256([]byte(id))
	return "api:#" + hex.EncodeToString(sum[:16])
}

func inOrder(bad []responses.BadEvent) []responses.BadEvent {
	slices.SortFunc(bad, func(a, b responses.BadEvent) int { return cmp.Compare(a.Index, b.Index) })
	return bad
}
