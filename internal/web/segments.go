package web

import (
	"context"

	"rapport/internal/store"
)

type segmentsData struct {
	Rows  []segmentRow
	Total int64
}

type segmentRow struct {
	store.SegmentSize
	Condition string
	UsedBy    []string // campaigns
}

func (w *Web) segments(q *request) (view, error) {
	var d segmentsData
	sizes, err := w.sizes.get(q.Context())
	if err != nil {
		return view{}, err
	}
	if d.Total, err = w.Store.CountContacts(q.Context()); err != nil {
		return view{}, err
	}
	for _, size := range sizes {
		row := segmentRow{SegmentSize: size}
		if q.applied != nil {
			if s := q.applied.Segments[size.Name]; s != nil {
				row.Condition = s.Where.String()
			}
			row.UsedBy = q.usedBy(size.Name)
		}
		d.Rows = append(d.Rows, row)
	}
	return view{page: "segments", room: "segments", title: "Segments", data: d, live: 5}, nil
}

// usedBy are the campaigns whose audience, or whose exceptions, a segment is.
func (q *request) usedBy(segment string) (out []string) {
	for _, name := range sortedNames(q.applied.Workspace.Campaigns) {
		a := q.applied.Workspace.Campaigns[name].Audience
		used := a.Segment == segment
		for _, s := range a.Exclude {
			used = used || s == segment
		}
		if used {
			out = append(out, name)
		}
	}
	return out
}

func (w *Web) countSegments(ctx context.Context) ([]store.SegmentSize, error) {
	a := w.Applied()
	if a == nil {
		return nil, nil
	}
	return w.Store.SegmentSizes(ctx, store.Question{Now: w.Now(), Segments: a.Segments, Zone: a.Zone, Ladder: stagesOf(a), Scoring: scoringOf(a)})
}
