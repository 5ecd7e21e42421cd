package faults

import "context"

// Scenario is one kind of fault: what is done to whom, how often, and to what
// installation.
type Scenario struct {
	Name  string
	Short string // what is done, in a few words

	Long, Brief int // how many faults
	Messages    int // for each of them; 0: as many as a usual one lasts
	Waves       int // in which contacts come; 0: as is usual
	Speed       int // how fast time runs; 0: as is usual. What lasts minutes would last days

	Embedded    bool     // one process on the embedded store, instead of several on PostgreSQL and Redis
	Machines    []string // the roles of each; nil: scheduler, web and two workers
	OwnPostgres bool     // a PostgreSQL server of its own
	Callbacks   bool     // somebody reports events all the time
	Quick       bool     // silent workers are given up ten times as fast
	Prepare     func(t *trial) error

	// Break injects the faults and leaves an installation behind that can come
	// to its end.
	Break func(ctx context.Context, t *trial) error
}

// Scenarios are all that there are.
func Scenarios() []Scenario {
	var all []Scenario
	all = append(all, kills()...)
	all = append(all, stops()...)
	all = append(all, servers()...)
	all = append(all, networks()...)
	all = append(all, mailServers()...)
	all = append(all, clocks()...)
	return append(all, disks()...)
}
