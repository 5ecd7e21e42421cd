// Package mailbox is a mail server on this machine that takes every message
// and passes none on: what the demo shows, and where mail goes until a
// workspace says that delivery is live.
//
// What it holds as true: nothing leaves it; every message taken is counted,
// with its copies per recipient and X-Rapport-Id, for as long as it runs; the
// latest ones are kept whole in memory, so many and no more.
//
// It is made to be fast and forgiving, not to be put on the internet: there is
// no sign-in, no encryption and no storage. What the people in the demo do
// with their mail is for others, who listen through Subscribe.
package mailbox
