package house

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/campaigns"
	"rapport/internal/relationship"
	"rapport/internal/strict"
	"rapport/segments"
)

func TestTmpDecode(t *testing.T) {
	root := "../../examples/northwind"
	var f strict.Findings
	names := func(g string) (out []string) {
		l, _ := filepath.Glob(filepath.Join(root, g))
		for _, p := range l {
			b := filepath.Base(p)
			out = append(out, strings.TrimSuffix(b, filepath.Ext(b)))
		}
		return
	}
	env := &segments.Env{Segments: names("segments/*.yaml"), Campaigns: names("campaigns/*.yaml"), Templates: names("templates/*.md"),
		Topics: []string{"guides", "offers", "service"}, Stages: []string{"stranger", "prospect", "customer", "client", "supporter", "advocate", "partner"}}
	data, _ := os.ReadFile(root + "/rapport.yaml")
	n, _ := strict.Parse("rapport.yaml", data, &f)
	env.Attributes = map[string]string{}
	for _, p := range n.Map().Get("attributes").Map().Pairs() {
		env.Attributes[p.Key.Raw().Value] = p.Value.Raw().Value
	}
	env.Events = map[string]map[string]string{}
	for _, p := range n.Map().Get("events").Map().Pairs() {
		m := map[string]string{}
		for _, q := range p.Value.Map().Pairs() {
			m[q.Key.Raw().Value] = q.Value.Raw().Value
		}
		env.Events[p.Key.Raw().Value] = m
	}
	data, _ = os.ReadFile(root + "/relationship.yaml")
	n, _ = strict.Parse("relationship.yaml", data, &f)
	relationship.Decode(n, env)
	for _, k := range []string{"segments", "campaigns"} {
		l, _ := filepath.Glob(filepath.Join(root, k, "*.yaml"))
		for _, p := range l {
			data, _ := os.ReadFile(p)
			n, _ := strict.Parse(k+"/"+filepath.Base(p), data, &f)
			if k == "segments" {
				segments.DecodeSegment(n, p, env)
			} else {
				campaigns.Decode(n, env, &campaigns.References{Senders: []string{"mia", "workshop"}, TopicSenders: map[string]string{"guides": "mia", "offers": "mia", "service": "workshop"}})
			}
		}
	}
	for _, x := range f.All() {
		fmt.Println(strict.Render(x, false))
	}
}
