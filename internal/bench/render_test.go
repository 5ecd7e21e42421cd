package bench

import (
	"bytes"
	"context"
	"net/mail"
	"testing"

	"rapport/internal/clock"

	"github.com/google/go-cmp/cmp"
)

// The bench measures what it says: the message of the target.
func TestTheMessageThatIsMeasured(t *testing.T) {
	k, err := newKitchen("")
	if err != nil {
		t.Fatal(err)
	}
	tracked := 0
	for _, l := range k.applied.Templates.Template(MailName).LinkTable() {
		if !l.Track || l.Personal {
			t.Errorf("link %d to %s: tracked %t, personal %t", l.N, l.URL, l.Track, l.Personal)
		}
		tracked++
	}
	if tracked != 22 { // of which each branch of the conditional shows two of four
		t.Errorf("%d links are tracked", tracked)
	}
	for i := range int64(8) {
		var message []byte
		if err := k.worker.Compose(t.Context(), k.applied, k.claims[i], func(data []byte) { message = bytes.Clone(data) }); err != nil {
			t.Fatal(err)
		}
		if len(message) < 19_000 || len(message) > 22_000 {
			t.Errorf("message %d has %d bytes", i, len(message))
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Header.Get("List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
			t.Errorf("List-Unsubscribe-Post: %q", got)
		}
		// Both ways say the same, which is tested where they are made; the fast one
		// breaks some lines more.
		size, err := k.plainly(t.Context(), i)
		if err != nil || size > len(message) || size < len(message)*98/100 {
			t.Errorf("message %d has %d bytes, part by part %d (%v)", i, len(message), size, err)
		}
	}
}

func TestRenderReportsAllItsFigures(t *testing.T) {
	r := &Run{Options: Options{Size: 800, Dir: t.TempDir(), Clock: clock.System{}}}
	if err := Render.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.Report.Figures {
		names = append(names, f.Name+" in "+f.Unit)
		if f.Value <= 0 {
			t.Errorf("%s is %f", f.Name, f.Value)
		}
	}
	var want []string
	for _, name := range []string{"render", "render, part by part", "render, signed with Ed25519"} {
		want = append(want, name+" in messages/s and core", name+": processor in µs/message", name+": size in bytes/message")
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkRender(b *testing.B) {
	key, err := dkimKey(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	unsigned, err := newKitchen("")
	if err != nil {
		b.Fatal(err)
	}
	signed, err := newKitchen(key)
	if err != nil {
		b.Fatal(err)
	}
	for _, way := range []struct {
		name string
		make func(ctx context.Context, i int64) (int, error)
	}{{"compiled", unsigned.compose}, {"part by part", unsigned.plainly}, {"signed", signed.compose}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			before, _ := cpuTime()
			i := int64(0)
			for b.Loop() {
				if _, err := way.make(b.Context(), i); err != nil {
					b.Fatal(err)
				}
				i++
			}
			after, _ := cpuTime()
			b.ReportMetric(float64((after-before).Nanoseconds())/float64(i), "cpu-ns/op")
		})
	}
}
