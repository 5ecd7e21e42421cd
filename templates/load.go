package templates

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"rapport/templates/liquid"
)

//go:embed builtin
var builtin embed.FS

// maxSource is the most bytes one file may have.
const maxSource = 1 << 20

// source is one file after reading.
type source struct {
	path     string
	name     string // without folder and ending
	ext      string // .md, .html, .mjml, .txt
	data     []byte
	meta     meta
	body     string
	bodyLine int
	tokens   []liquid.Token // of the body
	broken   bool           // has findings that leave nothing to compile
	noText   bool           // cannot even be read
	used     bool
}

// compiler is one run of Compile.
type compiler struct {
	opts      CompileOptions
	findings  []Finding
	templates map[string]*source // by path
	layouts   map[string]*source // by name
	partials  map[string]*source
	html      map[string][]liquid.Token // Markdown partials as HTML, by path
}

func newCompiler(opts CompileOptions) *compiler {
	if opts.LayoutDefault == "" {
		opts.LayoutDefault = "letter"
	}
	return &compiler{
		opts: opts, templates: map[string]*source{}, layouts: map[string]*source{},
		partials: map[string]*source{}, html: map[string][]liquid.Token{},
	}
}

func (c *compiler) add(f Finding) { c.findings = append(c.findings, f) }

func (c *compiler) addAt(pos liquid.Pos, code, message, hint string) {
	c.add(Finding{pos.Name, pos.Line, pos.Column, code, message, hint})
}

// syntax turns the engine's errors into findings.
func (c *compiler) syntax(code string, errs []liquid.Error) {
	for _, e := range errs {
		c.add(Finding{e.Name, e.Line, e.Column, code, e.Message, e.Hint})
	}
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// load reads all files, then adds the layouts and the footer of the house where
// the workspace has none of that name.
func (c *compiler) load(sources []Source) {
	list := slices.Clone(sources)
	slices.SortFunc(list, func(a, b Source) int { return cmp.Compare(a.Path, b.Path) })
	for _, s := range list {
		c.loadFile(s)
	}
	entries, _ := builtin.ReadDir("builtin")
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".html"); !e.IsDir() && c.layouts[name] == nil {
			c.loadBuiltin(e.Name(), "layouts/"+e.Name())
		}
	}
	if c.partials["footer.mjml"] == nil {
		c.loadBuiltin("partials/footer.mjml", "partials/footer.mjml")
	}
}

func (c *compiler) loadBuiltin(file, path string) {
	data, _ := builtin.ReadFile("builtin/" + file)
	c.loadFile(Source{Path: path, Data: data})
}

func (c *compiler) loadFile(in Source) {
	p := path.Clean(strings.ReplaceAll(in.Path, "\\", "/"))
	dir, base := path.Split(p)
	ext := path.Ext(base)
	f := &source{path: in.Path, name: strings.TrimSuffix(base, ext), ext: ext, data: in.Data, bodyLine: 1}
	if strings.HasPrefix(base, ".") {
		return // an editor's or the system's own
	}
	switch dir {
	case "":
		if !slices.Contains([]string{".md", ".html", ".mjml", ".txt"}, ext) {
			c.fileFinding(f, "this is no template", "templates end in .md, .html, .mjml or .txt")
			return
		}
		f.noText = !c.text(f)
		f.broken = f.noText
		c.templates[in.Path] = f
	case "layouts/":
		if ext != ".html" {
			c.fileFinding(f, "this is no layout", "layouts end in .html")
			return
		}
		c.layouts[f.name] = f
		f.broken = !c.text(f)
	case "partials/":
		if !slices.Contains([]string{".html", ".md", ".mjml", ".css", ".txt"}, ext) {
			c.fileFinding(f, "this is no partial", "partials end in .html, .md, .mjml, .css or .txt")
			return
		}
		key := f.name
		if ext != ".html" && ext != ".md" {
			key += ext // beside one of the same name
		}
		if other := c.partials[key]; other != nil {
			c.fileFinding(f, "there are two partials called "+f.name, "the other is "+other.path)
			return
		}
		c.partials[key] = f
		f.broken = !c.text(f)
	default:
		c.fileFinding(f, "there is no folder "+strings.TrimSuffix(dir, "/")+" for templates",
			"templates stand in the folder itself, layouts in layouts/, partials in partials/")
		return
	}
	if !f.broken {
		c.parse(f, dir)
	}
}

func (c *compiler) fileFinding(f *source, message, hint string) {
	c.add(Finding{f.path, 1, 1, CodeFile, message, hint})
}

// text checks that a file is text, and takes \r out.
func (c *compiler) text(f *source) bool {
	switch {
	case len(f.data) > maxSource:
		c.fileFinding(f, "the file is larger than 1 MiB", "")
		return false
	case bytes.HasPrefix(f.data, []byte("\xef\xbb\xbf")):
		c.fileFinding(f, "the file begins with a byte-order mark", "save it as UTF-8 without one")
		return false
	case !utf8.Valid(f.data) || bytes.IndexByte(f.data, 0) >= 0:
		off := 0
		for off < len(f.data) && f.data[off] != 0 {
			r, n := utf8.DecodeRune(f.data[off:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			off += n
		}
		pos := posIn(string(f.data[:off]), off)
		c.add(Finding{f.path, pos.Line, pos.Column, CodeFile, "this is no UTF-8 text", "save the file as UTF-8"})
		return false
	}
	f.body = strings.ReplaceAll(string(f.data), "\r\n", "\n")
	return true
}

// parse reads front matter and Liquid of one file.
func (c *compiler) parse(f *source, dir string) {
	front, body, line, has, closed := splitFrontMatter(f.body)
	if has && (dir != "" || f.ext == ".txt") {
		c.add(Finding{f.path, 1, 1, CodeFrontMatter, "front matter stands in templates only", "take it out of layouts, partials and text files"})
	} else if has {
		if !closed {
			c.add(Finding{f.path, 1, 1, CodeFrontMatter, "the front matter is not closed", "end it with a line of ---"})
			f.broken = true
			return
		}
		f.meta = c.readFrontMatter(f.path, front)
	}
	f.body, f.bodyLine = body, line
	tokens, errs := liquid.Lex(body, liquid.Pos{Name: f.path, Line: line, Column: 1})
	_, more := liquid.ParseTokens(f.path, tokens, liquid.Plain)
	errs = append(errs, more...)
	c.syntax(CodeSyntax, errs)
	f.tokens, f.broken = withoutComments(tokens), f.broken || len(errs) > 0
}

// withoutComments drops comments, so that nothing in them is taken for content.
func withoutComments(tokens []liquid.Token) []liquid.Token {
	out := make([]liquid.Token, 0, len(tokens))
	depth := 0
	for _, t := range tokens {
		switch name := t.TagName(); {
		case name == "comment":
			depth++
		case name == "endcomment":
			depth--
		case depth == 0 && name != "#":
			out = append(out, t)
		}
	}
	return out
}

// mains are the files that are templates of their own: no variants, no texts.
func (c *compiler) mains() []*source {
	variants := map[string]bool{}
	for _, f := range c.templates {
		for _, l := range f.meta.languages {
			variants[l.file.text] = true
		}
	}
	var list []*source
	byName := map[string]*source{}
	for _, p := range sortedKeys(c.templates) {
		f := c.templates[p]
		if f.ext == ".txt" || variants[p] {
			continue
		}
		if other := byName[f.name]; other != nil {
			c.fileFinding(f, "there are two templates called "+f.name, "the other is "+other.path)
			continue
		}
		if !nameForm.MatchString(f.name) {
			hint := "a template's name has lower-case letters, digits and dashes"
			if stem, _, ok := strings.Cut(f.name, "."); ok && nameForm.MatchString(stem) {
				hint = "if this is " + stem + " in another language, name it under languages there"
			}
			c.fileFinding(f, strconv.Quote(f.name)+" is no name for a template", hint)
		}
		byName[f.name] = f
		list = append(list, f)
	}
	return list
}

// checkOrphans finds texts that stand beside no template.
func (c *compiler) checkOrphans() {
	for _, p := range sortedKeys(c.templates) {
		if f := c.templates[p]; f.ext == ".txt" && !f.used {
			c.fileFinding(f, "no template stands beside this text", "name it like its template: "+f.name+".md, "+f.name+".html or "+f.name+".mjml")
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// hashing collects the files that a template is made of.
type hashing map[string][]byte

func (h hashing) add(f *source) { h[f.path] = f.data }

// programVersion goes into every hash: it changes when the same sources
// compile to something else.
const programVersion = "2"

func (h hashing) sum() string {
	d := sha256.New()
	d.Write([]byte("rapport template " + programVersion + "\n"))
	for _, p := range sortedKeys(h) {
		d.Write([]byte(p + "\x00" + strconv.Itoa(len(h[p])) + "\x00"))
		d.Write(h[p])
	}
	return hex.EncodeToString(d.Sum(nil))
}
