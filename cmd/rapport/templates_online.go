package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// askedAtOnce bounds how many addresses are asked at once.
	askedAtOnce = 8
	// linkPatience is how long one address may take, redirects included.
	linkPatience = 10 * time.Second
)

// codeDeadLink is the code of an address at which nothing is now.
const codeDeadLink = "dead-link"

// askAddresses asks each address for its page, a few at a time, and gives what is
// wrong with it by address; "" where nothing is, or where nobody can tell: who
// refuses programs may take people.
func (a *app) askAddresses(ctx context.Context, addresses []string) map[string]string {
	client := &http.Client{Timeout: linkPatience}
	defer client.CloseIdleConnections()
	bar := a.bar(int64(len(addresses)), "asking links")
	wrong := make([]string, len(addresses))
	slots := make(chan struct{}, askedAtOnce)
	var running sync.WaitGroup
	for i, address := range addresses {
		slots <- struct{}{}
		running.Go(func() {
			wrong[i] = ask(ctx, client, address)
			_ = bar.Add(1) // drawing it does no harm
			<-slots
		})
	}
	running.Wait()
	_ = bar.Finish()
	out := map[string]string{}
	for i, address := range addresses {
		out[address] = wrong[i]
	}
	return out
}

// ask asks for the head of a page, and for the page where a server knows no heads.
func ask(ctx context.Context, client *http.Client, address string) string {
	status, err := request(ctx, client, http.MethodHead, address)
	if err == nil && status >= 400 {
		status, err = request(ctx, client, http.MethodGet, address)
	}
	switch {
	case err != nil:
		return unreachable(err)
	case status == http.StatusNotFound || status == http.StatusGone:
		return fmt.Sprintf("there is no such page: its server answers %d", status)
	case status >= 500:
		return fmt.Sprintf("its server answers %d", status)
	}
	return "" // 401, 403, 429: nobody but people may come in
}

func request(ctx context.Context, client *http.Client, method, address string) (status int, err error) {
	q, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, err
	}
	q.Header.Set("User-Agent", "rapport (checks the links of a mail)")
	r, err := client.Do(q)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	_, _ = io.CopyN(io.Discard, r.Body, 4<<10) // enough to know that it comes
	return r.StatusCode, nil
}

// unreachable says why a server could not be asked.
func unreachable(err error) string {
	var dns *net.DNSError
	var verification *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host " + dns.Name
	case errors.As(err, &dns):
		return "its host could not be looked up: is this machine online?"
	case errors.As(err, &verification):
		return "its certificate is not good: " + verification.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("it does not answer within %s", linkPatience)
	}
	return cause(err).Error()
}
