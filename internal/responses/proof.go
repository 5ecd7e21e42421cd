package responses

import (
	"context"
	"strconv"
	"strings"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/store"
)

// proofLimit is how many clicks are judged in one go.
const proofLimit = 500

// prove counts the early clicks that nothing has spoken against in time as a
// person's. All of it is decided from the database, so that it does not matter
// which process took a click, or whether it still lives. When a process dies
// half-way, or two do the same, a click is told again and its key keeps the
// second one out.
func (r *Responses) prove(ctx context.Context, now time.Time) error {
	for {
		list, err := r.Store.UnprovedClicks(ctx, now, proofLimit)
		if err != nil || len(list) == 0 {
			return err
		}
		var human []store.Incoming
		judged := make([]int64, len(list))
		for i, u := range list {
			judged[i] = u.Click.ID
			if !speaksAgainst(u) {
				human = append(human, store.Incoming{Event: u.Click, Source: "tracking"})
			}
		}
		results, err := r.group.Ingest(ctx, human, now)
		if err != nil {
			return err
		}
		for i := range results {
			r.count(human[i], results[i])
		}
		if err := r.Store.Judged(ctx, judged); err != nil {
			return err
		}
		if len(list) < proofLimit {
			return nil
		}
	}
}

// speaksAgainst reports whether the other clicks of a message show that a
// scanner has followed its links.
func speaksAgainst(u store.Unproved) bool {
	near := map[string]bool{}
	for _, e := range u.Others {
		why, _ := e.Properties["machine"].(string)
		if why == whyTrap || why == whyBurst {
			return true
		}
		if apart := e.At.Sub(u.Click.At); apart >= -proofTime && apart <= proofTime {
			near[linkOf(e)] = true
		}
	}
	return tooMany(len(near), u.Links)
}

// linkOf is the number of the link that was clicked, as answer wrote it into
// the key.
func linkOf(e contacts.Event) string {
	_, rest, _ := strings.Cut(e.Key, ":")
	number, _, _ := strings.Cut(rest, ":")
	return number
}

// tooMany reports whether no person clicks so many different links of a message
// within proofTime.
func tooMany(n, links int) bool { return n >= burst || links >= 3 && n >= links }

// unproved is what becomes of an early click: a machine's now, and perhaps a
// person's later.
func unproved(c aClick, key string) *store.Proof {
	return &store.Proof{Key: key, Links: c.links, Due: c.at.Add(proofTime)}
}

// clickOf names what a click is in its key.
func clickOf(n int) string { return "click:" + strconv.Itoa(n) }
