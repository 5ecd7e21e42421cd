package mjml

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDev(t *testing.T) {
	dir, want := os.Getenv("DEV_MJML"), os.Getenv("DEV_WANT")
	files, _ := filepath.Glob(dir + "/*.mjml")
	equal := 0
	for _, f := range files {
		data, _ := os.ReadFile(f)
		name := strings.TrimSuffix(filepath.Base(f), ".mjml")
		page, errs := Compile(Source{Path: name, Text: string(data)}, Options{Include: func(path string, _ Error) (Source, bool) {
			d, err := os.ReadFile(filepath.Join(dir, path))
			return Source{Path: path, Text: string(d)}, err == nil
		}})
		for _, e := range errs {
			t.Log(e)
		}
		if out := os.Getenv("DEV_OUT"); out != "" {
			os.WriteFile(filepath.Join(out, name+".html"), []byte(page), 0o644)
		}
		w, _ := os.ReadFile(filepath.Join(want, name+".html"))
		if d := firstDifference(normal(t, page), normal(t, string(w))); d != "" {
			t.Errorf("%s: %s", name, d)
		} else {
			equal++
		}
	}
	t.Logf("%d of %d equal", equal, len(files))
}
