// Package quoted writes text in quoted-printable (RFC 2045 6.7), in one go or
// piece by piece.
//
// What it holds as true: lines end in CRLF and have at most 76 characters; no
// line ends in a blank, begins with a dot, which SMTP would have to stuff, or
// with an F, which in "From " some mailboxes change; and a text that was written
// in pieces reads as it would have been in one, though its lines break elsewhere.
// So the literal pieces of a template are encoded once, for all the messages that
// it makes.
//
// What it leaves to others: everything but the transfer encoding.
package quoted
