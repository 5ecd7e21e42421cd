package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// On a terminal apply shows the plan and asks; a script is not asked.
func TestApplyAsksOnATerminal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	for _, c := range []struct {
		answer       string
		args         []string
		code         int
		says, asks   string
		versionsSays string
	}{
		{"n\n", nil, 1, "+ campaign  welcome\n", "This becomes the version that runs. Go on? [y/N] rapport: nothing was done\n", "Nothing is applied yet"},
		{"y\n", nil, 0, "\nApplied version ", "This becomes the version that runs. Go on? [y/N] ", "running"},
		{"", nil, 0, "Nothing has changed: version ", "", "running"},
		{"", []string{"--migrate", "--yes"}, 0, "0 contacts on their way moved to the new steps.\n", "", "running"},
	} {
		a, out, errs := testApp(nil)
		screen := &terminal{}
		screen.WriteString(c.answer)
		a.stdin = screen
		if code := a.run(t.Context(), append([]string{"-C", dir, "apply", "--author", "Ana"}, c.args...)); code != c.code {
			t.Fatalf("%q: exit code %d, want %d: %s", c.answer, code, c.code, errs)
		}
		if !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: it said %s, without %q", c.answer, out, c.says)
		}
		if c.asks != "" != strings.Contains(errs.String(), "Go on?") || !strings.HasSuffix(errs.String(), c.asks) {
			t.Errorf("%q: it asked %q, want %q", c.answer, errs, c.asks)
		}
		if got := must(t, nil, "-C", dir, "versions"); !strings.Contains(got, c.versionsSays) {
			t.Errorf("%q: versions says %s", c.answer, got)
		}
	}
}

// What came in between the look and the answer is not applied over.
func TestApplyKeepsToWhatWasShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	must(t, nil, "init", dir)
	a, _, errs := testApp(nil)
	a.stdin = &answersAfter{t: t, do: func() {
		appendTo(t, filepath.Join(dir, "rapport.yaml"), "\n# another content\n")
		must(t, nil, "-C", dir, "apply", "--author", "Bob")
	}}
	a.isTerminal = func(stream any) bool { _, ok := stream.(*answersAfter); return ok }
	if code := a.run(t.Context(), []string{"-C", dir, "apply", "--author", "Ana"}); code != 1 {
		t.Fatalf("exit code %d", code)
	}
	want := "rapport: cannot store the new version: somebody else has applied another version meanwhile: apply again\n"
	if !strings.HasSuffix(errs.String(), want) {
		t.Errorf("it said %q, want %q", errs, want)
	}
}

// answersAfter is a person who says yes when something has happened.
type answersAfter struct {
	t  *testing.T
	do func()
}

func (p *answersAfter) Read(b []byte) (int, error) {
	p.do()
	return copy(b, "y\n"), nil
}
