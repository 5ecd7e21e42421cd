package workspace

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"rapport/campaigns"
	"rapport/internal/strict"
	"rapport/segments"
)

// The ways in which two versions differ.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "removed"
)

// Kinds of what can differ.
const (
	KindSettings     = "settings"
	KindRelationship = "relationship"
	KindSegment      = "segment"
	KindCampaign     = "campaign"
	KindTemplate     = "template"
	KindTest         = "test"
)

// kinds is the order in which differences are listed.
var kinds = []string{KindSettings, KindRelationship, KindSegment, KindCampaign, KindTemplate, KindTest}

// When a change takes effect, once it is applied.
const (
	AtOnce     = "at once"
	ForStarts  = "for who starts from now on"        // audience, start: they decide about nobody who is in
	ForSteps   = "for who starts from now on, steps" // who is on the way keeps its steps, unless it is migrated
	WithServe  = "when serve starts"                 // connections and secrets are read from the folder
	WithNobody = ""                                  // tests and descriptions
)

// Change is how one part of the workspace differs between two versions.
type Change struct {
	Kind   string  `json:"kind"`
	Name   string  `json:"name"` // of the campaign, segment, template or test; "" where there is one only
	File   string  `json:"file"`
	What   string  `json:"what"`             // Added, Changed or Removed
	Fields []Field `json:"fields,omitempty"` // of what changed; none when only comments or the layout did
}

// Field is one value that differs, at the innermost place.
type Field struct {
	Path string `json:"path"` // as in "steps[2].wait"; items count from 1
	What string `json:"what"`
	From string `json:"from,omitempty"` // as YAML in one line; secrets that stand in the file are not shown
	To   string `json:"to,omitempty"`
	// Takes is when it takes effect: AtOnce, ForStarts, ForSteps, WithServe or "".
	Takes string `json:"takes,omitempty"`
}

// Diff compares two readings of a workspace, field by field. Steps of a campaign
// are the same step when their identity is (semantics.md, rule 14). from may be
// nil: then everything is new.
func Diff(from, to *Workspace) []Change {
	olds := map[string][]byte{}
	if from != nil {
		for _, f := range from.Files {
			olds[f.Path] = f.Data
		}
	}
	var out []Change
	seen := map[string]bool{}
	for _, f := range to.Files {
		seen[f.Path] = true
		c := changeOf(f.Path)
		old, known := olds[f.Path]
		switch {
		case c.Kind == "" || known && string(old) == string(f.Data):
			continue
		case !known:
			c.What = Added
		default:
			c.What = Changed
			c.Fields = fields(c, from.tree(f.Path, old), to.tree(f.Path, f.Data))
		}
		out = append(out, c)
	}
	for _, name := range slices.Sorted(maps.Keys(olds)) {
		if c := changeOf(name); c.Kind != "" && !seen[name] {
			c.What = Removed
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), strings.Compare(a.File, b.File))
	})
	return out
}

// changeOf says what a file holds; its kind is "" for one that is no part of the
// language.
func changeOf(file string) Change {
	dir, rest, _ := strings.Cut(file, "/")
	c := Change{File: file, Name: strings.TrimSuffix(rest, path.Ext(rest))}
	switch {
	case file == mainFile:
		c.Kind, c.Name = KindSettings, ""
	case file == relationshipFile:
		c.Kind, c.Name = KindRelationship, ""
	case dir == segmentsDir:
		c.Kind = KindSegment
	case dir == campaignsDir:
		c.Kind = KindCampaign
	case dir == templatesDir:
		c.Kind, c.Name = KindTemplate, rest
	case dir == testsDir:
		c.Kind = KindTest
	}
	return c
}

// fields compares two readings of one file.
func fields(c Change, from, to *tree) []Field {
	var d differ
	d.compare("", from, to)
	for i := range d.out {
		d.out[i].Takes = takes(c.Kind, d.out[i].Path)
	}
	return d.out
}

// takes says when a change of a field takes effect (semantics.md, rule 13).
func takes(kind, field string) string {
	head, _, _ := strings.Cut(field, ".")
	head, _, _ = strings.Cut(head, "[")
	switch kind {
	case KindTest:
		return WithNobody
	case KindCampaign:
		switch head {
		case "steps":
			return ForSteps
		case "start", "audience", "reentry", "control":
			return ForStarts
		case "description", "purpose":
			return WithNobody
		}
	case KindSettings:
		switch head {
		case "database", "redis", "providers", "inbound", "webhooks", "secrets":
			return WithServe
		}
	}
	return AtOnce
}

// StartedWithin is the condition that holds for whom the event that starts a
// campaign has happened to within a span such as "7d", and who is in its
// audience; nil for a campaign that starts in another way.
func (w *Workspace) StartedWithin(campaign, span string) *segments.Condition {
	d := w.Campaigns[campaign]
	if d == nil || d.Start.Kind != campaigns.StartEvent {
		return nil
	}
	where := ""
	for _, f := range w.Files {
		if f.Path == d.File {
			if t := parseTree(f.Data).at("start", -1).at("event", -1).at("where", -1); t != nil {
				where = ", where: " + t.text(true)
			}
		}
	}
	text := "- { event: " + strconv.Quote(d.Start.Event) + ", in_last: " + span + where + " }\n"
	if d.Audience.Segment != "" {
		text += "- { segment: " + d.Audience.Segment + " }\n"
	}
	var ignored strict.Findings
	n, ok := strict.Parse("", []byte(text), &ignored)
	if !ok {
		return nil
	}
	c, _ := segments.Decode(n, &segments.Env{Attributes: w.Attributes, Events: w.Events, Segments: slices.Collect(maps.Keys(w.Segments))})
	return c
}
