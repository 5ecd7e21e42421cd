package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rapport/internal/contacts"
)

// consentDate is when the contacts of the test have given their consent.
const consentDate = "2025-01-15"

// contactsFile writes n contacts as CSV and returns the file's name.
func contactsFile(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("E-Mail,First name,Country\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,Person %d,%s\n", addressOf(i), i, []string{"DE", "AT", "CH"}[i%3])
	}
	name := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// addressOf is the address of contact i; numberOf is the way back.
func addressOf(i int) string { return fmt.Sprintf("p%05d@example.com", i) }

func numberOf(address string) (i int) {
	_, _ = fmt.Sscanf(address, "p%05d@example.com", &i) // the tests' own addresses
	return i
}

// habit is how a contact answers mail, and how that must end.
type habit struct {
	name  string
	after map[string]func(l letter, now time.Time) []callback // by template
	want  end
}

// end is where a contact stands when the campaign is over.
type end struct {
	Messages string // templates in the order of sending
	End      string // state of the enrolment, and the reason where it has exited
	Stage    string
	Health   string
	Moves    string // on the ladder
}

// habits are taken by the contact's number: contact i has number i modulo 20.
var habits = [20]habit{
	0: {"buys after the first mail", answers("one", order(1)),
		end{"one", "exited: event order.placed", "customer", "new", "customer"}},
	1: {"unsubscribes with one click", answers("one", oneClick),
		end{"one", "exited: consent to guides is withdrawn", "stranger", "none", ""}},
	2: {"the address does not exist", answers("one", hook(contacts.EventBounced, map[string]any{"type": "hard"})),
		end{"one", "exited: suppressed: hard-bounce", "stranger", "none", ""}},
	3: {"complains about the second mail", answers("two", hook(contacts.EventComplained, nil)),
		end{"one two", "exited: suppressed: complaint", "stranger", "none", ""}},
	4: clicker, 5: clicker, 6: clicker,
	7: {"buys twice", answers("one", order(2)),
		end{"one", "exited: event order.placed", "client", "new", "customer client"}},
	8: {"the mailbox is full", answers("one", hook(contacts.EventBounced, map[string]any{"type": "soft"})),
		end{"one two three", "finished", "stranger", "none", ""}},
	9: {"clicks in the first mail", answers("one", click),
		end{"one two three", "finished", "prospect", "none", "prospect"}},
	10: {"clicks and buys later", map[string]func(letter, time.Time) []callback{"two": click, "three-clicked": order(1)},
		end{"one two three-clicked", "finished", "customer", "new", "prospect customer"}},
	11: {"buys at last", answers("three", order(1)),
		end{"one two three", "finished", "customer", "new", "customer"}},
	12: {"has bought long ago, which the shop reports late and in the wrong order", answers("three", oldOrders),
		end{"one two three", "finished", "customer", "lapsed", "customer client customer"}},
	13: {"opens", map[string]func(letter, time.Time) []callback{"one": open, "two": open, "three": open},
		end{"one two three", "finished", "stranger", "none", ""}},
	14: {"replies", answers("one", hook(contacts.EventReplied, nil)),
		end{"one two three", "finished", "stranger", "none", ""}},
	15: silent, 16: silent, 17: silent, 18: silent, 19: silent,
}

var (
	clicker = habit{"clicks in the second mail", answers("two", click),
		end{"one two three-clicked", "finished", "prospect", "none", "prospect"}}
	silent = habit{"does nothing", nil, end{"one two three", "finished", "stranger", "none", ""}}
)

func answers(template string, do func(letter, time.Time) []callback) map[string]func(letter, time.Time) []callback {
	return map[string]func(letter, time.Time) []callback{template: do}
}

// callback is one request that tells the installation of an answer.
type callback struct {
	method, path string // path is a whole address where it stood in mail
	body         string
	form, signed bool
	keyed        bool // with the key of the HTTP interface
}

func click(l letter, _ time.Time) []callback {
	link, _, _ := l.links()
	return []callback{{method: "GET", path: link}}
}

func open(l letter, _ time.Time) []callback {
	_, pixel, _ := l.links()
	return []callback{{method: "GET", path: pixel}}
}

func oneClick(l letter, _ time.Time) []callback {
	_, _, unsubscribe := l.links()
	return []callback{{method: "POST", path: unsubscribe, body: "List-Unsubscribe=One-Click", form: true}}
}

// hook is a provider's signed callback about a message.
func hook(event string, properties map[string]any) func(letter, time.Time) []callback {
	return func(l letter, now time.Time) []callback {
		return []callback{{method: "POST", path: "/webhooks/main", signed: true, body: asJSON(map[string]any{
			"event": event, "id": event + " " + l.id, "message": l.id, "at": stamp(now), "properties": properties,
		})}}
	}
}

// order reports n orders of this moment, in one request.
func order(n int) func(letter, time.Time) []callback {
	return func(l letter, now time.Time) []callback {
		var list []map[string]any
		for i := range n {
			list = append(list, placed(l, i, now.Add(-time.Duration(n-i)*time.Second)))
		}
		return []callback{{method: "POST", path: "/api/v1/events", keyed: true, body: asJSON(list)}}
	}
}

// oldOrders reports two orders of long ago, the later one first.
func oldOrders(l letter, now time.Time) []callback {
	var list []callback
	for i, days := range []int{600, 700} {
		list = append(list, callback{method: "POST", path: "/api/v1/events", keyed: true,
			body: asJSON(placed(l, i, now.AddDate(0, 0, -days)))})
	}
	return list
}

func placed(l letter, i int, at time.Time) map[string]any {
	return map[string]any{"event": "order.placed", "email": l.to, "id": fmt.Sprintf("order %d of %s", i, l.to),
		"at": stamp(at), "properties": map[string]any{"total": 89.5}}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers
	}
	return string(text)
}
