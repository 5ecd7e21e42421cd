package delivery

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

// families are the large mailbox providers: their domains share one set of
// servers and one opinion of us. The name of each comes first.
var families = [][]string{
	{"gmail.com", "googlemail.com"},
	{"outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de", "hotmail.it", "hotmail.es", "live.com", "live.co.uk", "live.fr",
		"live.de", "live.it", "live.nl", "msn.com", "outlook.de", "outlook.fr", "outlook.es", "outlook.it", "outlook.at", "passport.com"},
	{"yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.com.br", "yahoo.in", "ymail.com",
		"rocketmail.com", "aol.com", "aol.de", "aim.com"},
	{"icloud.com", "me.com", "mac.com"},
	{"gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com", "email.de"},
	{"t-online.de", "magenta.de"},
	{"orange.fr", "wanadoo.fr"},
	{"libero.it", "virgilio.it", "inwind.it", "iol.it", "blu.it"},
	{"proton.me", "protonmail.com", "protonmail.ch", "pm.me"},
	{"yandex.ru", "yandex.com", "ya.ru"},
	{"mail.ru", "inbox.ru", "list.ru", "bk.ru"},
	{"qq.com", "foxmail.com"},
	{"163.com", "126.com", "yeah.net"},
	{"comcast.net", "xfinity.com"},
	{"zoho.com", "zohomail.com", "zoho.eu"},
}

// operators are the owners of mail servers whose customers belong to a family,
// by the registered domain of the server's name.
var operators = map[string]string{
	"google.com": "gmail.com", "googlemail.com": "gmail.com", "outlook.com": "outlook.com", "hotmail.com": "outlook.com", "microsoft": "outlook.com",
	"yahoodns.net": "yahoo.com", "icloud.com": "icloud.com", "gmx.net": "gmx.net", "web.de": "gmx.net", "mail.com": "gmx.net",
	"protonmail.ch": "proton.me", "yandex.net": "yandex.ru", "yandex.ru": "yandex.ru", "mail.ru": "mail.ru", "qq.com": "qq.com",
	"netease.com": "163.com", "comcast.net": "comcast.net", "zoho.com": "zoho.com", "zoho.eu": "zoho.com",
}

var familyOf = func() map[string]string {
	of := map[string]string{}
	for _, family := range families {
		for _, domain := range family {
			of[domain] = family[0]
		}
	}
	return of
}()

// Resolver asks the DNS; *net.Resolver is one.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
}

// Domains knows which recipient domains are one operator's. Who is not in the
// table of families is looked up, beside the sending and never in its way: until
// the answer is there a domain stands for itself.
type Domains struct {
	Resolver Resolver // nil: nothing is looked up

	mu      sync.Mutex
	known   map[string]operator
	asking  int
	pending sync.WaitGroup

	background context.Context // of the lookups, from the first one on
	stop       context.CancelFunc
}

type operator struct {
	name  string // "" while it is looked up
	until time.Time
}

const (
	operatorFor  = 24 * time.Hour   // how long an answer counts
	failureFor   = 15 * time.Minute // how long none counts
	askingAtOnce = 8
	lookupTime   = 5 * time.Second
	mostDomains  = 200_000 // remembered at once: some 20 MB
)

// Group is the name of all domains of one operator, for example gmail.com for a
// domain whose mail Google takes. domain is in lower case.
func (d *Domains) Group(domain string, now time.Time) string {
	if family, ok := familyOf[domain]; ok {
		return family
	}
	if d.Resolver == nil {
		return domain
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o, known := d.known[domain]
	if (!known || now.After(o.until)) && d.asking < askingAtOnce {
		d.ask(domain, o.name, now)
	}
	return orElse(o.name, domain)
}

// group is the operator of a recipient's domain. Where no rate of domains is set
// nobody is looked up.
func (w *Worker) group(domain string, now time.Time) string {
	if applied := w.Catalog.Current(); applied != nil && len(applied.Limits.PerDomain) > 0 {
		return w.Domains.Group(domain, now)
	}
	return orElse(familyOf[domain], domain)
}

// ask looks a domain up. What was known of it counts until then. The lock is held.
func (d *Domains) ask(domain, before string, now time.Time) {
	if d.known == nil || len(d.known) >= mostDomains {
		d.known = map[string]operator{}
	}
	d.known[domain] = operator{before, now.Add(lookupTime)}
	if d.stop == nil {
		d.background, d.stop = context.WithCancel(context.Background())
	}
	d.asking++
	d.pending.Go(func() {
		ctx, cancel := context.WithTimeout(d.background, lookupTime)
		defer cancel()
		servers, err := d.Resolver.LookupMX(ctx, domain)
		o := operator{operatorOf(domain, servers), now.Add(operatorFor)}
		if err != nil {
			o = operator{orElse(before, domain), now.Add(failureFor)}
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.known[domain] = o
		d.asking--
	})
}

// Close ends the lookups on their way.
func (d *Domains) Close() {
	d.mu.Lock()
	if d.stop != nil {
		d.stop()
	}
	d.mu.Unlock()
	d.pending.Wait()
}

// operatorOf is whose servers take a domain's mail: the family's name, else the
// registered domain of the first server.
func operatorOf(domain string, servers []*net.MX) string {
	if len(servers) == 0 {
		return domain
	}
	first := servers[0]
	for _, s := range servers {
		if s.Pref < first.Pref {
			first = s
		}
	}
	host := strings.TrimSuffix(strings.ToLower(first.Host), ".")
	if strings.HasSuffix(host, ".mx.microsoft") { // no registered domain: Microsoft owns the whole ending
		return operators["microsoft"]
	}
	owner, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return domain // an address, or nothing: RFC 7505
	}
	if family, ok := operators[owner]; ok {
		return family
	}
	return owner
}

// domainOf is the domain of an address, in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
