package campaigns

// FirstWait is where a new enrolment stands after its first steps, when that is a
// wait which nothing of the contact decides but its time zone: that, and that no
// exit holds, is all that was looked at. Of the contact in.Question.Facts need
// hold the time zone alone. ok is false where Next must be asked.
func FirstWait(in Input) (e Enrolment, ok bool) {
	r := newRun(in)
	at, found := r.ix.find(r.e.Position)
	if !found || at == ended || r.e.State != Active {
		return in.Enrolment, false
	}
	n := &r.ix.nodes[at]
	if n.step.Kind != StepWait || n.step.Wait.Attribute != "" {
		return in.Enrolment, false
	}
	r.e.Position = n.step.ID
	if _, _, over := r.wait(n); over { // what comes next may depend on anything
		return in.Enrolment, false
	}
	return r.e, true
}
