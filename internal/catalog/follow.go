package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"rapport/campaigns"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// EnterSegments are the segments that campaigns start from as soon as a contact
// enters them.
func (a *Applied) EnterSegments() []string {
	a.follow.Do(a.readFollowed)
	return a.enter
}

// SegmentHash changes when a segment that campaigns start from means something
// else: its file, or that of a segment it names.
func (a *Applied) SegmentHash(name string) string {
	a.follow.Do(a.readFollowed)
	return a.hashes[name]
}

// Followed is how the store keeps the membership of such a segment.
func (a *Applied) Followed(name string, now time.Time) store.SegmentInput {
	return store.SegmentInput{Name: name, Hash: a.SegmentHash(name), Condition: a.Segments[name].Where, SQL: a.SQL(now)}
}

func (a *Applied) readFollowed() {
	a.hashes = map[string]string{}
	for _, d := range a.Workspace.Campaigns {
		if d.Start.Kind == campaigns.StartEnter && a.Segments[d.Audience.Segment] != nil {
			a.enter = append(a.enter, d.Audience.Segment)
			a.entering = a.entering.And(d.AdmitNeeds(a.Segments)) // the segment is its audience
		}
	}
	slices.Sort(a.enter)
	a.enter = slices.Compact(a.enter)
	for _, name := range a.enter {
		a.hashes[name] = a.hashSegment(name)
	}
}

func (a *Applied) hashSegment(name string) string {
	hash := sha256.New()
	seen := map[string]bool{}
	var add func(string)
	add = func(name string) {
		segment := a.Segments[name]
		if seen[name] || segment == nil {
			return
		}
		seen[name] = true
		i := slices.IndexFunc(a.Files, func(f workspace.File) bool { return f.Path == "segments/"+name+".yaml" })
		if i >= 0 {
			hash.Write(a.Files[i].Data)
		}
		for _, other := range segment.Where.Uses().Segments {
			add(other)
		}
	}
	add(name)
	return hex.EncodeToString(hash.Sum(nil))
}
