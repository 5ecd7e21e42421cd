// Package scheduler is the clock's side of the engine. It fires schedules and
// enrols their audience, follows who enters a segment, draws the consequences
// of what is new about a contact, asks the step machine about enrolments that
// are due, and puts on the queue what was committed.
//
// What happens is decided by the pure packages (campaigns, segments,
// relationship) and written by the store in one transaction per batch; this
// package carries facts from one to the other. Many schedulers may run side by
// side: each firing is claimed once, due rows are taken with skip-locked, and
// nothing is remembered here that a restart could lose. Every method takes now,
// so real, accelerated and virtual time run the same code.
package scheduler
