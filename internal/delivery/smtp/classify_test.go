package smtp

import (
	"bufio"
	"strings"
	"testing"
)

// What providers answer, in their words, and what it means.
func TestClassification(t *testing.T) {
	const (
		sent = "sent"
		perm = "permanent"
		temp = "temporary"
		thro = "throttled"
	)
	tests := []struct {
		verb, reply, want string
		bad, provider     bool
	}{
		{VerbDot, "250 2.0.0 Ok: queued as 4Z", sent, false, false},
		{VerbDot, "250 great", sent, false, false},
		// Addresses that do not exist.
		{VerbRcpt, "550 5.1.1 <x@y>: Recipient address rejected: User unknown in local recipient table", perm, true, false},
		{VerbRcpt, "550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 https://support.google.com/mail/?p=NoSuchUser x - gsmtp", perm, true, false},
		{VerbRcpt, "550 5.2.1 The email account that you tried to reach is disabled.", perm, true, false},
		{VerbRcpt, "554 5.1.2 bad destination system", perm, true, false},
		{VerbRcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", perm, true, false},
		{VerbRcpt, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", perm, true, false},
		{VerbRcpt, "550 #5.1.0 Address rejected.", perm, true, false},
		{VerbRcpt, "550 Requested action not taken: mailbox unavailable", perm, true, false},
		{VerbRcpt, "551 User not local", perm, true, false},
		{VerbRcpt, "553 sorry, no mailbox here by that name. (#5.7.1)", perm, true, false},
		{VerbRcpt, "550 5.7.1 No such user!", perm, true, false},
		{VerbDot, "550 5.1.1 User unknown", perm, true, false},
		// The class alone does not decide.
		{VerbRcpt, "450 4.1.1 <x@y>: Recipient address rejected: User unknown in local recipient table", perm, true, false},
		{VerbRcpt, "450 4.1.1 <x@y>: Recipient address rejected: unverified address: Address verification in progress", temp, false, false},
		{VerbRcpt, "450 4.1.1 user unknown, try again later", temp, false, false},
		{VerbRcpt, "450 4.1.2 <x@y>: Recipient address rejected: Domain not found", temp, false, false},
		// The mailbox exists.
		{VerbRcpt, "552 5.2.2 The email account that you tried to reach is over quota", perm, false, false},
		{VerbRcpt, "452 4.2.2 The email account that you tried to reach is over quota", temp, false, false},
		{VerbRcpt, "552 mailbox full", perm, false, false},
		{VerbDot, "552 5.3.4 Message size exceeds fixed limit", perm, false, false},
		// Not the address: the sender, the content, the way.
		{VerbMail, "550 5.1.1 sender unknown user", perm, false, false},
		{VerbMail, "553 5.1.8 Sender address rejected: Domain not found", perm, false, false},
		{VerbRcpt, "550 5.1.0 sender address rejected", perm, false, false},
		{VerbRcpt, "550 5.7.1 Service unavailable; client host [1.2.3.4] blocked using Spamhaus", perm, false, false},
		{VerbRcpt, "554 5.7.1 <x@y>: Relay access denied", perm, false, false},
		{VerbRcpt, "550 mailbox unavailable: your IP is listed in a blacklist", perm, false, false},
		{VerbDot, "554 5.7.1 message refused by policy", perm, false, false},
		{VerbDot, "550 5.7.26 Unauthenticated email from x is not accepted due to domain's DMARC policy.", perm, false, false},
		{VerbDot, "554 Message rejected: Email address is not verified.", perm, false, false},
		{VerbDot, "554 5.4.6 too many hops", perm, false, false},
		{VerbDot, "451 4.3.0 too many hops", temp, false, false},
		// How fast.
		{VerbMail, "421 4.7.0 [TSS04] Messages from 1.2.3.4 temporarily deferred due to unexpected volume", thro, false, false},
		{VerbDot, "451 4.7.0 [TSS04] Messages from 1.2.3.4 temporarily deferred", thro, false, false},
		{VerbDot, "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail\n421 4.7.28 originating from your IP", thro, false, false},
		{VerbRcpt, "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered", thro, false, false},
		{VerbDot, "454 Throttling failure: Maximum sending rate exceeded.", thro, false, false},
		{VerbDot, "454 Throttling failure: Daily message quota exceeded.", thro, false, false},
		{VerbMail, "550 5.4.5 Daily user sending limit exceeded", thro, false, false},
		{VerbMail, "451 4.7.500 Server busy. Please try again later from [1.2.3.4]", thro, false, false},
		{VerbRcpt, "452 4.5.3 Too many recipients", thro, false, false},
		{VerbRcpt, "451 try again later", thro, false, false},
		{VerbMail, "421 4.4.2 idle", thro, false, false},
		// Neither: later is enough.
		{VerbRcpt, "450 4.2.0 <x@y>: Recipient address rejected: Greylisted, try again later", temp, false, false},
		{VerbRcpt, "451 4.7.1 Greylisting in action, please come back in 5 minutes", temp, false, false},
		{VerbDot, "451 4.3.0 temporary lookup failure, try again later", temp, false, false},
		{VerbMail, "452 4.3.1 insufficient system storage", temp, false, false},
		// Our account, our way in.
		{VerbConnect, "554 5.7.1 no service for you", temp, false, true},
		{VerbConnect, "421 4.7.0 too many connections", thro, false, true},
		{VerbAuth, "535 5.7.8 Username and Password not accepted", temp, false, true},
		{VerbMail, "530 5.7.0 Must issue a STARTTLS command first", temp, false, true},
		{VerbMail, "550 5.7.1 authentication required", temp, false, true},
	}
	for _, test := range tests {
		r, err := readReply(bufio.NewReader(strings.NewReader(strings.ReplaceAll(test.reply, "\n", "\r\n")+"\r\n")), true)
		if err != nil {
			t.Fatalf("%s: %v", test.reply, err)
		}
		got := resultOf(test.verb, r)
		if got.Outcome.String() != test.want || got.BadAddress != test.bad || got.Provider != test.provider {
			t.Errorf("%s: %s\n got %s, bad address %v, provider %v\nwant %s, bad address %v, provider %v", test.verb, test.reply,
				got.Outcome, got.BadAddress, got.Provider, test.want, test.bad, test.provider)
		}
	}
}

func TestReplies(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, test := range []struct {
		in                        string
		code                      int
		enhanced, text, wantError string
	}{
		{"250 ok\r\n", 250, "", "ok", ""},
		{"250\r\n", 250, "", "", ""},
		{"250 2.1.0 ok\n", 250, "2.1.0", "ok", ""},
		{"550-5.7.1 first\r\n550-5.7.1 second\r\n550 5.7.1 third\r\n", 550, "5.7.1", "first second third", ""},
		{"550-no code\r\n550 5.7.1 third\r\n", 550, "5.7.1", "no code third", ""},
		{"550 #5.1.0 Address rejected.\r\n", 550, "5.1.0", "Address rejected.", ""},
		{"550 5.1.1: gone\r\n", 550, "5.1.1", "gone", ""},
		{"550 5.1 gone\r\n", 550, "", "5.1 gone", ""},
		{"550 192.168.1.1 gone\r\n", 550, "", "192.168.1.1 gone", ""},
		{"550 a\x00b\x1b[31m\xff\r\n", 550, "", "a b [31m\uFFFD", ""},
		{"250 " + long + "\r\n", 250, "", long[:maxText], ""},
		{"hello\r\n", 0, "", "", `"hello" is no SMTP reply`},
		{"99 x\r\n", 0, "", "", `"99 x" is no SMTP reply`},
		{"250x\r\n", 0, "", "", `"250x" is no SMTP reply`},
		{"650 x\r\n", 0, "", "", `"650 x" is no SMTP reply`},
		{strings.Repeat("250-x\r\n", 500), 0, "", "", `"more than 200 lines" is no SMTP reply`},
		{"250-cut", 0, "", "", "EOF"},
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(test.in)), true)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if r.code != test.code || r.enhanced != test.enhanced || r.text != test.text || message != test.wantError {
			t.Errorf("%.60q: %d %q %q, error %q", test.in, r.code, r.enhanced, r.text, message)
		}
	}
}

func TestProviderID(t *testing.T) {
	for text, want := range map[string]string{
		"Ok: queued as 4ZQ7X12": "4ZQ7X12",
		"Ok 0102018f3a7b9c1d-1a2b3c4d-0000-4444-8888-123456789abc-000000": "0102018f3a7b9c1d-1a2b3c4d-0000-4444-8888-123456789abc-000000",
		"Great success": "",
		"<a@b> [InternalId=1] Queued mail for delivery as <x@y>": "x@y",
		"OK id=1rX-0001": "1rX-0001",
		"Ok":             "",
	} {
		if got := (Result{Outcome: Sent, Text: text}).ProviderID(); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte("250-2.0.0 a\r\n250 b\r\n"))
	f.Add([]byte("550 #5.1.0 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readReply(bufio.NewReaderSize(strings.NewReader(string(data)), 16), true)
		if err == nil && (r.code < 200 || r.code > 599 || len(r.text) > 2*maxText || strings.ContainsAny(r.text, "\r\n")) {
			t.Errorf("%q: %+v", data, r)
		}
		for _, verb := range []string{VerbMail, VerbRcpt, VerbDot} {
			resultOf(verb, r)
		}
	})
}

// Whatever a message holds, on the wire it ends where it ends.
func FuzzWireForm(f *testing.F) {
	for _, s := range []string{"", "a", ".\r\n", "a\r\n.\r\nb", "a\n.\nb", "a\r.\rb", "\r\n\n", "..\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		stuffed, plain := wireForm(data, true), wireForm(data, false)
		if !clean(plain, false) {
			t.Fatalf("%q became %q", data, plain)
		}
		if strings.Contains("\r\n"+string(stuffed), "\r\n.\r\n") {
			t.Errorf("%q ends early as %q", data, stuffed)
		}
		back := strings.ReplaceAll("\r\n"+string(stuffed), "\r\n.", "\r\n")[2:]
		if back != string(plain) {
			t.Errorf("%q comes back as %q", data, back)
		}
	})
}

func TestWritable(t *testing.T) {
	for address, want := range map[string]bool{
		"": true, "a@b.example": true, `"a b"@c`: true, `"a\"> b"@c`: true, "jürgen@b": true,
		"a b@c": false, "a@b>": false, "<a@b": false, "a@b\r\nRCPT": false, `"a@b`: false, `a\@b`: false, `"a\`: false,
		strings.Repeat("a", 321): false,
	} {
		if got := writable(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
