package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// shop is the workspace that a bench runs: everything on that a real one has.
type shop struct {
	providers []provider // each with a sender of its name
	campaigns []mailing
	once      time.Time // when the campaigns start
}

// provider is a way out, and the sender that takes it.
type provider struct {
	name        string
	port        int
	connections int
	rate        string // as in 200/s; "": no limit
	key         string // file of the sender's DKIM key; "": not signed
}

// mailing is a campaign of one message.
type mailing struct {
	name, sender string
	audience     numbers // zero: everybody
	where        string  // a condition in the place of numbers
	wait         string  // before the message, as in 30d; "": none
}

// segment is the condition on whom the campaign is for; "": everybody.
func (m mailing) segment() string {
	if m.where == "" && m.audience != (numbers{}) {
		return fmt.Sprintf("{ attribute: number, between: [%d, %d] }", m.audience.from, m.audience.to-1)
	}
	return m.where
}

// numbers are the contacts from a number up to and without another one.
type numbers struct{ from, to int64 }

// share is part i, counted from 0, of so many equal parts of n contacts.
func share(n int64, i, parts int) numbers {
	return numbers{n * int64(i) / int64(parts), n * int64(i+1) / int64(parts)}
}

// write writes the files into a folder.
func (w shop) write(dir string) error {
	files := map[string]string{"rapport.yaml": w.settings(), "relationship.yaml": mailLadder, "templates/" + MailName + ".md": Mail}
	for _, m := range w.campaigns {
		audience, wait := "", ""
		if where := m.segment(); where != "" {
			segment := "of-" + m.name
			files["segments/"+segment+".yaml"] = fmt.Sprintf("segment: %s\nwhere: %s\n", segment, where)
			audience = "audience: { segment: " + segment + " }\n"
		}
		if m.wait != "" {
			wait = "  - wait: " + m.wait + "\n"
		}
		files["campaigns/"+m.name+".yaml"] = fmt.Sprintf(campaignForm, m.name, m.sender, audience, w.once.UTC().Format("2006-01-02 15:04"), wait, MailName)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const campaignForm = `campaign: %s
topic: offers
sender: %s
%sstart: { once: %s, timezone: UTC }
exit:
  - event: order.placed
steps:
%s  - send: %s
`

const mailLadder = `ladder:
  - stage: stranger
  - stage: prospect
    when: { email: clicked }
  - stage: customer
    when: { event: order.placed }
`

// settings are rapport.yaml. The quiet hours are over before this run and begin
// after it, and nobody gets as many messages as the limits allow: both are asked
// and hold nobody up.
func (w shop) settings() string {
	var b strings.Builder
	b.WriteString(`company:
  name: Northwind Bikes
  address: Hafenstrasse 12, 20457 Hamburg, Germany
  website: https://northwind.example
  timezone: UTC
public_url: https://go.northwind.example
database: ${DATABASE_URL}
redis: ${REDIS_URL}
providers:
`)
	for _, p := range w.providers {
		fmt.Fprintf(&b, "  %s:\n    smtp: { host: 127.0.0.1, port: %d, tls: none }\n    connections: %d\n", p.name, p.port, p.connections)
		if p.rate != "" {
			fmt.Fprintf(&b, "    rate: %s\n", p.rate)
		}
	}
	b.WriteString("senders:\n")
	for _, p := range w.providers {
		fmt.Fprintf(&b, "  %s:\n    from: Mia from Northwind <%s>\n    providers: [%s]\n", p.name, senderAddress, p.name)
		if p.key != "" {
			fmt.Fprintf(&b, "    dkim: { domain: news.northwind.example, selector: s1, key: %q }\n", p.key)
		}
	}
	quiet := w.once.UTC().Add(10 * time.Hour)
	fmt.Fprintf(&b, `topics:
  offers: { title: Offers }
limits:
  per_contact: [ { max: 20, per: 1d }, { max: 30, per: 7d } ]
  quiet_hours: { from: "%s", to: "%s", timezone: UTC }
delivery: live
`, quiet.Format("15:04"), quiet.Add(2*time.Hour).Format("15:04"))
	return b.String()
}

const senderAddress = "mia@news.northwind.example"
