package segments

import (
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/strict"
)

// DecodeSegment reads a segment's file. The name must be that of the file.
func DecodeSegment(n strict.Node, file string, env *Env) (*Segment, bool) {
	m := n.Map("segment", "description", "where")
	if !m.OK() {
		return nil, false
	}
	s := &Segment{}
	name := m.Require("segment")
	s.Name, _ = name.Name()
	if want := baseName(file); s.Name != "" && want != "" && s.Name != want {
		name.Hintf(strict.CodeBadValue, "write segment: "+want+", or rename the file", "the segment %s stands in a file called %s", s.Name, want)
	}
	good := s.Name != ""
	if description := m.Get("description"); description.Present() {
		var ok bool
		s.Description, ok = description.Text()
		good = good && ok
	}
	where := m.Require("where")
	var ok bool
	s.Where, ok = (&decoder{env: env, segment: true}).condition(where, nil)
	return s, good && ok
}

// baseName is the name of a file without folders and extension.
func baseName(file string) string {
	name := file[strings.LastIndexByte(file, '/')+1:]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[:dot]
	}
	return name
}

// maxWritten bounds the parts of a segment once every segment that it refers to
// is written out, as it is in SQL.
const maxWritten = 5000

// Check reports segments that refer to each other in a circle, and those that
// grow too large when they are written out.
func (s Set) Check() bool {
	good := true
	done := map[string]int{} // name → size
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, ok := s.size(name, nil, done); !ok {
			good = false
		}
	}
	return good
}

// size counts the parts of a segment with everything below it. path is the way
// that led here.
func (s Set) size(name string, path []string, done map[string]int) (int, bool) {
	if n, ok := done[name]; ok {
		return n, true
	}
	segment := s[name]
	if segment == nil || segment.Where == nil {
		return 0, true // a fault that is known already
	}
	path = append(slices.Clone(path), name)
	total, good := 0, true
	for _, part := range segment.Where.leaves(nil) {
		total++
		in, isSegment := part.leaf.(*segmentLeaf)
		if !isSegment {
			continue
		}
		if i := slices.Index(path, in.name); i >= 0 {
			circle := append(slices.Clone(path[i:]), in.name)
			part.node.Errorf(CodeCircle, "segments refer to each other in a circle: %s", strings.Join(circle, " → "))
			good = false
			continue
		}
		n, ok := s.size(in.name, path, done)
		total += n
		good = good && ok
	}
	if total > maxWritten {
		segment.Where.node.Hintf(CodeTooMany, "mark contacts with an attribute, or refer to fewer segments", "with all that it refers to, segment %s has %d parts; at most %d are allowed", name, total, maxWritten)
		total, good = 0, false
	}
	done[name] = total
	return total, good
}

// leaves lists the single conditions below c.
func (c *Condition) leaves(list []*Condition) []*Condition {
	if c.kind == single {
		return append(list, c)
	}
	for _, part := range c.parts {
		list = part.leaves(list)
	}
	return list
}

// segmentLeaf asks for the membership of another segment.
type segmentLeaf struct{ name string }

func decodeSegmentHead(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("segment")
	name, ok := n.Name()
	if !ok {
		return nil, false
	}
	var known []string
	if d.env != nil {
		known = d.env.Segments
	}
	return &segmentLeaf{name}, d.known(n, "segment", name, known)
}

func (l *segmentLeaf) String() string { return "segment " + l.name }

// inner is the segment and the question to ask it: a segment sees everything,
// whatever the scope of whoever asks. It is nil when there is no such segment.
func (l *segmentLeaf) inner(q *Question) (*Segment, *Question) {
	s := q.Segments[l.name]
	if s == nil || s.Where == nil || q.within.holds(l.name) {
		return nil, nil
	}
	inner := *q
	inner.Scope = Scope{}
	inner.within = &path{l.name, q.within}
	return s, &inner
}

func (l *segmentLeaf) answer(q *Question) bool {
	s, inner := l.inner(q)
	return s != nil && s.Where.Match(inner)
}

func (l *segmentLeaf) why(q *Question) string {
	if s, _ := l.inner(q); s == nil {
		return "there is no segment " + l.name
	}
	return ""
}

func (l *segmentLeaf) next(q *Question) time.Time {
	s, inner := l.inner(q)
	if s == nil {
		return time.Time{}
	}
	return s.Where.NextChange(inner)
}

func (l *segmentLeaf) uses(u *Uses) { u.Segments = append(u.Segments, l.name) }

func (l *segmentLeaf) sql(p *SQL) string { return l.compile(p, true) }

// compile is the other segment's condition, or its opposite.
func (l *segmentLeaf) compile(p *SQL, want bool) string {
	s := p.Segments[l.name]
	if s == nil || s.Where == nil || p.within.holds(l.name) {
		if want {
			return no
		}
		return yes
	}
	scope, within := p.Scope, p.within
	p.Scope, p.within = Scope{}, &path{l.name, within}
	text := s.Where.compile(p, want)
	p.Scope, p.within = scope, within
	return text
}
