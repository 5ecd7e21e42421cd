package workspace

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/strict"
)

var settingsKeys = []string{
	"company", "public_url", "database", "redis", "providers", "senders", "topics", "limits", "delivery", "inbound",
	"webhooks", "secrets", "attributes", "events", "segments", "control", "require_approval",
}

// Defaults of rapport.yaml.
const (
	defaultZone      = "UTC"
	defaultLanguage  = "en"
	defaultRefresh   = 5 * time.Minute
	defaultLookAhead = time.Hour
)

// types that an attribute or a property may be declared as.
var types = []string{"text", "number", "bool", "date", "list"}

// settings reads rapport.yaml.
type settings struct {
	ws       *Workspace
	root     strict.Map
	confirms []strict.Node // names of templates, to be checked once those are known

	faultySenders map[string]bool // topics whose sender is a finding
}

// decodeSettings reads everything of rapport.yaml into ws.
func decodeSettings(n strict.Node, ws *Workspace, env func(string) (string, bool)) *settings {
	missing := n.Expand(env)
	live := wantsLive(n)
	for _, v := range missing {
		unset(v, live)
	}
	m := n.Map(settingsKeys...)
	s := &settings{ws: ws, root: m, faultySenders: map[string]bool{}}
	ws.Company = Company{Timezone: defaultZone, Language: defaultLanguage}
	ws.RefreshSegments = defaultRefresh
	ws.Limits.LookAhead = defaultLookAhead
	if !m.OK() {
		return s
	}
	s.company(m.Require("company"))
	s.connections()
	s.providers(m.Get("providers"))
	s.senders(m.Require("senders"))
	s.topics(m.Get("topics"))
	s.limits(m.Get("limits"))
	s.delivery(m.Get("delivery"))
	s.inbound(m.Get("inbound"))
	s.webhooks(m.Get("webhooks"))
	s.secrets(m.Get("secrets"))
	ws.Attributes = declared(m.Get("attributes"))
	s.events(m.Get("events"))
	if refresh, ok := m.Get("segments").Map("refresh").Get("refresh").Duration(); ok {
		ws.RefreshSegments = refresh
	}
	ws.RequireApproval, _ = m.Get("require_approval").Bool()
	s.whole(live)
	return s
}

// wantsLive says whether mail is meant to leave the house, before anything is
// decoded.
func wantsLive(n strict.Node) bool {
	if !n.IsMap() {
		return false
	}
	d := n.Map().Get("delivery")
	return d.IsMap() || d.IsScalar() && d.Raw().Value == "live"
}

// unset reports a variable without a value. A database or Redis that is nothing
// but a variable may be unset: then the embedded ones are used. The rest is
// missing only where mail really leaves: a workspace can be checked on a machine
// that has no secrets.
func unset(v strict.Variable, live bool) {
	whole := v.Node.Raw().Value == "${"+v.Name+"}"
	if whole && (v.Path == "database" || v.Path == "redis") {
		return
	}
	if live {
		v.Node.Hintf(CodeUnset, "set it, or choose delivery: mailbox", "the environment variable %s is not set", v.Name)
		return
	}
	v.Node.Warnf(CodeUnset, "it is needed for delivery: live", "the environment variable %s is not set", v.Name)
}

func (s *settings) company(n strict.Node) {
	m := n.Map("name", "address", "website", "timezone", "language")
	c := &s.ws.Company
	c.Name, _ = m.Require("name").Text()
	if c.Address, _ = m.Get("address").Text(); m.OK() && !m.Has("address") {
		n.Hintf(strict.CodeMissingKey, "every mail must carry the postal address", `"address" is missing`)
	}
	c.Website, _ = address(m.Get("website"))
	if zone, ok := m.Get("timezone").Zone(); ok {
		if c.Timezone = zone; zone == "contact" {
			c.Timezone = defaultZone
			m.Get("timezone").Errorf(strict.CodeBadValue, "the company has one zone of its own, as in Europe/Berlin")
		}
	}
	if language, ok := m.Get("language").Text(); ok {
		c.Language = language
		if !isLanguage(language) {
			m.Get("language").Errorf(strict.CodeBadValue, "%q is not a language: write it as en or de-AT", language)
		}
	}
}

func isLanguage(s string) bool {
	parts := strings.Split(s, "-")
	for i, p := range parts {
		letters := strings.Trim(strings.ToLower(p), "abcdefghijklmnopqrstuvwxyz") == ""
		if len(p) < 2 || len(p) > 8 || i == 0 && (len(p) > 3 || !letters) {
			return false
		}
	}
	return true
}

// address reads the absolute address of a web page, without a slash at its end.
func address(n strict.Node) (string, bool) {
	text, ok := n.Text()
	if !ok {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(text, " \t\r\n") {
		n.Errorf(strict.CodeBadValue, "%s must be a web address, as in https://northwind.example", n.Label())
		return "", false
	}
	return strings.TrimRight(text, "/"), true
}

// connections reads where the data is.
func (s *settings) connections() {
	s.ws.PublicURL, _ = address(s.root.Get("public_url"))
	if n := s.root.Get("public_url"); s.ws.PublicURL != "" && strings.ContainsAny(s.ws.PublicURL, "?#") {
		n.Errorf(strict.CodeBadValue, "%s must not have a ? or # in it", n.Label())
	}
	s.ws.Database = connection(s.root.Get("database"), "postgres://user:password@host/database", "postgres", "postgresql")
	s.ws.Redis = connection(s.root.Get("redis"), "redis://host:6379", "redis", "rediss", "unix")
}

// connection reads the address of a server; a password stands in it, so no
// message repeats it.
func connection(n strict.Node, example string, schemes ...string) string {
	text, ok := n.Text()
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !slices.Contains(schemes, u.Scheme) {
		n.Errorf(strict.CodeBadValue, "%s must be an address such as %s", n.Label(), example)
		return ""
	}
	if _, has := u.User.Password(); has {
		secret(n)
	}
	return text
}

// secret warns about a secret that stands in the file.
func secret(n strict.Node) (string, bool) {
	text, ok := n.Text()
	if ok && !n.FromVariable() {
		n.Warnf(CodeSecret, `read it from the environment: "${NAME}"`, "a secret should not stand in a file")
	}
	return text, ok
}

// declared reads names with their types; nil when nothing is declared.
func declared(n strict.Node) map[string]string {
	if !n.Present() || n.Broken() {
		return nil
	}
	kinds := map[string]string{}
	if n.IsNull() {
		return kinds
	}
	for _, p := range n.Map().Pairs() {
		kind, ok := p.Value.Choice(types...)
		if !ok {
			kind = "" // known, of a type that nobody knows
		}
		kinds[p.Key.Raw().Value] = kind
	}
	return kinds
}

func (s *settings) events(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map()
	if !m.OK() {
		return
	}
	s.ws.Events = map[string]map[string]string{}
	for _, p := range m.Pairs() {
		name := p.Key.Raw().Value
		if own, _, _ := strings.Cut(name, "."); own == "email" || own == "consent" || own == "contact" {
			p.Key.Hintf(strict.CodeBadValue, "declare only what your own systems send", "events that start with %s. are Rapport's own", own)
			continue
		}
		s.ws.Events[name] = declared(p.Value)
	}
}

// whole checks what only all of rapport.yaml shows.
func (s *settings) whole(live bool) {
	if !live {
		return
	}
	d := s.root.Get("delivery")
	if !s.root.Has("providers") {
		d.Hintf(CodeMissing, "add one, or choose delivery: mailbox", "mail cannot leave: there are no providers")
	}
	if !s.root.Has("public_url") {
		d.Hintf(CodeMissing, "add it: links and unsubscribing need it", `mail cannot leave: "public_url" is missing`)
	}
	if strings.HasPrefix(s.ws.PublicURL, "http://") {
		// RFC 8058, section 3.1, and what Google and Yahoo ask of bulk senders.
		s.root.Get("public_url").Warnf(strict.CodeBadValue, "use https:// once mail leaves",
			"one-click unsubscribing needs https: mail will go without List-Unsubscribe")
	}
}
