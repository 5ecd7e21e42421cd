// Package memory is the queue of an installation that runs in one process: the
// embedded default, the demo and the simulation.
//
// What it holds as true: it is empty when the process starts, and that is
// enough, because the sweep queues again whatever the database holds and the
// queue does not. Nothing in it polls: a waiting consumer is woken by the push.
// Its clock is injected, so that it serves virtual time as well; only the wait
// of Take is measured in real time.
//
// What it leaves to others: everything that must survive the process.
package memory
