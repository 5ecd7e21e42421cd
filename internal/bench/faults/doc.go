// Package faults breaks whole installations on purpose while they send, and
// counts what became of every message: the program as users build it, its own
// processes, PostgreSQL and Redis or the embedded store, and a mail server that
// counts copies.
//
// What it holds as true: whatever is killed, cut, filled up or set wrong, every
// contact ends with one recorded outcome for each step, nobody gets a second
// copy, no callback that was answered is lost, and no more is unknown than the
// fault can explain; and all that is unknown can be settled. A scenario that did
// not come to inject its faults while messages flowed has shown nothing, and is
// reported as broken too.
//
// It looks at an installation from outside only: its processes, its tables, what
// arrives at the mail server. What it leaves to others: single parts (each has
// its own tests) and speed.
package faults
