package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// CheckListen says why a dashboard may not listen on an address: one that
// others can reach needs a password.
func CheckListen(address, password string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the address %q of the dashboard cannot be read: write it as 127.0.0.1:8080", address)
	}
	if password == "" && !isLoopback(host) {
		return fmt.Errorf("the dashboard would be open to everybody on %s: set RAPPORT_PASSWORD, or listen on 127.0.0.1", address)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// guard lets in who may see the dashboard, and refuses forms that another site
// has posted.
func (w *Web) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		plain(rw, http.StatusForbidden, "this form was posted from another site: use the dashboard's own page")
	}))
	inside := protection.Handler(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; script-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		switch {
		case w.Password == "" && !fromHere(r):
			plain(rw, http.StatusForbidden, "the dashboard has no password, so it answers only on its own machine: start it with one to reach it from elsewhere")
		case w.Password != "" && !w.knows(r):
			h.Set("WWW-Authenticate", `Basic realm="Rapport", charset="UTF-8"`)
			plain(rw, http.StatusUnauthorized, "the dashboard needs its password, as Basic (any name) or Bearer")
		default:
			inside.ServeHTTP(rw, r)
		}
	})
}

// fromHere reports whether a request was made on this machine and for this
// machine. A name that merely leads here (DNS rebinding) and a proxy that
// speaks for others do not count.
func fromHere(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isLoopback(from) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return isLoopback(host)
}

func (w *Web) knows(r *http.Request) bool {
	_, given, ok := r.BasicAuth()
	if !ok {
		var scheme string
		scheme, given, ok = strings.Cut(r.Header.Get("Authorization"), " ")
		ok = ok && strings.EqualFold(scheme, "Bearer")
	}
	// Hashed, so that the comparison takes as long whatever the lengths are.
	want, got := sha256.Sum256([]byte(w.Password)), sha256.Sum256([]byte(given))
	return ok && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

func plain(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = fmt.Fprintln(rw, text)
}
