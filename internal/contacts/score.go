package contacts

import (
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Score is a number that the relationship has added up of a contact. It is
// dated, so that time alone moves it without anybody writing it: of a score that
// halves with time the moment is kept at which it has come down to 1.
type Score struct {
	Name string
	// Sign is 1 or -1 for a score that halves with time, and 0 for one that stays
	// as it is.
	Sign int64
	// Value is, with a sign, the moment in Unix milliseconds at which the score is
	// 1, or -1, again. Without one it is the score itself, in millionths.
	Value int64
}

// Scores that exist without a signal of that name.
const (
	ScorePoints = "points" // of the loyalty program
	ScoreNPS    = "nps"    // the latest answer to a survey from 0 to 10
)

// Scores that are predicted from what all customers have bought. They are made
// anew every night, and for who buys at once.
const (
	ScorePAlive   = "p_alive"         // the chance that a customer has not left for good
	ScoreRFM      = "rfm"             // recency, frequency and money, a digit each
	ScoreExpected = "expected_orders" // in the year to come
	ScoreLifetime = "lifetime_value"  // spent, and expected in the year to come
)

// PredictedScores are the names of those.
var PredictedScores = []string{ScorePAlive, ScoreRFM, ScoreExpected, ScoreLifetime}

// Predicted parts scores into those that are added up and those that are predicted.
func Predicted(scores []Score) (added, predicted []Score) {
	for _, s := range scores {
		if slices.Contains(PredictedScores, s.Name) {
			predicted = append(predicted, s)
		} else {
			added = append(added, s)
		}
	}
	return added, predicted
}

// JoinScores are two lists of scores as one, by name.
func JoinScores(a, b []Score) []Score {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b Score) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Halving is how long a score takes to come down from a value above zero to 1,
// in milliseconds; of a value below 1 it is how long ago it was 1. Whatever is
// compared with it comes from here too, so that a score equals a bound exactly
// when both were the same number.
func Halving(halfLife time.Duration, value float64) int64 {
	return int64(math.Round(float64(halfLife.Milliseconds()) * math.Log2(value)))
}

// HalvingScore is a score that is value at a moment. Zero stays zero.
func HalvingScore(name string, value float64, at time.Time, halfLife time.Duration) Score {
	switch {
	case value > 0:
		return Score{Name: name, Sign: 1, Value: at.UnixMilli() + Halving(halfLife, value)}
	case value < 0:
		return Score{Name: name, Sign: -1, Value: at.UnixMilli() + Halving(halfLife, -value)}
	}
	return Score{Name: name}
}

// At is what the score is at a moment. halfLife counts for one that halves.
func (s Score) At(now time.Time, halfLife time.Duration) float64 {
	if s.Sign == 0 {
		return float64(s.Value) / Million
	}
	return float64(s.Sign) * math.Exp2(float64(s.Value-now.UnixMilli())/float64(halfLife.Milliseconds()))
}

// AddPoints adds to the points, which nobody has stored yet.
func (f *Facts) AddPoints(points int) {
	i := sort.Search(len(f.Scores), func(i int) bool { return f.Scores[i].Name >= ScorePoints })
	if i == len(f.Scores) || f.Scores[i].Name != ScorePoints {
		f.Scores = slices.Insert(f.Scores, i, Score{Name: ScorePoints})
	}
	f.Scores[i].Value += int64(points) * Million
}

// Score is a score of the contact by name, and whether there is one.
func (f *Facts) Score(name string) (Score, bool) {
	i := sort.Search(len(f.Scores), func(i int) bool { return f.Scores[i].Name >= name })
	if i < len(f.Scores) && f.Scores[i].Name == name {
		return f.Scores[i], true
	}
	return Score{}, false
}
