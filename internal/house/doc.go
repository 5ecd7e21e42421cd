// Package house holds the rules of the house over the whole tree: which way
// imports run, where the time of day may be read, what packages and files may
// be called and how long they may grow, that the documentation names only what
// exists, and that every example works.
//
// What it holds as true: a rule that nothing checks does not last. Each test
// is one rule, and says for each break where it is and what to do. The
// exceptions stand in the tables beside the rules, each with its reason.
//
// What it leaves to others: everything that a package can check by itself. It
// has tests only; the folder count beside it reads the output of go test for
// test.sh.
package house
