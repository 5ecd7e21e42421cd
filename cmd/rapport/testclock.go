package main

import (
	"fmt"
	"strconv"
	"time"

	"rapport/internal/clock"
)

// Tests of whole installations tell a process by its environment what time it is.
const (
	// speedVariable makes time run fast: SPEED@UNIX, the second from which on it
	// does. All processes of such a test share it.
	speedVariable = "RAPPORT_TEST_SPEED"
	// shiftVariable names a file that says how much is added to the time, such as
	// 1h; the clock jumps when the file changes.
	shiftVariable = "RAPPORT_TEST_SHIFT"
	// watchVariable is how many times faster the watch runs by which workers are
	// given up, so that nobody has to wait for twelve minutes.
	watchVariable = "RAPPORT_TEST_WATCH"
)

// clockOf is the clock of a process with this environment.
func clockOf(env func(string) (string, bool)) clock.Clock {
	var c clock.Clock = clock.System{}
	var speed float64
	var anchor int64
	text, _ := env(speedVariable)
	if n, _ := fmt.Sscanf(text, "%f@%d", &speed, &anchor); n == 2 && speed > 0 {
		c = clock.Since(time.Unix(anchor, 0), speed)
	}
	if file, ok := env(shiftVariable); ok {
		c = clock.NewShifted(c, file)
	}
	return c
}

// watchOf is the watch of a process with this environment; nil: the machine's.
func watchOf(env func(string) (string, bool)) clock.Clock {
	text, _ := env(watchVariable)
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || speed <= 0 {
		return nil
	}
	return clock.NewFast(clock.System{}.Now(), speed)
}
