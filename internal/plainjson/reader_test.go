package plainjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

var plain = []string{
	`{}`, ` { } `, `{"a": 1}`, `{"a":-0.5,"b":[1,"x",true,null,[]],"c":"é"}`, `{"a":{"b":{"c":[{"d":false}]}}}`,
	`{"a": "Gießen", "picks": ["Lamp, 34 €", "}"], "club": true}`, `{"a":1e5,"b":-2E-3,"c":0.10e+1}`, `{"a":1,"a":{"b":2},"a":{"c":3}}`, `{"a":-0}`,
	`{"a":123456789012345678901234567890}`, "{\"a\":\"\x7f\"}", `{"":""}`,
	`{"a":` + strings.Repeat("[", deepest-1) + strings.Repeat("]", deepest-1) + `}`,
}

var unusual = []string{
	``, `null`, `[]`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a" 1}`, `{"a":"x}`, `{"a":1}{}`, `{"a":1} x`, `{a:1}`,
	`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":--1}`, `{"a":-}`, `{"a":+1}`, `{"a":1-1}`, `{"a":1e}`, `{"a":1e999}`, `{"a":0x1}`, `{"a":1_0}`, `{"a":NaN}`,
	`{"a":tru}`, `{"a":truer}`, `{"a":nul`, `{"a":[1,]}`, `{"a":[`, `{"a":[1 2]}`, `{"a":{"b"}}`,
	`{"a":"\n"}`, `{"\u0061":1}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"\xc3\":1}",
	`{"a":` + strings.Repeat("[", deepest) + strings.Repeat("]", deepest) + `}`,
}

func TestPlainObjectsAreRead(t *testing.T) {
	for _, text := range plain {
		if _, ok := Object(text); !ok {
			t.Errorf("%s is not read", text)
		}
		alike(t, text)
	}
	for _, text := range unusual {
		if m, ok := Object(text); ok {
			t.Errorf("%s is read as %v", text, m)
		}
	}
}

// alike fails where an object is read that encoding/json reads otherwise or not at all.
func alike(t *testing.T, text string) {
	t.Helper()
	got, ok := Object(text)
	if !ok {
		return
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(text), &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Object(%q) = %#v, encoding/json has %#v, %v", text, got, want, err)
	}
}

func FuzzObjectIsReadAsByEncodingJSON(f *testing.F) {
	for _, text := range append(plain, unusual...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { alike(t, text) })
}

// Places are what the caller cuts the text by.
func TestReaderTellsWhatItHasRead(t *testing.T) {
	r := NewReader(` {"a" : 1} , "b"`)
	r.Space()
	at := r.At()
	_, ok := r.Object()
	if got := r.Since(at); !ok || at != 1 || got != `{"a" : 1}` {
		t.Errorf("from %d it has read %q, %v", at, got, ok)
	}
	if r.End() || !r.Take(',') || r.Word(" b") || r.Take('b') {
		t.Error("what comes next is told wrong")
	}
	r.Space()
	if text, ok := r.Text(); text != "b" || !ok || !r.End() {
		t.Errorf("the last text is %q, %v", text, ok)
	}
}

func BenchmarkObject(b *testing.B) {
	const text = `{"bike": "city bike", "city": "Gießen", "club": true, "picks": ["Helmet Lind, 59 €", "Lamp Nord, 34 €", "Bag Kontor, 89 €"], "number": 81706, "next_service": "2026-04-10"}`
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Object(text); !ok {
			b.Fatal("not read")
		}
	}
}
