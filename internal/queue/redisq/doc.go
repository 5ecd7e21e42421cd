// Package redisq is the queue of an installation of many processes, in Redis 6.2
// or later, a single server or a cluster.
//
// What it holds as true: all of Redis may be wiped, killed or unreachable at any
// moment. Groups that are gone are made again by whoever misses them, so that no
// error repeats itself; what was lost is queued again by the sweep. Every
// command, pipeline and script keeps to keys of one hash tag: the work of all
// lanes lives in one slot, because it is a few thousand small entries per second
// at most and a consumer waits on all of its lanes at once, while each rate has
// a slot of its own.
//
// Work is one stream per lane with one consumer group, and one sorted set per
// lane for what is delayed. Rates are one key each, decided in a script by the
// clock of the server. Notices go over a channel.
//
// What it leaves to others: trying again. A call that fails says so at once,
// with queue.ErrUnreachable when the server did not answer.
package redisq
