package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"rapport/internal/delivery/smtp"
	"rapport/internal/workspace"
)

// Level says how much a finding matters.
type Level string

const (
	OK      Level = "ok"
	Warning Level = "warning" // mail goes, and less of it arrives than could
	Fault   Level = "fault"   // something does not work
	Unasked Level = "unasked" // who would know could not be asked
)

// Finding is what one check has found.
type Finding struct {
	Check string `json:"check"` // database, tallies, queue, provider, spf, dkim, dmarc, reverse-dns, clock, links
	Of    string `json:"of"`    // which one: a provider, a domain, an address
	Level Level  `json:"level"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"` // empty when it is well
}

// DNS is asked for records; *net.Resolver is one.
type DNS interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// Database is what can be seen of the database.
type Database struct {
	Clock   time.Time // what it shows; zero: it has none of its own
	Missing bool      // there is nothing of ours in it yet
	Behind  int       // migrations that the next start makes
}

// Tallies is what a sample of what contacts did, as it is counted, looks like beside
// the events.
type Tallies struct {
	Looked int // contacts
	Wrong  int // of whom something else is counted
	One    string
}

// Examination is what is looked at, and by whom.
type Examination struct {
	Workspace *workspace.Workspace
	// Database looks at the database and changes nothing.
	Database func(context.Context) (Database, error)
	// Tallies compares a sample of them with the events; nil: none are kept.
	Tallies func(context.Context) (Tallies, error)
	Queue   func(context.Context) error // nil: it is in the process
	// Login signs in at a mail server and says good-bye.
	Login func(context.Context, workspace.Provider) smtp.Result
	DNS   DNS
	HTTP  *http.Client
	Now   func() time.Time
}

// patience is how long one check may take.
const patience = 15 * time.Second

// Examine makes all checks, in the order in which a message travels. progress is
// told of each before it begins; nil: nobody is.
func (e *Examination) Examine(ctx context.Context, progress func(check, of string)) (all []Finding) {
	if progress == nil {
		progress = func(string, string) {}
	}
	seeing := *e
	seeing.DNS = &wary{DNS: e.DNS}
	e = &seeing
	run := func(check, of string, look func(context.Context) []Finding) {
		progress(check, of)
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for _, f := range look(ctx) {
			f.Check = check
			if f.Of == "" {
				f.Of = of
			}
			all = append(all, f)
		}
	}
	var shown time.Time
	ready := false
	run("database", "", func(ctx context.Context) (list []Finding) { shown, ready, list = e.database(ctx); return list })
	if ready && e.Tallies != nil {
		run("tallies", "", e.tallies)
	}
	run("queue", "", e.queue)
	for _, name := range slices.Sorted(maps.Keys(e.Workspace.Providers)) {
		p := e.Workspace.Providers[name]
		run("provider", name, func(ctx context.Context) []Finding { return e.login(ctx, p) })
		run("reverse-dns", p.SMTP.Host, func(ctx context.Context) []Finding { return e.reverse(ctx, p.SMTP.Host) })
	}
	if len(e.Workspace.Providers) == 0 {
		run("provider", "", func(context.Context) []Finding { return e.noProvider() })
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(e.Workspace.Senders)) {
		s := e.Workspace.Senders[name]
		for _, c := range e.domainChecks(s) {
			if key := c.check + " " + c.of; !seen[key] {
				seen[key] = true
				run(c.check, c.of, c.look)
			}
		}
	}
	run("clock", "", func(context.Context) []Finding { return e.clock(shown) })
	run("links", e.Workspace.PublicURL, e.links)
	return all
}

// Sick reports whether there is a fault among findings.
func Sick(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Level == Fault })
}

// leaves reports whether mail is meant to leave the house: before that, what only
// real mail needs is a warning.
func (e *Examination) leaves() bool {
	return e.Workspace.Delivery.Live || len(e.Workspace.Delivery.Only) > 0
}

// bad is Fault once mail leaves the house, and a warning before.
func (e *Examination) bad() Level {
	if e.leaves() {
		return Fault
	}
	return Warning
}

// database reports whether its tables are there and of this version.
func (e *Examination) database(ctx context.Context) (shown time.Time, ready bool, list []Finding) {
	db, err := e.Database(ctx)
	switch {
	case err != nil:
		return shown, false, one(Fault, err.Error(), "look whether it runs, and what database says in rapport.yaml")
	case db.Missing:
		return db.Clock, false, one(OK, "there is nothing in it yet; the first apply or import makes its tables", "")
	case db.Behind > 0:
		return db.Clock, false, one(Warning, fmt.Sprintf("its tables are of an earlier Rapport, %d migrations behind", db.Behind), "the next command that uses it brings them up to date: make a backup before")
	}
	return db.Clock, true, one(OK, "it answers", "")
}

func (e *Examination) tallies(ctx context.Context) []Finding {
	t, err := e.Tallies(ctx)
	switch {
	case err != nil:
		return one(Unasked, err.Error(), "rapport segments recount --check compares all of them, however long it takes")
	case t.Wrong > 0:
		return one(Fault, fmt.Sprintf("of %d of %d contacts in a sample something else is counted than their events say, of %s for one: segments that ask what they did are wrong about them", t.Wrong, t.Looked, t.One),
			"rapport segments recount compares everybody and counts again, while everything runs")
	}
	return one(OK, fmt.Sprintf("of all %d contacts in a sample, what they did is counted as their events say", t.Looked), "")
}

func (e *Examination) queue(ctx context.Context) []Finding {
	if e.Queue == nil {
		return one(OK, "it is in the process: one serve runs on this database", "")
	}
	if err := e.Queue(ctx); err != nil {
		return one(Fault, err.Error(), "look whether Redis runs, and what redis says in rapport.yaml; nothing is lost meanwhile")
	}
	return one(OK, "it answers", "")
}

// clockOff is how far two clocks may be apart: leases and signatures bear a
// little, not more.
const clockOff = 2 * time.Second

func (e *Examination) clock(shown time.Time) []Finding {
	if shown.IsZero() {
		return one(OK, "there is one machine, and one clock", "")
	}
	off := e.Now().Sub(shown).Abs().Round(100 * time.Millisecond)
	switch {
	case off > time.Minute:
		return one(Fault, "it is "+off.String()+" apart from that of the database", "let both keep time by NTP")
	case off > clockOff:
		return one(Warning, "it is "+off.String()+" apart from that of the database", "let both keep time by NTP")
	}
	return one(OK, "it agrees with that of the database", "")
}

func (e *Examination) noProvider() []Finding {
	if e.leaves() {
		return one(Fault, "there is none, and mail is to leave the house", "write one into rapport.yaml, under providers")
	}
	return one(OK, "there is none: all mail stays in the built-in mailbox", "")
}

func one(level Level, found, do string) []Finding {
	return []Finding{{Level: level, Found: found, Do: do}}
}
