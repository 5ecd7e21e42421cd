package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/mail"
	"path"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/segments"
	"rapport/templates"
)

// Workspace is everything that a folder says. It does not change after it was
// read, except that campaigns get the numbers of their steps.
type Workspace struct {
	Dir       string // "" when read from the store
	Company   Company
	PublicURL string // without a slash at its end
	Database  string // "" means the embedded default
	Redis     string // "" means the queue in the process

	Providers       map[string]Provider
	Senders         map[string]Sender
	Topics          map[string]Topic
	TopicOrder      []string // names as the file lists them, for the preference centre
	Limits          Limits
	Delivery        Delivery
	Inbound         *Inbound
	Webhooks        map[string]Webhook
	Secrets         []string      // the first signs, all of them check
	RefreshSegments time.Duration // how often memberships are compared for everybody
	RequireApproval bool
	Control         *Control // nil: nobody is held out of everything

	// Attributes and Events are nil when nothing is declared.
	Attributes map[string]string            // name → text, number, bool, date or list
	Events     map[string]map[string]string // event → property → type

	Segments     segments.Set
	Campaigns    map[string]*campaigns.Definition
	Relationship *relationship.Definition
	Templates    *templates.Set
	Scenarios    []Scenario

	Files []File // all files of the language, by path
	Hash  string // of paths and contents: 64 hexadecimal digits of SHA-256
}

// File is one file of the workspace.
type File struct {
	Path string // inside the folder, with forward slashes
	Data []byte
}

// Company is who mails.
type Company struct {
	Name     string
	Address  string // postal; every mail carries it
	Website  string // "" when not given
	Timezone string // IANA name; UTC when not given
	Language string // BCP 47; "en" when not given
}

// Provider is a mail server that takes mail from us.
type Provider struct {
	Name        string
	SMTP        SMTP
	Connections int       // at once; 0 means the default of delivery
	Rate        float64   // messages a second; 0 means no limit
	WarmUp      *WarmUp   // nil means none
	Callbacks   *Callback // nil means that it reports nothing
}

// SMTP is how to reach a mail server.
type SMTP struct {
	Host               string
	Port               int    // never 0: the port of the way of encryption when not given
	TLS                string // "starttls", "implicit" or "none"
	Username, Password string // both or neither
	Auth               string // "auto", "plain", "login", "cram-md5" or "xoauth2"
}

// WarmUp is a daily ceiling that grows.
type WarmUp struct {
	Start, Target int // messages on the first day, and on the last
	Days          int
}

// Ceiling is how many messages may leave on a day, the first being 1: each day's
// is the same multiple of the one before. Below zero there is none any more.
func (w WarmUp) Ceiling(day int) int {
	switch {
	case day > w.Days:
		return -1
	case day <= 1:
		return w.Start
	}
	grown := math.Pow(float64(w.Target)/float64(w.Start), float64(day-1)/float64(w.Days-1))
	return int(math.Round(float64(w.Start) * grown))
}

// Callback is how a provider reports what became of mail.
type Callback struct {
	Kind    string   // ses, sendgrid, …, or generic
	Topic   string   // of SES: the only SNS topic that is believed
	Secrets []string // that prove a callback, any of them
}

// Sender is an address that mail comes from.
type Sender struct {
	Name      string
	From      mail.Address
	Replies   *Replies // nil: answers go to From and are not seen
	Bounces   string   // domain of signed return paths, or ""
	Providers []string // in the order in which they are tried; all of the workspace when not given
	DKIM      *DKIM    // nil: the provider signs
	Rate      float64  // messages a second, over all its providers; 0 means no limit
}

// Replies says that answers come to us first.
type Replies struct {
	ForwardTo string // "" means nowhere else
}

// DKIM is a key that signs mail.
type DKIM struct {
	Domain, Selector string
	Key              string // path of a file with the private key
}

// Topic is something a contact can consent to.
type Topic struct {
	Name    string
	Title   string
	Double  bool   // consent counts once it is confirmed by mail
	Confirm string // template of that mail
	Sender  string // "" when each campaign names its own
}

// Limits hold across all campaigns.
type Limits struct {
	PerContact []campaigns.Limit
	QuietHours *QuietHours
	PerDomain  map[string]float64 // recipient domain, or "*" for all others, → messages a second
	Bounces    *Guard             // nil means none
	Complaints *Guard
	LookAhead  time.Duration // within which a more urgent message goes first
}

// QuietHours are when nobody is mailed.
type QuietHours struct {
	calendar.Quiet
	Timezone string // IANA name, or campaigns.ContactZone
}

// Zone is the zone that the hours are in for a contact.
func (q *QuietHours) Zone(c *contacts.Contact, company *time.Location) *time.Location {
	name := q.Timezone
	if name == campaigns.ContactZone {
		name = ""
		if c != nil {
			name = c.Timezone
		}
	}
	if zone, err := calendar.LoadZone(name); err == nil {
		return zone
	}
	return company
}

// Guard pauses what does harm.
type Guard struct {
	Above   float64 // share of messages, 0 to 1
	OfLast  int     // messages looked at
	AtLeast int     // cases before it acts; those that Beyond says where nothing is said
}

// Beyond is how many cases are above the share of all the messages looked at.
func (g Guard) Beyond() int { return int(g.Above*float64(g.OfLast)) + 1 }

// Control is the control group of the workspace: contacts that no marketing
// campaign mails, so that all of them together can be measured.
type Control struct {
	Share float64 // of all contacts, 0 to 0.5
	Event string  // what is counted of both groups; the purchase of relationship.yaml unless said
	Value string  // the property of it that carries its worth, or ""
}

// Delivery says whom mail may reach.
type Delivery struct {
	Live bool
	// Only are patterns of addresses ("*@northwind.example") that mail reaches
	// although the rest is caught.
	Only []string
}

// Reaches says whether mail to an address leaves the house.
func (d Delivery) Reaches(address string) bool {
	if d.Live {
		return true
	}
	for _, pattern := range d.Only {
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(address)); ok {
			return true
		}
	}
	return false
}

// Inbound is where bounces and replies arrive; exactly one of its ways is set.
type Inbound struct {
	SMTP string // address to listen on, ":2526"
	IMAP *IMAP
}

// IMAP is a mailbox to read.
type IMAP struct {
	Host               string
	Port               int
	Username, Password string
}

// Webhook is an address of the company's own that is told about things.
type Webhook struct {
	Name, URL, Secret string
}

// SenderOf is the sender of a campaign: its own, else its topic's.
func (w *Workspace) SenderOf(d *campaigns.Definition) string {
	if d.Sender != "" {
		return d.Sender
	}
	return w.Topics[d.Topic].Sender
}

// WithConnections is a copy of w that takes its connections and secrets from
// another reading: what serve may take from the folder without an apply.
func (w *Workspace) WithConnections(from *Workspace) *Workspace {
	c := *w
	c.Dir = from.Dir
	c.Database, c.Redis = from.Database, from.Redis
	c.Providers, c.Inbound, c.Webhooks = from.Providers, from.Inbound, from.Webhooks
	c.Secrets = from.Secrets
	return &c
}

// hashOf is the content hash of files in the order of their paths.
func hashOf(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s\x00%d\x00", f.Path, len(f.Data))
		h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
