// Package queuetest is the suite that every implementation of package queue must
// pass. It holds what a caller may rely on; what is special to one
// implementation (a killed server, an emptied one) is tested beside it.
//
// It waits for signals and never sleeps: where time must pass, the harness
// moves a clock.
package queuetest
