package web

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"rapport/campaigns"
	"rapport/internal/ident"
	"rapport/internal/store"
)

// messageStates in the order of a message's life.
var messageStates = []campaigns.MessageState{campaigns.Queued, campaigns.Sending, campaigns.Sent, campaigns.Failed, campaigns.Skipped, campaigns.Unknown}

type messagesData struct {
	Tabs     []tab
	List     []messageRow
	Campaign string
	Names    []string // of campaigns, to choose from
	State    string
	Next     string
}

// tab is a state to filter by.
type tab struct {
	Name   string
	Count  int64
	Link   string
	Chosen bool
}

type messageRow struct {
	store.Message
	Why  string // why it is in this state
	Mail int64  // its number in the mailbox, or 0
}

func (w *Web) messages(q *request) (view, error) {
	values := q.URL.Query()
	d := messagesData{Campaign: values.Get("campaign"), State: values.Get("state")}
	f := store.MessageFilter{Limit: pageSize + 1}
	if slices.Contains(messageStates, campaigns.MessageState(d.State)) {
		f.State = campaigns.MessageState(d.State)
	} else {
		d.State = ""
	}
	if before, err := ident.Parse(values.Get("before")); err == nil {
		f.Before = before
	}
	all, err := w.Store.Campaigns(q.Context())
	if err != nil {
		return view{}, err
	}
	d.Names = sortedNames(all)
	if c, ok := all[d.Campaign]; ok {
		f.Campaign = c.ID
	} else {
		d.Campaign = ""
	}
	list, err := w.Store.Messages(q.Context(), f)
	if err != nil {
		return view{}, err
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		d.Next = messagesLink(d.State, d.Campaign, ident.Format(list[pageSize-1].ID))
	}
	for _, m := range list {
		row := messageRow{Message: m, Why: m.Reason}
		if m.State == campaigns.Queued {
			row.Why = whyQueued(m, all[m.Campaign].Status, w.shut(m.Campaign), q.now)
		}
		d.List = append(d.List, row)
	}
	if d.Tabs, err = w.tabs(q, d, f.Campaign); err != nil {
		return view{}, err
	}
	return view{page: "messages", room: "messages", title: "Messages", data: d, live: 3}, nil
}

func (w *Web) tabs(q *request, d messagesData, campaign int64) ([]tab, error) {
	count := map[campaigns.MessageState]int64{}
	if campaign != 0 {
		progress, err := w.progress.get(q.Context())
		if err != nil {
			return nil, err
		}
		if p := progress[campaign]; p != nil {
			count = p.Messages
		}
	} else {
		totals, err := w.totals.get(q.Context())
		if err != nil {
			return nil, err
		}
		for state, n := range totals.Messages {
			count[campaigns.MessageState(state)] = n
		}
	}
	var sum int64
	for _, n := range count {
		sum += n
	}
	tabs := []tab{{"all", sum, messagesLink("", d.Campaign, ""), d.State == ""}}
	for _, state := range messageStates {
		tabs = append(tabs, tab{string(state), count[state], messagesLink(string(state), d.Campaign, ""), d.State == string(state)})
	}
	return tabs, nil
}

func messagesLink(state, campaign, before string) string {
	v := url.Values{}
	for name, value := range map[string]string{"state": state, "campaign": campaign, "before": before} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return strings.TrimSuffix("/messages?"+v.Encode(), "?")
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
