package simulate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/relationship"
	"rapport/internal/workspace"
	"rapport/segments"
)

// Habit is something that people do without being asked: of a day, or after
// something else that they did.
type Habit struct {
	Event  string
	After  string  // the event that it follows; "": it comes on a day
	Chance float64 // a day, or each time; of a person of middling warmth
	Buyers bool    // only of people who have bought before
	// From and To are how long after the other event it happens.
	From, To time.Duration
}

// Trade is what the response model knows of a workspace: which events it speaks
// of, and the values that its conditions compare things with.
type Trade struct {
	Purchase string
	Habits   []Habit
	Goals    map[string]string // campaign to the event of its goal
	// Surveys are what the mail of a campaign and template asks.
	Surveys map[[2]string]*relationship.Survey

	attributes map[string]string            // name to type
	asked      map[string]bool              // attributes that conditions and waits ask for
	properties map[string]map[string]string // event to property to type
	values     map[string][]string          // "event property" or " attribute" to what it is compared with
	topics     []string
}

const day = 24 * time.Hour

// The chances of what people do unasked. Words in the name of an event say which
// kind it is of; docs/simulate.md tells so.
var kinds = []struct {
	words []string
	habit Habit
}{
	{[]string{"cart", "basket", "browse", "viewed", "quote", "trial", "signup", "demo"}, Habit{Chance: 0.012}},
	{[]string{"review", "rating", "feedback"}, Habit{After: "purchase", Chance: 0.22, From: 3 * day, To: 12 * day}},
	{[]string{"referral", "recommend"}, Habit{After: "purchase", Chance: 0.05, From: 2 * day, To: 20 * day}},
	{[]string{"cancel", "refund", "return", "complaint"}, Habit{After: "purchase", Chance: 0.03, From: 2 * day, To: 40 * day}},
	{[]string{"partner", "testimonial", "contract"}, Habit{Chance: 0.0002, Buyers: true}},
	{nil, Habit{Chance: 0.002}},
}

// TradeOf reads a workspace for what a model of its people needs.
func TradeOf(w *workspace.Workspace) *Trade {
	t := &Trade{Purchase: w.Relationship.Health.Purchase, Goals: map[string]string{}, Surveys: map[[2]string]*relationship.Survey{}, attributes: map[string]string{}, asked: map[string]bool{},
		properties: map[string]map[string]string{}, values: map[string][]string{}, topics: slices.Clone(w.TopicOrder)}
	if t.Purchase == "" {
		t.Purchase = "order.placed"
	}
	for name, typ := range w.Attributes {
		t.attributes[name] = typ
	}
	events := map[string]bool{}
	for name, properties := range w.Events {
		events[name], t.properties[name] = true, properties
	}
	add := func(conditions ...*segments.Condition) {
		for _, c := range conditions {
			if c == nil {
				continue
			}
			uses := c.Uses()
			for _, name := range uses.Events {
				events[name] = true
			}
			for _, name := range uses.Attributes {
				t.asked[name] = !contacts.Builtin(name)
				if t.attributes[name] == "" && !contacts.Builtin(name) {
					t.attributes[name] = "text"
				}
			}
			t.compare(c.Compared())
		}
	}
	for _, s := range w.Segments {
		add(s.Where)
	}
	for _, r := range w.Relationship.Ladder {
		add(r.When, r.Keep)
	}
	for _, s := range w.Relationship.Health.States {
		add(s.When)
	}
	for name, d := range w.Campaigns {
		for _, s := range d.Sends() {
			if asked := w.Relationship.Survey(s.Survey); asked != nil {
				t.Surveys[[2]string{name, s.Send.Template}] = asked
			}
		}
		add(d.Exit...)
		add(d.Conditions()...)
		for _, name := range d.Dates() {
			if name = strings.TrimPrefix(name, "attributes."); !contacts.Builtin(name) {
				t.attributes[name], t.asked[name] = "date", true
			}
		}
		if d.Start.Kind == campaigns.StartEvent {
			events[d.Start.Event] = true
			t.compare(d.Start.Where.Compared(d.Start.Event))
		}
		if d.Goal != nil && d.Goal.When != nil {
			add(d.Goal.When)
			if goals := unasked(d.Goal.When.Uses().Events); len(goals) > 0 {
				t.Goals[name] = goals[0]
			}
		}
	}
	for key, list := range t.values {
		slices.Sort(list)
		t.values[key] = slices.Compact(list)
	}
	for _, name := range unasked(sortedKeys(events)) {
		if name != t.Purchase {
			t.Habits = append(t.Habits, t.habit(name)...)
		}
	}
	t.Habits = append(t.Habits, Habit{Event: t.Purchase, Chance: DefaultRates.Again, Buyers: true})
	return t
}

func (t *Trade) compare(list []segments.Compared) {
	for _, c := range list {
		key := c.Event + " " + strings.TrimPrefix(c.Path, "attributes.")
		t.values[key] = append(t.values[key], c.Value)
	}
}

// ownEvents are those of the company: not those of mail, consent and changes.
func ownEvents(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return strings.HasPrefix(name, "email.") || strings.HasPrefix(name, "consent.") || strings.HasPrefix(name, "contact.")
	})
}

// unasked are those of the company's events that people bring about by themselves.
// What the engine writes comes of something else; referral.converted is left among
// them, for nobody in a simulation passes a link on.
func unasked(names []string) []string {
	return slices.DeleteFunc(ownEvents(names), func(name string) bool {
		return name != contacts.EventConverted && slices.Contains(contacts.UndeclaredEvents, name)
	})
}

// habit is how people come to an event, by the words in its name. What looks like
// a cart is followed by a purchase now and then.
func (t *Trade) habit(event string) []Habit {
	for i, k := range kinds {
		if k.words != nil && !slices.ContainsFunc(k.words, func(word string) bool { return strings.Contains(event, word) }) {
			continue
		}
		h := k.habit
		h.Event = event
		if h.After != "" {
			h.After = t.Purchase
		}
		if i == 0 {
			return []Habit{h, {Event: t.Purchase, After: event, Chance: DefaultRates.Order, From: 3 * time.Minute, To: 40 * time.Hour}}
		}
		return []Habit{h}
	}
	return nil
}

// Properties are what an event says.
func (t *Trade) Properties(event string, r *rand.Rand, key string) map[string]any {
	out := map[string]any{}
	if len(t.properties[event]) == 0 {
		out["total"] = price(r)
		return out
	}
	for _, name := range sortedKeys(t.properties[event]) {
		if v := t.value(event, name, t.properties[event][name], r, key); v != nil {
			out[name] = v
		}
	}
	return out
}

var goods = []string{"tool kit", "helmet", "pannier set", "lamp", "starter set", "gift box"}

// value invents one value by its type, by what the workspace compares it with,
// and by words in its name.
func (t *Trade) value(event, name, typ string, r *rand.Rand, key string) any {
	named := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	known := t.values[event+" "+name]
	switch typ {
	case "number":
		switch {
		case named("total", "amount", "price", "value", "sum", "worth"):
			return price(r)
		case named("stars", "rating"):
			return float64(5 - r.IntN(5)*r.IntN(2))
		case named("nps", "score"):
			return float64(10 - r.IntN(6)*r.IntN(2))
		case event == "":
			if r.Float64() < 0.9 {
				return 0.0
			}
		}
		return float64(1 + r.IntN(5))
	case "bool":
		return r.Float64() < 0.5
	case "date":
		return nil // what day it is the caller knows
	case "list":
		if len(known) == 0 {
			known = goods
		}
		return []any{known[r.IntN(len(known))]}
	}
	if named("order", "number", "id") && event != "" {
		return key
	}
	if len(known) > 0 && r.Float64() < 0.85 {
		return known[r.IntN(len(known))]
	}
	if event == "" {
		return "other"
	}
	return goods[r.IntN(len(goods))]
}
