// Package plan says what applying a folder would do: what differs from the
// version that runs, whom each campaign would enrol and mail on the coming
// days, which limits would hold mail back, and what becomes of those who are on
// their way.
//
// What it holds as true: it writes nothing, and what it says about versions,
// moves and what may not be taken away is what an apply acts on, because both
// ask here. What it says about the coming days is an estimate;
// docs/language/plan.md says how it is made.
//
// It leaves to others: storing a version (engine, store), and showing a plan to
// people (the command line).
package plan
