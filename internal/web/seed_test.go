package web

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/smtp"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/examples"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/ident"
	"rapport/internal/mailbox"
	"rapport/internal/queue/memory"
	"rapport/internal/results"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// noon is a Tuesday, and the time of every test.
var noon = time.Date(2026, 6, 9, 12, 0, 0, 0, time.UTC)

// fixture is the Northwind example in the middle of its life: not what the
// engine would do to the minute, but every kind of thing that it can show.
type fixture struct {
	*testing.T
	store   *store.Store
	raw     *sql.DB
	queue   *memory.Queue
	box     *mailbox.Mailbox
	clock   *clock.Manual
	catalog *catalog.Catalog
	ids     map[string]int64 // of campaigns
	people  []contacts.ID
	random  *rand.Rand
	n       int64  // of ids given
	more    string // in rapport.yaml
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// empty is a store that nothing was applied to.
func empty(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, clock: clock.NewManual(noon), random: rand.New(rand.NewPCG(1, 2))}
	name := filepath.Join(t.TempDir(), "rapport.db")
	var err error
	f.store, err = store.Open(context.Background(), name, store.Options{Fleeting: true})
	must(t, err)
	t.Cleanup(f.store.Close)
	f.raw, err = sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(10000)")
	must(t, err)
	t.Cleanup(func() { f.raw.Close() })
	f.queue = memory.New(f.clock.Now)
	t.Cleanup(func() { f.queue.Close() })
	f.catalog = catalog.New(f.store, func(string) (string, bool) { return "a secret of at least thirty-two bytes", true }, nil)
	return f
}

func seeded(t *testing.T) *fixture {
	t.Helper()
	f := empty(t)
	f.apply()
	f.meet(240)
	f.judge()
	f.run("welcome", []string{"welcome", "guide-fit", "guide-routes"}, 120)
	f.run("first-order", []string{"first-order-thanks", "first-ride-check"}, 60)
	f.run("come-back", []string{"come-back-check", "come-back-voucher"}, 24)
	f.refuse()
	f.wait()
	f.catch()
	ctx := context.Background()
	_, err := f.store.SetCampaignStatus(ctx, "come-back", store.Paused, []store.CampaignStatus{store.Running}, noon)
	must(t, err)
	must(t, f.store.StartWorker(ctx, store.Worker{ID: "worker-1", Host: "one"}, noon))
	must(t, f.queue.Push(ctx, "50-mia", 1, 2))
	must(t, f.queue.Later(ctx, "50-mia", 3, noon.Add(time.Hour)))
	_, err = f.catalog.Refresh(ctx)
	must(t, err)
	return f
}

func (f *fixture) exec(text string, args ...any) {
	f.Helper()
	if _, err := f.raw.Exec(text, args...); err != nil {
		f.Fatalf("%s: %v", text, err)
	}
}

// apply stores the example as the command line would.
func (f *fixture) apply() {
	f.Helper()
	ctx := context.Background()
	var files []workspace.File
	var stored []store.File
	folder, err := examples.Open(examples.Northwind)
	must(f.T, err)
	must(f.T, fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(folder, path)
		name := path
		if name == "rapport.yaml" {
			raw = append(slices.Clone(raw), f.more...)
		}
		files, stored = append(files, workspace.File{Path: name, Data: raw}), append(stored, store.File{Path: name, Data: raw})
		return err
	}))
	ws, findings := workspace.FromFiles(files, func(string) (string, bool) { return "a secret of at least thirty-two bytes", true })
	for _, finding := range findings {
		if !finding.Warning {
			f.Fatalf("the example does not validate: %+v", finding)
		}
	}
	numbers := map[string]map[string]int{}
	for name, d := range ws.Campaigns {
		given, err := d.AssignNumbers(nil)
		must(f.T, err)
		numbers[name] = given
	}
	_, _, err = f.store.Apply(ctx, store.ApplyInput{Hash: ws.Hash, Author: "mia", Files: stored, Numbers: numbers, Tests: results.Tests(ws)}, noon.AddDate(0, -3, 0))
	must(f.T, err)
	_, err = f.catalog.Refresh(ctx)
	must(f.T, err)
	f.ids = map[string]int64{}
	all, err := f.store.Campaigns(ctx)
	must(f.T, err)
	for name, c := range all {
		f.ids[name] = c.ID
	}
}

func (f *fixture) meet(n int) {
	f.Helper()
	first := []string{"Ana", "Jonas", "Maria", "Lena", "Per", "Søren", "Chiara", "Émile", "Noor", "Tom"}
	last := []string{"Berger", "Sørensen", "García", "Okafor", "de Vries", "Lindqvist", "Rossi", "Müller-Lüdenscheidt", "Novak", "Yılmaz"}
	bikes := []string{"city", "touring", "gravel", "road", "cargo", "e-bike"}
	var in []store.ContactInput
	for i := range n {
		given := noon.AddDate(0, 0, -f.random.IntN(400)-2)
		c := contacts.Contact{FirstName: first[i%10], LastName: last[(i/10)%10], Language: []string{"de", "en", "da"}[i%3], Timezone: "Europe/Berlin", CreatedAt: given,
			Attributes: map[string]any{"country": []string{"DE", "AT", "DK"}[i%3], "city": "Hamburg", "bike": bikes[i%6], "likes": []any{"touring", "commuting"}}}
		c.Email = fmt.Sprintf("%s.%d@example.com", strings.ToLower(strings.Map(ascii, c.FirstName)), i)
		in = append(in, store.ContactInput{Contact: c, Consents: []contacts.Consent{{Topic: "guides", State: contacts.ConsentGiven, Source: "newsletter form", At: given}}})
	}
	results, err := f.store.UpsertContacts(context.Background(), in, noon.AddDate(0, 0, -1))
	must(f.T, err)
	for _, r := range results {
		if r.Rejected != "" {
			f.Fatal(r.Rejected)
		}
		f.people = append(f.people, r.ID)
	}
}

func ascii(r rune) rune {
	if r > 'z' {
		return 'o'
	}
	return r
}

// judge puts people on the ladder, with the way they took.
func (f *fixture) judge() {
	f.Helper()
	stages := []string{"stranger", "prospect", "customer", "client", "supporter", "advocate", "partner"}
	health := []string{"none", "none", "new", "active", "active", "at-risk", "lapsed", "lost"}
	var states []store.StateChange
	for i, id := range f.people {
		top := []int{0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 1, 2, 5, 1, 2, 3}[i%16]
		s := store.StateChange{Contact: id, Health: "none", Scored: true, Scores: []contacts.Score{{Name: contacts.ScoreNPS, Value: 9 * contacts.Million}}}
		at := noon.AddDate(0, 0, -f.random.IntN(40)-1)
		for rung := 1; rung <= top; rung++ {
			s.Changes = append(s.Changes, contacts.StageChange{Contact: id, Kind: "stage", From: stages[rung-1], To: stages[rung], Rule: "event order.placed", At: at})
			at = at.Add(time.Duration(f.random.IntN(72)) * time.Hour)
		}
		if top >= 3 && i%5 == 0 {
			s.Changes = append(s.Changes, contacts.StageChange{Contact: id, Kind: "stage", From: stages[top], To: stages[top-1], Rule: "no longer kept: event order.placed in the last 540d", At: noon.AddDate(0, 0, -2)})
			top--
		}
		s.Stage, s.StageSince = stages[top], at
		if top >= 2 {
			s.Health, s.HealthSince = health[2+f.random.IntN(6)], noon.AddDate(0, 0, -10)
			s.Changes = append(s.Changes, contacts.StageChange{Contact: id, Kind: "health", From: "none", To: s.Health, Rule: "no event order.placed in the last 60d", At: s.HealthSince})
		}
		states = append(states, s)
	}
	must(f.T, f.store.SaveStates(context.Background(), states))
}

// run takes people through a campaign's steps.
func (f *fixture) run(campaign string, steps []string, n int) {
	f.Helper()
	def := f.catalog.Current().Workspace.Campaigns[campaign]
	numbers := map[string]int{}
	for _, s := range def.Sends() {
		numbers[s.Send.Template] = s.Number
	}
	var events []store.Incoming
	hear := func(name string, message int64, at time.Time, more func(*store.Incoming)) {
		in := store.Incoming{Source: "test", Event: contacts.Event{Name: name, Message: message, At: at, Key: fmt.Sprint(name, message, at.Unix())}}
		if more != nil {
			more(&in)
		}
		events = append(events, in)
	}
	for i := range n {
		who := f.people[(i*7)%len(f.people)]
		started := noon.AddDate(0, 0, -20).Add(time.Duration(i) * 3 * time.Hour)
		f.n++
		id := ident.New(started, f.n)
		state, reason, ended := "active", "", sql.NullInt64{}
		reach := 1 + f.random.IntN(len(steps))
		switch {
		case i%9 == 0:
			state, reach = "control", 0
		case i%4 == 1:
			state, reason = "exited", []string{"event order.placed", "email replied", "consent to guides withdrawn"}[i%3]
		case reach == len(steps):
			state = "finished"
		}
		if state == "exited" || state == "finished" {
			ended = sql.NullInt64{Int64: started.AddDate(0, 0, 9).UnixMilli(), Valid: true}
		}
		converted := sql.NullInt64{}
		if i%6 == 1 || i%27 == 0 {
			converted = sql.NullInt64{Int64: started.AddDate(0, 0, 6).UnixMilli(), Valid: true}
		}
		f.exec(`insert or ignore into enrolments (id, campaign_id, contact_id, version_id, started_at, state, reason, converted_at, ended_at)
			values ($1, $2, $3, $9, $4, $5, $6, $7, $8)`, id, f.ids[campaign], int64(who), started.UnixMilli(), state, reason, converted, ended, f.catalog.Current().Version.ID)
		for k, template := range steps[:reach] {
			at := started.AddDate(0, 0, 3*k)
			message := ident.Message(id, numbers[template])
			f.message(message, campaign, who, template, "sent", "", at)
			if f.random.IntN(10) < 6 {
				hear(contacts.EventOpened, message, at.Add(2*time.Hour), nil)
			} else {
				hear(contacts.EventOpened, message, at.Add(time.Minute), func(in *store.Incoming) {
					in.Machine, in.Properties = true, map[string]any{"machine": "a mail proxy that fetches without being asked"}
				})
			}
			if f.random.IntN(10) < 3 {
				hear(contacts.EventClicked, message, at.Add(3*time.Hour), func(in *store.Incoming) { in.Link = "https://northwind.example/guides/fit" })
			}
			if f.random.IntN(40) == 0 {
				hear(contacts.EventBounced, message, at.Add(time.Minute), func(in *store.Incoming) {
					in.Properties = map[string]any{"type": "soft", "reply": "452 4.2.2 mailbox full"}
				})
			}
		}
		if converted.Valid {
			events = append(events, store.Incoming{Event: contacts.Event{Contact: who, Name: "order.placed", At: time.UnixMilli(converted.Int64), Key: fmt.Sprint("order", campaign, i),
				Properties: map[string]any{"order": fmt.Sprintf("N-%d", 1000+i), "total": 89.5, "items": []any{"helmet", "lock"}}}})
		}
	}
	_, err := f.store.Ingest(context.Background(), events, noon)
	must(f.T, err)
}

func (f *fixture) message(id int64, campaign string, who contacts.ID, template, state, reason string, at time.Time) {
	f.Helper()
	decided := sql.NullInt64{Int64: at.UnixMilli(), Valid: state != "queued" && state != "sending"}
	f.exec(`insert into messages (id, contact_id, campaign_id, template, subject_sent, state, reason, due_at, not_before, expires_at, decided_at, reply, provider, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8 + 259200000, $9, $10, 'relay', $8)`,
		id, int64(who), f.ids[campaign], template, "About "+template, state, reason, at.UnixMilli(), decided, map[string]string{"failed": "550 5.1.1 no such user here"}[state])
}

// comparing is the example with a control group of the workspace, and enough
// people that something can be told.
func comparing(t *testing.T, n int) *fixture {
	t.Helper()
	f := empty(t)
	f.more = "\ncontrol: { share: 10%, value: total }\n"
	f.apply()
	f.compare(n)
	ctx, applied := context.Background(), f.catalog.Current()
	split, err := results.OfSplit(ctx, f.store, applied, applied.Workspace.Campaigns["welcome"], "first-offer", noon)
	must(t, err)
	look, due := split.Look(noon.Add(-time.Hour))
	if _, err := f.store.SaveLook(ctx, split.Test, look); err != nil || !due || look.Winner != "discount" {
		t.Fatal(err, look)
	}
	return f
}

// compare takes so many through welcome that something can be told: a tenth held
// out, and the others down one of two arms.
func (f *fixture) compare(n int) {
	f.Helper()
	started := noon.AddDate(0, 0, -60)
	tx, err := f.raw.Begin()
	must(f.T, err)
	defer tx.Rollback()
	for i := range n {
		f.n++
		state, data, share := "finished", "{}", 0.06
		switch {
		case i%10 == 0:
			state = "control"
		case i%2 == 0:
			data, share = `{"arms":{"first-offer":"discount"}}`, 0.115
		default:
			data, share = `{"arms":{"first-offer":"service"}}`, 0.085
		}
		var converted sql.NullInt64
		var value sql.NullFloat64
		if f.random.Float64() < share {
			converted = sql.NullInt64{Int64: started.AddDate(0, 0, 9).UnixMilli(), Valid: true}
			value = sql.NullFloat64{Float64: 20 + 100*f.random.Float64(), Valid: true}
		}
		who := 1_000_000 + i
		seed := f.random.Uint32()
		_, err := tx.Exec(`insert into contacts (id, email, seed, created_at, updated_at) values ($1, $2, $3, $4, $4)`, who, fmt.Sprintf("r%d@example.com", i), seed, started.UnixMilli())
		must(f.T, err)
		spends := 0.09 // of those whom no campaign writes to
		if !campaigns.IsApart(seed, 0.1) {
			spends = 0.16
		}
		if f.random.Float64() < spends {
			_, err = tx.Exec(`insert into events (id, contact_id, name, at, key, properties) values ($1, $2, 'order.placed', $3, $4, jsonb($5))`, ident.New(started, f.n), who,
				started.AddDate(0, 0, 9).UnixMilli(), fmt.Sprint("compared", i), fmt.Sprintf(`{"total":%d}`, 20+f.random.IntN(100)))
			must(f.T, err)
		}
		_, err = tx.Exec(`insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, converted_at, value, goal_until, ended_at, data)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, jsonb($10))`, ident.New(started, f.n), f.ids["welcome"], who, f.catalog.Current().Version.ID,
			started.UnixMilli(), state, converted, value, started.AddDate(0, 0, 30).UnixMilli(), data)
		must(f.T, err)
	}
	must(f.T, tx.Commit())
}

// refuse writes down who was not let in.
func (f *fixture) refuse() {
	for i, reason := range []string{"suppressed: hard-bounce", "no consent to guides", "excluded: in segment competitors", "no consent to guides", "no consent to guides"} {
		f.exec(`insert into refusals (campaign_id, contact_id, reason, first_at, last_at) values ($1, $2, $3, $4, $4)`,
			f.ids["welcome"], int64(f.people[i]), reason, noon.AddDate(0, 0, -1).UnixMilli())
	}
	for i := range 6 {
		at := noon.AddDate(0, 0, -i).Truncate(24 * time.Hour).Add(7 * time.Hour)
		state := []string{"done", "done", "missed", "done", "done", "done"}[i]
		f.exec(`insert into firings (campaign_id, start_key, wall, at, state, enrolled, refused) values ($1, '0 9 * * MON-FRI', $2, $3, $4, $5, 1)`,
			f.ids["welcome"], at.Format("2006-01-02T15:04"), at.UnixMilli(), state, 12-i)
	}
}

// wait leaves messages in every other state.
func (f *fixture) wait() {
	states := []struct{ state, reason string }{
		{"queued", "quiet hours; from 2026-06-10 08:00"}, {"queued", "limit of 2 per 1d reached; from 2026-06-10 09:00"}, {"queued", "quiet hours; from 2026-06-10 08:00"},
		{"queued", ""}, {"queued", "outside the delivery window; from 2026-06-11 09:00"},
		{"failed", "the address does not exist"}, {"skipped", "expired: it waited longer than 3d"}, {"unknown", "its worker fell silent after the last byte"},
	}
	for i := range 40 {
		s := states[i%len(states)]
		f.n++
		f.message(ident.Message(ident.New(noon, f.n), 1), "monthly-guide", f.people[i], "monthly-guide", s.state, s.reason, noon.Add(time.Duration(i)*time.Minute))
	}
}

const mailText = "From: Mia from Northwind <mia@news.northwind.example>\r\nTo: %s\r\nSubject: =?utf-8?q?Three_checks_that_take_five_minutes_=C2=B7_%d?=\r\n" +
	"X-Rapport-Id: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi Ana,\r\n\r\nhere is the first of three guides.\r\n\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<!doctype html><html><head><title>x</title></head><body style=\"font-family:sans-serif;max-width:560px;margin:2em auto\">" +
	"<h1>Does your bike fit you?</h1><p>Hi Ana, here is the first of three guides.</p><p><a href=\"https://northwind.example/guides/fit\">Read the fit guide</a></p>" +
	"<script>document.title='a script ran'</script></body></html>\r\n--b--\r\n"

// catch puts mail into a mailbox.
func (f *fixture) catch() {
	f.Helper()
	box, err := mailbox.Start(mailbox.Config{Now: f.clock.Now})
	must(f.T, err)
	f.Cleanup(func() { must(f.T, box.Close()) })
	f.box = box
	for i := range 12 {
		to := fmt.Sprintf("ana.%d@example.com", i*10)
		body := fmt.Sprintf(mailText, to, i, ident.Format(int64(i)+1))
		must(f.T, smtp.SendMail(fmt.Sprintf("%s:%d", box.Host(), box.Port()), nil, "mia@news.northwind.example", []string{to}, []byte(body)))
	}
}

// config is a dashboard on the fixture, for tests to change.
func (f *fixture) config() Config {
	return Config{Store: f.store, Queue: f.queue, Applied: f.catalog.Current, Now: f.clock.Now, Wall: f.clock.Now, Mailbox: f.box,
		Public: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { plain(rw, http.StatusOK, "public "+r.URL.Path) }),
		API:    http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { plain(rw, http.StatusOK, "api "+r.URL.Path) })}
}
