package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/campaigns"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// SegmentView is a segment and how many are in it.
type SegmentView struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Condition   string `json:"condition"`
	Size        int64  `json:"size"`
}

// CampaignView is a campaign and where it stands.
type CampaignView struct {
	Name      string           `json:"name"`
	Status    string           `json:"status" enum:"running,paused,stopped,removed"`
	Enrolled  int64            `json:"enrolled" doc:"Without the control group."`
	Running   int64            `json:"running"`
	Finished  int64            `json:"finished"`
	Exited    int64            `json:"exited"`
	Control   int64            `json:"control"`
	Converted int64            `json:"converted" doc:"Of those enrolled."`
	Refused   int64            `json:"refused" doc:"Contacts who were not let in at least once."`
	Messages  map[string]int64 `json:"messages" doc:"By state."`
	Answers   AnswersView      `json:"answers" doc:"Messages that people answered; machines do not count."`
}

// AnswersView counts messages by how they were answered.
type AnswersView struct {
	Delivered    int64 `json:"delivered"`
	Opened       int64 `json:"opened"`
	Clicked      int64 `json:"clicked"`
	Replied      int64 `json:"replied"`
	Bounced      int64 `json:"bounced"`
	Complained   int64 `json:"complained"`
	Unsubscribed int64 `json:"unsubscribed"`
}

// MessageView is a message of the ledger.
type MessageView struct {
	ID        string    `json:"id" doc:"As X-Rapport-Id has it."`
	Email     string    `json:"email"`
	Contact   int64     `json:"contact"`
	Campaign  string    `json:"campaign"`
	Template  string    `json:"template"`
	Subject   string    `json:"subject,omitempty"`
	State     string    `json:"state" enum:"queued,sending,sent,failed,skipped,unknown"`
	Reason    string    `json:"reason,omitempty"`
	Created   time.Time `json:"created_at"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Decided   time.Time `json:"decided_at,omitzero" doc:"When the state became final; of sent: when it was sent."`
	Attempts  int64     `json:"attempts"`
	Provider  string    `json:"provider,omitempty"`
	Reply     string    `json:"reply,omitempty" doc:"The last answer of the mail server."`
}

type segmentsAnswer struct {
	Body struct {
		Segments []SegmentView `json:"segments"`
	}
}

type campaignsAnswer struct {
	Body struct {
		Campaigns []CampaignView `json:"campaigns"`
	}
}

type campaignAnswer struct{ Body CampaignView }

type messagesAnswer struct {
	Body struct {
		Messages []MessageView `json:"messages"`
		Next     string        `json:"next,omitempty" doc:"Pass it as before to get the page that follows."`
	}
}

type messageAnswer struct{ Body MessageView }

type messagesInput struct {
	State    string `query:"state" enum:"queued,sending,sent,failed,skipped,unknown"`
	Campaign string `query:"campaign"`
	Before   string `query:"before" doc:"Only messages older than this one."`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a *api) reports() {
	huma.Register(a, a.operation(http.MethodGet, "/segments", "list-segments", "Segments and how many contacts are in them", ReportsRead), a.listSegments)
	huma.Register(a, a.operation(http.MethodGet, "/campaigns", "list-campaigns", "Campaigns and where they stand", ReportsRead), a.listCampaigns)
	one := a.operation(http.MethodGet, "/campaigns/{name}", "get-campaign", "One campaign", ReportsRead)
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(a, one, a.getCampaign)
	list := a.operation(http.MethodGet, "/messages", "list-messages", "Messages, newest first", ReportsRead)
	list.Errors = append(list.Errors, http.StatusUnprocessableEntity)
	huma.Register(a, list, a.listMessages)
	message := a.operation(http.MethodGet, "/messages/{id}", "get-message", "One message", ReportsRead)
	message.Errors = append(message.Errors, http.StatusNotFound)
	huma.Register(a, message, a.getMessage)
}

func (a *api) listSegments(ctx context.Context, _ *struct{}) (*segmentsAnswer, error) {
	s := a.Settings()
	s.Question.Now = a.Now()
	sizes, err := a.Store.SegmentSizes(ctx, s.Question)
	if err != nil {
		return nil, a.unavailable("list-segments", err)
	}
	out := &segmentsAnswer{}
	out.Body.Segments = []SegmentView{}
	for _, x := range sizes {
		out.Body.Segments = append(out.Body.Segments, SegmentView{x.Name, x.Description, s.Segments[x.Name], x.Size})
	}
	return out, nil
}

func (a *api) campaignViews(ctx context.Context, only string) ([]CampaignView, error) {
	all, err := a.Store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	names := slices.Sorted(maps.Keys(all))
	if only != "" {
		names = nil
		if c, ok := all[only]; ok {
			names, ids = []string{only}, []int64{c.ID}
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	progress, err := a.Store.Progress(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var out []CampaignView
	for _, name := range names {
		c := all[name]
		v := CampaignView{Name: name, Status: string(c.Status), Messages: map[string]int64{}}
		if p := progress[c.ID]; p != nil {
			v.Enrolled, v.Running, v.Finished, v.Exited = p.Enrolled, p.Active+p.Parked, p.Finished, p.Exited
			v.Control, v.Converted, v.Refused = p.Control, p.Converted, p.Refused
			v.Answers = AnswersView(p.Answers)
			for state, n := range p.Messages {
				v.Messages[string(state)] = n
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func (a *api) listCampaigns(ctx context.Context, _ *struct{}) (*campaignsAnswer, error) {
	list, err := a.campaignViews(ctx, "")
	if err != nil {
		return nil, a.unavailable("list-campaigns", err)
	}
	out := &campaignsAnswer{}
	out.Body.Campaigns = append([]CampaignView{}, list...)
	return out, nil
}

func (a *api) getCampaign(ctx context.Context, q *struct {
	Name string `path:"name"`
}) (*campaignAnswer, error) {
	list, err := a.campaignViews(ctx, q.Name)
	if err != nil {
		return nil, a.unavailable("get-campaign", err)
	}
	if len(list) == 0 {
		return nil, huma.Error404NotFound("there is no campaign with this name")
	}
	return &campaignAnswer{list[0]}, nil
}

func (a *api) listMessages(ctx context.Context, q *messagesInput) (*messagesAnswer, error) {
	f := store.MessageFilter{State: campaigns.MessageState(q.State), Limit: q.Limit}
	if q.Before != "" {
		id, err := ident.Parse(q.Before)
		if err != nil {
			return nil, huma.Error422UnprocessableEntity("before: " + err.Error())
		}
		f.Before = id
	}
	out := &messagesAnswer{}
	out.Body.Messages = []MessageView{}
	if q.Campaign != "" {
		all, err := a.Store.Campaigns(ctx)
		if err != nil {
			return nil, a.unavailable("list-messages", err)
		}
		c, ok := all[q.Campaign]
		if !ok {
			return nil, huma.Error422UnprocessableEntity("campaign: there is none with this name")
		}
		f.Campaign = c.ID
	}
	list, err := a.Store.Messages(ctx, f)
	if err != nil {
		return nil, a.unavailable("list-messages", err)
	}
	for _, m := range list {
		out.Body.Messages = append(out.Body.Messages, viewMessage(m))
	}
	if len(list) == q.Limit {
		out.Body.Next = ident.Format(list[len(list)-1].ID)
	}
	return out, nil
}

func (a *api) getMessage(ctx context.Context, q *struct {
	ID string `path:"id"`
}) (*messageAnswer, error) {
	id, err := ident.Parse(q.ID)
	if err != nil {
		return nil, huma.Error404NotFound(err.Error())
	}
	m, found, err := a.Store.Message(ctx, id)
	if err != nil {
		return nil, a.unavailable("get-message", err)
	}
	if !found {
		return nil, huma.Error404NotFound("there is no message with this id")
	}
	return &messageAnswer{viewMessage(m)}, nil
}

func viewMessage(m store.Message) MessageView {
	return MessageView{ID: ident.Format(m.ID), Email: m.Email, Contact: int64(m.Contact), Campaign: m.Campaign, Template: m.Template,
		Subject: m.Subject, State: string(m.State), Reason: m.Reason, Created: m.Created, NotBefore: m.NotBefore, Decided: m.Decided,
		Attempts: m.Attempts, Provider: m.Provider, Reply: m.Reply}
}
