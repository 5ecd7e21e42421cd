// Package doctor looks whether what a workspace needs is there, and says of each
// thing what was found and what to do: database, queue, mail servers, the records
// of the senders' domains in the DNS, the clock, and the public address.
//
// What it holds as true: it changes nothing and mails nobody; what could not be
// asked is told as such and never as missing; every finding that is not well
// says what to do.
//
// What it leaves to others: reading the workspace, opening database and queue,
// which come in as functions, and showing the findings.
package doctor
