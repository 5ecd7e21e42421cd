package api

import (
	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/store"
)

// SettingsOf picks out of the applied workspace what matters here.
func SettingsOf(a *catalog.Applied) Settings {
	s := Settings{TransactionalStarts: map[string]bool{}, Segments: map[string]string{}}
	if a == nil {
		return s
	}
	s.Topics = a.TopicOrder
	for _, d := range a.Workspace.Campaigns {
		if d.Kind == campaigns.Transactional && d.Start.Kind == campaigns.StartEvent {
			s.TransactionalStarts[d.Start.Event] = true
		}
	}
	for name, segment := range a.Segments {
		s.Segments[name] = segment.Where.String()
	}
	s.Question = store.Question{Segments: a.Segments, Zone: a.Zone}
	for _, rung := range a.Relationship.Ladder {
		s.Question.Ladder = append(s.Question.Ladder, rung.Stage)
	}
	return s
}
