package engine

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp/smtptest"
)

var (
	referralLink    = regexp.MustCompile(`https://go\.northwind\.example(/r/[A-Za-z0-9_-]+)`)
	unsubscribeLink = regexp.MustCompile(`https://go\.northwind\.example/u/([A-Za-z0-9_-]+)`)
)

const bringing = `
programs:
  loyalty: { tiers: [ { tier: bronze, from: 0 }, { tier: silver, from: 200 } ] }
  referral: { reward: { points: 200 }, friend: { attributes.voucher: WELCOME10 } }
`

// joins reports a contact to the API as a shop does, with the code it came with.
func (r *run) joins(email, code string) {
	r.t.Helper()
	_, secret, err := r.Store.CreateKey(r.t.Context(), "shop", []string{"contacts:write"}, r.clock.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	q := httptest.NewRequest("POST", "/api/v1/contacts", strings.NewReader(fmt.Sprintf(`{ "email": %q, "referred_by": %q }`, email, code)))
	q.Header.Set("Authorization", "Bearer "+secret)
	q.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, q)
	if w.Code/100 != 2 {
		r.t.Fatalf("got %d %s", w.Code, w.Body)
	}
	r.settle()
}

// get asks for a public address.
func (r *run) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// standing is a contact's points, whom it brought, and its voucher.
func (r *run) standing(email string) string {
	r.t.Helper()
	c := r.contact(email)
	facts, err := r.Store.LoadFacts(r.t.Context(), []contacts.ID{c.ID})
	if err != nil {
		r.t.Fatal(err)
	}
	f, brought := facts[c.ID], 0
	for _, e := range f.Events {
		if e.Name == contacts.EventConverted {
			brought++
		}
	}
	points, _ := f.Score(contacts.ScorePoints)
	return fmt.Sprintf("%d points, %d brought, voucher %v", points.Value/contacts.Million, brought, c.Attributes["voucher"])
}

func TestAFriendIsRewardedOnceWhenItHasBought(t *testing.T) {
	r := start(t, 1, smtptest.Options{}, "", map[string]string{
		"relationship.yaml": bringing,
		"templates/one.md":  "---\nsubject: Bring a friend\n---\n[Pass it on]({{ referral_url }})\n",
	})
	r.at(0, 9, 0)
	mails := r.server.Messages()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	mail := strings.ReplaceAll(strings.ReplaceAll(string(mails[0].Data), "=\r\n", ""), "=3D", "=")
	link, own := referralLink.FindStringSubmatch(mail), unsubscribeLink.FindStringSubmatch(mail)
	if link == nil || own == nil {
		t.Fatalf("no link to pass on:\n%s", mail)
	}
	w := r.get(link[1])
	target, err := url.Parse(w.Header().Get("Location"))
	if w.Code != 302 || err != nil || target.Host != "northwind.example" || target.Query().Get("referred_by") == "" {
		t.Fatalf("got %d to %s", w.Code, w.Header().Get("Location"))
	}
	// Friends see the code: it must open nothing of whom it is from. And no other
	// token is such a code.
	code := target.Query().Get("referred_by")
	for _, path := range []string{"/u/" + code, "/p/" + code, "/v/" + code, "/s/" + code, "/confirm/" + code, "/r/" + own[1], "/r/nonsense"} {
		if w := r.get(path); w.Code != 404 {
			t.Errorf("%s: got %d", path, w.Code)
		}
	}

	const ana, ben, carl = "p00000@example.com", "ben@example.com", "carl@example.com"
	r.joins(ana, code) // who brings herself
	r.joins(carl, "nonsense")
	r.joins(ben, code)
	if got := r.standing(ben); got != "0 points, 0 brought, voucher WELCOME10" {
		t.Errorf("the friend has %s", got)
	}
	for _, email := range []string{ana, carl} {
		if got := r.standing(email); got != "0 points, 0 brought, voucher <nil>" {
			t.Errorf("%s has %s before anybody bought", email, got)
		}
	}
	for i := range 2 {
		r.event("order.placed", ben, fmt.Sprint("ben's order ", i), nil)
		r.event("order.placed", carl, fmt.Sprint("carl's order ", i), nil)
		r.settle()
		if got := r.standing(ana); got != "200 points, 1 brought, voucher <nil>" {
			t.Errorf("after %d orders of the friend she has %s", i+1, got)
		}
	}
	// Who has long been known was brought by nobody.
	r.at(0, 12, 0)
	r.joins(carl, code)
	if got := r.standing(ana); got != "200 points, 1 brought, voucher <nil>" || r.standing(carl) != "0 points, 0 brought, voucher <nil>" {
		t.Errorf("an old customer counts as a friend: she has %s", got)
	}
}
