// Package acceptance proves the main job on whole installations: the program as
// users build it, its own processes, real databases, Postfix's smtp-sink as the
// mail server, and answers that come in over HTTP. It holds tests only.
//
// What it holds as true: a scenario has one right end for each contact, whatever
// the database, the number of processes, a clean stop, a kill or the order of
// the answers; so the tests compute that end from the contact's number and
// compare every contact with it. Time runs fast in all processes of an
// installation alike, and nothing waits without looking for what it waits for.
//
// What it leaves to others: the exact texts of single parts (each has them in
// its own tests), other mail servers than a plain one, and speed.
package acceptance
