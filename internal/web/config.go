package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/mailbox"
	"rapport/internal/queue"
	"rapport/internal/results"
	"rapport/internal/store"
)

// Ledger is what became of messages and campaigns.
type Ledger interface {
	Totals(ctx context.Context) (store.Totals, error)
	Campaigns(ctx context.Context) (map[string]store.Campaign, error)
	Progress(ctx context.Context, campaigns ...int64) (map[int64]*store.Progress, error)
	RecentFirings(ctx context.Context, campaign int64, limit int) ([]store.Firing, error)
	Messages(ctx context.Context, f store.MessageFilter) ([]store.Message, error)
	Message(ctx context.Context, id int64) (m store.Message, found bool, err error)
	Workers(ctx context.Context) ([]store.Worker, error)
	TouchedWaiting(ctx context.Context) (n int64, err error)
	SetCampaignStatus(ctx context.Context, name string, to store.CampaignStatus, from []store.CampaignStatus, now time.Time) (bool, error)
	WakeStopped(ctx context.Context, name string, now time.Time) error
	ProviderStates(ctx context.Context) (map[string]store.ProviderState, error)
	ProviderDays(ctx context.Context, day string) (map[string]store.ProviderDay, error)
	CloseProvider(ctx context.Context, name, reason string, was store.ProviderState, now time.Time) (bool, error)
	OpenProvider(ctx context.Context, name string, now time.Time) (bool, error)
}

// People is what is known of contacts.
type People interface {
	Contact(ctx context.Context, id contacts.ID) (c contacts.Contact, found bool, err error)
	Search(ctx context.Context, text string, after contacts.ID, limit int) ([]contacts.Contact, error)
	CountContacts(ctx context.Context) (n int64, err error)
	LoadFacts(ctx context.Context, ids []contacts.ID) (map[contacts.ID]*contacts.Facts, error)
	Timeline(ctx context.Context, id contacts.ID, page store.Page, limit int) (list []store.Entry, next store.Page, more bool, err error)
	Ladder(ctx context.Context) ([]store.LadderCount, error)
	Moves(ctx context.Context, since time.Time) ([]store.Move, error)
	SegmentSizes(ctx context.Context, in store.Question) ([]store.SegmentSize, error)
}

// Store is all that the rooms read, and what they change.
type Store interface {
	Ledger
	People
	results.Store
	Ping(ctx context.Context) error
}

// Queue is what the rooms ask of the queue.
type Queue interface {
	queue.Pinger
	Depth(ctx context.Context) (map[string]queue.Depth, error)
}

// Failing is a provider through which mail does not go, or not all.
type Failing struct {
	Name   string // "main", or "main for sender mia"
	Reason string
	Since  time.Time
	Closed bool // by the guard or a person, until a person opens it
}

// Config is all that New needs; the fields without a remark must be set.
type Config struct {
	Store   Store
	Queue   Queue
	Applied func() *catalog.Applied // what runs now; nil before the first apply
	Now     func() time.Time        // the engine's clock

	Mailbox *mailbox.Mailbox // nil where mail is not caught in this process
	Public  http.Handler     // opens, clicks, unsubscribe, callbacks; nil: not here
	API     http.Handler     // /api/v1/; nil: not here
	// Changed hears that a campaign was paused, resumed or stopped, so that
	// workers notice at once. It may be nil.
	Changed func(ctx context.Context, campaign string)
	// Failing lists the providers that are closed, and those that fail in this
	// process's experience, by name. It may be nil.
	Failing func() []Failing
	// Password opens the dashboard. Without one it answers on this machine only.
	Password string
	// Note stands on top of every page, such as how fast time runs in a demo.
	Note     string
	Wall     func() time.Time     // for rates; nil means the machine's clock
	Log      *slog.Logger         // nil means none
	Registry *prometheus.Registry // what /metrics shows; nil makes one
}

// Web is the dashboard and what stands beside it.
type Web struct {
	Config
	totals   *cached[store.Totals]
	progress *cached[map[int64]*store.Progress]
	ladder   *cached[[]store.LadderCount]
	sizes    *cached[[]store.SegmentSize]
	worth    *cached[worth]
	worthOne *cachedBy[results.Campaign]
	rate     rate
	all      http.Handler
	public   http.Handler
	private  http.Handler
}

// New makes the handlers. Web itself serves everything on one address; Public
// and Private serve the two halves on different ones.
func New(c Config) *Web {
	if c.Wall == nil {
		c.Wall = clock.System{}.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Changed == nil {
		c.Changed = func(context.Context, string) {}
	}
	if c.Failing == nil {
		c.Failing = func() []Failing { return nil }
	}
	w := &Web{Config: c}
	w.totals = newCached(c.Wall, func(ctx context.Context) (store.Totals, error) { return c.Store.Totals(ctx) })
	w.progress = newCached(c.Wall, func(ctx context.Context) (map[int64]*store.Progress, error) { return c.Store.Progress(ctx) })
	w.ladder = newCached(c.Wall, func(ctx context.Context) ([]store.LadderCount, error) { return c.Store.Ladder(ctx) })
	w.sizes = newCached(c.Wall, w.countSegments)
	w.worth = newCached(c.Wall, w.weigh)
	w.worthOne = newCachedBy(c.Wall, w.weighOne)
	c.Registry.MustRegister(&collector{w})

	public := http.NewServeMux()
	w.publicRoutes(public)
	w.public = public
	private := http.NewServeMux()
	w.privateRoutes(private)
	w.private = w.guard(private)
	all := http.NewServeMux()
	w.publicRoutes(all)
	all.Handle("/", w.private)
	w.all = all
	return w
}

// ServeHTTP serves the dashboard and the public addresses.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.all.ServeHTTP(rw, r) }

// Public serves what the world may reach: answers, the HTTP interface, health.
func (w *Web) Public() http.Handler { return w.public }

// Private serves the dashboard and the metrics.
func (w *Web) Private() http.Handler { return w.private }

func (w *Web) publicRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", w.healthz)
	mux.HandleFunc("GET /readyz", w.readyz)
	if w.Config.API != nil {
		mux.Handle("/api/v1/", w.Config.API)
	}
	if w.Config.Public != nil {
		for _, path := range []string{"/o/", "/c/", "/u/", "/p/", "/s/", "/confirm/", "/r/", "/v/", "/webhooks/", "/robots.txt"} {
			mux.Handle(path, w.Config.Public)
		}
	}
}

func (w *Web) privateRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", w.page(w.overview))
	mux.HandleFunc("GET /campaigns", w.page(w.campaigns))
	mux.HandleFunc("GET /campaigns/{name}", w.page(w.campaign))
	mux.HandleFunc("POST /campaigns/{name}/{act}", w.control)
	mux.HandleFunc("GET /results", w.page(w.resultsRoom))
	mux.HandleFunc("GET /ladder", w.page(w.ladderRoom))
	mux.HandleFunc("GET /contacts", w.page(w.contacts))
	mux.HandleFunc("GET /contacts/{id}", w.page(w.contact))
	mux.HandleFunc("GET /segments", w.page(w.segments))
	mux.HandleFunc("GET /messages", w.page(w.messages))
	mux.HandleFunc("GET /providers", w.page(w.providers))
	mux.HandleFunc("POST /providers/{name}/{act}", w.controlProvider)
	mux.HandleFunc("GET /mailbox", w.page(w.mails))
	mux.HandleFunc("GET /mailbox/{id}", w.page(w.mail))
	mux.HandleFunc("GET /mailbox/{id}/html", w.mailHTML)
	mux.HandleFunc("GET /assets/{name}", assets)
	mux.Handle("GET /metrics", w.metrics())
	mux.HandleFunc("/", w.page(func(*request) (view, error) { return view{}, errNotFound }))
}
