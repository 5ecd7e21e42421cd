package house

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rapport/internal/testenv"
)

// How blocks of code are marked in README.md, docs/**.md and the pages of the
// examples:
//
//	```sh        commands. They run as they stand, one page as one session in
//	             one folder (docs_commands_test.go); each block must end with 0.
//	```sh postgres redis
//	             the same, on a PostgreSQL and a Redis; skipped where they are
//	             not installed. Such blocks stand at the end of their page.
//	```console   a session: lines that begin with "$ " run, and the lines below
//	             must come out, in this order; … stands for anything.
//	```yaml      a file of a workspace, or a part of rapport.yaml. Its first line
//	             names it, as in "# campaigns/welcome.yaml" (docs_yaml_test.go).
//	```yaml condition
//	             a part of a file, put into one that is whole otherwise: a
//	             condition, steps, or keys of a campaign (campaign).
//	```yaml fails
//	             a file with a mistake. The block below it, of text, is what
//	             rapport validate prints.
//	```markdown templates/welcome.md
//	             a file that cannot begin with a comment.
//	```text      anything else.
//
// A command that cannot run in a test stands in notRun, with the reason.

// block is one block of code of a page.
type block struct {
	page  string
	line  int      // of its first line of code
	lang  string   // "sh", "yaml", …
	words []string // what follows on the line of the fence
	text  string
}

var aBlock = regexp.MustCompile("(?ms)^```([a-z]+)([^\n]*)\n(.*?)^```$")

// blocksOf lists the blocks of a page, from its top.
func blocksOf(s source) []block {
	var list []block
	for _, m := range aBlock.FindAllStringSubmatchIndex(s.text, -1) {
		list = append(list, block{
			page: s.path, line: line(s.text, m[6]), lang: s.text[m[2]:m[3]],
			words: strings.Fields(s.text[m[4]:m[5]]), text: s.text[m[6]:m[7]],
		})
	}
	return list
}

var languages = regexp.MustCompile(`^(sh|console|yaml|text|markdown|html|json)$`)

func TestEveryBlockSaysWhatItIs(t *testing.T) {
	fenceLine := regexp.MustCompile("(?m)^ *```.*$")
	for _, s := range all(t, isPage) {
		blocks := blocksOf(s)
		if n := len(fenceLine.FindAllString(s.text, -1)); n != 2*len(blocks) {
			t.Errorf("%s: a block of code has no language, or is not closed, or is indented", s.path)
		}
		for _, b := range blocks {
			switch {
			case !languages.MatchString(b.lang):
				t.Errorf("%s:%d: nothing checks a block marked %s", b.page, b.line, b.lang)
			case b.lang == "yaml" && fileOf(b) == "":
				t.Errorf("%s:%d: the first line of a yaml block names its file, as in # campaigns/welcome.yaml, or the fence says which part of a file it is (%s)",
					b.page, b.line, strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
			}
		}
	}
}

func TestMain(m *testing.M) { testenv.Main(m) }
