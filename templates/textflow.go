package templates

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/templates/liquid"
)

// flow is the state of the text at one point.
type flow struct {
	started bool // something can be seen
	breaks  int  // line breaks written last
	need    int  // line breaks that must stand before what follows
	blank   bool // a blank is held back
	spaced  bool // the last thing written is a blank
}

// flowBlock is an open block of Liquid.
type flowBlock struct {
	open, end flow // before it, and the worst of its branches' ends
	inline    bool // inside a line of text
	loop      bool
	branches  bool // end is set
}

// write puts out something that can be seen.
func (w *textWriter) write(s string) {
	if s == "" {
		return
	}
	w.flush()
	if w.at.breaks > 0 || !w.at.started {
		w.b.WriteString(w.indent + w.bullet)
		if w.bullet != "" {
			w.indent += strings.Repeat(" ", len(w.bullet))
			w.bullet = ""
		}
	} else if w.at.blank && !w.at.spaced {
		w.b.WriteByte(' ')
	}
	w.b.WriteString(s)
	w.at = flow{started: true}
}

// flush writes the line breaks that were held back.
func (w *textWriter) flush() {
	for w.at.started && w.at.breaks < w.at.need {
		if w.at.breaks > 0 {
			w.b.WriteString(strings.TrimRight(w.indent, " "))
		}
		w.b.WriteByte('\n')
		w.at.breaks++
	}
	w.at.need = 0
}

// flushBlank writes the blank that was held back, inside a line.
func (w *textWriter) flushBlank() {
	if w.at.blank && !w.at.spaced && w.at.started && w.at.breaks == 0 {
		w.b.WriteByte(' ')
		w.at.spaced = true
	}
	w.at.blank = false
}

func (w *textWriter) lineBreak() { w.lines(max(w.at.need, w.at.breaks) + 1) }

// lines wants n line breaks before what follows.
func (w *textWriter) lines(n int) {
	w.at.need, w.at.blank = max(w.at.need, n), false
}

// liquid writes a tag or output among the text.
func (w *textWriter) liquid(t liquid.Token, n *html.Node) {
	shown := w.hidden == 0 || w.capture > 0
	name := t.TagName()
	prints := t.Kind == liquid.Output || t.Kind == liquid.Tag && (name == "echo" || name == "cycle" || name == "increment" || name == "decrement")
	_, opens := liquid.BlockEnd(name)
	switch {
	case prints && shown:
		w.write(n.Data)
		return
	case prints && t.Kind == liquid.Output:
		return
	case t.Kind != liquid.Tag:
	case opens:
		w.openBlock(name, n)
		return
	case len(w.blocks) == 0:
	case strings.HasPrefix(name, "end"):
		w.endBranch()
		w.b.WriteString(n.Data)
		w.endBlock(name)
		return
	case name == "else" || name == "elsif" || name == "when":
		w.endBranch()
		w.at = w.blocks[len(w.blocks)-1].open
	}
	w.b.WriteString(n.Data)
}

func (w *textWriter) openBlock(name string, n *html.Node) {
	block := flowBlock{inline: w.isInline(n), loop: name == "for" || name == "tablerow"}
	if block.inline || block.loop {
		w.flush()
		w.flushBlank()
	}
	if name == "capture" {
		w.capture++
	}
	block.open = w.at
	w.blocks = append(w.blocks, block)
	w.b.WriteString(n.Data)
}

// endBranch: what the branch still holds back is written inside of it when it
// is part of a line, or when the branch may be run again.
func (w *textWriter) endBranch() {
	block := &w.blocks[len(w.blocks)-1]
	if block.inline {
		w.flushBlank()
	}
	if block.loop {
		w.flush()
	}
	if !block.branches {
		block.end, block.branches = w.at, true
		return
	}
	block.end = worst(block.end, w.at)
}

func (w *textWriter) endBlock(name string) {
	block := w.blocks[len(w.blocks)-1]
	w.blocks = w.blocks[:len(w.blocks)-1]
	w.at = worst(block.end, block.open)
	w.at.started = block.open.started || block.end.started
	if name == "capture" || name == "endcapture" {
		w.capture--
		w.at = block.open
	}
}

// worst is a state that is right after either of two: rather a line break too
// many than words run together.
func worst(a, b flow) flow {
	return flow{
		started: a.started || b.started,
		breaks:  min(a.breaks, b.breaks),
		need:    max(a.need, b.need),
		blank:   a.blank || b.blank,
		spaced:  a.spaced && b.spaced,
	}
}

// isInline: between a tag and its end stands no element with a line of its own.
func (w *textWriter) isInline(n *html.Node) bool {
	depth := 0
	for s := n; s != nil; s = s.NextSibling {
		if lineBreaks[s.DataAtom] > 0 || s.DataAtom == atom.Td || s.DataAtom == atom.Th {
			return false
		}
		t, ok := w.m.tagAt(s)
		if !ok {
			continue
		}
		if _, opens := liquid.BlockEnd(t.TagName()); opens {
			depth++
		} else if strings.HasPrefix(t.TagName(), "end") {
			if depth--; depth == 0 {
				return true
			}
		}
	}
	return true
}
