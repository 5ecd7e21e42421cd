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
	campaigns   int // they split the contacts between them; 1: it mails everybody
	port        int // of the receiving server
	connections int
	rate        string    // of the provider; "": no limit
	key         string    // file of the DKIM key; "": not signed
	once        time.Time // when the campaigns start
}

// campaignName names one of a shop's campaigns, counted from 0.
func campaignName(i int) string { return fmt.Sprintf("spring-%d", i+1) }

// write writes the files into a folder.
func (w shop) write(dir string) error {
	files := map[string]string{"rapport.yaml": w.settings(), "relationship.yaml": ladder, "templates/" + MailName + ".md": Mail}
	for i := range w.campaigns {
		audience := ""
		if w.campaigns > 1 {
			name := fmt.Sprintf("share-%d", i+1)
			files["segments/"+name+".yaml"] = fmt.Sprintf("segment: %s\nwhere: { attribute: share, is: %d }\n", name, i+1)
			audience = "audience: { segment: " + name + " }\n"
		}
		files["campaigns/"+campaignName(i)+".yaml"] = fmt.Sprintf(campaignForm, campaignName(i), audience, w.once.UTC().Format("2006-01-02 15:04"), MailName)
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
%sstart: { once: %s, timezone: UTC }
exit:
  - event: order.placed
steps:
  - send: %s
`

const ladder = `ladder:
  - stage: stranger
  - stage: prospect
    when: { email: clicked }
  - stage: customer
    when: { event: order.placed }
`

// settings are rapport.yaml. The quiet hours are over before this run and begin
// after it, so that they are asked and hold nobody up.
func (w shop) settings() string {
	var b strings.Builder
	quiet := w.once.UTC().Add(10 * time.Hour)
	fmt.Fprintf(&b, `company:
  name: Northwind Bikes
  address: Hafenstrasse 12, 20457 Hamburg, Germany
  website: https://northwind.example
  timezone: UTC
public_url: https://go.northwind.example
database: ${DATABASE_URL}
redis: ${REDIS_URL}
providers:
  main:
    smtp: { host: 127.0.0.1, port: %d, tls: none }
    connections: %d
`, w.port, w.connections)
	if w.rate != "" {
		fmt.Fprintf(&b, "    rate: %s\n", w.rate)
	}
	b.WriteString("senders:\n  mia:\n    from: Mia from Northwind <mia@news.northwind.example>\n")
	if w.key != "" {
		fmt.Fprintf(&b, "    dkim: { domain: news.northwind.example, selector: s1, key: %q }\n", w.key)
	}
	fmt.Fprintf(&b, `topics:
  offers: { title: Offers, sender: mia }
limits:
  per_contact: [ { max: 2, per: 1d }, { max: 5, per: 7d } ]
  quiet_hours: { from: "%s", to: "%s", timezone: UTC }
delivery: live
`, quiet.Format("15:04"), quiet.Add(2*time.Hour).Format("15:04"))
	return b.String()
}
