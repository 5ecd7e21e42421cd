package responses

import (
	"rapport/internal/catalog"
)

// genericKind is the kind of the callbacks that are signed as Sign does.
const genericKind = "generic"

// SettingsOf picks out of the applied workspace what matters here. Nil, before
// the first apply, gives settings without topics and providers.
func SettingsOf(a *catalog.Applied) Settings {
	if a == nil {
		return Settings{}
	}
	s := Settings{
		Company: a.Company.Name, Website: a.Company.Website, Language: a.Company.Language,
		CampaignTopic: map[string]string{}, Webhooks: map[string][]string{},
	}
	for _, name := range a.TopicOrder {
		s.Topics = append(s.Topics, Topic{Name: name, Title: a.Topics[name].Title})
	}
	for name, d := range a.Workspace.Campaigns {
		s.CampaignTopic[name] = d.Topic
	}
	for name, p := range a.Providers {
		if p.Callbacks != nil && p.Callbacks.Kind == genericKind {
			s.Webhooks[name] = p.Callbacks.Secrets
		}
	}
	return s
}
