package store

import (
	"encoding/json"

	"rapport/internal/plainjson"
)

// decodeMap reads the JSON object of attributes or properties: texts, numbers as
// float64, booleans, null, lists and objects. Every mail and every step reads one.
// The texts share the memory of text.
func decodeMap(text string) (map[string]any, error) {
	if m, ok := plainjson.Object(text); ok {
		return m, nil
	}
	var m map[string]any
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}
