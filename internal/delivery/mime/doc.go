// Package mime writes one campaign message as the bytes that go over the wire.
//
// What it holds as true of everything it returns: lines end in CRLF; no line
// begins with a dot, so an SMTP sender never has to stuff one; body lines are
// at most 76 characters; the bytes are 7-bit unless an address needs SMTPUTF8
// (see [NeedsUTF8]); no value of a header can start another header, because
// CR and LF are removed from every one of them; the same message gives the
// same bytes.
//
// It writes by hand into a caller's buffer instead of building a tree of
// parts: at some tens of thousands of messages a second a tree is what the
// time goes to. What many messages have in common is written once ([Head]), the
// bodies write themselves into the message ([Parts]), and a DKIM signature is
// made over the bytes where they stand.
//
// It leaves to others what a message says (templates), to whom it goes and
// whether it may (delivery), and how it travels (smtp).
package mime
