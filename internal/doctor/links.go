package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/token"
)

// certificateEnds is when a certificate that ends is told.
const certificateEnds = 14 * 24 * time.Hour

// links asks the public address for the page of a test's unsubscribe link: who
// answers so is a Rapport.
func (e *Examination) links(ctx context.Context) []Finding {
	root := strings.TrimRight(e.Workspace.PublicURL, "/")
	u, err := url.Parse(root)
	if root == "" || err != nil {
		return one(e.bad(), "public_url says no address", "write https://… into rapport.yaml: links in mail begin with it")
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/u/"+token.Test, nil)
	if err != nil {
		return one(e.bad(), err.Error(), "look at public_url in rapport.yaml")
	}
	r, err := e.HTTP.Do(q)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && !dns.IsNotFound:
		return unasked(err)
	case err != nil:
		return one(e.bad(), bare(err), "look whether rapport serve runs, and whether public_url leads to it from outside")
	}
	defer r.Body.Close()
	page, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(page), "This was only a test") {
		return one(e.bad(), fmt.Sprintf("something else answers there, with %d", r.StatusCode), "let public_url lead to rapport serve, with all paths")
	}
	if u.Scheme != "https" {
		return one(e.bad(), "it answers, without https", "set public_url to https://…: one-click unsubscribe works only so")
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		if left := r.TLS.PeerCertificates[0].NotAfter.Sub(e.Now()); left < certificateEnds {
			return one(Warning, fmt.Sprintf("its certificate ends in %d days", int(left.Hours()/24)), "renew it")
		}
	}
	return one(OK, "it answers", "")
}

// bare is an error without the address, which stands beside it.
func bare(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
