// Package delivery takes messages from the queue to the mail server and writes
// down what became of them: claim, guard, render, send, record.
//
// Claim moves a batch's messages from queued to sending under a fencing token,
// inside the transaction in which guard judges each of them: consent,
// suppression, exit, limits, pause. Render fills the template in. Send notes the
// intent in the local journal before the final dot and the reply after it.
// Record writes the outcomes, wakes the enrolments, and queues again what the
// server wants later.
//
// What holds: a message is claimed by one worker under one token; no dot is
// written without an intent in the journal and a lease that outlasts it; no
// outcome is guessed. A message whose fate nobody knows is unknown, and never
// sent again by itself.
//
// It leaves to others: when a message is due (scheduler), what it says
// (templates), how bytes are made (mime) and travel (smtp), and every answer
// that comes later (responses).
package delivery
