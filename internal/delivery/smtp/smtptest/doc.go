// Package smtptest is a mail server for tests that answers as it is told: any
// reply at any verb, or none, or a connection that ends there. It keeps what it
// took and counts the copies per recipient and X-Rapport-Id, so that a test can
// say that nobody got two.
//
// It listens on a free port of the loopback interface and ends with its test.
// It leaves to the tests what to do with it; the mailbox that the program
// itself brings along is package mailbox.
package smtptest
