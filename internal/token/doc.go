// Package token makes and checks the signed texts that stand in the links of a
// message: what an address that comes back may be believed.
//
// A message has one token, which says whose it is (message and contact) and is
// signed once, with HMAC-SHA256. The path it stands in says what it asks for:
//
//	/o/TOKEN          the message was opened
//	/c/TOKEN/N        link N of the recorded template was clicked
//	/c/TOKEN/N/LINK   the same for a link with contact data in it, which LINK carries and signs
//	/u/TOKEN          unsubscribe with one click
//	/p/TOKEN          the preference centre
//	/v/TOKEN          the message in the browser
//
// A link number stands outside the signature: it only chooses among the links
// of the template that the message was made from, so nobody can make a token
// lead elsewhere. A compiled template can therefore hold every path as a
// literal with one gap, the same for all of them.
//
// What it holds as true: a token that verifies was made with one of the
// secrets given; tokens never expire, so that an unsubscribe link works for
// years; a token is bound to its kind, and the text of a token is the only one
// for its content. A key id in each token, made of the secret itself, lets
// secrets rotate in any order.
//
// What it leaves to others: looking up message, contact, topic and links, and
// deciding what an answer means.
package token
