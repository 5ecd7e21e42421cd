package responses

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/store"
	"rapport/internal/token"
)

// Ingester makes events durable.
type Ingester interface {
	Ingest(ctx context.Context, in []store.Incoming, now time.Time) ([]store.Result, error)
}

// Store is what answers are looked up in and written to.
type Store interface {
	Ingester
	Message(ctx context.Context, id int64) (m store.Message, found bool, err error)
	// TemplateHash is the hash of the template a message was made from, "" when nobody knows.
	TemplateHash(ctx context.Context, message int64) (hash string, found bool, err error)
	CompiledTemplate(ctx context.Context, hash string) (t store.CompiledTemplate, found bool, err error)
	UnprovedClicks(ctx context.Context, now time.Time, limit int) ([]store.Unproved, error)
	Judged(ctx context.Context, events []int64) error
	Contact(ctx context.Context, id contacts.ID) (c contacts.Contact, found bool, err error)
	Consents(ctx context.Context, ids []contacts.ID) (map[contacts.ID][]contacts.Consent, error)
	SetConsent(ctx context.Context, changes []store.ConsentChange, now time.Time) (refused []string, err error)
	Unsuppress(ctx context.Context, emails []string) (removed int, err error)
}

// Topic is what a contact can choose.
type Topic struct {
	Name  string
	Title string
}

// Settings is what of the applied workspace matters here.
type Settings struct {
	Company  string // its name
	Website  string // where a link leads that leads nowhere else; may be ""
	Language string // of the public pages, BCP 47
	Topics   []Topic
	// CampaignTopic is the topic of each campaign, by name; a transactional
	// campaign may have none.
	CampaignTopic map[string]string
	// Confirms is the topic that a campaign asks to confirm, by its name.
	Confirms map[string]string
	// Survey is what the mail of a campaign's step asks, by the step's number;
	// nil: it asks nothing.
	Survey func(campaign string, step int) *relationship.Survey
	// Webhooks are the providers whose callbacks are of the generic kind, with
	// the secrets that sign them.
	Webhooks map[string][]string
}

// Config is all that New needs; the fields without a remark must be set.
type Config struct {
	Store    Store
	Tokens   *token.Signer
	Settings func() Settings // what is applied now
	Now      func() time.Time

	// View writes a message as a page, from its token; nil means that no
	// message can be seen in the browser.
	View func(ctx context.Context, c token.Claims) (html []byte, found bool, err error)
	// Changed hears of contacts whose permission has changed, so that workers
	// notice at once; nil means that nobody wants to know.
	Changed func(ctx context.Context, contact contacts.ID)
	// Wall is the time by which signatures grow old; nil means Now. Where Now
	// is accelerated, other people's clocks are not.
	Wall     func() time.Time
	Log      *slog.Logger          // nil means none
	Registry prometheus.Registerer // nil means that nothing is counted
	Patience time.Duration         // how long an open or a click waits for the store; 0 means a second
	Waiting  int                   // how many events may wait in memory; 0 means 100,000
}

// Responses serves the public addresses.
type Responses struct {
	Config
	group    *Group
	later    *later
	links    *lookup
	visits   *visits
	received *prometheus.CounterVec

	complained atomic.Int64 // the second of the last complaint about the store
}

// New makes the handlers. Run must run beside them.
func New(c Config) *Responses {
	if c.Wall == nil {
		c.Wall = c.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Patience == 0 {
		c.Patience = time.Second
	}
	if c.Waiting == 0 {
		c.Waiting = 100_000
	}
	if c.Changed == nil {
		c.Changed = func(context.Context, contacts.ID) {}
	}
	r := &Responses{Config: c, group: NewGroup(c.Store), links: newLookup(c.Store), visits: newVisits()}
	r.later = newLater(r.group, c.Waiting)
	r.received = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rapport_responses_total", Help: "What came back, by event and by what became of it: stored, duplicate, unmatched, machine, queued, lost.",
	}, []string{"event", "result"})
	if c.Registry != nil {
		c.Registry.MustRegister(r.received, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rapport_responses_waiting", Help: "Opens and clicks in memory, because the store did not answer.",
		}, func() float64 { return float64(r.later.size()) }))
	}
	return r
}

// Ingester is how others bring events in: together with everybody else's, in
// one transaction.
func (r *Responses) Ingester() Ingester { return r.group }

// Routes adds the public addresses to a mux.
func (r *Responses) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /o/{token}", r.open)
	mux.HandleFunc("GET /c/{token}/{n}", r.click)
	mux.HandleFunc("GET /c/{token}/{n}/{link}", r.click)
	mux.HandleFunc("GET /u/{token}", r.unsubscribePage)
	mux.HandleFunc("POST /u/{token}", r.unsubscribe)
	mux.HandleFunc("GET /p/{token}", r.preferencesPage)
	mux.HandleFunc("POST /p/{token}", r.savePreferences)
	mux.HandleFunc("GET /s/{token}", r.surveyPage)
	mux.HandleFunc("POST /s/{token}", r.answerSurvey)
	mux.HandleFunc("GET /confirm/{token}", r.confirmPage)
	mux.HandleFunc("POST /confirm/{token}", r.confirm)
	mux.HandleFunc("GET /r/{code}", r.refer)
	mux.HandleFunc("GET /v/{token}", r.view)
	mux.HandleFunc("POST /webhooks/generic/{provider}", r.webhook)
	mux.HandleFunc("POST /webhooks/{provider}", r.webhook)
	r.nobodys(mux)
	mux.HandleFunc("GET /robots.txt", robots)
}

// Handler serves the public addresses and a friendly page for all others.
func (r *Responses) Handler() http.Handler {
	mux := http.NewServeMux()
	r.Routes(mux)
	mux.HandleFunc("GET /", r.NotFound)
	return mux
}

// robots keeps search engines away: nothing here is for them.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
}

// complain reports whether a second has passed since it last said so.
func (r *Responses) complain() bool {
	now := r.Now().Unix()
	return r.complained.Swap(now) != now
}

// retryAfter is how many seconds the sender of what could not be stored should
// wait: little when the store is only behind, more when it is away.
func retryAfter(err error) string {
	if errors.Is(err, ErrBusy) {
		return "2"
	}
	return "10"
}
