package doctor

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"rapport/internal/delivery/mime"
	"rapport/internal/workspace"
)

// domainCheck is a question to the DNS about a sender.
type domainCheck struct {
	check, of string
	look      func(context.Context) []Finding
}

// domainChecks are what receivers ask about a sender's mail.
func (e *Examination) domainChecks(s workspace.Sender) []domainCheck {
	_, from, _ := strings.Cut(s.From.Address, "@")
	path := from // the domain of the return path, which SPF is asked of
	if s.Bounces != "" {
		path = s.Bounces
	}
	list := []domainCheck{{"spf", path, func(ctx context.Context) []Finding { return e.spf(ctx, path) }}}
	if s.DKIM != nil {
		d := *s.DKIM
		name := d.Selector + "._domainkey." + d.Domain
		list = append(list, domainCheck{"dkim", name, func(ctx context.Context) []Finding { return e.dkim(ctx, d, from, name) }})
	} else {
		list = append(list, domainCheck{"dkim", from, func(context.Context) []Finding {
			return one(OK, "the provider signs: its own pages show whether it does", "")
		}})
	}
	return append(list, domainCheck{"dmarc", from, func(ctx context.Context) []Finding { return e.dmarc(ctx, from) }})
}

// records are the TXT records of a name that begin in a way.
func (e *Examination) records(ctx context.Context, name, begin string) (list []string, err error) {
	all, err := e.DNS.LookupTXT(ctx, name)
	if missing(err) {
		return nil, nil
	}
	for _, r := range all {
		if r = strings.TrimSpace(r); len(r) >= len(begin) && strings.EqualFold(r[:len(begin)], begin) {
			list = append(list, r)
		}
	}
	return list, err
}

// spf looks at the record of RFC 7208.
func (e *Examination) spf(ctx context.Context, domain string) []Finding {
	list, err := e.records(ctx, domain, "v=spf1")
	switch {
	case err != nil:
		return unasked(err)
	case len(list) == 0:
		return one(e.bad(), "there is no record", "publish a TXT record at "+domain+": v=spf1 include:… ~all, with the name that your provider gives")
	case len(list) > 1:
		return one(e.bad(), fmt.Sprintf("there are %d records, and receivers take none then", len(list)), "join them into one")
	}
	terms := strings.Fields(strings.ToLower(list[0]))
	lookups := 0
	for _, term := range terms {
		term = strings.TrimLeft(term, "+-~?")
		name, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(term, "=", ":"), "/", ":"), ":")
		switch name {
		case "include", "a", "mx", "ptr", "exists", "redirect":
			lookups++
		}
	}
	switch last := terms[len(terms)-1]; {
	case lookups > 10: // RFC 7208 4.6.4, those of what is included not even counted
		return one(e.bad(), fmt.Sprintf("it asks for %d others, and receivers stop at 10: %s", lookups, list[0]), "take out what no longer sends for you")
	case last == "+all" || last == "all":
		return one(Warning, "it lets everybody send: "+list[0], "end it with ~all or -all")
	case !strings.HasSuffix(last, "all") && !strings.HasPrefix(last, "redirect="):
		return one(Warning, "it does not say what to do with others: "+list[0], "end it with ~all or -all")
	}
	return one(OK, list[0], "")
}

// dkim compares the published key with the one that signs.
func (e *Examination) dkim(ctx context.Context, d workspace.DKIM, from, name string) []Finding {
	pem, err := os.ReadFile(d.Key)
	if err != nil {
		return one(Fault, "the key cannot be read: "+err.Error(), "look at dkim.key in rapport.yaml: nothing of this sender goes out without it")
	}
	key, err := mime.ParseKey(pem)
	if err != nil {
		return one(Fault, err.Error(), "dkim.key names a file with an RSA or Ed25519 key in PEM")
	}
	ours, algorithm, err := publicKey(key)
	if err != nil {
		return one(Fault, err.Error(), "make an RSA key of 2048 bits, or an Ed25519 key")
	}
	record := "v=DKIM1; k=" + algorithm + "; p=" + ours[0]
	list, err := e.DNS.LookupTXT(ctx, name)
	switch {
	case missing(err) || err == nil && len(list) == 0:
		return one(e.bad(), "there is no record", "publish this TXT record at "+name+": "+record)
	case err != nil:
		return unasked(err)
	}
	published := tags(list[0])["p"]
	if published == "" {
		return one(e.bad(), "the key was revoked: "+list[0], "publish this TXT record at "+name+": "+record)
	}
	if published != ours[0] && published != ours[1] {
		return one(e.bad(), "another key is published than the one that signs", "publish this TXT record at "+name+": "+record)
	}
	if !aligned(d.Domain, from) {
		return one(Warning, "it signs for "+d.Domain+", which is not the domain of the sender, "+from, "sign for "+from+", or DMARC does not count the signature")
	}
	if strings.Contains(tags(list[0])["t"], "y") {
		return one(Warning, "the record says that it is only a test", "take t=y out of it")
	}
	return one(OK, "the published key is the one that signs", "")
}

// publicKey is a key as p= has it: RFC 6376 3.6.1, and RFC 8463 4, and the older
// form of RSA that some publish.
func publicKey(key crypto.Signer) (forms [2]string, algorithm string, err error) {
	switch k := key.Public().(type) {
	case ed25519.PublicKey:
		p := base64.StdEncoding.EncodeToString(k)
		return [2]string{p, p}, "ed25519", nil
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		return [2]string{base64.StdEncoding.EncodeToString(der), base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(k))}, "rsa", err
	}
	return forms, "", fmt.Errorf("a %T cannot sign mail", key)
}

// dmarc looks at the policy of RFC 7489, of the domain or of those above it.
func (e *Examination) dmarc(ctx context.Context, domain string) []Finding {
	for d := domain; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		list, err := e.records(ctx, "_dmarc."+d, "v=DMARC1")
		switch {
		case err != nil:
			return unasked(err)
		case len(list) == 0:
			continue
		case len(list) > 1:
			return one(e.bad(), fmt.Sprintf("there are %d records at _dmarc.%s, and receivers take none then", len(list), d), "leave one")
		}
		of := tags(list[0])
		switch p := strings.ToLower(of["p"]); {
		case p != "none" && p != "quarantine" && p != "reject":
			return one(e.bad(), "it names no policy: "+list[0], "write p=none, p=quarantine or p=reject into it")
		case of["rua"] == "":
			return one(Warning, "nobody gets the reports: "+list[0], "add rua=mailto:… to it, to see who sends in your name")
		}
		return one(OK, list[0], "")
	}
	return one(e.bad(), "there is no record, and large receivers want one", "publish a TXT record at _dmarc."+domain+": v=DMARC1; p=none; rua=mailto:…")
}

// tags reads the tag=value list of a record; blanks within values mean nothing.
func tags(record string) map[string]string {
	out := map[string]string{}
	for tag := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		out[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), "")
	}
	return out
}

// aligned: one of two domains is the other or stands below it, which is what DMARC
// wants as a rule.
func aligned(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}
