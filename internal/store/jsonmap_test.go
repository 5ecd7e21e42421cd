package store

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What is not plain is read by encoding/json, which says what is wrong.
func TestDecodeMapIsJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"a":-0.5,"b":[1,"x",true,null,[]],"c":"é"}`, `{"a":"é\n"}`, `{"\u0061":1}`, `null`,
		`{"a":01}`, `{"a":1,}`, `[]`, `{"a":1}{}`, "{\"a\":\"\x01\"}", ``,
	} {
		var want map[string]any
		wantErr := json.Unmarshal([]byte(text), &want)
		got, err := decodeMap(text)
		if (err != nil) != (wantErr != nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("decodeMap(%q) = %v, want %v", text, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("decodeMap(%q) = %#v, want %#v", text, got, want)
		}
	}
}
