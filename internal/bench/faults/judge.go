package faults

import (
	"fmt"
	"slices"
	"strings"
)

// evidence is what an installation says became of everything, and what has
// arrived.
type evidence struct {
	contacts int
	messages []row
	ways     []way
	received map[letter]int
	refusals int // how often the mail server said no for good

	answered []string // ids of events whose request was answered with 2xx
	events   []string // keys of the events that are there
}

// verdict is what comes of comparing them.
type verdict struct {
	Sent    int `json:"sent"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	Second  int `json:"second_copies"` // copies beyond the first of a letter
	Lost    int `json:"losses"`        // letters and callbacks without an outcome, or with a wrong one

	Callbacks int `json:"callbacks"` // events answered with 2xx

	// Notes say what is wrong, the first few of it.
	Notes []string `json:"notes,omitempty"`
}

// mostNotes is how many faults are told one by one.
const mostNotes = 10

func (v *verdict) note(format string, args ...any) {
	if len(v.Notes) < mostNotes {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
	}
}

func (v *verdict) lose(format string, args ...any) {
	v.Lost++
	v.note(format, args...)
}

// judge compares what was recorded with what has arrived.
func judge(e evidence) verdict {
	v := verdict{Callbacks: len(e.answered)}
	known := map[letter]row{}
	for _, m := range e.messages {
		l := letter{m.email, m.template}
		if other, twice := known[l]; twice {
			v.lose("%s has two messages %q: %d and %d", m.email, m.template, other.id, m.id)
		}
		known[l] = m
		v.message(m, e.received[l])
	}
	for l, copies := range e.received {
		if _, ok := known[l]; !ok {
			v.lose("%q to %s is on no record and has arrived", l.subject, l.to)
		}
		if copies > 1 {
			v.Second += copies - 1
			v.note("%q to %s has arrived %d times", l.subject, l.to, copies)
		}
	}
	if v.Failed > e.refusals {
		v.lose("%d messages have failed, and the mail server has refused %d", v.Failed, e.refusals)
	}
	v.ways(e, known)
	v.callbacks(e)
	return v
}

// message judges the outcome of one message by its copies.
func (v *verdict) message(m row, copies int) {
	switch m.state {
	case "sent":
		if v.Sent++; copies == 0 {
			v.lose("%q to %s was sent and has not arrived", m.template, m.email)
		}
	case "unknown":
		v.Unknown++
	case "failed":
		v.Failed++
		if copies > 0 {
			v.lose("%q to %s has failed (%s) and has arrived", m.template, m.email, m.reason)
		}
		if !strings.HasPrefix(m.reason, "refused") {
			v.lose("%q to %s has failed: %s", m.template, m.email, m.reason)
		}
	default:
		v.lose("%q to %s ended as %s: %s", m.template, m.email, m.state, m.reason)
	}
}

// ways makes sure that every contact has come to its end: by all steps, or out
// of them because its address was refused.
func (v *verdict) ways(e evidence, known map[letter]row) {
	if len(e.ways) != e.contacts {
		v.lose("%d contacts have %d enrolments", e.contacts, len(e.ways))
	}
	for _, w := range e.ways {
		refused := false
		var missing []string
		for _, subject := range []string{"one", "two"} {
			m, ok := known[letter{w.email, subject}]
			refused = refused || m.state == "failed"
			if !ok {
				missing = append(missing, subject)
			}
		}
		switch {
		case !w.ended:
			v.lose("%s is still %s", w.email, w.state)
		case w.state == "exited" && !refused:
			v.lose("%s was taken out: %s", w.email, w.reason)
		case w.state != "exited" && len(missing) > 0:
			v.lose("%s is %s and has no message %s", w.email, w.state, strings.Join(missing, ", "))
		}
	}
}

// callbacks makes sure that what was answered with 2xx is there, once.
func (v *verdict) callbacks(e evidence) {
	there := map[string]int{}
	for _, key := range e.events {
		there[key[strings.LastIndexByte(key, ':')+1:]]++
	}
	for _, id := range slices.Sorted(slices.Values(e.answered)) {
		if n := there[id]; n != 1 {
			v.lose("the event %s was answered with 2xx and is there %d times", id, n)
		}
	}
}
