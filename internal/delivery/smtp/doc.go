// Package smtp hands finished messages to a mail server (RFC 5321) and says
// for each what became of it.
//
// Connections are opened, encrypted and signed in by go-mail; the mail itself
// is written by hand over its connection, because with a reply that takes 5 ms
// the number of round trips decides everything: PIPELINING (RFC 2920) sends a
// message's body together with the next one's envelope, CHUNKING (RFC 3030)
// saves DATA and the dot, and a server that offers neither is served step by
// step.
//
// What it holds as true: a connection has at most one message unanswered after
// its final dot; the caller's Intent returns before that dot is written; a
// message whose dot was written and never answered is Unknown and nothing
// else; every other failure is a reply, classed by code, enhanced code and
// text, or a failure before the dot, which is Temporary.
//
// It leaves to others what a message says (mime), whether and when it may go,
// and what follows from a result (delivery).
package smtp
