package relationship

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/calendar"
	"rapport/segments"
)

// everything is the relationship.yaml of the language's own page.
const everything = `ladder:
  - stage: stranger
  - stage: prospect
    when: { any: [ { consent: guides }, { email: clicked }, { email: replied } ] }
  - stage: customer
    when: { event: order.placed }
  - stage: client
    when: { event: order.placed, count: { at_least: 2 }, in_last: 365d }
    keep: { event: order.placed, in_last: 540d }
  - stage: supporter
    when: { all: [ { stage: { at_least: client } }, { score: nps, at_least: 9 } ] }
    keep: { score: nps, at_least: 7 }
  - stage: advocate
    when: { any: [ { event: referral.converted }, { event: testimonial.given } ] }
  - stage: partner
    when: { event: partnership.agreed }
health:
  purchase: order.placed
  new: 30d
  states:
    - health: lost
      when: { any: [ { email: complained }, { not: { event: order.placed, in_last: 720d } } ] }
    - health: lapsed
      when: { not: { event: order.placed, in_last: 180d } }
    - health: at-risk
      when: { score: p_alive, below: 50% }
signals:
  engagement: { half_life: 30d, email.clicked: 5, email.replied: 15, order.placed: 20, email.complained: -100 }
programs:
  loyalty:
    points: { order.placed: { per: total, rate: 1 }, review.written: 50 }
    expire: 365d
    tiers: [ { tier: bronze, from: 0 }, { tier: silver, from: 500, benefits: [free-service] }, { tier: gold, from: 2000 } ]
  referral: { reward: { points: 200 }, friend: { attributes.voucher: WELCOME10 } }
  survey:
    after-welcome: { question: How likely are you to recommend us?, scale: 0-10, notify: { below: 7, webhook: crm } }
  partners:
    velo-club: { title: Velo Club Hamburg, code: velo }
`

func env() *segments.Env {
	return &segments.Env{Topics: []string{"guides"}, Campaigns: []string{"welcome"}}
}

func TestDecodeTheWholeLanguage(t *testing.T) {
	d, findings := read(everything, env())
	var got []string
	for _, f := range findings {
		if !f.Warning {
			t.Errorf("%d:%d: %s", f.Line, f.Column, f.Message)
		}
		got = append(got, fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message))
	}
	var want []string
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if len(d.Ladder) != 7 || d.Ladder[3].Keep == nil || d.Ladder[0].When != nil {
		t.Errorf("ladder %+v", d.Ladder)
	}
	if d.Health.New != (calendar.Span{Days: 30}) || len(d.Health.States) != 3 {
		t.Errorf("health %+v", d.Health)
	}
	if s := d.Signals[0]; s.Name != "engagement" || s.HalfLife != (calendar.Span{Days: 30}) || s.Weights["email.complained"] != -100 {
		t.Errorf("signals %+v", d.Signals)
	}
	want = []string{"bronze 0", "silver 500", "gold 2000"}
	var tiers []string
	for _, tier := range d.Programs.Loyalty.Tiers {
		tiers = append(tiers, fmt.Sprintf("%s %g", tier.Name, tier.From))
	}
	if diff := cmp.Diff(want, tiers); diff != "" {
		t.Errorf("tiers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]Earning{"order.placed": {Per: "total", Rate: 1}, "review.written": {Fixed: 50}}, d.Programs.Loyalty.Points); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
	survey := Survey{Name: "after-welcome", Question: "How likely are you to recommend us?", High: 10, Below: 7, Webhook: "crm"}
	if diff := cmp.Diff([]Survey{survey}, d.Programs.Surveys); diff != "" {
		t.Errorf("surveys (-want +got):\n%s", diff)
	}
}

func TestDecodeFindings(t *testing.T) {
	for text, want := range map[string][]string{
		"ladder: []": {`1:9: "ladder" needs at least one rung []`},
		"ladder: [ { stage: a, when: { event: x } } ]":                                                               {`1:23: everybody stands on the lowest rung, so it has no when [put a rung without rules below it]`},
		"programs: { partners: { club: { title: Club, code: velo }, fair: { title: Fair, code: VELO } } }":           {`1:87: club has the code velo already []`},
		"programs: { partners: { club: { title: Club, code: velo club } } }":                                         {`1:52: the code "velo club" cannot stand in a link as it is [use letters, digits, - and _]`},
		"programs: { partners: { club: { title: Club } } }":                                                          {`1:31: "code" is missing []`},
		"ladder: [ { stage: a }, { stage: b } ]":                                                                     {`1:25: "when" is missing []`},
		"ladder: [ { stage: a }, { stage: a, when: { event: x } } ]":                                                 {`1:34: the ladder has a rung "a" already []`},
		"ladder: [ { stage: a }, { stage: b, when: { stage: b } } ]":                                                 {`1:52: the rung b may ask for the rungs below it only, not for b []`},
		"ladder: [ { stage: a }, { stage: b, when: { stage: { at_least: c } } }, { stage: c, when: { event: x } } ]": {`1:64: the rung b may ask for the rungs below it only, not for c []`},
		"ladder: [ { stage: a }, { stage: b, when: { event: x }, keep: { not: { stage: { in: [a, b] } } } } ]":       {`1:89: the rung b may ask for the rungs below it only, not for b []`},
		"ladder: [ { stage: a }, { stage: b, when: { stage: cc } } ]":                                                {`1:52: there is no stage "cc" [known here: a, b]`},
		"ladder: [ { stage: a }, { stage: b, when: { any: [ { event: x }, { health: lost } ] } } ]":                  {`1:68: the ladder does not see "health" [ask for events, e-mails, consents, attributes or lower rungs]`},
		"ladder: [ { stage: a }, { stage: b, when: { campaign: welcome, is: in } } ]":                                {`1:45: the ladder does not see "campaign" [ask for events, e-mails, consents, attributes or lower rungs]`},
		"ladder: [ { stage: a }, { stage: b, when: { email: clicked, campaign: welcome } } ]":                        nil,
		"ladder: [ { stage: a }, { stage: b, wen: { event: x } } ]":                                                  {`1:37: unknown key "wen" [did you mean "when"?]`},
		"health: { states: [ { health: none, when: { event: x } } ] }":                                               {`1:31: "health" must be one of new, active, at-risk, lapsed or lost, not none []`},
		"health: { states: [ { health: lost, when: { health: lapsed } } ] }":                                         {`1:45: health does not see "health" [ask for events, e-mails, consents, attributes or stages]`},
		"programs: { loyalty: { tiers: [ { tier: gold, from: 10 }, { tier: silver, from: 5 } ] } }": {
			`1:81: tiers rise: silver must start above gold []`,
		},
		"programs: { loyalty: { tiers: [ { tier: gold, from: 10 }, { tier: gold, from: 50 } ] } }": {`1:67: there is a tier gold already []`},
		"signals: { nps: { half_life: 3d, email.clicked: 1 } }":                                    {`1:12: nps is a score of the engine's own [give the signal another name]`},
		"signals: { warm: { email.clicked: 1 } }":                                                  {`1:18: "half_life" is missing []`},
		"signals: { warm: { half_life: 3d } }":                                                     {`1:18: nothing adds to the signal warm [as in email.clicked: 5]`},
		"signals: { warm: { half_life: 3d, email.clickd: 1 } }":                                    {`1:35: there is no event "email.clickd" [did you mean "email.clicked"?]`},
		"programs: { survey: { s: { question: Why?, scale: 5-1 } } }": {
			`1:51: a scale goes from a lower to a higher number, at most 10, not "5-1" [as in 0-10 or 1-5]`,
		},
		"programs: { survey: { s: { question: Why?, notify: { below: 11, webhook: crm } } } }": {
			`1:61: no answer from 0 to 10 tells those below 11 apart []`,
		},
	} {
		_, findings := read(text+"\n", env())
		var got []string
		for _, f := range findings {
			got = append(got, fmt.Sprintf("%d:%d: %s [%s]", f.Line, f.Column, f.Message, f.Hint))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestDecodeFillsInWhatIsNotSaid(t *testing.T) {
	d, findings := read("health: { purchase: shop.order }\n", env())
	if len(findings) > 0 {
		t.Errorf("findings %+v", findings)
	}
	if len(d.Ladder) != 7 || d.Health.Purchase != "shop.order" || d.Health.New != defaultNew || len(d.Health.States) != 0 {
		t.Errorf("%+v", d)
	}
	d, _ = read("ladder: [ { stage: a } ]\n", env())
	if len(d.Ladder) != 1 || len(d.Health.States) != 3 || d.Health.Purchase != "order.placed" {
		t.Errorf("%+v", d)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(everything)
	f.Add("ladder: { a: b }\nhealth: []\nsignals: 3\nprograms: { loyalty: 1, survey: [], partners: x }\n")
	f.Fuzz(func(t *testing.T, text string) {
		if d, _ := read(text, env()); d != nil {
			Fold(d, person("2026-02-01 order.placed", "2026-02-02 email.clicked"), at("2026-12-01"), nil, nil)
		}
	})
}
