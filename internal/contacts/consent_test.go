package contacts

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func TestRule27WhatAFileSaysOfConsent(t *testing.T) {
	withdrawn := Consent{Topic: "guides", State: ConsentWithdrawn, Source: "one click", At: morning}
	pending := Consent{Topic: "guides", State: ConsentPending, Source: "form", At: morning}
	file := Consent{Topic: "guides", State: ConsentGiven, Source: "list.csv", At: morning.AddDate(1, 0, 0)}
	old, nameless, no := file, file, file
	old.At, nameless.Source, no.State = morning.AddDate(-1, 0, 0), "", ConsentWithdrawn
	for _, c := range []struct {
		name        string
		known, file Consent
		want        string
	}{
		{"first word", Consent{}, file, ""},
		{"later than pending", pending, file, ""},
		{"older than pending", pending, old, "consent to guides: what is known of 2026-03-02 is as new"},
		{"after a withdrawal, however late", withdrawn, file, "consent to guides: withdrawn on 2026-03-02; only the contact can give it again"},
		{"without a source", Consent{}, nameless, "consent to guides: an imported consent needs a source"},
		{"a withdrawal always counts", pending, no, ""},
	} {
		if got := RefuseImport(c.known, c.file); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestConsentIsTheSameInAnyOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		acts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Consent {
			return Consent{Topic: "guides", State: rapid.SampledFrom([]string{ConsentGiven, ConsentWithdrawn, ConsentPending}).Draw(t, "state"),
				At:  morning.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")) * time.Millisecond),
				Key: rapid.StringMatching("[a-c]").Draw(t, "key")}
		}), 1, 8).Draw(t, "acts")
		last := func(list []Consent) Consent {
			out := list[0]
			for _, c := range list[1:] {
				if c.After(out) {
					out = c
				}
			}
			return out
		}
		want := last(acts)
		if got := last(rapid.Permutation(acts).Draw(t, "arrival")); got.compare(want) != 0 {
			t.Fatalf("%+v, want %+v", got, want)
		}
		for _, c := range acts {
			if c.State == ConsentWithdrawn && c.At.Equal(want.At) && want.State != ConsentWithdrawn {
				t.Fatalf("%+v counts over a withdrawal of the same moment", want)
			}
		}
		if slices.SortFunc(acts, CompareConsents); acts[len(acts)-1].compare(want) != 0 {
			t.Fatalf("the history ends in %+v, want %+v", acts[len(acts)-1], want)
		}
	})
}
