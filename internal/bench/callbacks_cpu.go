package bench

import (
	"context"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// usage is the CPU time that processes have used, by name.
type usage map[string]time.Duration

func (u usage) since(before usage) usage {
	out := usage{}
	for name, used := range u {
		out[name] = used - before[name]
	}
	return out
}

// cpu is what the processes of the bench have used: those that it started, and
// PostgreSQL where it runs on this machine. What cannot be read is left out.
func (b *callbackBench) cpu() usage {
	u := usage{}
	for _, p := range b.served {
		if used := usageOf(p.Process.Pid).cpu; used > 0 {
			u[p.name] = used
		}
	}
	if used, ok := b.postgresTime(); ok {
		u["PostgreSQL"] = used
	}
	if used := usageOf(os.Getpid()).cpu; used > 0 {
		u["client"] = used
	}
	return u
}

func (b *callbackBench) figureCPU(name string, used usage, n int64) {
	for _, who := range []string{"web", "scheduler", "engine", "PostgreSQL", "client"} {
		if d, ok := used[who]; ok && n > 0 {
			b.Figure(name+" CPU "+who, float64(d.Microseconds())/float64(n), "µs/event")
		}
	}
}

// postgresTime adds up the processes of the server that the bench works on.
func (b *callbackBench) postgresTime() (time.Duration, bool) {
	if b.database == "" {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, b.database)
	if err != nil {
		return 0, false
	}
	defer c.Close(ctx)
	var backend int
	if c.QueryRow(ctx, `select pg_backend_pid()`).Scan(&backend) != nil {
		return 0, false
	}
	of, err := readStat(backend)
	if err != nil || of.name != "postgres" {
		return 0, false // it runs elsewhere
	}
	return treeUsage(of.parent).cpu, true
}
