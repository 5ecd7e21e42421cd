// Package measure says what figures can say: a share, a mean and a difference
// with the range in which they lie, whether one arm of a split has won, and a
// plain sentence about what mailing was worth. Everything here is arithmetic on
// counts, and holds no state.
//
// It takes for granted that the counts are honest: that chance alone decided who
// is in which group, that everybody counts in the group they were assigned to
// whatever became of them, and once. Whoever counts answers for that.
package measure
