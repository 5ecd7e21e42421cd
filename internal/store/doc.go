// Package store is the truth: PostgreSQL in production, one SQLite file by
// default. It holds every table of the engine and every statement on them.
//
// One Store serves both databases. A statement that both understand is written
// once; the few that differ ask the dialect (dialect.go). Methods stand in a
// file per table or per deed, with their SQL beside them. One contract suite
// runs over both.
//
// What holds: an id is never handed out twice; a message moves only as
// campaigns.Allowed says; whatever a method changes, it changes in one
// transaction. What it leaves to others: every decision. It never reads a
// clock; now is an argument.
package store
