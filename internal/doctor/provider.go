package doctor

import (
	"context"
	"fmt"
	"net"
	"strings"

	"rapport/internal/delivery/smtp"
	"rapport/internal/workspace"
)

// login signs in at a provider.
func (e *Examination) login(ctx context.Context, p workspace.Provider) []Finding {
	r := e.Login(ctx, p)
	how := fmt.Sprintf("%s, port %d, tls %s", p.SMTP.Host, p.SMTP.Port, p.SMTP.TLS)
	if r.Outcome == smtp.Sent {
		if p.SMTP.TLS == smtp.Plain && !local(p.SMTP.Host) {
			return one(Warning, "it lets us in, and everybody on the way can read along ("+how+")", "set tls to starttls or implicit")
		}
		return one(OK, "it lets us in ("+how+")", "")
	}
	do := map[string]string{
		smtp.VerbConnect:  "look at host and port in rapport.yaml, and whether a firewall lets this machine out",
		smtp.VerbStartTLS: "look at tls in rapport.yaml, and at the server's certificate",
		smtp.VerbAuth:     "look at username and password in rapport.yaml, and in the environment",
	}[r.Verb]
	if do == "" {
		do = "its answer says why; its provider knows more"
	}
	why := strings.TrimPrefix(r.String(), r.Outcome.String())
	return one(e.bad(), "it stops"+why+" ("+how+")", do)
}

// reverse wants each address of a mail server to have a name that leads back to
// it (forward-confirmed reverse DNS): receivers ask for it.
func (e *Examination) reverse(ctx context.Context, host string) []Finding {
	if local(host) {
		return one(OK, "it is on this machine or in a private network: what it sends from is seen elsewhere", "")
	}
	addresses, err := e.DNS.LookupHost(ctx, host)
	switch {
	case missing(err):
		return one(e.bad(), "there is no host "+host, "look at host in rapport.yaml")
	case err != nil:
		return unasked(err)
	}
	for _, address := range addresses {
		names, err := e.DNS.LookupAddr(ctx, address)
		if err != nil && !missing(err) {
			return unasked(err)
		}
		if !e.leadsBack(ctx, names, address) {
			return one(Warning, address+" has no name that leads back to it", "its provider sets the PTR record; a relay that sends from other addresses is looked at there")
		}
	}
	return one(OK, strings.Join(addresses, ", ")+" and back", "")
}

func (e *Examination) leadsBack(ctx context.Context, names []string, address string) bool {
	for _, name := range names {
		back, err := e.DNS.LookupHost(ctx, strings.TrimSuffix(name, "."))
		if err != nil {
			continue // another name may
		}
		for _, b := range back {
			if net.ParseIP(b).Equal(net.ParseIP(address)) {
				return true
			}
		}
	}
	return false
}

// local: a host of this machine or of a private network.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}
