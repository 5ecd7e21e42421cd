package liquid

import (
	"encoding/base64"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

func init() {
	register(
		text0("upcase", strings.ToUpper),
		text0("downcase", strings.ToLower),
		text0("capitalize", capitalize),
		safe0("strip", func(s string) string { return strings.Trim(s, whitespace+"\x00") }),
		safe0("lstrip", func(s string) string { return strings.TrimLeft(s, whitespace+"\x00") }),
		safe0("rstrip", func(s string) string { return strings.TrimRight(s, whitespace+"\x00") }),
		safe0("strip_newlines", func(s string) string { return strings.NewReplacer("\r\n", "", "\n", "").Replace(s) }),
		text0("strip_html", stripTags),
		&filterDef{name: "append", min: 1, max: 1, run: func(c *call) (any, error) { return c.join(c.in, c.args[0]) }},
		&filterDef{name: "prepend", min: 1, max: 1, run: func(c *call) (any, error) { return c.join(c.args[0], c.in) }},
		&filterDef{name: "remove", min: 1, max: 1, run: replaceWith(-1)},
		&filterDef{name: "remove_first", min: 1, max: 1, run: replaceWith(1)},
		&filterDef{name: "remove_last", min: 1, max: 1, run: replaceLast},
		&filterDef{name: "replace", min: 1, max: 2, run: replaceWith(-1)},
		&filterDef{name: "replace_first", min: 1, max: 2, run: replaceWith(1)},
		&filterDef{name: "replace_last", min: 2, max: 2, run: replaceLast},
		&filterDef{name: "escape", run: escapeFilter},
		&filterDef{name: "h", run: escapeFilter},
		&filterDef{name: "escape_once", run: escapeOnce},
		&filterDef{name: "raw", run: rawFilter},
		&filterDef{name: "newline_to_br", run: newlineToBr},
		&filterDef{name: "split", min: 1, max: 1, run: splitFilter},
		&filterDef{name: "truncate", max: 2, run: truncate},
		&filterDef{name: "truncatewords", max: 2, run: truncateWords},
		&filterDef{name: "url_encode", run: func(c *call) (any, error) { return urlText(url.QueryEscape(c.text())), nil }},
		&filterDef{name: "url_decode", run: urlDecode},
		&filterDef{name: "base64_encode", run: encode64(base64.StdEncoding)},
		&filterDef{name: "base64_url_safe_encode", run: encode64(base64.URLEncoding)},
		&filterDef{name: "base64_decode", run: decode64(base64.StdEncoding)},
		&filterDef{name: "base64_url_safe_decode", run: decode64(base64.URLEncoding)},
	)
}

func text0(name string, f func(string) string) *filterDef {
	return &filterDef{name: name, run: func(c *call) (any, error) { return c.st.text(f(c.text())), nil }}
}

// safe0 is text0 for filters that only take blanks away.
func safe0(name string, f func(string) string) *filterDef {
	return &filterDef{name: name, run: func(c *call) (any, error) { return c.keepSafe(f(c.text())), nil }}
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + strings.ToLower(s[n:])
}

// join puts two values together. Beside HTML the other part is escaped, so
// that the whole is HTML.
func (c *call) join(a, b any) (any, error) {
	s, t := toText(a), toText(b)
	if err := c.room(6 * (len(s) + len(t))); err != nil {
		return nil, err
	}
	_, aSafe := a.(HTML)
	_, bSafe := b.(HTML)
	if !aSafe && !bSafe {
		return s + t, nil
	}
	if !aSafe {
		s = html.EscapeString(s)
	}
	if !bSafe {
		t = html.EscapeString(t)
	}
	return HTML(s + t), nil
}

func replaceWith(n int) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		s, old, by := c.text(), c.arg(0), c.arg(1)
		if n < 0 {
			if err := c.room(len(s) + strings.Count(s, old)*len(by)); err != nil {
				return nil, err
			}
		}
		return strings.Replace(s, old, by, n), nil
	}
}

func replaceLast(c *call) (any, error) {
	s, old := c.text(), c.arg(0)
	i := strings.LastIndex(s, old)
	if i < 0 {
		return s, nil
	}
	return s[:i] + c.arg(1) + s[i+len(old):], nil
}

var rubyEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func (c *call) escaped(s string) any {
	if c.st.mode == Plain {
		return s
	}
	return HTML(s)
}

func escapeFilter(c *call) (any, error) {
	if c.in == nil {
		return nil, nil
	}
	if safe, ok := c.in.(HTML); ok {
		return safe, nil
	}
	if err := c.room(6 * len(c.text())); err != nil {
		return nil, err
	}
	return c.escaped(rubyEscapes.Replace(c.text())), nil
}

var loneAmp = regexp.MustCompile(`["'><]|&(?:([a-zA-Z]+|#\d+);)?`)

func escapeOnce(c *call) (any, error) {
	s := c.text()
	if err := c.room(6 * len(s)); err != nil {
		return nil, err
	}
	return c.escaped(loneAmp.ReplaceAllStringFunc(s, func(m string) string {
		if len(m) > 1 {
			return m
		}
		return rubyEscapes.Replace(m)
	})), nil
}

// rawFilter marks a value as HTML that the author vouches for.
func rawFilter(c *call) (any, error) {
	if c.st.mode == Plain || c.in == nil {
		return c.in, nil
	}
	return HTML(c.text()), nil
}

func newlineToBr(c *call) (any, error) {
	s := c.text()
	if err := c.room(8 * len(s)); err != nil {
		return nil, err
	}
	if _, safe := c.in.(HTML); !safe && c.st.mode != Plain {
		s = html.EscapeString(s)
	}
	return c.escaped(strings.NewReplacer("\r\n", "<br />\n", "\n", "<br />\n").Replace(s)), nil
}

var (
	scripts = regexp.MustCompile(`(?is)<script.*?</script>|<!--.*?-->|<style.*?</style>`)
	tags    = regexp.MustCompile(`(?s)<.*?>`)
)

func stripTags(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	return tags.ReplaceAllString(scripts.ReplaceAllString(s, ""), "")
}

func splitFilter(c *call) (any, error) {
	s, sep := c.text(), c.arg(0)
	if err := c.room(32 * (strings.Count(s, sep) + 1)); err != nil {
		return nil, err
	}
	var parts []string
	if sep == " " {
		parts = strings.Fields(s)
	} else if s != "" {
		parts = strings.Split(s, sep)
		for len(parts) > 0 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
	}
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list, nil
}

func truncate(c *call) (any, error) {
	length, dots := int64(50), "..."
	if len(c.args) > 0 {
		n, ok := toInteger(c.args[0])
		if !ok {
			return nil, errors.New("the length is not a whole number")
		}
		length = n
	}
	if len(c.args) > 1 {
		dots = c.arg(1)
	}
	if c.in == nil {
		return nil, nil
	}
	runes := []rune(c.text())
	if int64(len(runes)) <= length {
		return c.text(), nil
	}
	keep := max(length-int64(utf8.RuneCountInString(dots)), 0)
	return string(runes[:keep]) + dots, nil
}

func truncateWords(c *call) (any, error) {
	count, dots := int64(15), "..."
	if len(c.args) > 0 {
		n, ok := toInteger(c.args[0])
		if !ok {
			return nil, errors.New("the number of words is not a whole number")
		}
		count = max(n, 1)
	}
	if len(c.args) > 1 {
		dots = c.arg(1)
	}
	if c.in == nil {
		return nil, nil
	}
	list := strings.Fields(c.text())
	if int64(len(list)) <= count {
		return c.text(), nil
	}
	return strings.Join(list[:count], " ") + dots, nil
}

func urlDecode(c *call) (any, error) {
	if c.in == nil {
		return nil, nil
	}
	s, err := url.QueryUnescape(c.text())
	if err != nil || !utf8.ValidString(s) {
		return nil, errors.New("this is no valid encoded text")
	}
	return s, nil
}

func encode64(e *base64.Encoding) func(c *call) (any, error) {
	return func(c *call) (any, error) { return e.EncodeToString([]byte(c.text())), nil }
}

func decode64(e *base64.Encoding) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		out, err := e.DecodeString(c.text())
		if err != nil {
			return nil, errors.New("this is no valid base64")
		}
		return string(out), nil
	}
}
