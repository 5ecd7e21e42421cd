package smtp

import (
	"strings"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

// extensions are those of a server that matter to how it is spoken to.
type extensions struct {
	pipelining, chunking, eightBit, utf8, size bool
}

func offered(has func(keyword string) bool) extensions {
	return extensions{
		pipelining: has("PIPELINING"), chunking: has("CHUNKING"), eightBit: has("8BITMIME"),
		utf8: has("SMTPUTF8"), size: has("SIZE"),
	}
}

// extensionsOf is what a server offers. Keywords are the same in any case (RFC
// 5321, 2.4), and go-mail knows only those in capitals: a server of which it
// knows none of ours is asked once more.
func extensionsOf(client *gosmtp.Client, hello string, limit time.Duration) (extensions, error) {
	found := offered(func(keyword string) bool {
		ok, _ := client.Extension(keyword)
		return ok
	})
	if found != (extensions{}) {
		return found, nil
	}
	if err := client.UpdateDeadline(limit); err != nil {
		return found, err
	}
	if err := client.Text.PrintfLine("EHLO %s", hello); err != nil {
		return found, err
	}
	code, text, err := client.Text.ReadResponse(0)
	if err != nil || code != 250 {
		return found, err // it knows HELO only
	}
	return offered(keywords(text)), nil
}

// keywords reads the lines of a reply to EHLO after the first.
func keywords(reply string) func(keyword string) bool {
	known := map[string]bool{}
	_, lines, _ := strings.Cut(reply, "\n")
	for line := range strings.Lines(lines) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		known[strings.ToUpper(word)] = true
	}
	return func(keyword string) bool { return known[keyword] }
}
