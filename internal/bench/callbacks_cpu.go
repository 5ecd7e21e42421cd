package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
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
		if used, ok := processTime(p.Process.Pid); ok {
			u[p.name] = used
		}
	}
	if used, ok := b.postgresTime(); ok {
		u["PostgreSQL"] = used
	}
	if used, ok := processTime(os.Getpid()); ok {
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

// ticks is how many there are in a second of /proc, on every Linux that Go runs
// on (sysconf _SC_CLK_TCK).
const ticks = 100

// processTime reads the CPU time of a process and of its children that ended.
func processTime(pid int) (time.Duration, bool) {
	fields, ok := stat(pid)
	if !ok {
		return 0, false
	}
	sum := int64(0)
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime: proc(5)
		n, _ := strconv.ParseInt(f, 10, 64)
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, true
}

// stat reads the fields of /proc/PID/stat after the name, from the state on.
func stat(pid int) ([]string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	return fields, len(fields) > 15
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
	fields, ok := stat(backend)
	if !ok {
		return 0, false // it runs elsewhere
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0, false
	}
	sum, ok := processTime(parent)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if !ok || err != nil {
		return 0, false
	}
	for _, f := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(f); err == nil {
			if used, ok := processTime(pid); ok {
				sum += used
			}
		}
	}
	return sum, true
}
