package campaigns

import "rapport/segments"

// Conditions are those of the campaign's steps: of if, branch and wait_for.
func (d *Definition) Conditions() (all []*segments.Condition) {
	for _, n := range d.flow().nodes {
		switch s := n.step; {
		case s.If != nil:
			all = append(all, s.If.When)
		case s.WaitFor != nil:
			all = append(all, s.WaitFor.When)
		}
		for _, c := range n.step.Branch {
			if c.When != nil {
				all = append(all, c.When)
			}
		}
	}
	return all
}

// Dates are the attributes that the campaign's steps wait for.
func (d *Definition) Dates() (attributes []string) {
	for _, n := range d.flow().nodes {
		if n.step.Wait != nil && n.step.Wait.Attribute != "" {
			attributes = append(attributes, n.step.Wait.Attribute)
		}
	}
	return attributes
}
