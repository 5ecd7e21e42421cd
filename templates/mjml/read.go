package mjml

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds on what is read.
const (
	maxDepth    = 100
	maxIncludes = 1000
	maxText     = 4 << 20 // of all files together, in bytes
)

// reader turns sources into a tree.
type reader struct {
	*mistakes
	Options
	included int
	size     int
	stopped  bool    // a bound is passed: nothing more is read
	heads    []*node // what included files have in their heads
	sheets   []*node // style sheets that were included
}

// scan is the reading of one source.
type scan struct {
	*reader
	source *Source
	text   string
	off    int
	open   []*node  // the tags that are open, the outermost first
	files  []string // the files that this one is included from, and itself
	cut    bool     // the source ends inside of a tag, a comment or a text
}

func (r *reader) scan(src *Source, root *node, files []string) {
	s := &scan{reader: r, source: src, text: src.Text, open: []*node{root}, files: files}
	if r.size += len(src.Text); r.size > maxText {
		s.stop(s.at(0), "with all that is included the page is larger than 4 MiB")
	}
	for s.off < len(s.text) && !s.stopped {
		s.next()
	}
	if s.cut || s.stopped {
		return // one mistake is enough
	}
	for i := len(s.open) - 1; i > 0; i-- {
		s.add(s.open[i].at, "write </"+s.open[i].tag+"> where it ends", "<%s> is not closed", s.open[i].tag)
	}
}

// stop gives up reading.
func (r *reader) stop(at place, message string) {
	if !r.stopped {
		r.add(at, "", "%s", message)
	}
	r.stopped = true
}

// cutOff notes that the source ends too early.
func (s *scan) cutOff(at place, hint, format string, args ...any) {
	s.add(at, hint, format, args...)
	s.off, s.cut = len(s.text), true
}

func (s *scan) at(offset int) place { return place{s.source, offset} }

func (s *scan) top() *node { return s.open[len(s.open)-1] }

// next reads up to and including the next tag or comment.
func (s *scan) next() {
	rest := s.text[s.off:]
	i := strings.IndexByte(rest, '<')
	if i < 0 {
		i = len(rest)
	}
	if lead := strings.TrimLeft(rest[:i], " \t\r\n"); lead != "" {
		s.strayText(s.off + i - len(lead))
	}
	s.off += i
	if i == len(rest) {
		return
	}
	rest = rest[i:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		s.comment(rest)
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
		s.skipPast(">")
	case strings.HasPrefix(rest, "</"):
		s.closeTag()
	case len(rest) > 1 && isLetter(rest[1]):
		s.openTag()
	default:
		s.strayText(s.off)
		s.off++
	}
}

func (s *scan) strayText(offset int) {
	top := s.top()
	if top.tag != "" && vocab().tags[top.tag] == nil {
		return // that there is no such tag is said already
	}
	if top.tag == "" && len(s.files) == 1 {
		s.add(s.at(offset), "MJML begins with <mjml>", "there is text outside of <mjml>")
		return
	}
	s.add(s.at(offset), "text stands in tags such as <mj-text>", "text cannot stand in %s", top.name())
}

// name is how errors call the tag.
func (n *node) name() string {
	if n.tag == "" {
		return "this place"
	}
	return "<" + n.tag + ">"
}

// comment keeps a comment: the page has it too.
func (s *scan) comment(rest string) {
	at := s.at(s.off)
	end := strings.Index(rest, "-->")
	if end < len("<!--") {
		s.cutOff(at, "write --> where it ends", "this comment is not closed")
		return
	}
	s.off += end + len("-->")
	if s.Expand != nil {
		if before, src, after, ok := s.Expand(rest[len("<!--"):end]); ok {
			s.top().children = append(s.top().children, raw(before, at))
			if s.mayInclude(at) {
				s.splice(&src, at)
			}
			s.top().children = append(s.top().children, raw(after, at))
			return
		}
	}
	s.top().children = append(s.top().children, raw(rest[:end+len("-->")], at))
}

func (s *scan) skipPast(end string) {
	if i := strings.Index(s.text[s.off:], end); i >= 0 {
		s.off += i + len(end)
		return
	}
	s.off = len(s.text)
}

func (s *scan) closeTag() {
	at := s.at(s.off)
	s.off += len("</")
	name := s.word()
	s.skipPast(">")
	for i := len(s.open) - 1; i > 0; i-- {
		if s.open[i].tag != name {
			continue
		}
		for _, n := range s.open[i+1:] {
			s.add(n.at, "write </"+n.tag+"> before </"+name+">", "<%s> is not closed", n.tag)
		}
		s.open = s.open[:i]
		return
	}
	if t := vocab().tags[name]; t.holdsMarkup() || name == "mj-include" {
		return // <mj-text/></mj-text> says the same twice
	}
	s.add(at, "", "</%s> closes nothing", name)
}

func (s *scan) openTag() {
	n := &node{at: s.at(s.off), written: true}
	s.off++
	n.tag = s.word()
	closed := s.attributes(n)
	t := vocab().tags[n.tag]
	switch {
	case n.tag == "mj-include":
		s.includeTag(n)
		if !closed {
			s.skipClosing(n.tag)
		}
		return
	case t.holdsMarkup() && !closed:
		n.content = strings.TrimSpace(s.markup(n))
	}
	s.top().children = append(s.top().children, n)
	if closed || t.holdsMarkup() {
		return
	}
	if len(s.open) > maxDepth {
		s.stop(n.at, fmt.Sprintf("tags stand in each other more than %d deep", maxDepth))
		return
	}
	s.open = append(s.open, n)
}

// skipClosing passes over </name> when it comes next.
func (s *scan) skipClosing(name string) {
	rest := strings.TrimLeft(s.text[s.off:], " \t\r\n")
	if strings.HasPrefix(rest, "</"+name) {
		s.off = len(s.text) - len(rest)
		s.skipPast(">")
	}
}

// markup reads the content of a tag that holds no MJML, up to its end.
func (s *scan) markup(n *node) string {
	start, depth := s.off, 1
	for i := s.off; ; {
		j := strings.IndexByte(s.text[i:], '<')
		if j < 0 {
			break
		}
		i += j
		switch {
		case strings.HasPrefix(s.text[i:], "<!--"):
			if end := strings.Index(s.text[i:], "-->"); end > 0 {
				i += end
			}
		case hasTag(s.text[i+1:], "/"+n.tag):
			if depth--; depth == 0 {
				s.off = i
				s.skipPast(">")
				return s.text[start:i]
			}
		case hasTag(s.text[i+1:], n.tag) && !s.closesItself(i):
			depth++
		}
		i++
	}
	s.cutOff(n.at, "write </"+n.tag+"> where it ends", "<%s> is not closed", n.tag)
	return s.text[start:]
}

func (s *scan) closesItself(i int) bool {
	end := strings.IndexByte(s.text[i:], '>')
	return end > 0 && s.text[i+end-1] == '/'
}

// hasTag tells whether s begins with the name of a tag, and not with a longer one.
func hasTag(s, name string) bool {
	if len(s) < len(name) || !strings.EqualFold(s[:len(name)], name) {
		return false
	}
	return len(s) == len(name) || !isWord(s[len(name)])
}

// attributes reads up to the end of the tag, and tells whether it closes itself.
func (s *scan) attributes(n *node) (closed bool) {
	for {
		s.blanks()
		if s.off >= len(s.text) {
			if !s.cut {
				s.cutOff(n.at, "write > where it ends", "the tag <%s> is not complete", n.tag)
			}
			return true
		}
		switch s.text[s.off] {
		case '>':
			s.off++
			return false
		case '/':
			s.off++
			if s.off < len(s.text) && s.text[s.off] == '>' {
				s.off++
				return true
			}
		case '<':
			s.add(n.at, "write > where it ends", "the tag <%s> is not complete", n.tag)
			return false
		default:
			s.attribute(n)
		}
	}
}

func (s *scan) attribute(n *node) {
	a := attribute{at: s.at(s.off)}
	start := s.off
	for s.off < len(s.text) && strings.IndexByte(" \t\r\n=/><", s.text[s.off]) < 0 {
		s.off++
	}
	if a.name = s.text[start:s.off]; a.name == "" {
		s.off++
		s.add(a.at, "", "this belongs to no attribute of <%s>", n.tag)
		return
	}
	s.blanks()
	if s.off < len(s.text) && s.text[s.off] == '=' {
		s.off++
		s.blanks()
		a.value = s.value(n, a)
	}
	// The first of two holds, as in HTML.
	if !s.cut && !slices.ContainsFunc(n.attrs, func(b attribute) bool { return b.name == a.name }) {
		n.attrs = append(n.attrs, a)
	}
}

func (s *scan) value(n *node, a attribute) string {
	if s.off >= len(s.text) {
		return ""
	}
	start := s.off
	if q := s.text[s.off]; q == '"' || q == '\'' {
		end := strings.IndexByte(s.text[s.off+1:], q)
		if end < 0 {
			s.cutOff(a.at, "write the second quote", "the value of %s in <%s> does not end", a.name, n.tag)
			return ""
		}
		s.off += end + 2
		return strings.ReplaceAll(s.text[start+1:start+1+end], `"`, "&quot;")
	}
	for s.off < len(s.text) && strings.IndexByte(" \t\r\n>", s.text[s.off]) < 0 {
		s.off++
	}
	return strings.ReplaceAll(s.text[start:s.off], `"`, "&quot;")
}

func (s *scan) blanks() {
	for s.off < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.off]) >= 0 {
		s.off++
	}
}

func (s *scan) word() string {
	start := s.off
	for s.off < len(s.text) && isWord(s.text[s.off]) {
		s.off++
	}
	return strings.ToLower(s.text[start:s.off])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isWord(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-' || c == '_' || c == ':'
}
