package responses

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Bodies that are read in one go, and what a hair's breadth makes of them.
var bodies = []string{
	`{"event":"order.placed","id":"1","email":"a@b.example"}`,
	` { "event" : "order.placed" , "email" : "a@b.example" , "machine" : true } ` + "\n",
	`{"event":"email.bounced","message":"m1","at":"2026-03-02T09:30:00Z","properties":{"type":"hard","deep":{"a":[1,"}",{"b":"x"}]}}}`,
	`[{"event":"a","email":"a@b.example"}, {"event":"b","message_id":"<1@x>","link":"https://x.example","topic":"guides"}]`,
	`{"event":"a","email":"a@b.example","properties":{"a":-0.5e+3,"b":true,"c":false,"d":null,"e":"x", "a" : 0 , "f":12}}`,
	`{"event":"a","email":"a@b.example","properties":{ }}`,
	`[]`, `{}`, `{"event":"ä"}`,
	`{"event":"email.bounced","properties":{"deep":{"a":[1,"}",{"b":"\""}]}}}`,
	`{"event":"a","properties":{"a":1e999}}`, `{"event":"a","properties":{"a":1.}}`, `{"event":"a","properties":{"a":-}}`, `{"event":"a","properties":{"a":1e}}`, `{"event":"a","properties":{"a":nul}}`,
	``, `[`, `{"event"}`, `{"event":"a",}`, `[{"event":"a"},]`, `{"event":"a"} x`, `{"event":"a"}{}`,
	`{"event":"a\n"}`, `{"event":null}`, `{"Event":"a"}`, `{"event":"a","event":"b"}`, `{"event":""}`,
	`{"event":"a","properties":null}`, `{"event":"a","properties":{"a":1},"properties":{"b":2}}`, `{"event":"a","properties":{"a":01}}`,
	`{"event":"a","properties":[]}`, `{"event":"a","machine":false}`, `{"event":"a","machine":truer}`, `{"event":"a","other":"b"}`,
}

// alike fails when a body is read in one go and otherwise than in full.
func alike(t interface {
	Fatalf(string, ...any)
}, body []byte) (quick bool) {
	list, quick := quickEntries(body)
	if !quick {
		return false
	}
	raws, err := SplitJSON(body)
	if err != nil || len(raws) != len(list) {
		t.Fatalf("%q was read as %d entries; in full they are %d: %v", body, len(list), len(raws), err)
	}
	for i, e := range list {
		var c callback
		if problem := DecodeStrict(raws[i], &c, ""); problem != "" {
			t.Fatalf("%q was read; in full it is wrong: %s", body, problem)
		}
		if diff := cmp.Diff(c, e.callback); diff != "" || string(raws[i]) != string(e.raw) {
			t.Fatalf("%q (-in full +in one go):\n%s%s", body, diff, e.raw)
		}
	}
	return true
}

func TestWhatIsReadInOneGoIsReadAlike(t *testing.T) {
	quick := 0
	for _, body := range bodies {
		if alike(t, []byte(body)) {
			quick++
		}
	}
	if quick != 9 {
		t.Errorf("%d of the bodies were read in one go, want the first 9", quick)
	}
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(rapid.SampledFrom(bodies).Draw(t, "body"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(body) == 0 {
				break
			}
			i := rapid.IntRange(0, len(body)-1).Draw(t, "at")
			switch c := rapid.SampledFrom([]byte(`{}[],:"\ ax1t0.-e+`)).Draw(t, "byte"); rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				body[i] = c
			case 1:
				body = append(body[:i:i], body[i+1:]...)
			default:
				body = append(body[:i:i], append([]byte{c}, body[i:]...)...)
			}
		}
		alike(t, body)
	})
}

func BenchmarkParseCallback(b *testing.B) {
	body := []byte(`{"event":"order.placed","id":"one-12-345","email":"p0000123@bench.example","properties":{"total":49.5,"currency":"EUR"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if c, err := ParseCallback(body, "main", "1"); err != nil || len(c.Events) != 1 {
			b.Fatal(c, err)
		}
	}
}
