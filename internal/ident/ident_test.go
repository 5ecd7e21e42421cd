package ident

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMessageBelongsToItsEnrolmentAndStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(epoch, epoch+60*365*86400).Draw(t, "at"), 0)
		e := New(at, rapid.Int64().Draw(t, "sequence"))
		step := rapid.IntRange(1, Steps-1).Draw(t, "step")
		m := Message(e, step)
		if e <= 0 && !at.Equal(time.Unix(epoch, 0)) || Enrolment(m) != e || Step(m) != step || !Time(m).Equal(at) {
			t.Fatalf("enrolment %d step %d at %s: message %d reads as %d, %d, %s", e, step, at, m, Enrolment(m), Step(m), Time(m))
		}
		if back, err := Parse(Format(m)); err != nil || back != m {
			t.Fatalf("Parse(Format(%d)) = %d, %v", m, back, err)
		}
	})
}

func TestUnpackReadsWhatPackWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.Int64()).Draw(t, "ids")
		back, err := Unpack(Pack(ids))
		if err != nil || !slices.Equal(back, ids) {
			t.Fatalf("%v came back as %v, %v", ids, back, err)
		}
	})
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":              `"" is not an id: an id has 13 letters and digits`,
		"000000000000u": `"000000000000u" is not an id: 'u' cannot stand in one`,
		"zzzzzzzzzzzzz": `"zzzzzzzzzzzzz" is not an id: it is too large`,
	} {
		if _, err := Parse(in); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): %v, want %s", in, err, want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0x80})
	f.Add(Pack([]int64{1, 2, -3}))
	f.Fuzz(func(t *testing.T, b []byte) { Unpack(b) })
}
