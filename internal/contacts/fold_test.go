package contacts

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"DE", "de", "De"},
		{"Straße", "STRASSE", "strasse", "STRAẞE"},
		{"caf\u00e9", "cafe\u0301", "CAFÉ"},
		{"ﬁnal", "FINAL"},
		{"K", "k", "\u212a"},
		{"ΣΑΣ", "σας", "σασ"},
		{"\u13a0", "\uab70"},
		{"a\x00b", "ab"},
		{"a\xffb", "A\uFFFDB"},
	} {
		for _, s := range same[1:] {
			if Fold(s) != Fold(same[0]) {
				t.Errorf("%q folds to %q, %q to %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	if Fold("Ä") == Fold("A") {
		t.Error("an umlaut is a letter of its own")
	}
}

func TestFoldTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("%q folds to %q and then to %q", s, once, twice)
		}
	})
	for r := rune(0); r <= 0x10FFFF; r++ {
		once := Fold(string(r))
		if twice := Fold(once); twice != once {
			t.Fatalf("%U folds to %q and then to %q", r, once, twice)
		}
	}
}

func TestWesternLettersFoldAsAllOthersDo(t *testing.T) {
	slow := func(s string) string {
		return norm.NFC.String(strings.Map(cherokee, cases.Fold().String(norm.NFD.String(s))))
	}
	for a := rune(1); a < 0x180; a++ {
		for _, b := range []rune{'e', 'Ä', 'ÿ', 0x301} {
			s := string([]rune{a, b, a})
			if a >= utf8.RuneSelf && western(string(a)) != (a >= 'À' && a <= 'ÿ' && a != 'ß') {
				t.Errorf("western(%q) = %v", a, western(string(a)))
			}
			if got, want := Fold(s), slow(s); got != want {
				t.Errorf("Fold(%q) = %q; want %q", s, got, want)
			}
		}
	}
}

func TestFoldedIsJSONWhateverTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		folded := Folded(&Contact{Email: value, Attributes: map[string]any{name: value, "list": []any{value, 1.5, true}}})
		if !json.Valid([]byte(folded)) {
			t.Fatalf("%q", folded)
		}
	})
}

func TestFolded(t *testing.T) {
	c := Contact{
		Email: "ana@example.com", FirstName: "ANA", CreatedAt: time.Unix(1, 0), Stage: "customer", Health: "new",
		Attributes: map[string]any{
			"country": "DE", "age": 41.0, "price": 49.99, "tiny": 1e-7, "huge": 1e300, "vip": true, "no": false,
			"birthday": "1984-02-29", "renewal": "2026-12-01 09:00", "seen": "2026-03-02T00:30:00+01:00",
			"likes": []any{"Gravel", 5.0, true, nil, ""}, "none": []any{}, "empty": "", "null": nil, "nan": math.NaN(),
			"address":      map[string]any{"city": "Köln", "geo": map[string]any{"lat": 50.9}},
			"address.city": "Bonn", // what is written with its dot comes first
			"email":        "hidden",
		},
	}
	want := `{"a":{"tiny":0},` +
		`"b":{"no":0,"vip":1},` +
		`"d":{"birthday":5172,"renewal":20788},` +
		`"f":{"huge":9094988921128908188,"tiny":4502148214488346440},` +
		`"i":{"seen":1772407800000},` +
		`"l":{"likes":["tgravel","n5000000","b1"]},` +
		`"m":{"address":1,"address.geo":1},` +
		`"n":{"address.geo.lat":50900000,"age":41000000,"price":49990000},` +
		`"t":{"address.city":"bonn","birthday":"1984-02-29","country":"de","email":"ana@example.com","first_name":"ana","renewal":"2026-12-01 09:00","seen":"2026-03-02t00:30:00+01:00"},` +
		`"y":{"birthday":229,"renewal":1201}}`
	got := Folded(&c)
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(want), &b)
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("%s\n%s", got, diff)
	}
	if got := FoldedProperties(&Event{}); got != "{}" {
		t.Errorf("no properties fold to %s", got)
	}
}

func TestField(t *testing.T) {
	c := Contact{Email: "a@b.cd", Attributes: map[string]any{
		"a": map[string]any{"b": map[string]any{"c": 1.0}, "b.c": 2.0}, "a.b": map[string]any{"d": 3.0}, "e": "", "first_name": "hidden",
	}}
	for path, want := range map[string]any{"email": "a@b.cd", "a.b.c": 2.0, "a.b.d": 3.0, "e": nil, "first_name": nil, "nothing": nil, "a.x": nil, "created_at": nil} {
		got, ok := c.Field(path)
		if !ok {
			got = nil
		}
		if got != want && !(want == nil && !ok) {
			t.Errorf("Field(%q) = %v; want %v", path, got, want)
		}
	}
}

func TestFloatKeyOrdersAsNumbersDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		if (a < b) != (FloatKey(a) < FloatKey(b)) && !(a == 0 && b == 0) {
			t.Fatalf("%v and %v have the keys %d and %d", a, b, FloatKey(a), FloatKey(b))
		}
	})
}

func TestExactIsTheDecimalThatWasWritten(t *testing.T) {
	for f, want := range map[float64]int64{0.1: 100_000, 0.3: 300_000, 49.99: 49_990_000, -1e-6: -1, 1e9: 1e15, 0: 0} {
		if got, ok := Exact(f); !ok || got != want {
			t.Errorf("Exact(%v) = %d, %v; want %d", f, got, ok, want)
		}
	}
	tenth := 0.1
	for _, f := range []float64{1e-7, tenth + 2*tenth, 1e10, 1e300, 1.0000001} {
		if got, ok := Exact(f); ok {
			t.Errorf("Exact(%v) = %d", f, got)
		}
	}
}

func TestAppendJSONWritesWhatIsReadAgain(t *testing.T) {
	for _, v := range []any{
		"", "Köln", "a \"quote\" \\ and \x01 <b>", true, false, nil, 0.0, math.Copysign(0, -1), 12.0, -7.0, 1e15, -1e15, 1e21, 0.1, 49.5, -123.456, 1e-6, 9.99e-7, 1e-9, 5e-324, 999999999999999.5, math.MaxFloat64, 9007199254740993.0,
		[]any{"a", 1.5, nil}, map[string]any{}, map[string]any{"b": 1.0, "a": map[string]any{"c": []any{}}, "ü\n": "x"},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		got := AppendJSON([]byte("before"), v)[len("before"):]
		if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal(want, &b)); err != nil {
			t.Errorf("%s: %v", got, err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s is read as %v, not as %v", got, a, b)
		}
	}
}
