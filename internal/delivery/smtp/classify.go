package smtp

import "strings"

// resultOf turns a server's reply at a verb into a result. The code's first
// digit alone does not decide: some servers answer 450 for an address that
// will never exist, and 550 to who sends too fast.
func resultOf(verb string, r reply) Result {
	out := Result{Code: r.code, Enhanced: r.enhanced, Text: r.text, Verb: verb}
	text := strings.ToLower(r.text)
	temporary := r.code < 500
	switch {
	case r.positive() && verb == VerbDot:
		out.Outcome = Sent
	case verb == VerbConnect || verb == VerbEHLO || verb == VerbStartTLS || verb == VerbAuth:
		out.Outcome, out.Provider = Temporary, true
		if r.code == 421 || throttled(r, text) {
			out.Outcome = Throttled
		}
	case wantsSignIn(r, text):
		out.Outcome, out.Provider = Temporary, true
	case r.code == 421:
		out.Outcome = Throttled
	case greylisted(r, text) && temporary:
		out.Outcome = Temporary
	case throttled(r, text):
		out.Outcome = Throttled
	case mailboxFull(r, text):
		out.Outcome = Permanent
		if temporary {
			out.Outcome = Temporary
		}
	case verb != VerbMail && badAddress(r, text):
		out.Outcome, out.BadAddress = Permanent, true
	case temporary:
		out.Outcome = Temporary
	default:
		out.Outcome = Permanent
	}
	return out
}

// wantsSignIn: RFC 4954 6. The provider's account is at fault.
func wantsSignIn(r reply, text string) bool {
	switch r.code {
	case 530, 534, 535, 538:
		return true
	}
	return r.code >= 500 && contains(text, "authentication required", "authentication is required",
		"must authenticate", "please authenticate", "not authenticated", "must issue a starttls")
}

// greylisted: RFC 6647; the same message passes later, at any rate of sending.
func greylisted(_ reply, text string) bool {
	return contains(text, "greylist", "graylist", "grey list", "gray list", "grey-list", "gray-list", "postgrey")
}

// saysThrottled are words that speak of the rate and of nothing else, whatever
// the code.
var saysThrottled = []string{
	"throttl",                               // SES: 454 Throttling failure: Maximum sending rate exceeded
	"rate limit", "rate-limit", "ratelimit", // Gmail, Yahoo, Postfix policy servers
	"sending rate", "at a rate", "too quickly", // Gmail: 450 4.2.1 … receiving mail at a rate …
	"unusual rate",                                                                // Gmail: 421 4.7.28
	"sending limit", "sending quota", "daily message quota", "daily user sending", // Gmail: 550 5.4.5; SES
	"too many messages", "too many emails", "too many mails", "too much mail", "too many connections",
	"too many concurrent", "too many sessions", "too many recipients", "too many requests",
	"too many invalid recipients", "too many unknown recipients", "too many bad",
	"message rate", "messages per ", "message limit", "connection limit", "connections per ",
	"slow down", "reduce your rate", "server busy", // Exchange Online: 451 4.7.500
	"hourly limit", "daily limit", "per hour", "per day limit",
}

// throttled reports whether a reply is about how much was sent.
func throttled(r reply, text string) bool {
	if contains(text, saysThrottled...) {
		return true
	}
	if r.code >= 500 {
		return false
	}
	if contains(text, "temporarily deferred", "too many") { // Yahoo: 451 … [TSS04] … temporarily deferred
		return !contains(text, "too many hops", "too many received")
	}
	switch r.enhanced {
	case "4.7.28", "4.7.650", "4.7.500", "4.4.5":
		return true
	}
	// "Try again later" alone says nothing: with 4.1 to 4.6 the server names
	// another reason, with 4.7 or no code the reason is us.
	return (r.enhanced == "" || strings.HasPrefix(r.enhanced, "4.7.")) &&
		contains(text, "try again later", "try later")
}

// mailboxFull: RFC 3463 x.2.2. The address exists.
func mailboxFull(r reply, text string) bool {
	if len(r.enhanced) == 5 && r.enhanced[1:] == ".2.2" {
		return true
	}
	return contains(text, "mailbox full", "mailbox is full", "inbox is full", "over quota", "overquota",
		"over the quota", "quota exceeded", "exceeded quota", "exceeds quota", "quota is exceeded",
		"exceeded storage", "out of storage", "storage space", "not enough space")
}

// saysUnknown are words for a mailbox or domain that does not exist.
var saysUnknown = []string{
	"user unknown", "unknown user", "unknown recipient", "recipient unknown", "unknown local", "unknown mailbox",
	"no such user", "no such recipient", "no such mailbox", "no such address", "no such person", "no such local",
	"user not found", "recipient not found", "mailbox not found", "address not found", "account not found",
	"user does not exist", "user doesn't exist", "recipient does not exist", "mailbox does not exist",
	"account does not exist", "address does not exist", "account that you tried to reach does not exist",
	"does not have an account", "doesn't have a", "no mailbox here", "no mailbox by that name",
	"not a valid mailbox", "not a valid recipient", "invalid mailbox", "invalid recipient", "invalid address",
	"is not a known user", "not a known user", "not our customer", "unrouteable address", "unroutable address",
	"address unknown", "unknown address", "user invalid", "bad destination", "mailbox has been disabled",
	"mailbox disabled", "account is disabled", "account has been disabled", "account disabled",
	"account is inactive", "mailbox is inactive", "no longer available", "no longer valid", "user not local",
}

// saysElse are words for a reason that has nothing to do with the address,
// even if the address is named.
var saysElse = []string{
	"sender", "spam", "blocked", "blacklist", "blocklist", "block list", "denylist", "reputation", "policy",
	"spf", "dkim", "dmarc", "relay", "helo", "reverse dns", "ptr", "listed", "virus", "content",
	"client host", "your ip", "return path", "from address",
}

// badAddress reports whether a refusal of a recipient, or of the message for
// it, means that the address does not exist.
func badAddress(r reply, text string) bool {
	says := contains(text, saysUnknown...)
	if r.code < 500 {
		// Many servers answer 450 4.1.1 for good; Postfix also while it is
		// still verifying the address.
		return r.enhanced == "4.1.1" && says &&
			!contains(text, "unverified", "verification", "in progress", "temporar", "try again", "lookup")
	}
	switch r.enhanced {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1":
		return true
	case "5.1.7", "5.1.8", "5.1.9": // the sender's address
		return false
	case "5.4.1": // Exchange Online, for an address its directory does not have
		return contains(text, "recipient address rejected: access denied") || says
	case "5.4.4":
		return true
	case "5.1.0", "5.0.0", "5.5.0", "5.5.1", "5.4.0", "":
		if contains(text, saysElse...) {
			return false
		}
		if says {
			return true
		}
		// The words of RFC 5321 4.2.2 itself, and those of appliances.
		return r.code == 551 ||
			(r.code == 550 || r.code == 553) && contains(text, "mailbox unavailable", "address rejected", "recipient rejected",
				"mailbox name not allowed", "mailbox name is invalid")
	}
	if strings.HasPrefix(r.enhanced, "5.7.") {
		return contains(text, "user unknown", "unknown user", "no such user", "recipient not found", "user not found",
			"recipientnotfound", "mailbox not found")
	}
	return says && !contains(text, saysElse...)
}

func contains(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
