package mjml

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The oracle is the mjml package of npm. It is installed once, into the user's
// cache; without npm or a network its tests are skipped.
const oracle = "mjml@5"

const oracleScript = `
const mjml2html = require('mjml')
let input = ''
process.stdin.on('data', d => { input += d })
process.stdin.on('end', async () => {
  const pages = []
  for (const page of JSON.parse(input)) pages.push((await mjml2html(page, { validationLevel: 'skip' })).html)
  process.stdout.write(JSON.stringify(pages))
})
`

// oracleDir is the folder in which the oracle is installed.
func oracleDir(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes npm")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skipf("npm is not installed: %v", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("there is no folder for the cache: %v", err)
	}
	dir := filepath.Join(cache, "rapport-tests", "npm-"+strings.ReplaceAll(oracle, "@", "-"))
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "mjml")); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Skip(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", fresh, oracle)
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install %s: %v: %s", oracle, err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, err := os.Stat(dir); err != nil { // another run may have been first
			t.Skip(err)
		}
	}
	return dir
}

// byOracle gives the HTML that npm's mjml makes of pages.
func byOracle(t *testing.T, pages []string) []string {
	t.Helper()
	dir := oracleDir(t)
	input, err := json.Marshal(pages)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "-e", oracleScript)
	node.Dir, node.Stdin = dir, bytes.NewReader(input)
	var problems bytes.Buffer
	node.Stderr = &problems
	out, err := node.Output()
	if err != nil {
		t.Fatalf("the oracle: %v: %s", err, problems.String())
	}
	var html []string
	if err := json.Unmarshal(out, &html); err != nil || len(html) != len(pages) {
		t.Fatalf("the oracle gave %d pages for %d: %v", len(html), len(pages), err)
	}
	return html
}

func mustCompile(t testing.TB, name, page string) string {
	t.Helper()
	html, errs := Compile(Source{Path: name, Text: page}, Options{})
	for _, e := range errs {
		t.Error(e)
	}
	return html
}

func pages(t testing.TB, pattern string) (names, texts []string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in %s (%v)", pattern, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, filepath.Base(f)), append(texts, string(data))
	}
	return names, texts
}

func TestPagesAreThoseOfTheOracle(t *testing.T) {
	names, texts := pages(t, "testdata/pages/*.mjml")
	for i, want := range byOracle(t, texts) {
		if d := firstDifference(normal(t, mustCompile(t, names[i], texts[i])), normal(t, want)); d != "" {
			t.Errorf("%s: %s", names[i], d)
		}
	}
}

// OFFICIAL_MJML names a folder with the templates of mjmlio/email-templates,
// which have no licence to stand here. One of them has a letter between two
// tags, which would be lost: it is refused.
func TestOfficialTemplatesAreThoseOfTheOracle(t *testing.T) {
	dir := os.Getenv("OFFICIAL_MJML")
	if dir == "" {
		t.Skip("OFFICIAL_MJML names no folder of templates")
	}
	names, texts := pages(t, filepath.Join(dir, "*.mjml"))
	equal := 0
	for i, want := range byOracle(t, texts) {
		html, errs := Compile(Source{Path: names[i], Text: texts[i]}, Options{})
		d := ""
		if len(errs) == 0 {
			if d = firstDifference(normal(t, html), normal(t, want)); d == "" {
				equal++
				continue
			}
		}
		t.Logf("%s: %v %s", names[i], errs, d)
	}
	if t.Logf("%d of %d are equal", equal, len(names)); equal < len(names)-1 {
		t.Error("more than one differs")
	}
}

// Pages that are put together at random from the whole table are those of the
// oracle too.
func TestRandomPagesAreThoseOfTheOracle(t *testing.T) {
	var texts []string
	for seed := range uint64(80) {
		texts = append(texts, randomPage(rand.New(rand.NewPCG(seed, 7))))
	}
	failed := 0
	for i, want := range byOracle(t, texts) {
		if d := firstDifference(normal(t, mustCompile(t, fmt.Sprint("page ", i), texts[i])), normal(t, want)); d != "" {
			if failed++; failed <= 3 {
				t.Errorf("%s\n%s", d, texts[i])
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d pages differ", failed, len(texts))
	}
}

// randomPage puts tags and attributes together as the table allows.
func randomPage(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("<mjml><mj-head>")
	for _, name := range vocab().names {
		if r.IntN(6) == 0 && name != "mj-include" && vocab().tags[name].placedIn("mj-column") {
			fmt.Fprintf(&b, "<mj-attributes>%s</mj-attributes>", strings.Replace(randomTag(r, name, 0), ">", "/>", 1))
		}
	}
	b.WriteString("</mj-head><mj-body>")
	for range 1 + r.IntN(4) {
		writeRandom(&b, r, "mj-body")
	}
	return b.String() + "</mj-body></mjml>"
}

func (t *tag) placedIn(parent string) bool { return slices.Contains(t.parents, parent) }

// writeRandom writes one tag that may stand in parent, with what is in it.
func writeRandom(b *strings.Builder, r *rand.Rand, parent string) {
	var fit []string
	for _, name := range vocab().names {
		// What has an accordion without its title or text takes no defaults
		// from the head at npm; a carousel counts comments as pictures.
		if vocab().tags[name].placedIn(parent) && name != "mj-raw" && name != "mj-include" {
			fit = append(fit, name)
		}
	}
	name := fit[r.IntN(len(fit))]
	b.WriteString(randomTag(r, name, 3))
	switch {
	case vocab().tags[name].holds != "":
		if name != "mj-carousel-image" {
			b.WriteString("x<b>y</b>")
		}
	case name == "mj-accordion-element":
		b.WriteString(randomTag(r, "mj-accordion-title", 2) + "t</mj-accordion-title>" + randomTag(r, "mj-accordion-text", 2) + "u</mj-accordion-text>")
	case name != "mj-image" && name != "mj-divider" && name != "mj-spacer":
		for range 1 + r.IntN(3) {
			writeRandom(b, r, name)
		}
	}
	b.WriteString("</" + name + ">")
}

func randomTag(r *rand.Rand, name string, most int) string {
	t := vocab().tags[name]
	var names []string
	for a := range t.kinds {
		names = append(names, a)
	}
	slices.Sort(names)
	text := "<" + name
	if name == "mj-navbar-link" { // nor with an address that is undefined
		text += ` href="/there"`
	}
	if name == "mj-hero" { // without them npm computes with what is no number
		text += ` background-width="600px" background-height="` + fmt.Sprint(r.IntN(700)) + `px"`
	}
	for _, a := range names {
		if strings.Contains(text, " "+a+"=") || r.IntN(len(names)) >= most && (most > 0 || r.IntN(4) > 0) {
			continue
		}
		if v := randomValue(r, a, t.kinds[a]); v != "" {
			text += " " + a + `="` + v + `"`
		}
	}
	return text + ">"
}

func randomValue(r *rand.Rand, name string, k kind) string {
	one := func() string {
		u := strings.TrimPrefix(k.units[r.IntN(len(k.units))], "-")
		switch u {
		case "auto":
			return u
		case "_":
			return "1.5"
		case "%":
			return fmt.Sprint(1+r.IntN(100)) + u
		}
		return fmt.Sprint(1+r.IntN(60)) + u
	}
	switch k.form {
	case "color":
		return []string{"#fff", "#123456", "red", "rgb(1,2,3)", "transparent"}[r.IntN(5)]
	case "bool":
		return []string{"true", "false"}[r.IntN(2)]
	case "number":
		return fmt.Sprint(r.IntN(9))
	case "choice":
		return k.choices[r.IntN(len(k.choices))]
	case "size":
		return one()
	case "sides":
		var list []string
		for range 1 + r.IntN(4) {
			list = append(list, one())
		}
		return strings.Join(list, " ")
	}
	switch {
	case strings.HasPrefix(name, "background-position"):
		return []string{"top", "left", "center", "20%", "bottom right", "left center", "10% 80%"}[r.IntN(7)]
	case name == "background-size":
		return []string{"cover", "contain", "100px", "50% 10px"}[r.IntN(4)]
	case strings.Contains(name, "border") && !strings.Contains(name, "radius"):
		return fmt.Sprint(r.IntN(5)) + "px solid #abc"
	case strings.HasSuffix(name, "radius"):
		return fmt.Sprint(r.IntN(9)) + "px"
	case name == "name":
		return []string{"facebook", "x-noshare", "own"}[r.IntN(3)]
	case name == "font-family":
		return []string{"Lato, serif", "Open Sans", "Georgia"}[r.IntN(3)]
	}
	return name + "-" + fmt.Sprint(r.IntN(9))
}
