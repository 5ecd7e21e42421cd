package templates

import (
	"strings"

	"rapport/templates/liquid"
)

// Kinds of a template.
const (
	Marketing     = "marketing"
	Transactional = "transactional"
)

// Template is one compiled template with its language variants.
type Template struct {
	name     string
	file     string
	topic    string
	kind     string
	hash     string
	files    []string // the paths of all that it is made of, sorted
	links    []Link
	targets  []*liquid.Template // what each link leads to, by number - 1
	base     *variant
	variants map[string]*variant // by language in lower case
	broken   string              // why it cannot be rendered, or ""
}

// variant is the template in one language.
type variant struct {
	language  string // "" for the template itself
	file      string // the path of its source
	subject   *liquid.Template
	preheader *liquid.Template
	html      *liquid.Template
	text      *liquid.Template
	htmlSize  int
	textSize  int
}

// Name is the file's name without its ending.
func (t *Template) Name() string { return t.name }

// File is the path of the source.
func (t *Template) File() string { return t.file }

// Topic is the topic of the front matter, or "".
func (t *Template) Topic() string { return t.topic }

// Kind is Marketing or Transactional.
func (t *Template) Kind() string { return t.kind }

// Hash is the content hash of the template with its layout, partials, text
// and languages: 64 hexadecimal digits of SHA-256.
func (t *Template) Hash() string { return t.hash }

// LinkTable lists the links by number. Do not change it.
func (t *Template) LinkTable() []Link { return t.links }

// Languages lists the languages that have a variant of their own, sorted.
func (t *Template) Languages() []string { return sortedKeys(t.variants) }

// pick finds the variant for a language: de-AT, de, the template itself.
func (t *Template) pick(language string) *variant {
	if len(t.variants) == 0 || language == "" {
		return t.base
	}
	lang := normalLanguage(language)
	for lang != "" {
		if v, ok := t.variants[lang]; ok {
			return v
		}
		i := strings.LastIndexByte(lang, '-')
		lang = lang[:max(i, 0)]
	}
	return t.base
}

func normalLanguage(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "_", "-"))
}
