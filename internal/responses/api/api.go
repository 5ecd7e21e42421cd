package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/responses"
	"rapport/internal/store"
	"rapport/internal/token"
)

// Scopes that a key can have.
const (
	EventsWrite   = "events:write"
	ContactsWrite = "contacts:write"
	ContactsRead  = "contacts:read"
	ReportsRead   = "reports:read" // segments, campaigns and messages
	// Transactional lets a key report events that start transactional
	// campaigns: those ignore consent to a topic, limits and quiet hours.
	Transactional = "transactional"
)

// Scopes are all of them, for whoever makes keys.
var Scopes = []string{EventsWrite, ContactsWrite, ContactsRead, ReportsRead, Transactional}

// Store is what the interface reads and writes.
type Store interface {
	FindKey(ctx context.Context, secret string) (k store.Key, found bool, err error)
	UpsertContacts(ctx context.Context, in []store.ContactInput, now time.Time) ([]store.ContactResult, error)
	SetConsent(ctx context.Context, changes []store.ConsentChange, now time.Time) (refused []string, err error)
	ContactByEmail(ctx context.Context, email string) (c contacts.Contact, found bool, err error)
	Consents(ctx context.Context, ids []contacts.ID) (map[contacts.ID][]contacts.Consent, error)
	SegmentSizes(ctx context.Context, in store.Question) ([]store.SegmentSize, error)
	Campaigns(ctx context.Context) (map[string]store.Campaign, error)
	Progress(ctx context.Context, campaigns ...int64) (map[int64]*store.Progress, error)
	Contact(ctx context.Context, id contacts.ID) (c contacts.Contact, found bool, err error)
	SetAttributes(ctx context.Context, changes []store.AttributeChange, now time.Time) error
	Messages(ctx context.Context, f store.MessageFilter) ([]store.Message, error)
	Message(ctx context.Context, id int64) (m store.Message, found bool, err error)
}

// Settings is what of the applied workspace matters here.
type Settings struct {
	// Programs say what bringing a friend is worth, and who the partners are; nil:
	// nothing was applied yet.
	Programs *relationship.Programs

	Topics []string
	Double []string // those whose consent counts once it is confirmed by mail
	// TransactionalStarts are the events that start transactional campaigns.
	TransactionalStarts map[string]bool
	// Question asks the segments of contacts; its Now is filled in here.
	Question store.Question
	// Segments tells the condition of each segment as text.
	Segments map[string]string
}

// Config is all that New needs. Log and Changed may be nil.
type Config struct {
	Store    Store
	Ingest   responses.Ingester
	Tokens   *token.Signer
	Settings func() Settings
	Now      func() time.Time
	Changed  func(ctx context.Context, contact contacts.ID) // permission has changed
	Log      *slog.Logger
	Version  string // of the program, for the description
}

type api struct {
	Config
	huma.API
}

// New serves /api/v1/.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func(context.Context, contacts.ID) {}
	}
	if c.Version == "" {
		c.Version = "1"
	}
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Rapport", c.Version)
	config.CreateHooks = nil // no links to schemas in the answers
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/api/v1/openapi", "", ""
	config.Info.Description = "Bring in events and contacts, and read what the engine knows. Keys are made with `rapport keys create`."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	a := &api{Config: c, API: humago.New(mux, config)}
	a.UseMiddleware(a.authorize)
	a.events()
	a.contacts()
	a.reports()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintln(w, `{"title":"Not Found","status":404,"detail":"there is no such operation; /api/v1/openapi.json lists them"}`)
	})
	return mux
}

// operation describes an operation and the scope that it needs.
func (a *api) operation(method, path, id, summary, scope string) huma.Operation {
	return huma.Operation{
		Method: method, Path: "/api/v1" + path, OperationID: id, Summary: summary,
		Description: "Needs the scope `" + scope + "`.",
		Metadata:    map[string]any{"scope": scope},
		Security:    []map[string][]string{{"key": {}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}
}

type keyOf struct{} // the context's key for the request's API key

func (a *api) authorize(ctx huma.Context, next func(huma.Context)) {
	scheme, secret, _ := strings.Cut(ctx.Header("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="rapport"`)
		_ = huma.WriteErr(a, ctx, http.StatusUnauthorized, "send a key as \"Authorization: Bearer rpk_…\"; `rapport keys create` makes one")
		return
	}
	key, found, err := a.Store.FindKey(ctx.Context(), secret)
	switch {
	case err != nil:
		a.Log.Error("cannot look a key up", "error", err)
		ctx.SetHeader("Retry-After", retryAfter)
		_ = huma.WriteErr(a, ctx, http.StatusServiceUnavailable, away)
		return
	case !found:
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="rapport", error="invalid_token"`)
		_ = huma.WriteErr(a, ctx, http.StatusUnauthorized, "this key is not known, or was revoked")
		return
	}
	scope, _ := ctx.Operation().Metadata["scope"].(string)
	if !key.May(scope) {
		_ = huma.WriteErr(a, ctx, http.StatusForbidden, "this key does not have the scope "+scope)
		return
	}
	next(huma.WithValue(ctx, keyOf{}, key))
}

const (
	away       = "the database does not answer: try again"
	retryAfter = "10"
)

// unavailable is the answer while the store is away.
func (a *api) unavailable(what string, err error) error {
	a.Log.Error("the database did not answer", "operation", what, "error", err)
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(away), http.Header{"Retry-After": {retryAfter}})
}

// problem is a list of which some entries could not be taken.
type problem struct {
	huma.ErrorModel
	Accepted   int `json:"accepted" doc:"Entries that are durable now."`
	Duplicates int `json:"duplicates" doc:"Entries that were durable already."`
}

func faulty(list []responses.BadEvent, what string) *problem {
	p := &problem{ErrorModel: huma.ErrorModel{Status: http.StatusUnprocessableEntity, Title: http.StatusText(http.StatusUnprocessableEntity)}}
	p.Detail = fmt.Sprintf("%d %s could not be taken; the others are stored", len(list), what)
	for _, bad := range list {
		p.Errors = append(p.Errors, &huma.ErrorDetail{Message: bad.Error, Location: fmt.Sprintf("body[%d]", bad.Index)})
	}
	return p
}

// registerList adds an operation whose body is an entry or a list of them. The
// body is read here and not by the library, so that good entries beside faulty
// ones are kept, and each fault is named.
func registerList[T, Out any](a *api, op huma.Operation, handler func(context.Context, *rawInput) (*Out, error)) {
	op.SkipValidateBody = true
	op.MaxBodyBytes = 1<<20 + 1 // the limit itself is one too many
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	huma.Register(a, op, handler)

	name := reflect.TypeFor[T]().Name()
	all := a.OpenAPI().Components.Schemas
	if all.Map()[name] == nil {
		all.Map()[name] = huma.SchemaFromType(all, reflect.TypeFor[T]())
	}
	ref, most := &huma.Schema{Ref: "#/components/schemas/" + name}, responses.MaxEvents
	body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {
		Schema: &huma.Schema{OneOf: []*huma.Schema{ref, {Type: huma.TypeArray, Items: ref, MaxItems: &most}}},
	}}}
	switch path := a.OpenAPI().Paths[op.Path]; op.Method {
	case http.MethodPut:
		path.Put.RequestBody = body
	case http.MethodPost:
		path.Post.RequestBody = body
	}
}

type rawInput struct{ RawBody []byte }
