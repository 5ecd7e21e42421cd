package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/ident"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Store is what a plan asks the database. Nothing of it writes.
type Store interface {
	CurrentVersion(ctx context.Context) (store.Version, bool, error)
	Versions(ctx context.Context, limit int) ([]store.Version, error)
	VersionFiles(ctx context.Context, version int64) ([]store.File, error)
	Campaigns(ctx context.Context) (map[string]store.Campaign, error)
	LastFiring(ctx context.Context, campaign int64, start string) (store.Firing, bool, error)
	Reach(ctx context.Context, in store.StartInput) ([]store.Reached, error)
	Standings(ctx context.Context, ends []time.Time) ([]store.Standing, error)
	WaitingMail(ctx context.Context, ends []time.Time) (map[int64]map[int]int64, error)
	StartedSince(ctx context.Context, since time.Time) (map[int64]int64, error)
	SampleContacts(ctx context.Context, most, few int64, since time.Time) (store.Samples, error)
	AtLimit(ctx context.Context, most int, since time.Time, without []int64) ([]int64, error)
	FirstDays(ctx context.Context) (map[string]string, error)
}

// Input is what a plan is made of.
type Input struct {
	Store  Store
	Folder *workspace.Workspace
	Now    time.Time
	Days   int  // how many coming days are estimated, today included; 0: none
	Exact  bool // count everybody at the first start of each campaign, however many there are
	Ways        // what the apply would be told
}

// Ways are what an apply may be told to do with those on their way.
type Ways struct {
	Migrate bool // they go on in the new version, step by step identity
	Stop    bool // those who cannot go on end
}

// Plan is what applying a folder would do.
type Plan struct {
	// ID binds a plan to the content of the folder and to the version that it
	// was compared with: what `apply --plan` takes.
	ID      string             `json:"plan"`
	Hash    string             `json:"hash"` // of the folder's content
	Made    time.Time          `json:"made"`
	Base    *Base              `json:"base"` // null: nothing is applied yet
	Migrate bool               `json:"migrate"`
	Stop    bool               `json:"stop"`
	Changes []workspace.Change `json:"changes"`
	AtOnce  []string           `json:"at_once"` // what takes effect for those on their way, too

	Campaigns []Campaign `json:"campaigns"`
	Days      []Day      `json:"days"`
	Sampled   bool       `json:"sampled"` // the counts of contacts are those of a sample, scaled
	Limits    []Bite     `json:"limits"`

	Approval bool     `json:"approval"` // an apply of it needs one
	Refused  []string `json:"refused"`  // why an apply would refuse it, as it was asked for
}

// Base is the version that the folder is compared with.
type Base struct {
	Version  string            `json:"version"`
	Hash     string            `json:"hash"`
	Author   string            `json:"author"`
	Applied  time.Time         `json:"applied"`
	Statuses map[string]string `json:"statuses"` // of its campaigns
}

// Day is what is expected of a day in the company's zone.
type Day struct {
	Date  string `json:"date"`
	Enrol int64  `json:"enrol"`
	Mail  int64  `json:"mail"`
}

// Campaign is what a plan says about one.
type Campaign struct {
	Name   string `json:"name"`
	Status string `json:"status"` // running, paused, stopped; new: it was never applied; removed: the folder does not have it
	Start  string `json:"start,omitempty"`

	Audience map[string]int64 `json:"audience,omitempty"` // verdict → contacts, at its first start
	Baseline int64            `json:"baseline"`           // of `enter: segment`: who is in it now, and is not enrolled
	Method   string           `json:"method,omitempty"`   // how whom it enrols was estimated
	Days     []Day            `json:"days,omitempty"`

	OnTheirWay int64  `json:"on_their_way"`
	OldSteps   int64  `json:"old_steps"` // of them: whose version has other steps than the folder
	Moves      []Move `json:"moves,omitempty"`
}

// Move is what --migrate does with those who stand on one step.
type Move struct {
	Version  string `json:"version"`
	From     string `json:"from"`
	To       string `json:"to"`
	Change   string `json:"change"` // "", "removed" or "wait counted anew"
	Contacts int64  `json:"contacts"`
}

// Bite is a limit that would hold mail back.
type Bite struct {
	Limit    string `json:"limit"`
	Campaign string `json:"campaign,omitempty"`
	Date     string `json:"date,omitempty"`
	Count    int64  `json:"count"`
	Text     string `json:"text"`
}

// Same reports whether there is nothing to apply.
func (p *Plan) Same() bool { return p.Base != nil && p.Base.Hash == p.Hash }

// shortHash is how many digits of a content's hash people and plans write.
const shortHash = 12

// Short is the beginning of a content's hash, enough to tell versions apart.
func Short(hash string) string { return hash[:min(shortHash, len(hash))] }

// ID is the name of a plan: the content, and what it was compared with.
func ID(hash string, base store.Version, found bool) string {
	if !found {
		return Short(hash) + "-first"
	}
	return Short(hash) + "-" + ident.Format(base.ID)
}

// Make compares a folder with what is applied and looks ahead.
func Make(ctx context.Context, in Input) (*Plan, error) {
	m := maker{Input: in, versions: Versions{Store: in.Store}}
	for _, part := range []func(context.Context) error{m.compare, m.standings, m.starts, m.mail, m.limits} {
		if err := part(ctx); err != nil {
			return nil, fmt.Errorf("cannot make a plan: %w", err)
		}
	}
	return m.finish(), nil
}

// maker is one plan in the making.
type maker struct {
	Input
	plan     Plan
	zone     *time.Location
	days     []calendar.Date
	ends     []time.Time // of the days
	versions Versions
	base     *workspace.Workspace // nil: nothing is applied
	known    map[string]store.Campaign
	lately   map[int64]int64 // who started in each campaign within the last week
	standing []store.Standing
	samples  store.Samples
	names    []string             // of all campaigns that are spoken of
	of       map[string]*forecast // by name
}

// forecast is what is expected of one campaign.
type forecast struct {
	Campaign
	def   *campaigns.Definition // of the folder; nil: it has none
	full  int64                 // of whom its first start enrols, those at a limit
	enrol []float64             // by day
	at    []time.Time           // when those of a day are enrolled
	mail  []float64
	held  []float64 // of the mail: what a window or quiet hours moved
}

// compare reads the versions and finds what differs.
func (m *maker) compare(ctx context.Context) (err error) {
	w := m.Folder
	if m.zone, err = calendar.LoadZone(w.Company.Timezone); err != nil {
		return err
	}
	today := calendar.Of(m.Now, m.zone)
	for i := range m.Days {
		m.days = append(m.days, today.AddDays(i))
		m.ends = append(m.ends, today.AddDays(i+1).At(0, m.zone))
	}
	version, found, err := m.Store.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	if m.known, err = m.Store.Campaigns(ctx); err != nil {
		return err
	}
	m.plan = Plan{ID: ID(w.Hash, version, found), Hash: w.Hash, Made: m.Now.UTC(), Migrate: m.Migrate, Stop: m.Stop, Approval: w.RequireApproval}
	if found {
		if m.base, err = m.versions.Read(ctx, version.ID); err != nil {
			return err
		}
		m.plan.Approval = m.plan.Approval || m.base.RequireApproval
		m.plan.Base = &Base{Version: ident.Format(version.ID), Hash: version.Hash, Author: version.Author, Applied: version.Applied, Statuses: map[string]string{}}
		for name, k := range m.known {
			m.plan.Base.Statuses[name] = string(k.Status)
		}
	}
	m.plan.Changes = workspace.Diff(m.base, w)
	m.plan.AtOnce = atOnce(m.plan.Changes, m.base != nil)
	m.of = map[string]*forecast{}
	for name, d := range w.Campaigns {
		f := m.add(name)
		f.def, f.Start = d, startText(d)
		f.Status = "new"
		if k, ok := m.known[name]; ok {
			f.Status = string(k.Status)
			if k.Status == store.Removed {
				f.Status = string(store.Running) // it comes back
			}
		}
	}
	if m.base != nil {
		for name := range m.base.Campaigns {
			if m.of[name] == nil {
				m.add(name).Status = string(store.Removed)
			}
		}
	}
	return nil
}

func (m *maker) add(name string) *forecast {
	n := len(m.days)
	f := &forecast{Campaign: Campaign{Name: name}, enrol: make([]float64, n), at: make([]time.Time, n), mail: make([]float64, n), held: make([]float64, n)}
	m.of[name] = f
	m.names = append(m.names, name)
	return f
}

// startText is a start in a few words.
func startText(d *campaigns.Definition) string {
	switch d.Start.Kind {
	case campaigns.StartSchedule:
		return d.Start.Expr
	case campaigns.StartOnce:
		return "once " + d.Start.Once.String()
	case campaigns.StartEvent:
		return "event " + d.Start.Event
	}
	return "enter " + d.Audience.Segment
}

// atOnce lists what takes effect for those on their way as well.
func atOnce(changes []workspace.Change, applied bool) []string {
	out := []string{}
	for _, c := range changes {
		label := strings.TrimSpace(c.Kind + " " + c.Name)
		switch {
		case !applied || c.Kind == workspace.KindTest:
		case c.What != workspace.Changed:
			if c.Kind != workspace.KindCampaign {
				out = append(out, label+" ("+c.What+")")
			}
		default:
			var heads []string
			for _, f := range c.Fields {
				if f.Takes == workspace.AtOnce {
					head, _, _ := strings.Cut(strings.NewReplacer("[", ".", " ", ".").Replace(f.Path), ".")
					heads = append(heads, head)
				}
			}
			slices.Sort(heads)
			if heads = slices.Compact(heads); len(heads) > 0 {
				out = append(out, label+": "+strings.Join(heads, ", "))
			}
		}
	}
	return out
}

// finish rounds and sorts.
func (m *maker) finish() *Plan {
	p := &m.plan
	slices.Sort(m.names)
	p.Days, p.Campaigns = []Day{}, []Campaign{}
	for _, day := range m.days {
		p.Days = append(p.Days, Day{Date: day.String()})
	}
	for _, name := range m.names {
		f := m.of[name]
		for i, day := range m.days {
			d := Day{Date: day.String(), Enrol: rounded(f.enrol[i]), Mail: rounded(f.mail[i])}
			f.Days = append(f.Days, d)
			p.Days[i].Enrol += d.Enrol
			p.Days[i].Mail += d.Mail
		}
		p.Campaigns = append(p.Campaigns, f.Campaign)
	}
	for _, list := range []*[]string{&p.Refused, &p.AtOnce} {
		if *list == nil {
			*list = []string{}
		}
	}
	if p.Limits == nil {
		p.Limits = []Bite{}
	}
	if p.Changes == nil {
		p.Changes = []workspace.Change{}
	}
	return p
}

func rounded(x float64) int64 { return int64(x + 0.5) }

// Versions reads applied versions, each once.
type Versions struct {
	Store interface {
		VersionFiles(ctx context.Context, version int64) ([]store.File, error)
		Campaigns(ctx context.Context) (map[string]store.Campaign, error)
	}
	read  map[int64]*workspace.Workspace
	moves map[moveKey]campaigns.Moves
}

// Read is a version as it was applied, its steps with their numbers. Variables of
// the environment stay empty: a version is read to be compared, and not to run.
func (v *Versions) Read(ctx context.Context, id int64) (*workspace.Workspace, error) {
	if w := v.read[id]; w != nil {
		return w, nil
	}
	files, err := v.Store.VersionFiles(ctx, id)
	if err != nil {
		return nil, err
	}
	known, err := v.Store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]workspace.File, len(files))
	for i, f := range files {
		list[i] = workspace.File{Path: f.Path, Data: f.Data}
	}
	w, _ := workspace.FromFiles(list, nil)
	for _, name := range slices.Sorted(maps.Keys(w.Campaigns)) {
		if _, err := w.Campaigns[name].AssignNumbers(known[name].Numbers); err != nil {
			return nil, err
		}
	}
	if v.read == nil {
		v.read = map[int64]*workspace.Workspace{}
	}
	v.read[id] = w
	return w, nil
}
