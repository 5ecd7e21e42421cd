package relationship

import (
	"math"
	"time"

	"rapport/internal/contacts"
	"rapport/segments"
)

// tallies are the scores of one contact on its way through time. What they are
// at a moment depends on the events until then, in their order, and on nothing
// else, so that every order of arrival ends in the same scores.
type tallies struct {
	def     *Definition
	signals []signal
	lots    []lot // of points that are left, the oldest first
	booked  bool  // there were points once
	nps     float64
	asked   bool // nps has an answer
	// predicted is what was told last: see Definition.Turns.
	predicted []contacts.Score
	facts     *contacts.Facts
}

// signal is what a signal was when it moved last.
type signal struct {
	value float64
	at    time.Time
}

// lot are points that were earned at once.
type lot struct {
	points  int64     // millionths
	expires time.Time // zero: never
}

func newTallies(d *Definition, f *contacts.Facts) *tallies {
	if !d.Scored() {
		return nil
	}
	return &tallies{def: d, signals: make([]signal, len(d.Signals)), facts: f}
}

// happen adds an event up. It reports whether a score has moved.
func (t *tallies) happen(e *contacts.Event) bool {
	if t == nil || e == nil || e.Machine {
		return false
	}
	moved := false
	for i := range t.def.Signals {
		if weight := t.def.Signals[i].Weights[e.Name]; weight != 0 {
			t.signals[i].add(weight, e.At, t.def.Signals[i].HalfLife.Fixed())
			moved = true
		}
	}
	if points := t.def.Programs.Loyalty.earned(e); points != 0 {
		t.book(points, e.At)
		moved = true
	}
	if answer, ok := answerOf(e); ok {
		t.nps, t.asked = answer, true
		moved = true
	}
	if e.Name == contacts.EventPredicted {
		t.predicted = PredictionsIn(e)
		moved = true
	}
	if moved {
		t.tell()
	}
	return moved
}

func (s *signal) add(weight float64, at time.Time, halfLife time.Duration) {
	passed := float64(at.Sub(s.at).Milliseconds())
	if s.value != 0 {
		s.value *= math.Exp2(-passed / float64(halfLife.Milliseconds()))
	}
	s.value, s.at = s.value+weight, at
}

// book adds a lot of points, or takes points from the oldest lots. Nobody has
// less than none.
func (t *tallies) book(points int64, at time.Time) {
	t.booked = true
	if points > 0 {
		n := lot{points: points}
		if life := t.def.Programs.Loyalty.Expire.Fixed(); life > 0 {
			n.expires = at.Add(life)
		}
		t.lots = append(t.lots, n)
		return
	}
	for points < 0 && len(t.lots) > 0 {
		taken := min(-points, t.lots[0].points)
		points += taken
		if t.lots[0].points -= taken; t.lots[0].points == 0 {
			t.lots = t.lots[1:]
		}
	}
}

// pass lets points expire whose time is up at a moment.
func (t *tallies) pass(at time.Time) bool {
	expired := false
	for t != nil && len(t.lots) > 0 && !t.lots[0].expires.IsZero() && !t.lots[0].expires.After(at) {
		t.lots = t.lots[1:]
		expired = true
	}
	if expired {
		t.tell()
	}
	return expired
}

// next is when points expire next; zero is never.
func (t *tallies) next() time.Time {
	if t == nil || len(t.lots) == 0 {
		return time.Time{}
	}
	return t.lots[0].expires
}

// tell makes the scores part of what is known of the contact. A score that there
// was once stays, if only as 0: events and time take none away.
func (t *tallies) tell() {
	list := make([]contacts.Score, 0, len(t.signals)+2)
	for i, s := range t.signals {
		if def := &t.def.Signals[i]; !s.at.IsZero() {
			list = append(list, contacts.HalvingScore(def.Name, s.value, s.at, def.HalfLife.Fixed()))
		}
	}
	var points int64
	for _, l := range t.lots {
		points += l.points
	}
	if t.booked {
		list = append(list, contacts.Score{Name: contacts.ScorePoints, Value: points})
	}
	if t.asked {
		list = append(list, contacts.Score{Name: contacts.ScoreNPS, Value: int64(math.Round(t.nps * contacts.Million))})
	}
	t.facts.Scores = contacts.JoinScores(list, t.predicted)
}

// mostPoints bounds what one event can earn or cost, in points.
const mostPoints = 1_000_000_000

// earned are the points, in millionths, that an event earns: whole ones, the
// rest is dropped.
func (l *Loyalty) earned(e *contacts.Event) int64 {
	points := 0.0
	if e.Name == contacts.EventAwarded {
		points = amount(e.Properties, "points")
	}
	if rule, ok := l.Points[e.Name]; ok && rule.Per == "" {
		points += rule.Fixed
	} else if ok {
		points += rule.Rate * amount(e.Properties, rule.Per)
	}
	return int64(math.Trunc(min(mostPoints, max(-mostPoints, points)))) * contacts.Million
}

// amount is a property as a number; 0 where it is none.
func amount(properties map[string]any, path string) float64 {
	n, _ := contacts.Amount(properties, path)
	return n
}

// npsScale is the scale of the surveys that the score nps is about.
const npsScale = "0-10"

// answerOf is the answer to a survey from 0 to 10.
func answerOf(e *contacts.Event) (float64, bool) {
	if e.Name != contacts.EventSurveyed {
		return 0, false
	}
	if scale, ok := e.Properties["scale"].(string); ok && scale != npsScale {
		return 0, false
	}
	v, found := contacts.Lookup(e.Properties, "score")
	if c := contacts.Compare(v); !found || !c.Is(contacts.KindNumber) {
		return 0, false
	}
	answer := amount(e.Properties, "score")
	return answer, answer >= 0 && answer <= 10
}

// Scored reports whether there is any score to add up.
func (d *Definition) Scored() bool { return d.looks.scored }

// Scoring is what conditions on scores depend on beside the contact. It is the
// same for everybody, and is not to be changed.
func (d *Definition) Scoring() *segments.Scoring { return d.looks.scoring }

func newScoring(d *Definition) *segments.Scoring {
	s := &segments.Scoring{HalfLives: make(map[string]time.Duration, len(d.Signals))}
	for _, signal := range d.Signals {
		s.HalfLives[signal.Name] = signal.HalfLife.Fixed()
	}
	for _, tier := range d.Programs.Loyalty.Tiers {
		s.Tiers = append(s.Tiers, segments.Tier{Name: tier.Name, From: int64(math.Ceil(tier.From * contacts.Million))})
	}
	return s
}
