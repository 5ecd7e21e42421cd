package engine

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/internal/queue"
	"rapport/internal/relationship"
	"rapport/internal/responses"
	"rapport/internal/responses/api"
	"rapport/internal/store"
	"rapport/internal/token"
	"rapport/internal/web"
	"rapport/internal/workspace"
)

// openWeb makes the public addresses, the HTTP interface and the dashboard.
func (e *Engine) openWeb() {
	registry := prometheus.NewRegistry()
	log := e.Log.With("role", RoleWeb)
	e.responses = responses.New(responses.Config{
		Store: e.Store, Tokens: e.Tokens, Now: e.Clock.Now, Wall: e.Wall, Log: log, Registry: registry,
		Settings: e.responseSettings, Changed: e.changed, View: e.view,
	})
	interfaces := api.New(api.Config{Store: e.Store, Ingest: e.responses.Ingester(), Tokens: e.Tokens, Settings: e.apiSettings, Now: e.Clock.Now,
		Changed: e.changed, Log: log})
	e.handler = web.New(web.Config{
		Store: e.Store, Queue: e.Queue, Applied: e.Catalog.Current, Now: e.Clock.Now, Mailbox: e.Box, Public: e.responses.Handler(),
		API: interfaces, Changed: e.campaignChanged, Failing: e.failing, Password: e.Password, Note: e.Note, Log: log, Registry: registry,
	})
}

// Handler serves the web role; nil without it.
func (e *Engine) Handler() http.Handler { return e.handler }

// campaignChanged tells workers at once that a campaign was paused or stopped.
func (e *Engine) campaignChanged(ctx context.Context, campaign string) {
	if err := e.Queue.Publish(ctx, queue.Notice{Kind: delivery.NoticeCampaign, Key: campaign}); err != nil {
		e.Log.Warn("cannot tell other processes of a change", "error", err)
	}
}

// failing lists the providers that are closed, and where this process sends, those
// that fail.
func (e *Engine) failing() (out []web.Failing) {
	closed := map[string]bool{}
	if applied := e.Catalog.Current(); applied != nil {
		for name := range applied.Providers {
			if s := applied.States[name]; s.Closed {
				closed[name] = true
				out = append(out, web.Failing{Name: name, Reason: s.Reason, Since: s.Changed, Closed: true})
			}
		}
	}
	if e.routes != nil {
		for name, s := range e.routes.Failing() {
			if !closed[name] {
				out = append(out, web.Failing{Name: name, Reason: s.Reason, Since: s.Since})
			}
		}
	}
	slices.SortFunc(out, func(a, b web.Failing) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// changed tells workers at once that a contact's permission has changed.
func (e *Engine) changed(ctx context.Context, contact contacts.ID) {
	n := queue.Notice{Kind: delivery.NoticeContact, Key: strconv.FormatInt(int64(contact), 10)}
	if err := e.Queue.Publish(ctx, n); err != nil {
		e.Log.Warn("cannot tell other processes of a change", "error", err) // the claim sees it anyway
	}
}

// settingsOf is what answers need of a version: every callback asks for it.
type settingsOf struct {
	applied *catalog.Applied
	responses.Settings
}

func (e *Engine) responseSettings() responses.Settings {
	applied := e.Catalog.Current()
	if applied == nil {
		return responses.Settings{}
	}
	if last := e.settings.Load(); last != nil && last.applied == applied {
		return last.Settings
	}
	s := responses.Settings{Confirms: map[string]string{}, Survey: surveys(applied), Company: applied.Company.Name, Website: applied.Company.Website, Language: applied.Company.Language,
		CampaignTopic: map[string]string{}, Webhooks: map[string][]string{}}
	for _, name := range applied.TopicOrder {
		s.Topics = append(s.Topics, responses.Topic{Name: name, Title: applied.Topics[name].Title})
		if applied.Topics[name].Double {
			s.Confirms[workspace.ConfirmCampaign(name)] = name
		}
	}
	for name, d := range applied.Workspace.Campaigns {
		s.CampaignTopic[name] = d.Topic
	}
	for name, p := range applied.Providers {
		if p.Callbacks != nil && p.Callbacks.Kind == "generic" {
			s.Webhooks[name] = p.Callbacks.Secrets
		}
	}
	e.settings.Store(&settingsOf{applied, s})
	return s
}

// surveys finds what the mail of a step asks: the survey of its step, else the
// only one that there is.
func surveys(applied *catalog.Applied) func(campaign string, step int) *relationship.Survey {
	return func(campaign string, step int) *relationship.Survey {
		if d := applied.Workspace.Campaigns[campaign]; d != nil {
			for _, s := range d.Sends() {
				if s.Number == step && s.Survey != "" {
					return applied.Relationship.Survey(s.Survey)
				}
			}
		}
		if all := applied.Relationship.Programs.Surveys; len(all) == 1 {
			return &all[0]
		}
		return nil
	}
}

func (e *Engine) apiSettings() api.Settings {
	applied := e.Catalog.Current()
	if applied == nil {
		return api.Settings{}
	}
	s := api.Settings{Topics: slices.Clone(applied.TopicOrder), TransactionalStarts: map[string]bool{}, Segments: map[string]string{},
		Question: store.Question{Segments: applied.Segments, Zone: applied.Zone, Ladder: applied.Relationship.Stages(), Scoring: applied.Relationship.Scoring()}}
	s.Programs = &applied.Relationship.Programs
	for _, name := range applied.TopicOrder {
		if applied.Topics[name].Double {
			s.Double = append(s.Double, name)
		}
	}
	for _, d := range applied.Workspace.Campaigns {
		if d.Kind == campaigns.Transactional && d.Start.Kind == campaigns.StartEvent {
			s.TransactionalStarts[d.Start.Event] = true
		}
	}
	for name, segment := range applied.Segments {
		s.Segments[name] = segment.Where.String()
	}
	return s
}

// view writes a message as a page.
func (e *Engine) view(ctx context.Context, c token.Claims) (html []byte, found bool, err error) {
	m, found, err := e.Store.Mailed(ctx, c.Message)
	if err != nil || !found {
		return nil, found, err
	}
	applied := e.Catalog.Current()
	if applied == nil {
		return nil, false, nil
	}
	who := m.Enrolment.Contact
	facts, err := e.Store.LoadFacts(ctx, []contacts.ID{who})
	if err != nil || facts[who] == nil || facts[who].Contact.Erased {
		return nil, false, err
	}
	pages := delivery.Pages{Catalog: e.Catalog, Tokens: e.Tokens, Log: e.Log}
	text, err := pages.Page(ctx, applied, delivery.PageOf{Message: c.Message, Mailed: m, Facts: facts[who]}, e.Clock.Now())
	return []byte(text), err == nil, err
}
