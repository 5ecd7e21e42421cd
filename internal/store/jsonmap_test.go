package store

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// What is read fast is what encoding/json would have read, and what it would
// refuse is refused.
func FuzzDecodeMapIsJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, ` {}`, `{} `, `{"a": 1}`, `{"a":-0.5,"b":[1,"x",true,null,[]],"c":"é\n"}`, `{"a":{"b":1}}`, `{"a": "Gießen", "picks": ["Lamp, 34 €"], "club": true}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e5}`, `{"a":--1}`, `{"a":-}`, `{"a":1-1}`, `{"a":tru}`, `{"a":[1,]}`, `{"a":1,}`, `{"a" 1}`, `{"a":"x}`, `null`, `[]`, `{"a":1}{}`,
		`{"a":1,"a":2}`, "{\"a\":\"\x01\"}", `{"a":-0}`, `{"a":123456789012345678901234567890}`, `{"\u0061":1}`, `{"a":nul`, `{"a":[`, `{`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // no database holds it
		}
		var want map[string]any
		wantErr := json.Unmarshal([]byte(text), &want)
		got, err := decodeMap(text)
		if (err != nil) != (wantErr != nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("decodeMap(%q) = %v, want %v", text, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("decodeMap(%q) = %#v, want %#v", text, got, want)
		}
	})
}

func BenchmarkDecodeMap(b *testing.B) {
	const text = `{"bike": "city bike", "city": "Gießen", "club": true, "picks": ["Helmet Lind, 59 €", "Lamp Nord, 34 €", "Bag Kontor, 89 €"], "number": 81706, "next_service": "2026-04-10"}`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeMap(text); err != nil {
			b.Fatal(err)
		}
	}
}
