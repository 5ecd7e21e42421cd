package campaigns

// MessageState is the state of a message in the ledger.
type MessageState string

// The states of a message. Sent, failed and skipped are final.
const (
	Queued  MessageState = "queued"
	Sending MessageState = "sending" // claimed by a worker with a fencing token
	Sent    MessageState = "sent"
	Failed  MessageState = "failed"
	Skipped MessageState = "skipped"
	Unknown MessageState = "unknown" // its worker fell silent between the dot and the record
)

// Settled reports whether the message wakes its enrolment: it is final, or
// nobody knows and the enrolment goes on as if it had been sent.
func (s MessageState) Settled() bool {
	return s == Sent || s == Failed || s == Skipped || s == Unknown
}

// Went reports whether the message left, or may have left.
func (s MessageState) Went() bool { return s == Sent || s == Unknown }

// Mover is who moves a message, or on whose evidence it is moved.
type Mover string

// The movers.
const (
	ByClaim     Mover = "claim"     // a worker that claims under the contact's lock
	ByWorker    Mover = "worker"    // the worker that holds the message, with a valid token
	ByLate      Mover = "late"      // a worker whose token is stale: evidence only
	BySweep     Mover = "sweep"     // finds workers whose heartbeat stands still
	ByJournal   Mover = "journal"   // the send journal of a restarted worker
	ByCallback  Mover = "callback"  // the provider's own answer
	ByPerson    Mover = "person"    // `rapport messages settle`
	ByPolicy    Mover = "policy"    // `on_unknown: resend`
	ByScheduler Mover = "scheduler" // exit, stop, expiry before a claim
)

type move struct{ from, to MessageState }

// moves is the whole table: what is not in it does not happen.
var moves = map[move][]Mover{
	{Queued, Sending}:  {ByClaim},
	{Queued, Skipped}:  {ByClaim, ByScheduler, ByPerson},
	{Sending, Sent}:    {ByWorker, ByLate, ByJournal, ByCallback},
	{Sending, Failed}:  {ByWorker, ByLate, ByJournal},
	{Sending, Queued}:  {ByWorker, ByJournal}, // deferred, released, or no intent
	{Sending, Unknown}: {ByWorker, BySweep, ByJournal},
	{Unknown, Sent}:    {ByLate, ByJournal, ByCallback, ByPerson},
	{Unknown, Failed}:  {ByLate, ByJournal, ByCallback, ByPerson},
	{Unknown, Queued}:  {ByJournal, ByPolicy}, // the journal proves that there was no intent
}

// Allowed reports whether a message may move from one state to another on
// the word of by. A stale worker may give evidence and never claims.
func Allowed(from, to MessageState, by Mover) bool {
	for _, m := range moves[move{from, to}] {
		if m == by {
			return true
		}
	}
	return false
}
