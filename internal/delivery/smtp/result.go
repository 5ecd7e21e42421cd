package smtp

import (
	"fmt"
	"strings"
)

// Outcome is what became of a message.
type Outcome uint8

const (
	// Unknown: the final dot was written and no reply came. The server may
	// have the message or not; only evidence from elsewhere settles it.
	Unknown Outcome = iota
	// Sent: the server has taken responsibility (RFC 5321 6.1).
	Sent
	// Permanent: refused for good.
	Permanent
	// Temporary: not taken now; the same message may go later.
	Temporary
	// Throttled: not taken because of how much was sent, which is no fault
	// of the message: the whole lane should slow down.
	Throttled
)

var outcomeNames = [...]string{"unknown", "sent", "permanent", "temporary", "throttled"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Verbs name where a message was when its result came.
const (
	VerbConnect  = "connect" // TCP, implicit TLS and the greeting
	VerbEHLO     = "ehlo"
	VerbStartTLS = "starttls"
	VerbAuth     = "auth"
	VerbMail     = "mail"
	VerbRcpt     = "rcpt"
	VerbData     = "data"   // up to 354, or a body that could not be written whole
	VerbIntent   = "intent" // the caller's Intent refused, or the context ended just before
	VerbDot      = "dot"    // the final dot or the last BDAT
)

// Result is what became of one message and why.
type Result struct {
	Outcome  Outcome
	Code     int    // the reply's, 0 without one
	Enhanced string // RFC 3463, such as "5.1.1"; empty without one
	// Text is the server's reply without its codes, in one line; without a
	// reply, what happened instead.
	Text string
	Verb string // empty: the message never reached a connection
	// Err is why there was no reply; nil when the server answered.
	Err error
	// BadAddress: the address itself does not exist, so it should never be
	// tried again. Only with Permanent.
	BadAddress bool
	// Provider: the server could not be reached or would not let us in. Any
	// other message would have fared the same: try another provider.
	Provider bool
}

// String reads "permanent at rcpt: 550 5.1.1 no such user".
func (r Result) String() string {
	var b strings.Builder
	b.WriteString(r.Outcome.String())
	if r.Verb != "" && r.Outcome != Sent {
		b.WriteString(" at " + r.Verb)
	}
	b.WriteString(":")
	if r.Code != 0 {
		fmt.Fprintf(&b, " %d", r.Code)
	}
	if r.Enhanced != "" {
		b.WriteString(" " + r.Enhanced)
	}
	if r.Text != "" {
		b.WriteString(" " + r.Text)
	}
	return b.String()
}

// ProviderID returns the id under which the server says it took the message,
// or "". SES replaces the Message-ID by it, and logs are searched by it.
func (r Result) ProviderID() string {
	if r.Outcome != Sent {
		return ""
	}
	text := r.Text
	for _, mark := range [...]string{"queued as ", "queued mail for delivery as ", "queued-as ", "id="} {
		if at := strings.Index(strings.ToLower(text), mark); at >= 0 {
			return firstWord(text[at+len(mark):])
		}
	}
	// "Ok 0100018f…-000000", as SES and others write.
	word, rest, _ := strings.Cut(text, " ")
	if strings.EqualFold(strings.Trim(word, ":"), "ok") && len(firstWord(rest)) >= 10 && !strings.Contains(rest, " ") {
		return firstWord(rest)
	}
	return ""
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return strings.Trim(word, "<>,;()")
}

// Envelope is one message on its way.
type Envelope struct {
	// From and To are as MAIL and RCPT write them, without angle brackets.
	// An empty From is the null sender.
	From, To string
	// Data is the whole message in CRLF lines; it is not changed.
	Data []byte
	UTF8 bool // needs SMTPUTF8 (RFC 6531)
	// Ready says that Data is ASCII in CRLF lines without a dot at the start of
	// one, as package mime writes it; nobody looks then.
	Ready bool
	// Roomy says that the memory behind Data, up to its capacity, is free: what
	// ends the message is written there, and the whole is not copied once more.
	Roomy bool

	// Make, if given, fills in the fields above when a connection takes the
	// message up, so that no more messages exist than connections. If it fails,
	// the message's result is Temporary at no verb and Err is the error. It is
	// called at most once.
	Make func(*Envelope) error

	// Intent, if given, is called right before the final dot, or the last
	// BDAT, is written. If it fails, the message is abandoned before that,
	// its result is Temporary at "intent" and Err wraps the error. It may be
	// called again if the message comes back in a later batch, never twice
	// within one.
	Intent func() error
	// Done, if given, is called with the result as soon as it is known, from
	// the goroutine of the connection: it should be quick.
	Done func(Result)
}
