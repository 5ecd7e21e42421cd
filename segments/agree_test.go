package segments

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

func parse(t interface {
	Fatalf(string, ...any)
	Helper()
}, text string) *Condition {
	t.Helper()
	var findings strict.Findings
	n, ok := strict.Parse("condition.yaml", []byte(text+"\n"), &findings)
	if !ok {
		t.Fatalf("%s\n%v", text, findings.All())
	}
	c, ok := Decode(n, nil)
	if !ok || findings.Errors() > 0 {
		t.Fatalf("%s\n%v", text, findings.All())
	}
	return c
}

func (w *world) question(f *contacts.Facts, set Set) *Question {
	return &Question{Facts: f, Now: w.now, Segments: set, Scope: w.scope, Zone: w.zone, Ladder: worldLadder, Scoring: worldScoring}
}

func (w *world) sql(set Set) *SQL {
	return &SQL{Now: w.now, Segments: set, Scope: w.scope, Zone: w.zone, Ladder: worldLadder, Scoring: worldScoring, CampaignIDs: func(name string) int64 { return campaignIDs[name] }}
}

// answers counts how often each kind of condition held, so that a generator
// whose conditions never hold does not pass for a proof.
type answers map[string]*[2]int

func (a answers) note(c *Condition, q *Question) {
	for _, leaf := range c.leaves(nil) {
		held := 0
		if leaf.Match(q) {
			held = 1
		}
		for _, label := range labels(leaf.leaf) {
			if a[label] == nil {
				a[label] = &[2]int{}
			}
			a[label][held]++
		}
	}
}

func labels(l leaf) []string {
	switch l := l.(type) {
	case *attributeLeaf:
		var list []string
		for _, t := range l.tests {
			list = append(list, "attribute "+t.op)
		}
		return list
	case *eventLeaf:
		return []string{"event"}
	case *emailLeaf:
		return []string{"email " + l.kind}
	case *standingLeaf:
		return []string{l.axis + " " + l.op}
	case *consentLeaf:
		return []string{"consent " + l.state}
	case *campaignLeaf:
		return []string{"campaign " + l.is}
	case *sampleLeaf:
		return []string{"sample"}
	case *scoreLeaf:
		return []string{"score " + l.name}
	case *tierLeaf:
		return []string{"tier"}
	}
	return nil
}

// Rule 20: three matchers, one answer.

func TestRule20MemoryAndSQLiteAgree(t *testing.T)   { agree(t, openSQLite(t)) }
func TestRule20MemoryAndPostgresAgree(t *testing.T) { agree(t, openPostgres(t)) }

// needed are the facts that a store loads which was told the needs.
func needed(f *contacts.Facts, n contacts.Needs) *contacts.Facts {
	out := &contacts.Facts{Contact: f.Contact}
	if n.Consents {
		out.Consents = f.Consents
	}
	if n.Campaigns {
		out.Campaigns = f.Campaigns
	}
	if n.Changes {
		out.Changes = f.Changes
	}
	if n.Scores {
		out.Scores = f.Scores
	}
	for _, e := range f.Events {
		switch {
		case n.AllEvents, slices.Contains(n.Events, e.Name) && (e.Name != contacts.EventSent || n.Sent) && (!strings.HasPrefix(e.Name, "consent.") || n.Consents):
			out.Events = append(out.Events, e)
		}
	}
	return out
}

func agree(t *testing.T, d database) {
	seen := answers{}
	whole := [2]int{}
	worlds, asked, relied := 0, 0, 0
	check := func(t *rapid.T) {
		w := drawWorld(t, 6)
		set := Set{"inner": {Name: "inner", Where: parse(t, w.drawCondition(t, 1))}}
		var texts []string
		var conditions []*Condition
		for range 8 {
			texts = append(texts, w.drawCondition(t, 2))
			conditions = append(conditions, parse(t, texts[len(texts)-1]))
		}
		if err := d.exec("begin"); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := d.exec("rollback"); err != nil {
				t.Fatal(err)
			}
		}()
		if err := d.fill(w.people); err != nil {
			t.Fatal(err)
		}
		// A statement about some of the people says the same of them.
		p, last := w.sql(set), w.people[len(w.people)-1].Contact.ID
		if one(t, 3, "bound") {
			last = pick(t, "last", w.people).Contact.ID
			p.Bound = func(column string) string { return fmt.Sprintf("%s <= %d", column, last) }
		}
		rows, err := d.ask(p, conditions)
		if err != nil {
			t.Fatal(err)
		}
		worlds++
		tallies := w.sql(set)
		asked++
		tallies.Bound = p.Bound
		tallied, err := d.askTallies(tallies, conditions)
		if err != nil {
			t.Fatal(err)
		}
		if tallies.Relied {
			relied++
		}
		for i, f := range w.people {
			if f.Contact.ID > last {
				continue
			}
			q := w.question(f, set)
			for j, c := range conditions {
				held := int64(0)
				if c.Match(q) {
					held = 1
				}
				if rows[i][j+1] != held {
					t.Fatalf("memory says %d, the database says %d (2 is null)\ncondition: %s\nexplained: %s\ncontact: %+v\nevents: %+v\nnow %s in %s, scope %+v\nsql: %s",
						held, rows[i][j+1], texts[j], render1(c.Explain(q), ""), f.Contact, f.Events, w.now.Format(time.RFC3339Nano), w.zone, w.scope, c.SQL(&SQL{Dialect: d.dialect, Now: w.now, Zone: w.zone, Segments: set}))
				}
				if w.settled(f) && tallied[i][j+1] != held {
					t.Fatalf("memory says %d, the tallies say %d (2 is null)\ncondition: %s\nexplained: %s\nevents: %+v\nnow %s, scope %+v\nsql: %s",
						held, tallied[i][j+1], texts[j], render1(c.Explain(q), ""), f.Events, w.now.Format(time.RFC3339Nano), w.scope, c.SQL(&SQL{Dialect: d.dialect, Now: w.now, Zone: w.zone, Segments: set, Tallied: true}))
				}
				few := *q
				few.Facts = needed(f, c.Needs(set))
				if c.Match(&few) != c.Match(q) {
					t.Fatalf("with what it needs the answer is %v, with all it is %v: %s", c.Match(&few), c.Match(q), texts[j])
				}
				if c.Explain(q).Held != c.Match(q) {
					t.Fatalf("explained otherwise than matched: %s", texts[j])
				}
				whole[held]++
				seen.note(c, q)
			}
		}
	}
	for range 2 {
		rapid.Check(t, check)
		if err := d.exec("vacuum"); err != nil { // of the rows that were rolled back
			t.Fatal(err)
		}
	}
	if t.Failed() || worlds < 50 {
		return // a replayed failure, or a short run, proves nothing about the generator
	}
	if d.dialect == Postgres && relied*2 < asked {
		t.Errorf("tallies were asked in %d of %d worlds", relied, asked)
	}
	if share := float64(whole[1]) / float64(whole[0]+whole[1]); share < 0.15 || share > 0.85 {
		t.Errorf("%.0f%% of the random conditions held: %v", share*100, whole)
	}
	families := answers{}
	for label, n := range seen {
		family, _, _ := strings.Cut(label, " ")
		if families[family] == nil {
			families[family] = &[2]int{}
		}
		families[family][0] += n[0]
		families[family][1] += n[1]
	}
	for family, n := range families {
		if total := n[0] + n[1]; n[0]*20 < total || n[1]*20 < total {
			t.Errorf("conditions of %s: %d did not hold, %d held", family, n[0], n[1])
		}
	}
	t.Logf("%d worlds, %d answers, %d held", worlds, whole[0]+whole[1], whole[1])
	if testing.Verbose() {
		var lines []string
		for label, n := range seen {
			lines = append(lines, fmt.Sprintf("%s %v", label, *n))
		}
		slices.Sort(lines)
		t.Log(strings.Join(lines, "; "))
	}
}

func render1(e Explanation, indent string) string {
	text := fmt.Sprintf("\n%s%v %s (%s)", indent, e.Held, e.Text, e.Why)
	for _, child := range e.Children {
		text += render1(child, indent+"  ")
	}
	return text
}
