package catalog

import (
	"fmt"
	"slices"
	"strings"

	"rapport/internal/queue"
)

// Open are the providers of a sender that are not closed, in their order.
func (a *Applied) Open(sender string) []string {
	return slices.DeleteFunc(slices.Clone(a.Senders[sender].Providers), func(name string) bool { return a.States[name].Closed })
}

// Shut says why nothing of a sender may go: all of its providers are closed. It is
// "" where one is open, and where there is none at all.
func (a *Applied) Shut(sender string) string {
	if len(a.Senders[sender].Providers) == 0 || len(a.Open(sender)) > 0 {
		return ""
	}
	var why []string
	for _, name := range a.Senders[sender].Providers {
		why = append(why, fmt.Sprintf("provider %s is %s", name, a.States[name].Reason))
	}
	return strings.Join(why, "; ")
}

// LaneSender is the sender of a lane's mail as it is applied now: a lane keeps the
// one that the message was planned with.
func (a *Applied) LaneSender(lane string) string {
	if d := a.Workspace.Campaigns[queue.Campaign(lane)]; d != nil {
		if name := a.SenderOf(d); name != "" {
			return name
		}
	}
	return queue.Sender(lane)
}

// OpenLanes are those of the lanes whose mail may go. What is caught needs no
// provider.
func (a *Applied) OpenLanes(lanes []string) []string {
	if !a.Delivery.Live || !a.anyClosed() {
		return lanes
	}
	return slices.DeleteFunc(slices.Clone(lanes), func(lane string) bool { return a.Shut(a.LaneSender(lane)) != "" })
}

func (a *Applied) anyClosed() bool {
	for _, s := range a.States {
		if s.Closed {
			return true
		}
	}
	return false
}
