package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// spent is what processes have cost so far.
type spent struct {
	cpu  time.Duration // in user and system mode
	peak int64         // resident memory of the largest of them, in bytes, at its most
	now  int64         // resident memory of the largest of them, in bytes
}

// measurable reports whether this system tells what processes cost: it has
// /proc as Linux does (proc(5)).
func measurable() bool {
	_, err := readStat(os.Getpid())
	return err == nil
}

// usageOf is what some processes have cost, each for itself.
func usageOf(pids ...int) (u spent) {
	for _, pid := range pids {
		s, err := readStat(pid)
		if err != nil {
			continue // gone
		}
		u.cpu += s.cpu
		status := readStatus(pid)
		u.peak, u.now = max(u.peak, status["VmHWM"]), max(u.now, status["VmRSS"])
	}
	return u
}

// treeUsage is what a server that forks has cost, with the children that run
// and those that have ended.
func treeUsage(pid int) (u spent) {
	s, err := readStat(pid)
	if err != nil {
		return u
	}
	u.cpu = s.cpu + s.ended
	for _, c := range childrenOf(pid) {
		of := treeUsage(c)
		u.cpu += of.cpu
	}
	return u
}

// procStat is a part of /proc/PID/stat.
type procStat struct {
	name   string
	parent int
	cpu    time.Duration // of the process itself
	ended  time.Duration // of its children that have ended
}

// clockTick is the unit of times in /proc/PID/stat: 100 a second on every
// architecture that Go knows (getconf CLK_TCK).
const clockTick = 10 * time.Millisecond

func readStat(pid int) (s procStat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The name stands in parentheses and may hold anything, parentheses too.
	open, closing := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[closing+1:]))
	if open < 0 || closing < open || len(fields) < 15 {
		return s, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	number := func(i int) int64 { // field i of proc(5), which counts from 1
		n, _ := strconv.ParseInt(fields[i-3], 10, 64)
		return n
	}
	s.name, s.parent = string(text[open+1:closing]), int(number(4))
	s.cpu = time.Duration(number(14)+number(15)) * clockTick
	s.ended = time.Duration(number(16)+number(17)) * clockTick
	return s, nil
}

// readStatus reads the sizes of /proc/PID/status, in bytes.
func readStatus(pid int) map[string]int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	sizes := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if kb, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			n, _ := strconv.ParseInt(kb, 10, 64)
			sizes[name] = n << 10
		}
	}
	return sizes
}

// childrenOf lists the processes that a process has started and that still run,
// whichever of its threads did.
func childrenOf(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is a constant
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread that is gone has none
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
