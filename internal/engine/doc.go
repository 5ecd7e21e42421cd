// Package engine puts the parts together, in the order in which a message
// goes: scheduler, queue, delivery, responses. It opens what a workspace names
// (PostgreSQL and Redis, or the embedded store and queue), starts the roles a
// process has, and stops them so that nothing in flight is lost.
//
// It runs in two ways over the same code: Run in real (or accelerated) time with
// a loop for each role, and Settle, which does all there is to do at one moment,
// for virtual time. It decides nothing about campaigns or contacts.
package engine
