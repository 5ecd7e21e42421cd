// Package outbox tells webhooks of the workspace what campaigns and surveys have
// to say to other systems.
//
// What it holds as true:
//
//   - A call is a row that was written with what it tells about. It is made at
//     least once, until the receiver answers 2xx; what comes twice has the same
//     id, by which the receiver knows it.
//   - Each call is tried again by itself, ever more seldom, and given up after
//     three days, with the reason in the contact's history.
//   - One slow or broken receiver holds up no other, and nothing is told about
//     contacts whose mail does not leave the house.
//
// What it leaves to others: deciding what is told, which the step machine and the
// surveys do, and keeping it, which the store does.
package outbox
