package contacts

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRule27MergeConsent(t *testing.T) {
	early, late := now.AddDate(0, 0, -10), now
	given := func(at time.Time) Consent {
		return Consent{Topic: "guides", State: ConsentGiven, Source: "form", At: at}
	}
	state := func(s string, at time.Time) Consent {
		return Consent{Topic: "guides", State: s, Source: "form", At: at}
	}
	for name, c := range map[string]struct {
		current, incoming Consent
		imported          bool
		changed           bool
		reason            string
	}{
		"first word":                         {Consent{}, given(early), true, true, ""},
		"import without a source":            {Consent{}, Consent{Topic: "guides", State: ConsentGiven, At: late}, true, false, "consent to guides: an import has to say where it was given"},
		"without a time":                     {Consent{}, given(time.Time{}), false, false, "consent to guides: it has no time"},
		"unknown state":                      {Consent{}, state("yes", late), false, false, `consent to guides: "yes" is not given, withdrawn or pending`},
		"import over a withdrawal":           {state(ConsentWithdrawn, early), given(late), true, false, "consent to guides: withdrawn on 2026-02-20; an import cannot give it back, only the contact can"},
		"the contact comes back":             {state(ConsentWithdrawn, early), given(late), false, true, ""},
		"an old form comes late":             {state(ConsentWithdrawn, late), given(early), false, false, "consent to guides: withdrawn on 2026-03-02, which is not earlier than given on 2026-02-20"},
		"import confirms what is pending":    {state(ConsentPending, early), given(late), true, true, ""},
		"an earlier import over pending":     {state(ConsentPending, late), given(early), true, false, "consent to guides: pending on 2026-03-02, which is not earlier than given on 2026-02-20"},
		"import says what is known":          {given(early), given(late), true, false, ""},
		"said again":                         {given(early), given(late), false, true, ""},
		"withdrawn by an import":             {given(early), state(ConsentWithdrawn, late), true, true, ""},
		"withdrawn in the same millisecond":  {given(late), state(ConsentWithdrawn, late), false, true, ""},
		"given in the same millisecond":      {state(ConsentWithdrawn, late), given(late), false, false, "consent to guides: withdrawn on 2026-03-02, which is not earlier than given on 2026-03-02"},
		"an old withdrawal":                  {given(late), state(ConsentWithdrawn, early), false, false, "consent to guides: given on 2026-03-02, which is not earlier than withdrawn on 2026-02-20"},
		"who has confirmed stays confirmed":  {given(early), state(ConsentPending, late), false, false, ""},
		"who has withdrawn may sign up anew": {state(ConsentWithdrawn, early), state(ConsentPending, late), false, true, ""},
	} {
		result, changed, reason := MergeConsent(c.current, c.incoming, c.imported)
		if changed != c.changed || reason != c.reason {
			t.Errorf("%s: changed %v, %q", name, changed, reason)
		}
		if want := map[bool]Consent{true: c.incoming, false: c.current}[changed]; result != want {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

func TestRule27NoImportMakesMailableWhoSaidNo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) Consent {
			return Consent{Topic: "guides", Source: "x", At: now.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, label+" at")) * time.Hour),
				State: rapid.SampledFrom([]string{ConsentGiven, ConsentPending, ConsentWithdrawn}).Draw(t, label)}
		}
		c := draw("first")
		c.State = ConsentWithdrawn
		for range rapid.IntRange(1, 5).Draw(t, "imports") {
			c, _, _ = MergeConsent(c, draw("import"), true)
			if c.State != ConsentWithdrawn {
				t.Fatalf("an import made it %s", c.State)
			}
		}
	})
}
