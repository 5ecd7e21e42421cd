// Package catalog holds what was applied, ready to run: the current version of
// the workspace, the older ones that running enrolments are pinned to, and the
// status of every campaign. It reads the store again when something changed,
// and leaves reading files to workspace and every decision to others.
package catalog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// Source is where versions are kept.
type Source interface {
	CurrentVersion(ctx context.Context) (store.Version, bool, error)
	VersionFiles(ctx context.Context, version int64) ([]store.File, error)
	Campaigns(ctx context.Context) (map[string]store.Campaign, error)
	ProviderStates(ctx context.Context) (map[string]store.ProviderState, error)
}

// Applied is one version of the workspace, ready to run. It is not changed
// after it was made, except that a newer Applied takes its place.
type Applied struct {
	store.Version
	*workspace.Workspace
	Zone      *time.Location // the company's
	Campaigns map[string]store.Campaign
	States    map[string]store.ProviderState // of the providers that were ever closed
	names     map[int64]string
	unset     string // findings about variables of the environment without a value

	follow *sync.Once // of the three that stand below
	enter  []string
	hashes map[string]string
	// entering is what deciding about those segments looks at.
	entering contacts.Needs

	needs *sync.Map // of definitions, by their pointers
}

// Name is the name of a campaign.
func (a *Applied) Name(campaign int64) string { return a.names[campaign] }

// Definition is the campaign as this version says it; nil when it has none.
func (a *Applied) Definition(campaign int64) *campaigns.Definition {
	return a.Workspace.Campaigns[a.names[campaign]]
}

// CampaignID is the id of a campaign by name; 0 when it was never applied.
func (a *Applied) CampaignID(name string) int64 { return a.Campaigns[name].ID }

// Catalog serves Applied versions to every part of one process.
type Catalog struct {
	// Ready is a workspace that was read already: the current version, when it has
	// its hash, is not read again. nil: none. Set it before the first Refresh.
	Ready *workspace.Workspace

	source  Source
	env     func(string) (string, bool)
	folder  *workspace.Workspace // whose connections count; nil: the version's own
	reading sync.Mutex           // one Refresh at a time: an older answer never takes the place of a newer one
	mu      sync.Mutex
	current *Applied
	old     map[int64]*Applied // that was current, or that enrolments are pinned to
	past    []*Applied         // that was looked at last, the newest first
	flight  singleflight.Group // one reading of each version at a time
}

// New makes a catalog. env reads environment variables: secrets come from the
// process and are never stored. folder is the workspace as it stands on the disk,
// of which only connections and secrets count (semantics.md, rule 13); nil: those
// of the version.
func New(source Source, env func(string) (string, bool), folder *workspace.Workspace) *Catalog {
	return &Catalog{source: source, env: env, folder: folder, old: map[int64]*Applied{}}
}

// Refresh reads what was applied and the campaigns' status, when it changed.
// It returns nil before the first apply.
func (c *Catalog) Refresh(ctx context.Context) (*Applied, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	version, found, err := c.source.CurrentVersion(ctx)
	if err != nil || !found {
		return nil, err
	}
	status, err := c.source.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	states, err := c.source.ProviderStates(ctx)
	if err != nil {
		return nil, err
	}
	if c.Ready != nil && c.Ready.Hash == version.Hash {
		if err := c.keep(version.ID, c.Ready, status); err != nil {
			return nil, err
		}
	}
	loaded, err := c.Version(ctx, version.ID)
	if err != nil {
		return nil, err
	}
	if loaded.unset != "" {
		return nil, fmt.Errorf("version %d, which is to run, needs what this process does not have: %s", version.ID, loaded.unset)
	}
	fresh := *loaded // the same workspace, with the status of now
	fresh.Version, fresh.Campaigns, fresh.States, fresh.names = version, status, states, names(status)
	fresh.follow, fresh.enter, fresh.hashes, fresh.entering, fresh.needs = new(sync.Once), nil, nil, contacts.Needs{}, new(sync.Map)
	if c.folder != nil {
		fresh.Workspace = fresh.Workspace.WithConnections(c.folder)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = &fresh
	return &fresh, nil
}

func names(status map[string]store.Campaign) map[int64]string {
	out := map[int64]string{}
	for name, k := range status {
		out[k.ID] = name
	}
	return out
}

// Current is what Refresh read last; nil before the first.
func (c *Catalog) Current() *Applied {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// keep makes a workspace that was read already a version's.
func (c *Catalog) keep(id int64, w *workspace.Workspace, status map[string]store.Campaign) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.old[id] != nil {
		return nil
	}
	ready, err := Of(store.Version{ID: id}, w, status)
	if err != nil {
		return err
	}
	for name, d := range w.Campaigns {
		if _, err := d.AssignNumbers(status[name].Numbers); err != nil {
			return err
		}
	}
	c.old[id] = ready
	return nil
}

// Of makes an Applied of a workspace that was just stored as a version.
func Of(v store.Version, w *workspace.Workspace, status map[string]store.Campaign) (*Applied, error) {
	zone, err := calendar.LoadZone(w.Company.Timezone)
	if err != nil {
		return nil, err
	}
	return &Applied{Version: v, Workspace: w, Zone: zone, Campaigns: status, names: names(status), follow: new(sync.Once), needs: new(sync.Map)}, nil
}
