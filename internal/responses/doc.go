// Package responses takes in what comes back after a message has left: opens
// and clicks, unsubscribes, choices in the preference centre, and callbacks
// that are signed. It turns each into an event and answers.
//
// What it holds as true:
//
//   - A callback is answered with 2xx only after its events are durable; while
//     the store is away the answer is 503 and the sender tries again.
//   - An address in a message leads only to links of the template the message
//     was made from, or to one that was signed: there is no open redirect.
//   - GET never unsubscribes anybody, for scanners fetch every link. POST does,
//     always, without a cookie or a question (RFC 8058).
//   - The token in the address is the permission, so a form needs no other: who
//     cannot read the mail cannot know the token.
//   - An open or a click counts for a person unless something speaks against
//     it; what machines do is kept, marked, with the reason.
//
// A person who clicks or opens is never kept waiting for the store: the answer
// waits at most Config.Patience for the event to be durable. Later it stands
// in memory, bounded, and is brought in as soon as the store is back; a process
// that is killed in that time loses it, and nothing else. The way a click leads
// is remembered for messages that were looked up before; a first click while
// the store is away is answered with a page that tries again by itself.
//
// What it leaves to others: what follows from an event (scheduler,
// relationship), the event log itself (store), and how a message looks in the
// browser (a function that the engine gives).
package responses
