package house

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the house from the ground up. A package may import those of lower
// floors and, below its own folder, its own parts; never one of its own floor.
var floors = [][]string{
	{"docs", "examples", "internal/calendar", "internal/clock", "internal/ident", "internal/measure", "internal/plainjson", "internal/quoted", "internal/token"}, // leaves: anyone may import them
	{"internal/strict"},
	{"internal/contacts"},
	{"segments"},
	{"templates", "internal/relationship"},
	{"campaigns"},
	{"internal/workspace"},
	{"internal/store", "internal/queue", "internal/mailbox"},
	{"internal/catalog"}, // what was applied, ready to run: read by all that act on it
	{"internal/results"}, // what mailing was worth: looked at by the scheduler, and shown
	{"scheduler", "internal/delivery", "internal/outbox", "internal/plan", "internal/responses", "internal/web"},
	{"internal/engine", "internal/doctor"},
	{"internal/simulate", "internal/bench"},
	{"cmd", "internal/acceptance"},
}

// forTests are packages that only tests may import.
var forTests = []string{"internal/acceptance", "internal/testenv", "internal/queue/queuetest", "internal/delivery/smtp/smtptest"}

// besides are the imports that the floors do not allow, each with its reason.
var besides = map[[2]string]string{
	{"internal/bench", "internal/testenv"}:        "it measures against servers that it starts",
	{"internal/bench/faults", "internal/testenv"}: "it breaks servers that it starts",
}

// floorOf finds the floor and the package of the table that a folder belongs to.
func floorOf(dir string) (int, string) {
	for p := dir; p != "."; p = path.Dir(p) {
		for i, floor := range floors {
			if slices.Contains(floor, p) {
				return i, p
			}
		}
	}
	return -1, ""
}

func TestImportsRunOneWay(t *testing.T) {
	for _, s := range all(t, func(s source) bool { return s.isGo() && !s.isTest() }) {
		dir := s.dir()
		if slices.Contains(forTests, dir) || strings.HasPrefix(dir, "internal/house") {
			continue
		}
		floor, home := floorOf(dir)
		if floor < 0 {
			t.Errorf("%s: the package %s stands on no floor: give it a place in the table of this test", s.path, dir)
			continue
		}
		_, f := parsed(t, s)
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			target, ours := strings.CutPrefix(name, "rapport/")
			if !ours || besides[[2]string{dir, target}] != "" {
				continue
			}
			below, other := floorOf(target)
			switch {
			case slices.Contains(forTests, target):
				t.Errorf("%s imports %s, which is for tests only", s.path, target)
			case other == home || below < floor && below >= 0:
			case below == floor:
				t.Errorf("%s imports %s: siblings do not know each other; let the package above bring them together", s.path, target)
			default:
				t.Errorf("%s imports %s: imports run one way, from the command line down to the facts", s.path, target)
			}
		}
	}
}

func TestEveryExceptionIsStillNeeded(t *testing.T) {
	used := map[[2]string]bool{}
	for _, s := range all(t, source.isGo) {
		_, f := parsed(t, s)
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			used[[2]string{s.dir(), strings.TrimPrefix(name, "rapport/")}] = true
		}
	}
	for _, pair := range slices.SortedFunc(maps.Keys(besides), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		if !used[pair] {
			t.Errorf("%s does not import %s any more: take it out of the exceptions", pair[0], pair[1])
		}
	}
}

// libraries are those that the design names, with what they are for.
var libraries = map[string]string{
	"github.com/robfig/cron/v3":       "schedules",
	"github.com/wneessen/go-mail":     "mail connections",
	"github.com/redis/go-redis/v9":    "the queue in Redis",
	"github.com/jackc/pgx/v5":         "PostgreSQL",
	"github.com/pressly/goose/v3":     "migrations",
	"github.com/yuin/goldmark":        "Markdown",
	"go.yaml.in/yaml/v4":              "YAML with positions",
	"modernc.org/sqlite":              "the embedded database",
	"github.com/andybalholm/cascadia": "selectors of CSS",
}

func TestTheLibrariesOfTheDesignAreUsed(t *testing.T) {
	var imported []string
	for _, s := range all(t, func(s source) bool { return s.isGo() && !s.isTest() }) {
		_, f := parsed(t, s)
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			imported = append(imported, name)
		}
	}
	for _, library := range slices.Sorted(maps.Keys(libraries)) {
		if !slices.ContainsFunc(imported, func(name string) bool { return name == library || strings.HasPrefix(name, library+"/") }) {
			t.Errorf("nothing imports %s, which is there for %s", library, libraries[library])
		}
	}
}
