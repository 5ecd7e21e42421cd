// Package queue is how the processes of one installation work together: which
// batch of messages is next, who may send how fast, and what has just changed.
//
// What it holds as true: the database is the truth and the queue only
// coordinates. An entry is the id of a batch that stands in the database, so a
// lost entry is found again by the sweep and a doubled one finds nothing left
// to claim. Everything a queue holds may vanish at any moment, and it goes on.
// No rate is exceeded by many processes together, and no lane waits for ever
// behind a more urgent one.
//
// It holds the contract (Work, Limiter, Notices, Pinger and their sum, Queue)
// and what both implementations share: the order of lanes, the arithmetic of
// rates, and the buffer of a subscriber. Package redisq keeps the queue in
// Redis, package memory in the process; package queuetest is the suite that
// both must pass.
//
// What it leaves to others: what a batch is and whether a message may go
// (delivery asks the database, under its lock), the sweep over what was
// committed and never queued (scheduler), and daily ceilings and warm-up, which
// must outlive a restart and are counted in the database.
package queue
