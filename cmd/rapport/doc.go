// Command rapport is the command line of the engine: it reads flags, asks the
// packages that do the work, and prints what they answer, as tables for people
// or as JSON for programs.
//
// What it holds as true: standard output carries the answer and nothing else,
// standard error everything that is about the work (progress, notes, errors);
// exit code 0 is done, 1 is that the work failed, 2 is wrong usage. Commands are
// methods of app, which holds every stream, the environment and the clock, so
// that tests inject them all. os.Exit stands in main only.
//
// What it leaves to others: every decision about contacts, campaigns and mail.
package main
