package liquid

// isBlankBody: nothing in it prints anything but whitespace.
func isBlankBody(nodes []node) bool {
	for _, n := range nodes {
		if !isBlankNode(n) {
			return false
		}
	}
	return true
}

func isBlankNode(n node) bool {
	switch n := n.(type) {
	case *textNode:
		return n.blank()
	case *assignNode, *captureNode, *interruptNode:
		return true
	case *ifNode:
		for _, b := range n.branches {
			if !isBlankBody(b.body) {
				return false
			}
		}
		return true
	case *caseNode:
		for _, b := range n.branches {
			if !isBlankBody(b.body) {
				return false
			}
		}
		return true
	case *forNode:
		return isBlankBody(n.body) && isBlankBody(n.otherwise)
	case *ifChangedNode:
		return isBlankBody(n.body)
	case *groupNode:
		return isBlankBody(n.nodes)
	}
	return false
}

// onlyPrints: nothing in it but texts and outputs, so that nobody misses it who
// does not want to see it.
func onlyPrints(nodes []node) bool {
	for _, n := range nodes {
		switch n.(type) {
		case *textNode, *outputNode:
		default:
			return false
		}
	}
	return true
}

// dropBlank takes the whitespace out of a body that prints nothing else.
func dropBlank(nodes []node) []node {
	kept := nodes[:0]
	for _, n := range nodes {
		if _, ok := n.(*textNode); !ok {
			kept = append(kept, n)
		}
	}
	return kept
}
