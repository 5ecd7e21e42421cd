package responses

import (
	"net/http"
	"strings"

	"github.com/mileusna/useragent"
)

// Why an open or a click is not a person's; the property "machine" of its event.
const (
	whyHead     = "asked for the head only"
	whyAgent    = "a program, by its own account"
	whyProxy    = "a mail proxy that fetches without being asked"
	whyInstant  = "sooner after sending than a person could"
	whyTrap     = "followed the link that nobody can see"
	whyBurst    = "followed the links of a message faster than a person could"
	whyUnproved = "soon after sending: a person's only if nothing speaks against it"
)

// programs are parts of User-Agent lines, in lower case, of mail scanners and
// of libraries that no person reads mail with. Most crawlers name themselves a
// bot and are known without a list.
var programs = []string{
	"barracuda", "mimecast", "proofpoint", "symantec", "messagelabs", "trendmicro", "fireeye", "trustwave", "sophos", "mailguard",
	"safelinks", "urldefense", "urlscan", "virustotal", "bitdefender", "zscaler", "ironport", "mailscanner", "spamassassin", "rspamd",
	"curl/", "wget/", "python", "go-http-client", "java/", "okhttp", "apache-httpclient", "libwww", "lwp-", "php/", "guzzlehttp",
	"axios/", "node-fetch", "undici", "headlesschrome", "phantomjs", "puppeteer", "playwright", "selenium", "slimerjs",
	"facebookexternalhit", "slackbot", "whatsapp", "telegrambot", "skypeuripreview", "microsoftpreview", "bingpreview", "preview",
	"spider", "crawl", "scan", "monitor", "check",
}

// machineAgent says why a User-Agent is a machine's, or "".
//
// Gmail's and Yahoo's picture proxies (GoogleImageProxy, YahooMailProxy) fetch
// a picture when a person opens the mail, so what they ask for counts. Apple's
// Mail Privacy Protection fetches every picture of every mail, read or not, and
// calls itself "Mozilla/5.0" and nothing else: that counts for nobody.
func machineAgent(agent string) string {
	lower := strings.ToLower(strings.TrimSpace(agent))
	if lower == "mozilla/5.0" {
		return whyProxy
	}
	if lower == "" {
		return whyAgent
	}
	if strings.Contains(lower, "googleimageproxy") || strings.Contains(lower, "yahoomailproxy") {
		return ""
	}
	for _, part := range programs {
		if strings.Contains(lower, part) {
			return whyAgent
		}
	}
	if useragent.Parse(agent).Bot {
		return whyAgent
	}
	return ""
}

// machineRequest says why a request is a machine's, as far as it tells by itself.
func machineRequest(r *http.Request) string {
	if r.Method == http.MethodHead {
		return whyHead
	}
	// Browsers mark what they fetch ahead of a person's decision.
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(r.Header.Get(name)), "prefetch") {
			return whyAgent
		}
	}
	return machineAgent(r.UserAgent())
}
