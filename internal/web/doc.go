// Package web serves the dashboard: what is going on, why, and what to do about
// it, in rooms that work without JavaScript and fit a phone. It also brings the
// public addresses, the HTTP interface, health and metrics under one roof.
//
// What it holds as true:
//
//   - Nothing on a page is guessed: every figure is read from the store or the
//     queue, and every wait, skip and end stands there with its reason.
//   - The dashboard is never open by accident: without a password it answers
//     only on this machine, and not behind a proxy.
//   - Pages change nothing. What changes something is a form that is posted
//     from the dashboard itself.
//   - A figure that is expensive to count is counted once for all who look, and
//     the longer that takes, the less often.
//
// What it leaves to others: what the figures mean (store), what opens and
// clicks lead to (responses), and how mail looks (templates).
package web
