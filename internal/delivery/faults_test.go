package delivery

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"rapport/campaigns"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/contacts"
	"rapport/internal/delivery/smtp"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/internal/workspace"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// A message that cannot leave for a reason of ours must not come back at the
// same instant: it would go round as fast as the database can write.
func TestWhatOnlyTimeCanMendWaits(t *testing.T) {
	w := New(Config{})
	for _, c := range []struct {
		err  error
		wait time.Duration
	}{
		{errChanged, 0},
		{context.Canceled, 0},
		{errLease, providerPause},
		{errors.New("journal: the disk is full"), providerPause},
	} {
		o := w.outcome(&store.Claimed{Candidate: store.Candidate{Due: noon}}, smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbIntent, Err: c.err}, noon)
		if o.State != campaigns.Queued || !o.Untried || o.NotBefore.Sub(noon) != c.wait {
			t.Errorf("%v: %s after %s, untried %t; want queued after %s, untried", c.err, o.State, o.NotBefore.Sub(noon), o.Untried, c.wait)
		}
		// A campaign that was paused for a week has messages that old, and one that is
		// taken back when it goes on was never tried.
		late := w.outcome(&store.Claimed{Candidate: store.Candidate{Due: noon}}, smtp.Result{Outcome: smtp.Temporary, Verb: smtp.VerbIntent, Err: c.err}, noon.Add(7*24*time.Hour))
		if given := late.State == campaigns.Failed; given != (c.wait > 0) {
			t.Errorf("%v after a week: %s %s", c.err, late.State, late.Reason)
		}
	}
}

func TestRule09AChangeThatIsForgottenStillCounts(t *testing.T) {
	var c changes
	claimed := noon
	withdrawn := queue.Notice{Kind: NoticeContact, Key: "1"}
	c.note(withdrawn, claimed.Add(10*time.Second))
	if !c.since(claimed, claimed.Add(20*time.Second), withdrawn) {
		t.Error("a change after the claim is not seen")
	}
	if c.since(claimed, claimed.Add(20*time.Second), queue.Notice{Kind: NoticeContact, Key: "2"}) {
		t.Error("somebody else's change counts")
	}
	// A slow mail server keeps the message, and other changes push this one out.
	c.note(queue.Notice{Kind: NoticeContact, Key: "3"}, claimed.Add(75*time.Second))
	if !c.since(claimed, claimed.Add(80*time.Second), withdrawn) {
		t.Error("consent was withdrawn after the claim, and the message leaves")
	}
}

// busy is a queue with a backlog that never ends, and one entry that a dead
// worker left behind.
type busy struct {
	queue.Queue
	left int
}

func (b *busy) Take(context.Context, string, []string, int, time.Duration) ([]queue.Entry, error) {
	return []queue.Entry{{Batch: 1}}, nil
}

func (b *busy) Reclaim(context.Context, string, time.Duration, int) ([]queue.Entry, error) {
	if b.left == 0 {
		return nil, nil
	}
	b.left--
	return []queue.Entry{{Batch: 2}}, nil
}

func TestWhatADeadWorkerTookDoesNotWaitForTheBacklogToEnd(t *testing.T) {
	watch := clock.NewManual(noon)
	q := &busy{left: 2}
	w := New(Config{Queue: q, Clock: watch, Watch: watch})
	got := map[int64]int{}
	for range 100 {
		watch.Advance(time.Second)
		entries, err := w.take(t.Context(), nil, time.Second)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		got[entries[0].Batch]++
	}
	if got[2] != 2 || got[1] != 98 {
		t.Errorf("took %v, want both that were left and 98 of the backlog", got)
	}
}

// stuck is a store that cannot write what follows an outcome.
type stuck struct {
	Store
	recorded []store.Outcome
}

var errStuck = errors.New("a step cannot be written")

func (s *stuck) Ingest(context.Context, []store.Incoming, time.Time) ([]store.Result, error) {
	return nil, nil
}

func (s *stuck) RecordAndStep(context.Context, []store.Outcome, store.Step, time.Time) ([]store.Batch, error) {
	return nil, errStuck
}

func (s *stuck) Record(_ context.Context, outcomes []store.Outcome, by campaigns.Mover, _ time.Time) ([]store.Batch, error) {
	if by != campaigns.ByWorker {
		return nil, errors.New("recorded by somebody else")
	}
	s.recorded = append(s.recorded, outcomes...)
	return nil, nil
}

// One enrolment whose next step cannot be written must not keep what became of
// two hundred messages from the ledger, for as long as the worker lives.
func TestWhatFollowsAMessageDoesNotHoldUpItsOutcome(t *testing.T) {
	s := &stuck{}
	w := New(Config{Store: s, Catalog: new(catalog.Catalog), Clock: clock.NewManual(noon), Log: slog.New(slog.DiscardHandler),
		Step: func(context.Context, *catalog.Applied, time.Time) store.Step { return store.Step{} }})
	sent := store.Outcome{Message: 1, State: campaigns.Sent, At: noon}
	if _, err := w.write(t.Context(), []store.Outcome{sent}, nil); err != nil || len(s.recorded) != 1 || s.recorded[0].Message != 1 {
		t.Errorf("recorded %v, %v; want the message that was sent", s.recorded, err)
	}
}

// away is a database that does not answer just now.
type away struct{ catalog.Source }

func (away) VersionFiles(context.Context, int64) ([]store.File, error) {
	return nil, errors.New("the connection was reset")
}

// Between the question what is needed and the verdict, the database may have come
// back. A verdict without the consents would skip the mail of a contact who agreed.
func TestAVersionThatCannotBeReadNeedsEverything(t *testing.T) {
	w := New(Config{Catalog: catalog.New(away{}, nil, nil)})
	needs := w.needs(t.Context(), &catalog.Applied{Workspace: &workspace.Workspace{}})
	if n := needs(campaigns.Enrolment{ID: 1 << 10, Version: 1}); !reflect.DeepEqual(n, contacts.Everything) {
		t.Errorf("it needs %+v, want everything", n)
	}
}

func TestWhatAFaultStopsIsLookedAtAgainASecondLater(t *testing.T) {
	w := New(Config{Clock: clock.NewManual(noon)})
	w.waiting.keep()
	left := []queue.Entry{{Lane: "50.mia", Batch: 1}, {Lane: "50.mia", Batch: 2}}
	w.retake(left)
	if held := w.waiting.next(noon); len(held) != 0 {
		t.Errorf("%v at once", held)
	}
	if held := w.waiting.next(noon.Add(time.Second)); !reflect.DeepEqual(held, left) {
		t.Errorf("%v a second later, want %v", held, left)
	}
}

func TestAFaultThatLastsIsSaidNowAndThen(t *testing.T) {
	var s said
	for i, c := range []struct {
		what  string
		after time.Duration
		news  bool
	}{{"down", 0, true}, {"down", time.Second, false}, {"full", 2 * time.Second, true}, {"down", 2500 * time.Millisecond, false}, {"full", 31 * time.Second, false}, {"full", 32 * time.Second, true}} {
		if got := s.news(c.what, noon.Add(c.after)); got != c.news {
			t.Errorf("%d: news %t", i, got)
		}
	}
}
