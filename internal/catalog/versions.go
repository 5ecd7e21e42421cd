package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
	"rapport/internal/strict"
	"rapport/internal/workspace"
	"rapport/templates"
)

const (
	// pastKept is how many versions stay that are only looked at, as by who opens
	// old mail in the browser.
	pastKept = 4
	// readPatience bounds the reading of a version: many may wait for the one.
	readPatience = 30 * time.Second
)

// Version is a version by id: the current one or one that enrolments are
// pinned to. Its campaigns carry the numbers of the registry. It stays in memory.
func (c *Catalog) Version(ctx context.Context, id int64) (*Applied, error) {
	found, err := c.find(ctx, id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.old[id] == nil {
		c.old[id] = found
		c.past = slices.DeleteFunc(c.past, func(a *Applied) bool { return a.Version.ID == id })
	}
	return c.old[id], nil
}

// Past is a version by id that is only looked at. Of those that nobody is pinned
// to, the last few stay in memory.
func (c *Catalog) Past(ctx context.Context, id int64) (*Applied, error) {
	found, err := c.find(ctx, id)
	if err != nil {
		return nil, err
	}
	c.hold(found)
	return found, nil
}

// hold puts a version first among those that are only looked at, unless it stays
// in memory anyway.
func (c *Catalog) hold(found *Applied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.old[found.Version.ID] != nil {
		return
	}
	c.past = slices.DeleteFunc(c.past, func(a *Applied) bool { return a.Version.ID == found.Version.ID })
	c.past = slices.Insert(c.past, 0, found)
	c.past = slices.Delete(c.past, min(pastKept, len(c.past)), len(c.past))
}

// find takes a version from memory, or reads it, once for all who ask meanwhile:
// one of them who goes away spoils it for nobody.
func (c *Catalog) find(ctx context.Context, id int64) (*Applied, error) {
	if found := c.known(id); found != nil {
		return found, nil
	}
	read := c.flight.DoChan(strconv.FormatInt(id, 10), func() (any, error) {
		if found := c.known(id); found != nil {
			return found, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readPatience)
		defer cancel()
		found, err := c.read(ctx, id)
		if err == nil {
			c.hold(found) // before the reading counts as over: who comes next finds it
		}
		return found, err
	})
	select {
	case r := <-read:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Applied), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Catalog) known(id int64) *Applied {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.old[id]; found != nil {
		return found
	}
	for _, a := range c.past {
		if a.Version.ID == id {
			return a
		}
	}
	return nil
}

func (c *Catalog) read(ctx context.Context, id int64) (*Applied, error) {
	files, err := c.source.VersionFiles(ctx, id)
	if err != nil {
		return nil, err
	}
	status, err := c.source.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := load(files, c.env)
	if err != nil {
		return nil, fmt.Errorf("version %d as it was applied cannot be read by this program: %w", id, err)
	}
	loaded.Version.ID, loaded.Campaigns, loaded.names = id, status, names(status)
	for name, d := range loaded.Workspace.Campaigns {
		if _, err := d.AssignNumbers(status[name].Numbers); err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

// load reads what was applied once. It refuses only what it could not run as it
// was meant then: neither a check that came later does, nor a secret of a provider
// that is long gone. Mail goes by the connections of the current version alone,
// which Refresh asks for theirs.
func load(files []store.File, env func(string) (string, bool)) (*Applied, error) {
	list := make([]workspace.File, len(files))
	for i, f := range files {
		list[i] = workspace.File{Path: f.Path, Data: f.Data}
	}
	w, findings := workspace.FromFiles(list, env)
	var wrong, unset []string
	for _, f := range findings {
		switch {
		case f.Warning || f.Runs:
		case f.Code == workspace.CodeUnset:
			unset = append(unset, strict.Render(f, false))
		default:
			wrong = append(wrong, strict.Render(f, false))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "\n"))
	}
	a, err := Of(store.Version{}, w, nil)
	if err != nil {
		return nil, err
	}
	a.unset = strings.Join(unset, "\n")
	return a, nil
}

// Pinned is the campaign of an enrolment as it was when it began. nil without an
// error: that version has no such campaign.
func (c *Catalog) Pinned(ctx context.Context, applied *Applied, e campaigns.Enrolment) (*campaigns.Definition, error) {
	if e.Version == applied.ID {
		if d := applied.Definition(e.Campaign); d != nil {
			return d, nil
		}
	}
	old, err := c.Version(ctx, e.Version)
	if err != nil {
		return nil, err
	}
	return old.Workspace.Campaigns[applied.Name(e.Campaign)], nil
}

// Now is the campaign of an enrolment as it runs now, or as the enrolment has it
// pinned where it was removed since. nil without an error: neither has it.
func (c *Catalog) Now(ctx context.Context, applied *Applied, e campaigns.Enrolment) (*campaigns.Definition, error) {
	if d := applied.Definition(e.Campaign); d != nil {
		return d, nil
	}
	return c.Pinned(ctx, applied, e)
}

// Template is the one of a name as it is applied now, else that of the version
// that an enrolment is pinned to. nil without an error: neither has it.
func (c *Catalog) Template(ctx context.Context, applied *Applied, name string, e campaigns.Enrolment) (*templates.Template, error) {
	if t := applied.Templates.Template(name); t != nil {
		return t, nil
	}
	old, err := c.Version(ctx, e.Version)
	if err != nil {
		return nil, err
	}
	return old.Templates.Template(name), nil
}
