package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/contacts"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

// away is a database that does not answer just now.
type away struct{ catalog.Source }

func (away) VersionFiles(context.Context, int64) ([]store.File, error) {
	return nil, errors.New("the connection was reset")
}

// Between the question what is needed and the decision, the database may have come
// back. A decision without the consents would end the enrolment of a contact who
// has agreed.
func TestAVersionThatCannotBeReadNeedsEverything(t *testing.T) {
	s := New(Config{Catalog: catalog.New(away{}, nil, nil), Log: slog.New(slog.DiscardHandler)})
	applied := &catalog.Applied{Version: store.Version{ID: 2}, Workspace: &workspace.Workspace{}}
	e := campaigns.Enrolment{ID: 1 << 10, Version: 1, State: campaigns.Parked}
	if n := s.Machine(t.Context(), applied, time.Time{}).Needs(e, true); !reflect.DeepEqual(n, contacts.Everything) {
		t.Errorf("to step it needs %+v, want everything", n)
	}
}
