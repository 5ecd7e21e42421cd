package workspace

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/strict"
)

// callbackKinds are the ways in which providers report.
var callbackKinds = []string{
	"ses", "sendgrid", "mailgun", "postmark", "mailjet", "brevo", "sparkpost", "resend", "mailersend", "mandrill", "postal", "generic",
}

var authKinds = []string{"auto", "plain", "login", "cram-md5", "xoauth2"}

// ports by way of encryption (RFC 8314 and RFC 6409).
var ports = map[string]int{"starttls": 587, "implicit": 465, "none": 25}

func (s *settings) providers(n strict.Node) {
	s.ws.Providers = map[string]Provider{}
	for _, p := range n.Map().Pairs() {
		name := keyName(p.Key)
		s.ws.Providers[name] = s.provider(name, p.Value)
	}
}

func (s *settings) provider(name string, n strict.Node) Provider {
	m := n.Map("smtp", "connections", "rate", "warm_up", "webhook")
	p := Provider{Name: name, SMTP: s.smtp(m.Require("smtp"))}
	if count, ok := count(m.Get("connections"), 1, 1000); ok {
		p.Connections = count
	}
	p.Rate, _ = rate(m.Get("rate"))
	if w := m.Get("warm_up"); w.Present() {
		p.WarmUp = warmUp(w)
	}
	if w := m.Get("webhook"); w.Present() {
		p.Callbacks = callback(w)
	}
	return p
}

func (s *settings) smtp(n strict.Node) SMTP {
	m := n.Map("host", "port", "tls", "username", "password", "auth")
	out := SMTP{TLS: "starttls", Auth: "auto"}
	out.Host, _ = host(m.Require("host"))
	if tls, ok := m.Get("tls").Choice("starttls", "implicit", "none"); ok {
		out.TLS = tls
	}
	out.Port = ports[out.TLS]
	if port, ok := count(m.Get("port"), 1, 65535); ok {
		out.Port = port
	}
	if auth, ok := m.Get("auth").Choice(authKinds...); ok {
		out.Auth = auth
	}
	out.Username, out.Password = signIn(m)
	return out
}

// signIn reads a user name and a password, which go together.
func signIn(m strict.Map) (username, password string) {
	username, _ = m.Get("username").Text()
	password, _ = secret(m.Get("password"))
	switch {
	case m.Has("username") && !m.Has("password"):
		m.Key("username").Errorf(strict.CodeMissingKey, `"username" needs a "password" beside it`)
	case m.Has("password") && !m.Has("username"):
		m.Key("password").Errorf(strict.CodeMissingKey, `"password" needs a "username" beside it`)
	}
	return username, password
}

func warmUp(n strict.Node) *WarmUp {
	m := n.Map("start", "days", "target")
	w := &WarmUp{}
	w.Start, _ = count(m.Require("start"), 1, 1_000_000_000)
	w.Days, _ = count(m.Require("days"), 1, 365)
	w.Target, _ = count(m.Require("target"), 1, 1_000_000_000)
	if w.Start > 0 && w.Target > 0 && w.Target < w.Start {
		m.Get("target").Errorf(strict.CodeBadValue, "the target is below the start: a warm-up grows")
	}
	return w
}

func callback(n strict.Node) *Callback {
	m := n.Map("kind", "topic", "secret")
	c := &Callback{}
	kind, ok := m.Require("kind").Choice(callbackKinds...)
	if !ok {
		return c
	}
	c.Kind = kind
	if kind != "generic" {
		notRunYet(m.Get("kind"), "webhook.kind", "webhook kind "+kind)
	}
	if kind == "ses" {
		c.Topic, _ = m.Require("topic").Text()
		if m.Has("secret") {
			m.Key("secret").Hintf(CodeContradiction, "leave it out", "ses signs with its own certificate and has no secret")
		}
		return c
	}
	if m.Has("topic") {
		m.Key("topic").Hintf(CodeContradiction, "leave it out", "a topic goes with kind: ses only")
	}
	node := m.Require("secret")
	if !node.IsList() {
		if text, ok := secret(node); ok {
			c.Secrets = []string{text}
		}
		return c
	}
	for _, item := range node.List() {
		if text, ok := secret(item); ok {
			c.Secrets = append(c.Secrets, text)
		}
	}
	return c
}

func (s *settings) senders(n strict.Node) {
	s.ws.Senders = map[string]Sender{}
	m := n.Map()
	if m.OK() && len(m.Keys()) == 0 {
		n.Errorf(strict.CodeBadValue, "%s must name at least one sender", n.Label())
	}
	for _, p := range m.Pairs() {
		name := keyName(p.Key)
		s.ws.Senders[name] = s.sender(name, p.Value)
	}
}

func (s *settings) sender(name string, n strict.Node) Sender {
	m := n.Map("from", "replies", "bounces", "providers", "dkim", "rate")
	out := Sender{Name: name}
	if from, ok := mailbox(m.Require("from")); ok {
		out.From = from
	}
	if r := m.Get("replies"); r.Present() {
		out.Replies = &Replies{}
		notRunYet(m.Key("replies"), "replies", "replies")
		rm := r.Map("forward_to")
		if to, ok := mailbox(rm.Get("forward_to")); ok {
			out.Replies.ForwardTo = to.Address
		}
	}
	out.Bounces, _ = host(m.Get("bounces"))
	if out.Bounces != "" {
		notRunYet(m.Key("bounces"), "bounces", "bounces")
	}
	out.Providers = s.senderProviders(m)
	out.Rate, _ = rate(m.Get("rate"))
	if d := m.Get("dkim"); d.Present() {
		dm := d.Map("domain", "selector", "key")
		out.DKIM = &DKIM{}
		out.DKIM.Domain, _ = host(dm.Require("domain"))
		out.DKIM.Selector, _ = dm.Require("selector").Text()
		out.DKIM.Key, _ = dm.Require("key").Text()
		if key := dm.Get("key"); strings.Contains(out.DKIM.Key, "PRIVATE KEY") {
			key.Errorf(CodeSecret, "%s is the path of a file with the key, not the key", key.Label())
		}
	}
	return out
}

// senderProviders gives the providers of a sender: those it names, or all.
func (s *settings) senderProviders(m strict.Map) []string {
	all := keysOf(s.root.Get("providers"))
	node := m.Get("providers")
	if !node.Present() {
		return all
	}
	var names []string
	for _, item := range node.List() {
		name, ok := item.Text()
		switch {
		case !ok:
		case !slices.Contains(all, name):
			item.Unknownf(CodeUnknownName, name, all, "there is no provider %q", name)
		case slices.Contains(names, name):
			item.Errorf(strict.CodeBadValue, "the provider %q is named twice", name)
		default:
			names = append(names, name)
		}
	}
	if node.IsList() && len(node.List()) == 0 {
		node.Errorf(strict.CodeBadValue, "%s must name at least one provider", node.Label())
	}
	return names
}

func (s *settings) topics(n strict.Node) {
	s.ws.Topics = map[string]Topic{}
	for _, p := range n.Map().Pairs() {
		name := keyName(p.Key)
		s.ws.Topics[name] = s.topic(name, p.Value)
		s.ws.TopicOrder = append(s.ws.TopicOrder, name)
	}
}

func (s *settings) topic(name string, n strict.Node) Topic {
	m := n.Map("title", "opt_in", "confirm", "sender")
	t := Topic{Name: name}
	t.Title, _ = m.Require("title").Text()
	optIn, _ := m.Get("opt_in").Choice("single", "double")
	t.Double = optIn == "double"
	confirm := m.Get("confirm")
	if template, ok := confirm.Name(); ok {
		t.Confirm = template
		s.confirms = append(s.confirms, confirm)
	}
	switch {
	case t.Double && !m.Has("confirm"):
		m.Get("opt_in").Hintf(CodeMissing, "add confirm: and the name of a template", "double opt-in needs a template that asks for the confirmation")
	case m.Has("confirm") && (optIn == "single" || !m.Has("opt_in")):
		m.Key("confirm").Hintf(CodeContradiction, "write opt_in: double, or leave it out", "a confirmation goes with double opt-in only")
	}
	t.Sender = s.reference(m.Get("sender"), "sender", keysOf(s.root.Get("senders")))
	s.faultySenders[name] = m.Has("sender") && t.Sender == "" || !m.OK()
	if (t.Double || t.Confirm != "") && !m.Has("sender") && m.Has("confirm") {
		n.Hintf(CodeMissing, "add sender: and the name of one", "the confirmation needs a sender")
	}
	return t
}

// reference reads a name out of a list.
func (s *settings) reference(n strict.Node, what string, known []string) string {
	name, ok := n.Text()
	if ok && !slices.Contains(known, name) {
		n.Unknownf(CodeUnknownName, name, known, "there is no %s %q", what, name)
		return ""
	}
	return name
}

// keyName reads a key that is a name. One that cannot be a name counts as the
// name that it suggests, so that references to that are no further findings.
func keyName(key strict.Node) string {
	if name, ok := key.Name(); ok {
		return name
	}
	return meantName(key.Raw().Value)
}

func meantName(key string) string {
	if name := strict.Slug(key); name != "" && !strict.IsName(key) {
		return name
	}
	return key
}

// keysOf are the names that the keys of a map mean, in the order of the file,
// without findings.
func keysOf(n strict.Node) []string {
	if !n.IsMap() {
		return nil
	}
	var keys []string
	for _, k := range n.Map().Keys() {
		keys = append(keys, meantName(k.Raw().Value))
	}
	return keys
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// host reads the name or the address of a machine.
func host(n strict.Node) (string, bool) {
	text, ok := n.Text()
	if !ok {
		return "", false
	}
	if plain := strings.Trim(text, "[]"); len(text) > 253 || !hostForm.MatchString(plain) && !strings.Contains(plain, "::") {
		n.Errorf(strict.CodeBadValue, "%s must be the name of a machine, as in smtp.example.net", n.Label())
		return "", false
	}
	return text, true
}

// mailbox reads an address with or without a name: Mia <mia@news.example>.
func mailbox(n strict.Node) (mail.Address, bool) {
	text, ok := n.Text()
	if !ok {
		return mail.Address{}, false
	}
	a, err := mail.ParseAddress(text)
	if err != nil || !strings.Contains(a.Address, "@") || strings.ContainsAny(a.Name, "\r\n") {
		n.Errorf(strict.CodeBadValue, "%s must be an e-mail address, as in Mia <mia@news.example>", n.Label())
		return mail.Address{}, false
	}
	return *a, true
}

// count reads a whole number within bounds.
func count(n strict.Node, least, most int) (int, bool) {
	i, ok := n.Int()
	if !ok {
		return 0, false
	}
	if i < int64(least) || i > int64(most) {
		n.Errorf(strict.CodeBadValue, "%s must be from %d to %d", n.Label(), least, most)
		return 0, false
	}
	return int(i), true
}

// rate reads "50/s", "3000/m" or "100000/h" as messages a second.
func rate(n strict.Node) (float64, bool) {
	text, ok := n.Scalar("a number of messages and a unit of time, as in 50/s")
	if !ok {
		return 0, false
	}
	digits, unit, _ := strings.Cut(text, "/")
	number, err := strconv.Atoi(digits)
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
	if err != nil || number < 1 || number > 1_000_000_000 || seconds == 0 {
		n.Errorf(strict.CodeBadValue, "%s must be a number of messages and s, m, h or d, as in 50/s%s", n.Label(), notThis(n, text))
		return 0, false
	}
	return float64(number) / seconds, true
}

func notThis(n strict.Node, text string) string {
	if n.FromVariable() || len(text) > 60 {
		return ""
	}
	return fmt.Sprintf(", not %q", text)
}
