package store

import (
	"reflect"
	"testing"

	"rapport/internal/contacts"
)

// Contacts share their facts where they need the same: every field of Needs counts
// for what is the same.
func TestWhoNeedsSomethingElseIsReadApart(t *testing.T) {
	plain := needsName(contacts.Needs{})
	for i := range reflect.TypeFor[contacts.Needs]().NumField() {
		var n contacts.Needs
		switch field := reflect.ValueOf(&n).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		default:
			field.Set(reflect.ValueOf([]string{"order.placed"}))
		}
		if needsName(n) == plain {
			t.Errorf("%+v counts as nothing", n)
		}
	}
}
