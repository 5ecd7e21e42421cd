package campaigns

// First is what Next decides of a new enrolment, when its first step is a wait or a
// send which nothing of the contact decides but its time zone and the mail that
// counts for its limits: that, and that no exit holds, is all that was looked at. Of
// the contact in.Question.Facts need hold the time zone alone. ok is false where
// Next must be asked.
func First(in Input) (d Decision, ok bool) {
	r := newRun(in)
	at, found := r.ix.find(r.e.Position)
	if !found || at == ended || r.e.State != Active {
		return Decision{}, false
	}
	n := &r.ix.nodes[at]
	r.e.Position = n.step.ID
	switch {
	case n.step.Kind == StepWait && n.step.Wait.Attribute == "":
		if _, _, over := r.wait(n); over { // what comes next may depend on anything
			return Decision{}, false
		}
	case n.step.Kind == StepSend && r.cur.Deliver.SendTime != BestTime:
		if r.send(n); r.d.Message == nil {
			return Decision{}, false
		}
	default:
		return Decision{}, false
	}
	return r.out(), true
}
