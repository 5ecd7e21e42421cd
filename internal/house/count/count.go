package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of go test -json (go doc test2json). Package is absent in
// the output of the compiler, which names ImportPath.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// pack is what is known of one package.
type pack struct {
	output  map[string][]string // by test; "" is what belongs to none
	order   []string            // tests in the order they began
	outcome map[string]string   // by test: pass, fail or skip; absent while it runs
}

// totals is the count at the end. Tests with parts count as their parts.
type totals struct {
	packages, failedPackages, untested int
	passed, failed, skipped            int
	reasons                            map[string]int // why tests were skipped
}

func (t *totals) good() bool { return t.failed == 0 && t.failedPackages == 0 && t.packages > 0 }

// read follows the stream to its end.
func read(in io.Reader, out io.Writer) (*totals, error) {
	t := &totals{reasons: map[string]int{}}
	packs := map[string]*pack{}
	builds := map[string][]string{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(out, line) // of the go command itself
			} else {
				t.take(e, packs, builds, out)
			}
		}
		if err == io.EOF {
			return t, t.abandoned(packs, out)
		}
		if err != nil {
			return t, err
		}
	}
}

func (t *totals) take(e event, packs map[string]*pack, builds map[string][]string, out io.Writer) {
	if e.Action == "build-output" {
		builds[e.ImportPath] = append(builds[e.ImportPath], e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := packs[e.Package]
	if p == nil {
		p = &pack{output: map[string][]string{}, outcome: map[string]string{}}
		packs[e.Package] = p
	}
	switch e.Action {
	case "run":
		p.order = append(p.order, e.Test)
	case "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case "pass", "fail", "skip":
		p.outcome[e.Test] = e.Action
		if e.Test == "" {
			t.finish(e, p, builds[e.FailedBuild], out)
			delete(packs, e.Package)
		}
	}
}

// finish counts a package that has ended and prints what is to be said of it.
func (t *totals) finish(e event, p *pack, build []string, out io.Writer) {
	if e.Action == "skip" && len(p.order) == 0 {
		t.untested++
		return
	}
	t.packages++
	passed, failed, skipped := t.tests(p)
	if e.Action != "fail" {
		fmt.Fprintf(out, "ok    %-40s %6.1fs  %s\n", e.Package, e.Elapsed, inWords(passed, failed, skipped))
		return
	}
	t.failedPackages++
	fmt.Fprintf(out, "\nFAIL  %-40s %6.1fs  %s\n", e.Package, e.Elapsed, inWords(passed, failed, skipped))
	for _, l := range slices.Concat(build, p.output[""]) {
		fmt.Fprint(out, l)
	}
	for _, test := range p.order {
		// A test without an outcome ran when the package died.
		if o := p.outcome[test]; o == "fail" || o == "" {
			fmt.Fprint(out, strings.Join(p.output[test], ""))
		}
	}
	fmt.Fprintln(out)
}

// tests counts the tests of a package that have no parts.
func (t *totals) tests(p *pack) (passed, failed, skipped int) {
	parents := map[string]bool{}
	for _, test := range p.order {
		if i := strings.LastIndexByte(test, '/'); i >= 0 {
			parents[test[:i]] = true
		}
	}
	for _, test := range p.order {
		switch o := p.outcome[test]; {
		case parents[test] && o != "skip":
		case o == "pass":
			passed++
		case o == "skip":
			skipped++
			t.reasons[reason(p.output[test])]++
		default:
			failed++
		}
	}
	t.passed, t.failed, t.skipped = t.passed+passed, t.failed+failed, t.skipped+skipped
	return passed, failed, skipped
}

// reason is what a skipped test said: its last line but the verdict, without
// the place in the code.
func reason(output []string) string {
	for _, l := range slices.Backward(output) {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "---") || strings.HasPrefix(l, "===") {
			continue
		}
		if _, said, ok := strings.Cut(l, ".go:"); ok {
			if _, said, ok = strings.Cut(said, ": "); ok {
				return said
			}
		}
		return l
	}
	return "no reason given"
}

// abandoned fails the packages that never ended: the go command was stopped.
func (t *totals) abandoned(packs map[string]*pack, out io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(packs)) {
		e := event{Action: "fail", Package: name}
		t.finish(e, packs[name], []string{"the package did not end\n"}, out)
	}
	return nil
}

func inWords(passed, failed, skipped int) string {
	words := fmt.Sprintf("%d passed", passed)
	if failed > 0 {
		words += fmt.Sprintf(", %d failed", failed)
	}
	if skipped > 0 {
		words += fmt.Sprintf(", %d skipped", skipped)
	}
	return words
}

// print writes the count.
func (t *totals) print(out io.Writer) {
	if len(t.reasons) > 0 {
		fmt.Fprintln(out, "\nskipped:")
		for _, why := range slices.Sorted(maps.Keys(t.reasons)) {
			fmt.Fprintf(out, "%5d  %s\n", t.reasons[why], why)
		}
	}
	fmt.Fprintf(out, "\npackages %d (%d failed)   passed %d   failed %d   skipped %d\n",
		t.packages, t.failedPackages, t.passed, t.failed, t.skipped)
}
