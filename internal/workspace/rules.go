package workspace

import (
	"net"
	"path"
	"strconv"
	"strings"

	"rapport/campaigns"
	"rapport/internal/strict"
)

func (s *settings) limits(n strict.Node) {
	m := n.Map("per_contact", "quiet_hours", "per_domain", "guard", "look_ahead")
	l := &s.ws.Limits
	for _, item := range m.Get("per_contact").List() {
		im := item.Map("max", "per")
		most, okMax := count(im.Require("max"), 1, 1_000_000)
		per, okPer := im.Require("per").Span()
		if okMax && okPer {
			l.PerContact = append(l.PerContact, campaigns.Limit{Max: most, Per: per})
		}
	}
	l.QuietHours = quietHours(m.Get("quiet_hours"))
	if d := m.Get("per_domain"); d.Present() {
		l.PerDomain = map[string]float64{}
		for _, p := range d.Map().Pairs() {
			domain := p.Key.Raw().Value
			if domain != "*" && (!hostForm.MatchString(domain) || !strings.Contains(domain, ".")) {
				p.Key.Errorf(strict.CodeBadValue, `%q is not a domain: write it as gmail.com, or "*" for all others`, domain)
			}
			l.PerDomain[strings.ToLower(domain)], _ = rate(p.Value)
		}
	}
	if g := m.Get("guard"); g.Present() {
		gm := g.Map("bounces", "complaints")
		l.Bounces, l.Complaints = guard(gm.Get("bounces")), guard(gm.Get("complaints"))
	}
	if ahead, ok := m.Get("look_ahead").Duration(); ok {
		l.LookAhead = ahead
	}
}

func quietHours(n strict.Node) *QuietHours {
	m := n.Map("from", "to", "timezone")
	if !m.OK() {
		return nil
	}
	q := &QuietHours{Timezone: campaigns.ContactZone}
	from, okFrom := m.Require("from").TimeOfDay()
	to, okTo := m.Require("to").TimeOfDay()
	if zone, ok := m.Get("timezone").Zone(); ok {
		q.Timezone = zone
	}
	if !okFrom || !okTo {
		return nil
	}
	if from == to {
		n.Hintf(strict.CodeBadValue, "leave them out if mail may go at any hour", "the quiet hours end at %s, when they start: nothing would ever be sent", to)
		return nil
	}
	q.From, q.To = from, to
	return q
}

func guard(n strict.Node) *Guard {
	m := n.Map("above", "of_last", "at_least")
	if !m.OK() {
		return nil
	}
	g := &Guard{}
	g.Above, _ = m.Require("above").Percent()
	g.OfLast, _ = count(m.Require("of_last"), 1, 10_000_000)
	g.AtLeast = g.Beyond()
	if least, ok := count(m.Get("at_least"), 1, 10_000_000); ok {
		g.AtLeast = least
	}
	if g.OfLast > 0 && g.AtLeast > g.OfLast {
		n.Hintf(CodeContradiction, "lower at_least or above", "the guard waits for %d cases among %d messages: it would never act", g.AtLeast, g.OfLast)
	}
	return g
}

func (s *settings) delivery(n strict.Node) {
	d := &s.ws.Delivery
	if !n.IsMap() {
		mode, _ := n.Choice("mailbox", "live")
		d.Live = mode == "live"
		return
	}
	only := n.Map("only").Require("only")
	for _, item := range only.List() {
		pattern, ok := item.Text()
		if !ok {
			continue
		}
		if _, err := path.Match(pattern, ""); err != nil || strings.Count(pattern, "@") != 1 || strings.ContainsAny(pattern, " ,;<>") {
			item.Errorf(strict.CodeBadValue, `%q is not an address or a pattern such as "*@northwind.example"`, pattern)
			continue
		}
		d.Only = append(d.Only, pattern)
	}
	if only.IsList() && len(only.List()) == 0 {
		only.Hintf(strict.CodeBadValue, "write delivery: mailbox", "%s names nobody", only.Label())
	}
}

func (s *settings) inbound(n strict.Node) {
	if !n.Present() {
		return
	}
	notRunYet(s.root.Key("inbound"), "inbound", "inbound")
	m := n.Map("smtp", "imap")
	s.ws.Inbound = &Inbound{}
	way, value := m.ExactlyOne("smtp", "imap")
	switch way {
	case "smtp":
		s.ws.Inbound.SMTP = listen(value)
	case "imap":
		im := value.Map("host", "port", "username", "password")
		box := &IMAP{Port: 993}
		box.Host, _ = host(im.Require("host"))
		if port, ok := count(im.Get("port"), 1, 65535); ok {
			box.Port = port
		}
		if im.OK() && !im.Has("username") && !im.Has("password") {
			im.Require("username")
		}
		box.Username, box.Password = signIn(im)
		s.ws.Inbound.IMAP = box
	}
}

// listen reads an address to listen on.
func listen(n strict.Node) string {
	text, ok := n.Scalar(`an address to listen on, as in ":2526"`)
	if !ok {
		return ""
	}
	_, port, err := net.SplitHostPort(text)
	if number, bad := strconv.Atoi(port); err != nil || bad != nil || number < 1 || number > 65535 {
		n.Errorf(strict.CodeBadValue, `%s must be an address to listen on, as in ":2526"`, n.Label())
		return ""
	}
	return text
}

func (s *settings) webhooks(n strict.Node) {
	if !n.Present() {
		return
	}
	s.ws.Webhooks = map[string]Webhook{}
	for _, p := range n.Map().Pairs() {
		name := keyName(p.Key)
		m := p.Value.Map("url", "secret")
		w := Webhook{Name: name}
		w.URL, _ = address(m.Require("url"))
		w.Secret, _ = secret(m.Get("secret"))
		s.ws.Webhooks[name] = w
	}
}

// leastSecret is how long a secret that signs links must be, in bytes.
const leastSecret = 16

func (s *settings) secrets(n strict.Node) {
	for _, item := range n.List() {
		text, ok := secret(item)
		if !ok {
			continue
		}
		if len(text) < leastSecret {
			item.Hintf(strict.CodeBadValue, "make one with: openssl rand -hex 32", "a secret that signs links needs at least %d characters", leastSecret)
			continue
		}
		s.ws.Secrets = append(s.ws.Secrets, text)
	}
}
