// Package bench measures Rapport on the machine that it runs on: how fast it
// sends, enrols, selects, imports and takes callbacks, how much memory that
// takes, and how it compares with simpler ways of doing the same.
//
// What it holds as true: a figure is measured or it is not there; every figure
// comes with the machine it was taken on; ratios compare parts of one run,
// because processors change their speed from minute to minute; and what was
// measured was also counted, so that a fast run that lost or doubled a message
// is reported as a failure and not as a figure.
//
// What it leaves to others: whether a figure is good (the documentation says
// what to expect), and the tests of the parts it drives.
package bench
