// Package campaigns holds what a campaign is and decides what it does next.
//
// A campaign is a Definition, decoded strictly from one YAML file. A contact
// goes through it as an Enrolment: plain data that says where the contact
// stands. Next is the step machine: the definition, the enrolment, the facts
// of the contact and the time go in, a Decision comes out, and somebody else
// applies it. Admit decides who is enrolled, Converted who reached the goal, Permit when
// a message may go, and the table behind Allowed which way a message may move.
//
// What it holds as true:
//
//   - never two sends for one enrolment and step: a message's id is made of
//     its enrolment and the number of its step;
//   - nothing runs after an exit, and an exit is looked for before every step;
//   - every run ends: there is no way back in a list of steps;
//   - the same input gives the same decision: no clock, no chance, no store.
//
// It leaves to others: reading files (workspace), choosing the audience in
// SQL and claiming firings (scheduler), claiming, rendering and sending
// messages (delivery), and storing any of it.
package campaigns
