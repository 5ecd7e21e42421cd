// Package testenv starts private PostgreSQL and Redis servers for tests and
// for the bench, on loopback addresses and free ports, and stops them again.
//
// What it holds as true: two tests never share a database, every server is
// stopped by its own process id and nothing else is ever signalled, and a test
// process that dies takes its servers with it (on Linux the kernel sees to
// that). Where a server is not installed the test is skipped with one line that
// names what is missing, so that "go test ./..." works on a bare machine.
//
// RAPPORT_TEST_POSTGRES (a connection string of a role that may create
// databases) and RAPPORT_TEST_REDIS (a redis:// URL whose databases 1 to 15 may
// be emptied) name servers that already run; test.sh sets the first so that not
// every package starts its own.
//
// A package that checks for leaked goroutines passes goleak the option
// IgnoreAnyFunction("rapport/internal/testenv.(*process).reap"): the wait for the
// shared server lasts as long as the server.
//
// What it leaves to others: schemas and data (the store's tests make them) and
// mail servers (the delivery tests run those).
package testenv
