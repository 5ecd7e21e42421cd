package web

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"rapport/campaigns"
	"rapport/internal/store"
)

// verdict answers "why is nothing sending?" before it is asked.
type verdict struct {
	Tone  string // good, quiet, wait or bad
	Title string
	Text  string
	Notes []note // what else deserves a look
}

// note is one thing that deserves a look, with what to do about it.
type note struct {
	Tone string // wait or bad
	Text string
	Do   string
	Link string
}

// many is how many contacts may wait to be looked at before it is worth a word.
const many = 5000

// judge finds the first thing that keeps mail from leaving; if there is none,
// whether any is leaving.
func judge(s situation) verdict {
	v := stuck(s)
	if v.Title == "" {
		v = going(s)
	}
	v.Notes = notes(s)
	return v
}

// stuck is what stands in everybody's way.
func stuck(s situation) verdict {
	waiting := s.totals.Messages[string(campaigns.Queued)]
	switch {
	case !s.applied:
		return verdict{Tone: "wait", Title: "Nothing is applied yet", Text: "Run `rapport apply` in the workspace's folder, and what it says begins to run."}
	case s.queueErr != nil:
		return verdict{Tone: "bad", Title: "Nothing is sending: the queue does not answer",
			Text: "Nothing is lost. Callbacks, schedules and stages go on, and sending starts again by itself when it is back. " + s.queueErr.Error()}
	case s.workers == 0 && waiting > 0:
		return verdict{Tone: "bad", Title: "Nothing is sending: no worker is running",
			Text: plural(waiting, "message waits", "messages wait") + ". Start one with `rapport serve --roles worker`."}
	}
	return verdict{}
}

func going(s situation) verdict {
	waiting := s.totals.Messages[string(campaigns.Queued)]
	switch {
	case s.hasRate && s.rate > 0:
		return verdict{Tone: "good", Title: "Sending", Text: perSecond(s.rate) + " a second over the last half minute."}
	case s.totals.Messages[string(campaigns.Sending)] > 0:
		return verdict{Tone: "good", Title: "Sending", Text: plural(s.totals.Messages[string(campaigns.Sending)], "message is", "messages are") + " on the way at this moment."}
	case len(s.reasons) > 0 && s.reasons[0].Reason == whyPaused:
		return verdict{Tone: "wait", Title: "Paused", Text: plural(waiting, "message waits", "messages wait") + ", most of them because their campaign is paused."}
	case len(s.reasons) > 0 && strings.HasPrefix(s.reasons[0].Reason, whyShut):
		return verdict{Tone: "bad", Title: "Nothing is sending: the providers are closed", Text: plural(waiting, "message waits", "messages wait") + ", most of them because no provider of their sender is open."}
	case waiting > 0 && len(s.reasons) > 0:
		return verdict{Tone: "quiet", Title: "Waiting for the right moment", Text: plural(waiting, "message is", "messages are") + " ready and held back. The most frequent reason: " + s.reasons[0].Reason + "."}
	case len(s.upcoming) > 0:
		next := s.upcoming[0]
		return verdict{Tone: "quiet", Title: "Nothing is due", Text: "All planned mail has left. Next start: " + next.Campaign + ", " + ago(s.now, next.At) + "."}
	}
	return verdict{Tone: "quiet", Title: "Nothing is due", Text: "All planned mail has left."}
}

func notes(s situation) (out []note) {
	if n := s.totals.Messages[string(campaigns.Unknown)]; n > 0 {
		out = append(out, note{Tone: "wait", Text: "Of " + plural(n, "message", "messages") + " nobody knows whether the mail server took it.",
			Do: "They are never sent again by themselves. Settle them with `rapport messages settle`.", Link: "/messages?state=unknown"})
	}
	if n := s.totals.Messages[string(campaigns.Failed)]; n > 0 {
		out = append(out, note{Tone: "wait", Text: plural(n, "message has", "messages have") + " failed for good.", Do: "Each one has its reason.", Link: "/messages?state=failed"})
	}
	for _, f := range s.failing {
		if f.Closed {
			out = append(out, note{Tone: "bad", Text: f.Name + " was " + f.Reason + ".",
				Do: "That was " + ago(s.now, f.Since) + ". Nothing is lost: another provider of the sender takes the mail, where there is one, and the rest waits. Find out why before you open it.", Link: "/providers"})
			continue
		}
		out = append(out, note{Tone: "bad", Text: "Mail through " + f.Name + " fails: " + f.Reason + ".",
			Do: "It began " + ago(s.now, f.Since) + ". Nothing is lost: it is tried again by itself, and another provider of the sender takes the mail meanwhile, where there is one."})
	}
	for _, name := range slices.Sorted(maps.Keys(s.campaigns)) {
		if c := s.campaigns[name]; c.Reason != "" {
			out = append(out, note{Tone: "bad", Text: name + " was " + c.Reason + ".", Do: "Find out why before you resume it.", Link: "/campaigns/" + name})
		}
	}
	if names := pausedNames(s); len(names) > 0 {
		out = append(out, note{Tone: "wait", Text: strconv.Itoa(len(names)) + " paused: " + strings.Join(names, ", ") + ".", Do: "Nobody is lost; resume goes on where it stopped.", Link: "/campaigns"})
	}
	if s.touched > many {
		out = append(out, note{Tone: "wait", Text: plural(s.touched, "contact waits", "contacts wait") + " to be looked at again after news of them.",
			Do: "Stages and exits follow once the scheduler has caught up."})
	}
	if s.workers == 0 && s.applied && s.totals.Messages[string(campaigns.Queued)] == 0 {
		out = append(out, note{Tone: "wait", Text: "No worker is running.", Do: "Nothing waits for one yet."})
	}
	return out
}

func pausedNames(s situation) (out []string) {
	for name, c := range s.campaigns {
		if c.Status == store.Paused && c.Reason == "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return num(n) + " " + many
}

func trimFloat(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
