package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
)

// campaignRow is a campaign in the list.
type campaignRow struct {
	Name        string
	Description string
	Purpose     string
	Status      store.CampaignStatus
	Reason      string    // of the status, where no person chose it
	Next        time.Time // its next start; zero when there is none to foresee
	Starts      string
	Progress    *store.Progress
	Sent        int64
	Waiting     int64
	Running     int64
	Ended       int64
}

type campaignsData struct{ Rows []campaignRow }

func (w *Web) campaigns(q *request) (view, error) {
	all, err := w.Store.Campaigns(q.Context())
	if err != nil {
		return view{}, err
	}
	progress, err := w.progress.get(q.Context())
	if err != nil {
		return view{}, err
	}
	var d campaignsData
	for _, c := range all {
		d.Rows = append(d.Rows, q.row(c, progress[c.ID]))
	}
	order := []store.CampaignStatus{store.Running, store.Paused, store.Stopped, store.Removed}
	slices.SortFunc(d.Rows, func(a, b campaignRow) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Status), slices.Index(order, b.Status)), strings.Compare(a.Name, b.Name))
	})
	return view{page: "campaigns", room: "campaigns", title: "Campaigns", data: d, live: 3}, nil
}

func (q *request) row(c store.Campaign, p *store.Progress) campaignRow {
	if p == nil {
		p = &store.Progress{}
	}
	r := campaignRow{Name: c.Name, Status: c.Status, Reason: c.Reason, Progress: p, Sent: p.Messages[campaigns.Sent],
		Waiting: p.Messages[campaigns.Queued] + p.Messages[campaigns.Sending], Running: p.Active + p.Parked, Ended: p.Finished + p.Exited}
	d := q.definition(c.Name)
	if d == nil {
		return r
	}
	r.Description, r.Purpose, r.Starts = d.Description, d.Purpose, starts(d)
	if c.Status == store.Running {
		if f, ok := d.NextFiring(q.now, q.zone); ok {
			r.Next = f.At
		}
	}
	return r
}

func (q *request) definition(name string) *campaigns.Definition {
	if q.applied == nil {
		return nil
	}
	return q.applied.Workspace.Campaigns[name]
}

// starts says in words what enrols contacts.
func starts(d *campaigns.Definition) string {
	switch d.Start.Kind {
	case campaigns.StartSchedule:
		return "schedule " + d.Start.Expr
	case campaigns.StartOnce:
		return "once, " + d.Start.Once.String()
	case campaigns.StartEvent:
		return "event " + d.Start.Event
	case campaigns.StartEnter:
		return "on entering its audience"
	}
	return ""
}

type campaignData struct {
	campaignRow
	Topic, Sender, Audience, Kind string
	Exclude                       []string
	Steps                         []stepRow
	Most                          int64 // width of the funnel
	Goal                          string
	ConvertedShare                string
	Worth                         *campaignWorth // nil: it compares nothing
	Exits                         []string
	Firings                       []store.Firing
	States                        []stateCount
	Changed                       time.Time
	Outline                       []outlineRow
}

// stepRow is a send step in the funnel.
type stepRow struct {
	store.StepProgress
	Sent, Waiting, Lost int64
}

type stateCount struct {
	State string
	Count int64
}

func (w *Web) campaign(q *request) (view, error) {
	name := q.PathValue("name")
	all, err := w.Store.Campaigns(q.Context())
	if err != nil {
		return view{}, err
	}
	c, ok := all[name]
	if !ok {
		return view{}, errNotFound
	}
	progress, err := w.progress.get(q.Context()) // the page is read anew every few seconds
	if err != nil {
		return view{}, err
	}
	d := campaignData{campaignRow: q.row(c, progress[c.ID]), Changed: c.Changed}
	if d.Firings, err = w.Store.RecentFirings(q.Context(), c.ID, 8); err != nil {
		return view{}, err
	}
	p := d.Progress
	d.Most = p.Enrolled
	for _, s := range stepsInOrder(q.definition(name), p.Steps) {
		row := stepRow{StepProgress: s, Sent: s.Messages[campaigns.Sent] + s.Messages[campaigns.Unknown],
			Waiting: s.Messages[campaigns.Queued] + s.Messages[campaigns.Sending], Lost: s.Messages[campaigns.Failed] + s.Messages[campaigns.Skipped]}
		d.Steps = append(d.Steps, row)
		d.Most = max(d.Most, row.Sent)
	}
	for _, state := range []campaigns.MessageState{campaigns.Queued, campaigns.Sending, campaigns.Sent, campaigns.Failed, campaigns.Skipped, campaigns.Unknown} {
		if n := p.Messages[state]; n > 0 {
			d.States = append(d.States, stateCount{string(state), n})
		}
	}
	if def := q.definition(name); def != nil {
		d.describe(def)
	}
	if r, err := w.worthOne.get(q.Context(), name); err != nil {
		w.Log.Error("what a campaign was worth cannot be counted, and its page is shown without", "campaign", name, "error", err)
	} else if r.Compares() {
		of := q.worthOf(r)
		d.Worth = &of
	}
	return view{page: "campaign", room: "campaigns", title: name, data: d, live: 3}, nil
}

func (d *campaignData) describe(def *campaigns.Definition) {
	d.Topic, d.Sender, d.Audience, d.Exclude, d.Kind = def.Topic, def.Sender, def.Audience.Segment, def.Audience.Exclude, def.Kind
	for _, exit := range def.Exit {
		d.Exits = append(d.Exits, exit.String())
	}
	d.Outline = outline(def.Steps, 0)
	if def.Goal == nil {
		return
	}
	d.Goal = def.Goal.When.String()
	if !def.Goal.Within.IsZero() {
		d.Goal += " within " + def.Goal.Within.String()
	}
	p := d.Progress
	d.ConvertedShare = share(p.Converted, p.Enrolled)
}

// stepsInOrder puts steps in the order of the campaign; numbers are given for
// ever, so a step that was added later has a higher one wherever it stands.
func stepsInOrder(d *campaigns.Definition, steps []store.StepProgress) []store.StepProgress {
	if d == nil {
		return steps
	}
	place := map[int]int{}
	for i, s := range d.Sends() {
		place[s.Number] = i + 1
	}
	for _, s := range d.Sends() {
		if !slices.ContainsFunc(steps, func(p store.StepProgress) bool { return p.Number == s.Number }) {
			steps = append(steps, store.StepProgress{Number: s.Number, Template: s.Send.Template})
		}
	}
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b store.StepProgress) int {
		pa, pb := place[a.Number], place[b.Number]
		if pa == 0 || pb == 0 { // steps that are gone stand at the end
			return cmp.Or(cmp.Compare(pb, pa), cmp.Compare(a.Number, b.Number))
		}
		return cmp.Compare(pa, pb)
	})
	return steps
}

// acts are what a person can do with a campaign: from which statuses, to which.
var acts = map[string]struct {
	to   store.CampaignStatus
	from []store.CampaignStatus
}{
	"pause":  {store.Paused, []store.CampaignStatus{store.Running}},
	"resume": {store.Running, []store.CampaignStatus{store.Paused}},
	"stop":   {store.Stopped, []store.CampaignStatus{store.Running, store.Paused}},
}

// control pauses, resumes or stops a campaign. Doing it twice is harmless, and
// finishes a stop that broke off.
func (w *Web) control(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	act, ok := acts[r.PathValue("act")]
	if !ok {
		plain(rw, http.StatusNotFound, "there is nothing of this name to do with a campaign")
		return
	}
	all, err := w.Store.Campaigns(r.Context())
	if err == nil {
		if _, known := all[name]; !known {
			plain(rw, http.StatusNotFound, "there is no campaign "+name)
			return
		}
		_, err = w.Store.SetCampaignStatus(r.Context(), name, act.to, act.from, w.Now())
	}
	if err != nil {
		w.Log.Error("a campaign's status cannot be changed", "campaign", name, "error", err)
		rw.Header().Set("Retry-After", "5")
		plain(rw, http.StatusServiceUnavailable, "the database does not answer: look at the campaign, and try again")
		return
	}
	w.Log.Info("a campaign's status was changed from the dashboard", "campaign", name, "status", string(act.to))
	ctx := context.WithoutCancel(r.Context()) // what has begun goes on when the browser leaves
	w.Changed(ctx, name)
	if act.to == store.Stopped {
		if err := w.Store.WakeStopped(ctx, name, w.Now()); err != nil {
			w.Log.Error("not everybody in a campaign that was stopped is told to exit", "campaign", name, "error", err)
			rw.Header().Set("Retry-After", "5")
			plain(rw, http.StatusServiceUnavailable, "the campaign is stopped, but the database does not answer any more: who was not told exits within the hour, or at once with: rapport campaigns stop "+name)
			return
		}
	}
	http.Redirect(rw, r, "/campaigns/"+name, http.StatusSeeOther)
}
