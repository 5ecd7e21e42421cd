package simulate

import (
	"container/heap"
	"context"
	"fmt"
	"strings"
	"time"
)

// World lets people live: it holds what they will do, and does it when its time
// has come.
type World struct {
	Model *Model
	Hand  Hand

	deeds  deeds
	byMail map[string]int // address to person
	days   time.Time      // the midnight whose day is planned next
}

// Hand is how people and the engine reach each other.
type Hand interface {
	// Collect hands over the mail that has come since, in an order that does not
	// depend on which connection was faster.
	Collect(ctx context.Context) ([]Letter, error)
	// Join signs people up.
	Join(ctx context.Context, deeds []Deed) error
	// Do does what people do, in order.
	Do(ctx context.Context, deeds []Deed) error
}

// Letter is mail to somebody.
type Letter struct {
	To string
	*Mail
}

// Start puts the people in front of their lives.
func (w *World) Start(now time.Time) {
	w.byMail = map[string]int{}
	for i, p := range w.Model.People {
		w.byMail[p.Email] = i
		heap.Push(&w.deeds, Deed{At: p.Joins, Do: "join", Person: i, Key: fmt.Sprintf("join:%d", i)})
	}
	w.days = now.Truncate(day)
}

// Next is when somebody does something next.
func (w *World) Next() time.Time {
	if len(w.deeds) > 0 && w.deeds[0].At.Before(w.days) {
		return w.deeds[0].At
	}
	return w.days
}

// Live does all that people do until now, and returns how much that was.
func (w *World) Live(ctx context.Context, now time.Time) (did int, err error) {
	letters, err := w.Hand.Collect(ctx)
	if err != nil {
		return 0, err
	}
	for _, l := range letters {
		if person, ok := w.byMail[strings.ToLower(l.To)]; ok {
			w.plan(w.Model.Answer(person, l.Mail, now))
		}
	}
	for ; !w.days.After(now); w.days = w.days.Add(day) {
		for i := range w.Model.People {
			w.plan(w.Model.Day(i, w.days))
		}
	}
	var joining, doing []Deed
	for len(w.deeds) > 0 && !w.deeds[0].At.After(now) {
		d := heap.Pop(&w.deeds).(Deed)
		if d.Do == "join" {
			joining = append(joining, d)
			continue
		}
		doing = append(doing, d)
		w.plan(w.Model.Follow(d))
	}
	if err := w.Hand.Join(ctx, joining); err != nil {
		return 0, err
	}
	return len(joining) + len(doing), w.Hand.Do(ctx, doing)
}

func (w *World) plan(list []Deed) {
	for _, d := range list {
		heap.Push(&w.deeds, d)
	}
}

// deeds is a heap by time, then key.
type deeds []Deed

func (d deeds) Len() int { return len(d) }
func (d deeds) Less(i, j int) bool {
	if !d[i].At.Equal(d[j].At) {
		return d[i].At.Before(d[j].At)
	}
	return d[i].Key < d[j].Key
}
func (d deeds) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deeds) Push(x any)   { *d = append(*d, x.(Deed)) }
func (d *deeds) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}
