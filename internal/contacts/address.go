package contacts

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of an address in octets (RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3; the
// whole address is the path less its brackets).
const (
	maxLocal   = 64
	maxDomain  = 253
	maxAddress = 254
)

// domains turns international domain names into ASCII as mail programs do
// (UTS 46, non-transitional), with the strict letters of host names.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(), idna.CheckJoiners(true), idna.CheckHyphens(false))

// ParseAddress checks an e-mail address and brings it into the form that
// identifies a contact: without surrounding space, the domain in ASCII, all in
// lower case.
//
// RFC 5321 leaves it to the receiving host whether the part before the @ minds
// upper and lower case. No mailbox provider does, and two contacts for
// Ana@example.com and ana@example.com would be mailed twice, so it is folded.
// Refused, because nobody has such an address on a mailing list and every relay
// treats it differently: quoted local parts, comments, address literals,
// domains without a dot, and letters beyond ASCII before the @ (they need
// SMTPUTF8 all the way).
//
// Errors name the address and what is wrong with it.
func ParseAddress(s string) (string, error) {
	text := strings.TrimSpace(s)
	if reason := checkCharacters(text); reason != "" {
		return "", bad(text, reason)
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", bad(text, "there is no @ in it")
	}
	local, domain := text[:at], text[at+1:]
	if reason := checkLocal(local); reason != "" {
		return "", bad(text, reason)
	}
	domain, reason := parseDomain(domain)
	if reason != "" {
		return "", bad(text, reason)
	}
	address := strings.ToLower(local) + "@" + domain
	if len(address) > maxAddress {
		return "", bad(text, fmt.Sprintf("it has more than %d characters", maxAddress))
	}
	return address, nil
}

func bad(address, reason string) error {
	const longest = 100
	if address == "" {
		return fmt.Errorf("the e-mail address is empty")
	}
	if runes := []rune(address); len(runes) > longest {
		address = string(runes[:longest]) + "…"
	}
	return fmt.Errorf("%q is not an e-mail address: %s", address, reason)
}

// checkCharacters finds what cannot stand in any address, and the ways in which
// people write more than one.
func checkCharacters(text string) string {
	if text == "" {
		return "it is empty"
	}
	if harmless(text) {
		return ""
	}
	if !utf8.ValidString(text) {
		return "it is not valid UTF-8"
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return fmt.Sprintf("it contains the invisible character U+%04X", r)
		}
	}
	switch {
	case strings.ContainsAny(text, "<>"):
		return "write the address alone, without name and brackets"
	case strings.ContainsAny(text, ",;"):
		return "write one address only"
	case strings.ContainsFunc(text, unicode.IsSpace):
		return "it contains a space"
	}
	return ""
}

// harmless tells whether text is of visible ASCII characters alone and none that
// has a reason of its own, as nearly all addresses are.
func harmless(text string) bool {
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b <= ' ', b >= 0x7F, b == '<', b == '>', b == ',', b == ';':
			return false
		}
	}
	return true
}

// atomText are the characters besides letters and digits that may stand before
// the @ (RFC 5322, section 3.2.3).
const atomText = "!#$%&'*+-/=?^_`{|}~."

func checkLocal(local string) string {
	switch {
	case local == "":
		return "there is nothing before the @"
	case len(local) > maxLocal:
		return fmt.Sprintf("the part before the @ has more than %d characters", maxLocal)
	case strings.ContainsRune(local, '"'):
		return "quoted parts before the @ are not supported"
	case strings.ContainsAny(local, "()"):
		return "comments in brackets are not supported"
	case strings.HasPrefix(local, "."), strings.HasSuffix(local, "."), strings.Contains(local, ".."):
		return "a dot must stand between other characters"
	}
	for _, r := range local {
		switch {
		case r >= utf8.RuneSelf:
			return fmt.Sprintf("%q before the @ is not an ASCII letter", r)
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(atomText, r):
		default:
			return fmt.Sprintf("%q must not stand before the @", r)
		}
	}
	return ""
}

// hostName tells whether a domain has nothing in it that would have to be turned
// into ASCII, or looked at because it was.
func hostName(domain string) bool {
	for i := 0; i < len(domain); i++ {
		if b := domain[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '.' {
			return false
		}
	}
	return !strings.Contains(domain, "xn--")
}

// parseDomain gives the domain in ASCII and lower case, or what is wrong with it.
func parseDomain(domain string) (string, string) {
	switch {
	case domain == "":
		return "", "there is nothing after the @"
	case strings.HasPrefix(domain, "["):
		return "", "a number of a machine in brackets is not supported"
	case strings.HasSuffix(domain, "."):
		return "", "the domain ends with a dot"
	}
	ascii := strings.ToLower(domain)
	if !hostName(ascii) {
		var err error
		if ascii, err = domains.ToASCII(domain); err != nil {
			return "", fmt.Sprintf("%s is not a domain name", domain)
		}
		ascii = strings.ToLower(ascii)
	}
	if len(ascii) > maxDomain {
		return "", fmt.Sprintf("the domain has more than %d characters", maxDomain)
	}
	end := strings.LastIndexByte(ascii, '.')
	if end < 0 {
		return "", fmt.Sprintf("the domain %s has no ending such as .com", domain)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		switch {
		case label == "":
			return "", "a part of the domain is empty"
		case len(label) > 63:
			return "", "a part of the domain has more than 63 characters"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "", "a part of the domain begins or ends with a dash"
		case strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
		}):
			return "", fmt.Sprintf("%s is not a domain name", domain)
		}
	}
	if last := ascii[end+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Sprintf("a domain does not end with the number %s", last)
	}
	return ascii, ""
}
