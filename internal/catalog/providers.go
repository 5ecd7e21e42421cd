package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/queue"
	"rapport/internal/store"
)

// Open are the providers of a sender that are not closed, in their order.
func (a *Applied) Open(sender string) []string {
	return slices.DeleteFunc(slices.Clone(a.Senders[sender].Providers), func(name string) bool { return a.States[name].Closed })
}

// SendersOf are the senders that have a provider, by name.
func (a *Applied) SendersOf(provider string) (out []string) {
	for name, s := range a.Senders {
		if slices.Contains(s.Providers, provider) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Day is the company's day at a moment, as the ceilings of providers count it.
func (a *Applied) Day(now time.Time) string { return now.In(a.Zone).Format(time.DateOnly) }

// Ceiling is how many messages may leave through a provider on a day; below zero:
// as many as like.
func (a *Applied) Ceiling(provider string, left store.ProviderDay, day string) int {
	up := a.Providers[provider].WarmUp
	if up == nil {
		return -1
	}
	return up.CeilingOn(cmp.Or(left.First, day), day)
}

// Shut says why nothing of a sender may go: all of its providers are closed. It is
// "" where one is open, where there is none at all, and where all mail is caught.
func (a *Applied) Shut(sender string) string {
	if !a.Delivery.Live && len(a.Delivery.Only) == 0 || len(a.Senders[sender].Providers) == 0 || len(a.Open(sender)) > 0 {
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
