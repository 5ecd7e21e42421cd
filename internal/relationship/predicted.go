package relationship

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/relationship/buying"
)

// Predict is what a model says of a contact at a moment, as scores by name.
func Predict(m *buying.Model, h buying.History, now time.Time) []contacts.Score {
	p := m.Predict(h, buying.DayOf(now))
	var list []contacts.Score
	for _, s := range []struct {
		name  string
		value *float64
	}{
		{contacts.ScoreExpected, p.Expected}, {contacts.ScoreLifetime, p.Lifetime}, {contacts.ScorePAlive, p.PAlive}, {contacts.ScoreRFM, p.RFM},
	} {
		if s.value != nil {
			list = append(list, predicted(s.name, *s.value))
		}
	}
	return list
}

func predicted(name string, value float64) contacts.Score {
	millionths, _ := contacts.Exact(value) // hundredths below 1e9 always are
	return contacts.Score{Name: name, Value: millionths}
}

// History is what a contact has bought until now, out of its events in their order.
func (d *Definition) History(events []contacts.Event, now time.Time) buying.History {
	var h buying.History
	for i := range events {
		if e := &events[i]; e.Name == d.Health.Purchase && !e.Machine && !e.At.After(now) {
			h.Add(buying.Purchase{At: e.At, Value: amount(e.Properties, d.Health.Value)})
		}
	}
	return h
}

// PredictionEvent tells the ladder what is predicted of a contact.
func PredictionEvent(who contacts.ID, scores []contacts.Score, key string, now time.Time) contacts.Event {
	properties := map[string]any{}
	for _, s := range scores {
		properties[s.Name] = float64(s.Value) / contacts.Million
	}
	return contacts.Event{Contact: who, Name: contacts.EventPredicted, At: now, Key: key, Properties: properties}
}

// ranges are what predictions can be.
var ranges = map[string][2]float64{
	contacts.ScorePAlive: {0, 1}, contacts.ScoreRFM: {0, 555},
	contacts.ScoreExpected: {0, buying.MostPredicted}, contacts.ScoreLifetime: {-buying.MostPredicted, buying.MostPredicted},
}

// PredictionsIn are the scores that such an event tells, each within what it can be.
func PredictionsIn(e *contacts.Event) []contacts.Score {
	var list []contacts.Score
	for _, name := range contacts.PredictedScores {
		if c := contacts.Compare(e.Properties[name]); c.Is(contacts.KindNumber) {
			r := ranges[name]
			list = append(list, predicted(name, max(r[0], min(r[1], amount(e.Properties, name)))))
		}
	}
	slices.SortFunc(list, func(a, b contacts.Score) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Turns reports whether a rule of the ladder or of health can answer otherwise
// when what is predicted goes from before to after. Nobody is told of the rest: a
// number that falls by a hundredth every week moves nobody.
func (d *Definition) Turns(before, after []contacts.Score) bool {
	for _, b := range d.looks.bounds {
		if side(before, b.Score, b.Least) != side(after, b.Score, b.Least) {
			return true
		}
	}
	return false
}

// side is where a score lies: there is none, it is below the bound, it reaches it.
func side(scores []contacts.Score, name string, least int64) int {
	i := slices.IndexFunc(scores, func(s contacts.Score) bool { return s.Name == name })
	switch {
	case i < 0:
		return 0
	case scores[i].Value < least:
		return 1
	}
	return 2
}

// PurchaseKey names what counts as a purchase and what was paid for it.
func (d *Definition) PurchaseKey() string { return d.Health.Purchase + " " + d.Health.Value }

// AskedKey names what the ladder asks of predictions.
func (d *Definition) AskedKey() string {
	var text []string
	for _, b := range d.looks.bounds {
		text = append(text, fmt.Sprintf("%s %d", b.Score, b.Least))
	}
	slices.Sort(text)
	sum := sha256.Sum256([]byte(strings.Join(text, "\n")))
	return hex.EncodeToString(sum[:8])
}

// AsksPredictions reports whether the ladder or health asks for a score that is
// predicted.
func (d *Definition) AsksPredictions() bool { return len(d.looks.bounds) > 0 }
