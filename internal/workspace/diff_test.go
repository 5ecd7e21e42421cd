package workspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// campaignWith is a workspace with one campaign of these steps.
func campaignWith(steps string) *Workspace {
	w, _ := FromFiles([]File{{Path: "campaigns/welcome.yaml", Data: []byte("campaign: welcome\ntopic: guides\nstart: { schedule: \"0 9 * * *\" }\nsteps:\n" + steps)}}, nil)
	return w
}

// told writes changes as a person reads them.
func told(changes []Change) (out []string) {
	for _, c := range changes {
		if c.What != Changed || len(c.Fields) == 0 {
			out = append(out, fmt.Sprintf("%s %s %s", c.What, c.Kind, c.Name))
		}
		for _, f := range c.Fields {
			out = append(out, fmt.Sprintf("%s %s: %s → %s", f.What, f.Path, f.From, f.To))
		}
	}
	return out
}

func TestRule14StepsAreComparedByIdentity(t *testing.T) {
	const from = "  - send: one\n  - wait: 3d\n  - send: two\n"
	for name, c := range map[string]struct {
		to   string
		want []string
	}{
		"a wait":         {"  - send: one\n  - wait: 4d\n  - send: two\n", []string{"changed steps[2].wait: 3d → 4d"}},
		"a step between": {"  - send: one\n  - set: { attributes.x: 1 }\n  - wait: 3d\n  - send: two\n", []string{"added steps[2]:  → { set: { attributes.x: 1 } }"}},
		"a step gone":    {"  - send: one\n  - wait: 3d\n", []string{"removed steps[3]: { send: two } → "}},
		"another order":  {"  - send: two\n  - wait: 3d\n  - send: one\n", []string{"changed steps (order): send:one, wait#1, send:two → send:two, wait#1, send:one"}},
		"a subject": {"  - { send: { template: one, subject: Hello } }\n  - wait: 3d\n  - send: two\n",
			[]string{"changed steps[1].send: one → { template: one, subject: Hello }"}},
		"spelling": {"  - { send: one }\n  - {wait: \"3d\"}\n  - send: 'two'   # a word\n", []string{"changed campaign welcome"}},
		"nothing":  {from, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(Diff(campaignWith(from), campaignWith(c.to))); !slices.Equal(got, c.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

func TestStepsInsideOfStepsAreCompared(t *testing.T) {
	nested := func(days, arm string) *Workspace {
		return campaignWith("  - send: one\n  - wait_for: { email: clicked, template: one, up_to: 2d }\n    then: [ { wait: " + days + " }, { send: two } ]\n" +
			"    else:\n      - split: { name: x, arms: [ { arm: a, weight: 50, steps: [ { send: " + arm + " } ] }, { arm: b, weight: 50, steps: [ { send: four } ] } ] }\n" +
			"  - branch: [ { if: { attribute: country, is: DE }, then: [ { wait: " + days + " } ] }, { else: [ { send: five } ] } ]\n")
	}
	want := []string{
		"changed steps[2].then[1].wait: 1d → 2d",
		"removed steps[2].else[1].split.arms[1].steps[1]: { send: three } → ",
		"added steps[2].else[1].split.arms[1].steps[1]:  → { send: six }",
		"changed steps[3].branch[1].then[1].wait: 1d → 2d",
	}
	if got := told(Diff(nested("1d", "three"), nested("2d", "six"))); !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestWhatDiffersInOtherFiles(t *testing.T) {
	file := func(path, text string) *Workspace {
		w, _ := FromFiles([]File{{Path: path, Data: []byte(text)}}, nil)
		return w
	}
	for name, c := range map[string]struct {
		path, from, to string
		want           []string
	}{
		"a condition of several": {"segments/x.yaml", "segment: x\nwhere:\n  - stage: customer\n  - { event: order.placed, in_last: 60d }\n",
			"segment: x\nwhere:\n  - { event: order.placed, in_last: 90d }\n  - stage: customer\n  - { consent: guides }\n",
			[]string{"changed where[1].in_last: 60d → 90d", "added where[3]:  → { consent: guides }"}},
		"a rung": {"relationship.yaml", "ladder:\n  - stage: stranger\n  - { stage: customer, when: { event: order.placed } }\n",
			"ladder:\n  - stage: stranger\n  - { stage: prospect, when: { consent: guides } }\n  - { stage: customer, when: { event: order.paid } }\n",
			[]string{"added ladder[2]:  → { stage: prospect, when: { consent: guides } }", "changed ladder[3].when.event: order.placed → order.paid"}},
		"a list of values": {"rapport.yaml", "secrets: [ \"${A}\" ]\nattributes: { zip: text }\ndelivery: { only: [ a ] }\n", "secrets: [ \"${B}\" ]\nattributes: { zip: \"1\" }\ndelivery: { only: [ a, b ] }\n",
			[]string{"changed secrets: [${A}] → [${B}]", "changed attributes.zip: text → \"1\"", "changed delivery.only: [a] → [a, b]"}},
		"secrets that stand there": {"rapport.yaml", "database: postgres://me:word@host/db\nproviders: { m: { smtp: { password: old } } }\nsecrets: [ one ]\n",
			"database: postgres://me:other@host/db\nproviders: { m: { smtp: { password: new } } }\nsecrets: [ two ]\n",
			[]string{"changed database: (hidden) → (hidden)", "changed providers.m.smtp.password: (hidden) → (hidden)", "changed secrets: [(hidden)] → [(hidden)]"}},
		"a template": {"templates/a.md", "---\nsubject: Hello\n---\nOne\nTwo\n", "---\nsubject: Hello you\ntopic: guides\n---\nOne\nThree\nFour\n",
			[]string{"changed subject: Hello → Hello you", "added topic:  → guides", "changed text: 2 lines → 3 lines, 2 new, 1 gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(Diff(file(c.path, c.from), file(c.path, c.to))); !slices.Equal(got, c.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

func TestWhenAChangeTakesEffect(t *testing.T) {
	for _, c := range []struct{ kind, path, want string }{
		{KindCampaign, "steps[2].wait", ForSteps}, {KindCampaign, "start.schedule", ForStarts}, {KindCampaign, "control", ForStarts},
		{KindCampaign, "exit[1]", AtOnce}, {KindCampaign, "description", WithNobody}, {KindSettings, "limits.per_contact[1].max", AtOnce},
		{KindSettings, "providers.main.rate", WithServe}, {KindSegment, "where", AtOnce}, {KindTest, "scenarios", WithNobody},
	} {
		if got := takes(c.kind, c.path); got != c.want {
			t.Errorf("%s %s takes effect %q, want %q", c.kind, c.path, got, c.want)
		}
	}
}
