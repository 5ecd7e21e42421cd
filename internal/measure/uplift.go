package measure

import "fmt"

// Group is one side of a comparison: everybody who was assigned to it.
type Group struct {
	Of    int64 `json:"of"`
	Count int64 `json:"count"` // who did what counts
	Sum   Sum   `json:"-"`     // what it was worth
	Open  int64 `json:"open"`  // whose time is not over yet
}

// Uplift compares who was mailed with who was held out, by assignment.
type Uplift struct {
	Treated Group
	Control Group
	Valued  bool // Sum of both groups is known
}

// Few says below which figures nothing is said: contacts in each group, and
// contacts of both groups together who did what counts. The interval of the
// shares holds below, but nobody should act on it; that of the values does not
// hold.
const (
	FewContacts = 100
	FewCounted  = 10
	FewValues   = 30 // in each group, before a value is spoken of
)

// Shares are the shares of both groups and their difference.
func (u Uplift) Shares() (treated, control, difference Range) {
	treated, control = Share(u.Treated.Count, u.Treated.Of), Share(u.Control.Count, u.Control.Of)
	return treated, control, Difference(treated, control)
}

// Values are the values for each contact of both groups and their difference. ok
// is false where too few have brought something for the interval to hold.
func (u Uplift) Values() (treated, control, difference Range, ok bool) {
	treated, control = u.Treated.Sum.Mean(u.Treated.Of), u.Control.Sum.Mean(u.Control.Of)
	difference = Means(u.Treated.Sum, u.Treated.Of, u.Control.Sum, u.Control.Of)
	return treated, control, difference, u.Valued && u.Treated.Count >= FewValues && u.Control.Count >= FewValues
}

// TooFew reports whether there is too little to say anything.
func (u Uplift) TooFew() bool {
	return u.Treated.Of < FewContacts || u.Control.Of < FewContacts || u.Treated.Count+u.Control.Count < FewCounted
}

// What a comparison comes to.
const (
	Nobody  = "nobody to compare with"
	TooFew  = "too few"
	Works   = "works"
	Harms   = "harms"
	Unclear = "unclear" // what chance alone does is as large
)

// Verdict is what the comparison of the shares comes to.
func (u Uplift) Verdict() string {
	_, _, d := u.Shares()
	switch {
	case u.Treated.Of == 0 || u.Control.Of == 0:
		return Nobody
	case u.TooFew():
		return TooFew
	case d.Low > 0:
		return Works
	case d.High < 0:
		return Harms
	}
	return Unclear
}

// Sentence says in plain words what the comparison tells.
func (u Uplift) Sentence() string {
	_, _, d := u.Shares()
	switch u.Verdict() {
	case Nobody:
		return "There is nobody to compare with yet."
	case TooFew:
		return fmt.Sprintf("Too few to say anything: it takes %d contacts on each side, and %d who did it.", FewContacts, FewCounted)
	case Works:
		return fmt.Sprintf("It works: of 100 contacts, %s more do it because they are mailed.", between(d.Low, d.High))
	case Harms:
		return fmt.Sprintf("It does harm: of 100 contacts, %s fewer do it because they are mailed.", between(-d.High, -d.Low))
	}
	return fmt.Sprintf("No effect can be told from chance: anything from %.1f fewer to %.1f more of 100 contacts fits these figures.", max(0, -100*d.Low), max(0, 100*d.High))
}

func between(low, high float64) string { return fmt.Sprintf("%.1f to %.1f", 100*low, 100*high) }
