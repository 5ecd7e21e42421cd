package contacts

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"ana@example.com":                 "ana@example.com",
		"  Ana.Maria+News@Example.COM\t":  "ana.maria+news@example.com",
		"o'brien@example.co.uk":           "o'brien@example.co.uk",
		"x@Bücher.example":                "x@xn--bcher-kva.example",
		"x@XN--BCHER-KVA.example":         "x@xn--bcher-kva.example",
		"x@straße.example":                "x@xn--strae-oqa.example",
		"x@例え.jp":                         "x@xn--r8jz45g.jp",
		"a@b--c.example":                  "a@b--c.example",
		"a@１２３.example":                   "a@123.example",
		strings.Repeat("a", 64) + "@b.cd": strings.Repeat("a", 64) + "@b.cd",
		"\u00a0ana@example.com\u00a0":     "ana@example.com",
	} {
		got, err := ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  `the e-mail address is empty`,
		" \t":                               `the e-mail address is empty`,
		"ana":                               `"ana" is not an e-mail address: there is no @ in it`,
		"@example.com":                      `"@example.com" is not an e-mail address: there is nothing before the @`,
		"ana@":                              `"ana@" is not an e-mail address: there is nothing after the @`,
		"Ana <ana@example.com>":             `"Ana <ana@example.com>" is not an e-mail address: write the address alone, without name and brackets`,
		"a@example.com, b@example.com":      `"a@example.com, b@example.com" is not an e-mail address: write one address only`,
		"a@example.com;b@example.com":       `"a@example.com;b@example.com" is not an e-mail address: write one address only`,
		"ana maria@example.com":             `"ana maria@example.com" is not an e-mail address: it contains a space`,
		`"ana"@example.com`:                 `"\"ana\"@example.com" is not an e-mail address: quoted parts before the @ are not supported`,
		"ana(home)@example.com":             `"ana(home)@example.com" is not an e-mail address: comments in brackets are not supported`,
		".ana@example.com":                  `".ana@example.com" is not an e-mail address: a dot must stand between other characters`,
		"ana.@example.com":                  `"ana.@example.com" is not an e-mail address: a dot must stand between other characters`,
		"a..b@example.com":                  `"a..b@example.com" is not an e-mail address: a dot must stand between other characters`,
		"a@b@example.com":                   `"a@b@example.com" is not an e-mail address: '@' must not stand before the @`,
		"jürgen@example.com":                `"jürgen@example.com" is not an e-mail address: 'ü' before the @ is not an ASCII letter`,
		"ana@localhost":                     `"ana@localhost" is not an e-mail address: the domain localhost has no ending such as .com`,
		"ana@[192.0.2.1]":                   `"ana@[192.0.2.1]" is not an e-mail address: a number of a machine in brackets is not supported`,
		"ana@192.0.2.1":                     `"ana@192.0.2.1" is not an e-mail address: a domain does not end with the number 1`,
		"ana@example.com.":                  `"ana@example.com." is not an e-mail address: the domain ends with a dot`,
		"ana@exa_mple.com":                  `"ana@exa_mple.com" is not an e-mail address: exa_mple.com is not a domain name`,
		"ana@example..com":                  `"ana@example..com" is not an e-mail address: a part of the domain is empty`,
		"ana@-example.com":                  `"ana@-example.com" is not an e-mail address: a part of the domain begins or ends with a dash`,
		"ana@exam\u200bple.com":             `"ana@exam\u200bple.com" is not an e-mail address: it contains the invisible character U+200B`,
		"ana@example.com\r\nBcc: b@evil.de": `"ana@example.com\r\nBcc: b@evil.de" is not an e-mail address: it contains the invisible character U+000D`,
		"an\xffa@example.com":               `"an\xffa@example.com" is not an e-mail address: it is not valid UTF-8`,
		strings.Repeat("a", 65) + "@b.cd":   `"` + strings.Repeat("a", 65) + `@b.cd" is not an e-mail address: the part before the @ has more than 64 characters`,
	} {
		got, err := ParseAddress(in)
		if err == nil || err.Error() != want {
			t.Errorf("ParseAddress(%q) = %q, %v\nwant %s", in, got, err, want)
		}
	}
}

func TestParseAddressIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9.+_'-]{1,70}@[a-zA-ZäßñΩ0-9.-]{1,80}`)).Draw(t, "address")
		once, err := ParseAddress(in)
		if err != nil {
			return
		}
		if twice, err := ParseAddress(once); err != nil || twice != once {
			t.Fatalf("%q became %q, and then %q, %v", in, once, twice, err)
		}
		if len(once) > maxAddress || strings.ContainsAny(once, " \t\r\n<>\",;") {
			t.Fatalf("%q became %q", in, once)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"ana@example.com", "x@Bücher.example", "\"q\"@e.com", "a@[::1]", "x@xn--a.com", "ａ@ｂ.ｃ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if once, err := ParseAddress(in); err == nil {
			if twice, err := ParseAddress(once); err != nil || twice != once {
				t.Fatalf("%q became %q, and then %q, %v", in, once, twice, err)
			}
		}
	})
}

// Most domains are not given to the rules of international ones. Those would let
// through the same, as it stands.
func TestPlainDomainsAreWhatTheRulesMakeOfThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.StringMatching(`[a-z0-9XN.-]{1,70}(\.[a-z0-9-]{1,3})?`).Draw(t, "domain")
		if !hostName(strings.ToLower(domain)) {
			return
		}
		got, reason := parseDomain(domain)
		if want, err := domains.ToASCII(domain); err != nil && reason == "" || err == nil && reason == "" && got != strings.ToLower(want) {
			t.Errorf("%s: %q, %q; by the rules it is %q, %v", domain, got, reason, want, err)
		}
	})
}
