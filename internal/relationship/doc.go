// Package relationship computes where a contact stands: the stage on the
// ladder, the health beside it, and the scores that its events add up to.
//
// What it holds as true:
//
//   - Stage, health and scores are a pure function of the contact's ordered events and
//     the time. Events are ordered by their time in milliseconds, then by
//     their key; in which order they came in, and how often, does not matter.
//   - Nothing is seen before it happened: what was true at a moment is judged
//     by the events until then and by the attributes of then. So a later event
//     adds changes and rewrites none, and an earlier one that arrives late is
//     given its place.
//   - Every change says from what to what, by which rule, because of which
//     event, and when. One that only time brought about carries no event.
//
// What it leaves to others: storing the changes, and asking again at the
// moment that State.NextChange names; asking about scores, which segments does.
// Programs other than loyalty are read and checked here, and run elsewhere.
package relationship
