package doctor

import (
	"context"
	"errors"
	"net"
)

// missing: the DNS has answered that there is no such record.
func missing(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// unasked is the finding of a question that the DNS did not answer.
func unasked(err error) []Finding {
	return one(Unasked, "the DNS could not be asked: "+err.Error(), "ask again when this machine is online")
}

// always is a name that is there as long as the Internet is: the first root server.
const always = "a.root-servers.net"

// wary is a DNS whose no is believed only while it knows a name that everybody
// knows: in closed networks a server says no to every name of the world.
type wary struct {
	DNS
	asked, blind bool
	away         error // it did not answer in time: it is not waited for again
}

var errBlind = errors.New("the DNS of this machine does not know the Internet")

// ask asks one question, and gives errBlind in the place of a no from a DNS that
// always says so.
func (w *wary) ask(ctx context.Context, question func() ([]string, error)) ([]string, error) {
	if w.away != nil {
		return nil, w.away
	}
	list, err := question()
	var dns *net.DNSError
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &dns) && dns.IsTimeout {
		w.away = err
	}
	return list, w.believe(ctx, err)
}

func (w *wary) believe(ctx context.Context, err error) error {
	if !missing(err) {
		return err
	}
	if !w.asked {
		_, known := w.DNS.LookupHost(ctx, always)
		w.asked, w.blind = true, known != nil
	}
	if w.blind {
		return errBlind
	}
	return err
}

// LookupTXT gives the texts at a name.
func (w *wary) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return w.ask(ctx, func() ([]string, error) { return w.DNS.LookupTXT(ctx, name) })
}

// LookupHost gives the addresses of a host.
func (w *wary) LookupHost(ctx context.Context, host string) ([]string, error) {
	return w.ask(ctx, func() ([]string, error) { return w.DNS.LookupHost(ctx, host) })
}

// LookupAddr gives the names of an address.
func (w *wary) LookupAddr(ctx context.Context, address string) ([]string, error) {
	return w.ask(ctx, func() ([]string, error) { return w.DNS.LookupAddr(ctx, address) })
}
