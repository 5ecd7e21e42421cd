package simulate

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/strict"
	"rapport/internal/workspace"
)

// northwindWith is the example with other files in place of its tests.
func northwindWith(t testing.TB, more map[string]string) *workspace.Workspace {
	t.Helper()
	w, _ := workspace.Load("../../examples/northwind", nil)
	var files []workspace.File
	for _, f := range w.Files {
		if _, replaced := more[f.Path]; !replaced && !strings.HasPrefix(f.Path, "tests/") {
			files = append(files, f)
		}
	}
	for _, path := range sortedKeys(more) {
		files = append(files, workspace.File{Path: path, Data: []byte(more[path])})
	}
	w, findings := workspace.FromFiles(files, nil)
	for _, f := range findings {
		if !f.Warning {
			t.Fatalf("the workspace of this test is wrong:\n%s", strict.Render(f, false))
		}
	}
	return w
}

// quiet tells a test of what is worth a warning.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// problemsOf runs the scenarios and returns what is wrong with each, by name.
func problemsOf(t *testing.T, w *workspace.Workspace) map[string][]string {
	t.Helper()
	verdicts, err := RunScenarios(t.Context(), Tests{Workspace: w, Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for i := range verdicts {
		v := &verdicts[i]
		out[v.Name] = []string{}
		for _, p := range v.Problems {
			out[v.Name] = append(out[v.Name], fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message))
		}
	}
	return out
}

const rule28 = `scenarios:
  - name: the minute counts, and the second does not
    campaign: welcome
    contact: { email: a@example.com, consents: [guides], attributes: { country: DE } }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
      - { at: 2026-03-05 09:01, expect: { send: guide-fit } }
      - { at: 2026-03-05 12:00, event: order.placed }

  - name: entries of one minute run in the order of the file
    campaign: welcome
    contact: { email: a@example.com, consents: [guides], attributes: { country: DE } }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome, stage: prospect } }
      - { at: 2026-03-02 09:00, event: order.placed }
      - { at: 2026-03-02 09:00, expect: { stage: customer, exit: "event order.placed" } }
      - { at: 2026-03-02 09:00, event: order.placed }
      - { at: 2026-03-02 09:00, expect: { stage: client, health: new } }

  - name: what is sent and not expected fails
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-03 09:00, event: order.placed }

  - name: unless that is allowed
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-03 09:00, event: order.placed }

  - name: an answer is about the latest message
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-05 09:30, event: email.clicked }
      - { at: 2026-03-05 09:30, expect: { send: guide-routes } }

  - name: unless it names another
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-05 09:30, event: email.clicked, template: welcome }
      - { at: 2026-03-09 09:00, expect: { send: guide-fit-short } }

  - name: an answer needs a message
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-02 08:30, event: email.clicked }

  - name: the arm is picked
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    arms: { first-offer: discount }
    steps:
      - { at: 2026-03-11 09:00, expect: { send: offer-discount } }
    never: [ { send: offer-free-service } ]

  - name: the other arm is picked
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    unexpected: allow
    arms: { first-offer: service }
    steps:
      - { at: 2026-03-11 09:00, expect: { send: offer-free-service } }
    never: [ { send: offer-discount } ]

  - name: the clock runs until the enrolment ends
    campaign: welcome
    contact: { email: a@example.com, consents: [guides], attributes: { country: DE } }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
    never: [ { send: store-invitation } ]

  - name: a stage stands until it is left
    campaign: club-invitation
    contact: { email: a@example.com, stage: client, health: lapsed, consents: [guides], attributes: { country: DE } }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-02 08:00, expect: { stage: client, health: lapsed } }
      - { at: 2026-03-03 08:00, event: order.placed }
      - { at: 2026-03-03 08:00, expect: { stage: client, health: active } }

  - name: nobody begins below what was earned
    campaign: welcome
    contact: { email: a@example.com, stage: stranger, consents: [guides] }
    from: 2026-03-07 08:00
    unexpected: allow
    steps: []

  - name: who may not be mailed is not enrolled
    campaign: first-order
    contact: { email: a@example.com }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 10:00, event: order.placed }
      - { at: 2026-03-02 10:00, expect: { not_enrolled: "no consent to guides" } }

  - name: leaving ends the topic of the campaign
    campaign: welcome
    contact: { email: a@example.com, consents: [guides, offers] }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
      - { at: 2026-03-02 10:00, event: email.unsubscribed }
      - { at: 2026-03-02 10:00, expect: { exit: "consent to guides is withdrawn" } }

  - name: a bounce ends it
    campaign: welcome
    contact: { email: a@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
      - { at: 2026-03-02 09:01, event: email.bounced }
      - { at: 2026-03-02 09:01, expect: { exit: "suppressed: hard-bounce" } }

  - name: attributes are set
    campaign: first-order
    contact: { email: a@example.com, consents: [guides], attributes: { bike: city } }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-02 10:00, event: order.placed }
      - { at: 2026-03-03 10:00, expect: { attributes: { onboarded: true } } }
      - { at: 2026-03-10 10:00, expect: { attributes: { onboarded: true, bike: cargo } } }
`

func TestRule28(t *testing.T) {
	got := problemsOf(t, northwindWith(t, map[string]string{"tests/rule.yaml": rule28}))
	want := map[string][]string{
		"the minute counts, and the second does not": {
			"2:5: guide-fit was sent at 2026-03-05 09:00, and nothing expects it",
			"8:9: guide-fit is expected at 2026-03-05 09:01, and was sent at 2026-03-05 09:00",
		},
		"what is sent and not expected fails":     {"22:5: welcome was sent at 2026-03-02 09:00, and nothing expects it"},
		"an answer needs a message":               {"61:9: email.clicked is about a message, and none was sent by 2026-03-02 08:30"},
		"the clock runs until the enrolment ends": {"90:14: send store-invitation must never be, and was at 2026-03-13 09:00"},
		"nobody begins below what was earned":     {"102:5: the contact begins as stranger, and what it is given makes it prospect"},
		"attributes are set": {
			"142:9: attribute onboarded is expected to be true at 2026-03-03 10:00, and it has no value",
			"143:9: attribute bike is expected to be \"cargo\" at 2026-03-10 10:00, and it is \"city\"",
		},
	}
	for name := range got {
		if want[name] == nil {
			want[name] = []string{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Nobody is held out of a test, and a test does not wait for anybody's best hour.
func TestRule28_ControlIsOff(t *testing.T) {
	w := northwindWith(t, map[string]string{"tests/many.yaml": manyScenarios(30)})
	for name, problems := range problemsOf(t, w) {
		if len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

// manyScenarios are alike but for the contact: with control at 10 % all of thirty
// are treated once in twenty-five times.
func manyScenarios(n int) string {
	text := "scenarios:\n"
	for i := range n {
		text += fmt.Sprintf(`  - name: contact %d
    campaign: welcome
    contact: { email: c%d@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
      - { at: 2026-03-02 09:00, event: order.placed }
`, i, i)
	}
	return text
}

func TestFaultyMailFailsAScenario(t *testing.T) {
	w := northwindWith(t, map[string]string{
		"templates/welcome.md": "---\nsubject: \"{{ contact.first_name | upcase }}\"\ntopic: guides\nlanguages: { de: welcome.de.md }\n---\nHi {{ 1 | divided_by: contact.open_tickets }}\n",
		"tests/faulty.yaml": `scenarios:
  - name: broken
    campaign: welcome
    contact: { email: a@example.com, first_name: Ana, consents: [guides], attributes: { open_tickets: 0 } }
    from: 2026-03-02 08:00
    unexpected: allow
    steps:
      - { at: 2026-03-02 09:00, expect: { send: welcome } }
      - { at: 2026-03-02 10:00, event: order.placed }
`})
	got := problemsOf(t, w)["broken"]
	t.Log(got)
	if len(got) != 2 || !strings.Contains(got[1], "welcome is expected at 2026-03-02 09:00, and was failed at") {
		t.Errorf("%q", got)
	}
}

func BenchmarkScenarios(b *testing.B) {
	w, _ := workspace.Load("../../examples/northwind", nil)
	for b.Loop() {
		verdicts, err := RunScenarios(b.Context(), Tests{Workspace: w, Log: quiet(b)})
		if err != nil || len(verdicts) == 0 {
			b.Fatal(err)
		}
	}
}

// A scenario has one customer, from whom nothing can be learnt: it says itself what
// is predicted, and the ladder and the steps see it.
func TestAScenarioSaysWhatIsPredicted(t *testing.T) {
	w := northwindWith(t, map[string]string{
		"relationship.yaml": `
health:
  states: [ { health: at-risk, when: { score: p_alive, below: 50% } } ]
`,
		"campaigns/stay.yaml": `
campaign: stay
topic: guides
start: { event: order.placed }
steps:
  - wait: 40d
  - if: { score: p_alive, below: 50% }
    then: [ { exit: nearly lost } ]
    else: [ { exit: stays } ]
`,
		"tests/stay.yaml": `
scenarios:
  - name: silence is noticed
    campaign: stay
    contact: { email: ana@example.com, consents: [guides] }
    from: 2026-03-02 08:00
    steps:
      - { at: 2026-03-02 09:00, event: order.placed, properties: { total: 80 } }
      - { at: 2026-04-05 10:00, expect: { health: active } }
      - { at: 2026-04-05 10:00, event: score.predicted, properties: { p_alive: 0.3 } }
      - { at: 2026-04-05 10:01, expect: { health: at-risk } }
      - { at: 2026-04-11 09:00, expect: { exit: nearly lost } }
`})
	if diff := cmp.Diff(map[string][]string{"silence is noticed": {}}, problemsOf(t, w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
