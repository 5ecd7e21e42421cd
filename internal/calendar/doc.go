// Package calendar is wall-clock arithmetic: spans of days, times of day,
// dates, windows and cron schedules, in a time zone.
//
// What it holds as true:
//
//   - A day of a Span is a calendar day at the same wall time, a minute or an
//     hour is a fixed length of time.
//   - A wall time that a zone leaves out moves to the next one that exists; a
//     wall time that a zone shows twice means the first of the two.
//   - A window is half-open: its start belongs to it, its end does not.
//   - A schedule with fixed hours fires once for every wall time that it
//     names; one whose hour is "*" or "*/n" follows the clock and fires in
//     both passes of a doubled hour.
//
// Everything is pure: no function reads a clock. Zones come from the time zone
// database that is built into the program, so that a machine without one gives
// the same answers.
//
// What it leaves to others: which zone applies, and what to do when a moment
// has come.
package calendar
