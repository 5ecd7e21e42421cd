// Package contacts holds the facts of a person: who they are, what they
// allowed, what they did and how they answered our mail.
//
// What it holds as true:
//   - An address is validated and normalised once, by ParseAddress, and is
//     from then on the identity of a contact.
//   - What conditions compare is decided here and nowhere else: Compare turns a
//     value into its comparable forms, Folded writes the same forms into the
//     database. A matcher in memory and a matcher in SQL therefore read the
//     same thing.
//   - Missing means missing in one way: absent, null, empty text, an empty list
//     and an empty map are all "not there".
//   - An import never makes somebody mailable who said no.
//
// What it leaves to others: where facts are stored (internal/store), what they
// mean (segments, internal/relationship) and who may be mailed (delivery). The
// package is pure: it reads and writes only the streams it is given.
package contacts
