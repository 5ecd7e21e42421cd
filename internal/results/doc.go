// Package results says what mailing was worth: how the arms of a split stand and
// whether one has won, what a campaign does for its goal beside a control group,
// and what all marketing together does.
//
// It brings together what was applied, what the store has counted and what
// figures can say. It takes for granted that counts are by assignment and of each
// contact once. When to look at a split is up to the scheduler, and how it is
// shown to whoever shows it.
package results
