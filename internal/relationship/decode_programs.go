package relationship

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/contacts"
	"rapport/internal/strict"
	"rapport/segments"
)

func (d *decoder) signals(n strict.Node) {
	if !n.Present() {
		return
	}
	for _, p := range n.Map().Pairs() {
		name, ok := p.Key.Name()
		if !ok {
			continue
		}
		if segments.BuiltinScore(name) {
			p.Key.Hintf(strict.CodeBadValue, "give the signal another name", "%s is a score of the engine's own", name)
			continue
		}
		s := Signal{Name: name, Weights: map[string]float64{}}
		m := p.Value.Map()
		if !m.OK() {
			continue
		}
		halfLife(m)
		s.HalfLife, ok = m.Require("half_life").Span()
		for _, w := range m.Pairs() {
			event, isText := w.Key.Text()
			if !isText || w.Value == m.Get("half_life") {
				continue
			}
			d.event(w.Key, event)
			if weight, good := w.Value.Number(); good {
				s.Weights[event] = weight
			}
		}
		if ok && len(s.Weights) == 0 {
			p.Value.Hintf(strict.CodeMissingKey, "as in email.clicked: 5", "nothing adds to the signal %s", name)
		}
		if ok { // without a half-life there is nothing to go by
			d.def.Signals = append(d.def.Signals, s)
		}
	}
}

// halfLife finds the one key of a signal that is no event where it is misspelt.
func halfLife(m strict.Map) {
	var keys []string
	for _, key := range m.Keys() {
		if word := key.Raw().Value; strict.Suggest(word, []string{"half_life"}) == "" {
			keys = append(keys, word)
		}
	}
	if !m.Has("half_life") && len(keys) < len(m.Keys()) {
		m.Only(append(keys, "half_life")...)
	}
}

// ownEvents are those of mail and consent, which nobody declares.
var ownEvents = []string{
	contacts.EventSent, contacts.EventDelivered, contacts.EventOpened, contacts.EventClicked, contacts.EventReplied, contacts.EventBounced,
	contacts.EventComplained, contacts.EventUnsubscribed, contacts.EventConsentGiven, contacts.EventConsentWithdrawn, contacts.EventConsentPending,
}

// event checks the name of an event against those that are declared, and those
// of mail and consent against what there is.
func (d *decoder) event(n strict.Node, name string) {
	known := slices.Concat(ownEvents, contacts.UndeclaredEvents)
	if slices.Contains(known, name) {
		return
	}
	switch {
	case strings.HasPrefix(name, "email.") || strings.HasPrefix(name, "consent."):
	case d.events == nil:
		return // any name passes
	}
	known = append(known, slices.Sorted(maps.Keys(d.events))...)
	if !slices.Contains(known, name) {
		n.Unknownf(segments.CodeUnknownName, name, known, "there is no event %q", name)
	}
}

func (d *decoder) programs(n strict.Node) {
	if !n.Present() {
		return
	}
	m := n.Map("loyalty", "referral", "survey", "partners")
	d.loyalty(m.Get("loyalty"))
	d.referral(m.Get("referral"))
	d.surveys(m.Get("survey"))
	d.partners(m.Get("partners"))
}

func (d *decoder) partners(n strict.Node) {
	if !n.Present() {
		return
	}
	for _, p := range n.Map().Pairs() {
		name, ok := p.Key.Name()
		m := p.Value.Map("title", "code")
		title, _ := m.Require("title").Text()
		code, given := m.Require("code").Text()
		if !ok || !given {
			continue
		}
		if code == "" || code != url.QueryEscape(code) {
			m.Get("code").Refusef(strict.CodeBadValue, "use letters, digits, - and _", "the code %q cannot stand in a link as it is", code)
		} else if other := d.def.Programs.PartnerOf(code); other != nil { // contacts come through the first
			m.Get("code").Refusef(strict.CodeBadValue, "", "%s has the code %s already", other.Name, other.Code)
		}
		d.def.Programs.Partners = append(d.def.Programs.Partners, Partner{name, title, code})
	}
}

func (d *decoder) loyalty(n strict.Node) {
	if !n.Present() {
		return
	}
	l := &d.def.Programs.Loyalty
	m := n.Map("points", "expire", "tiers")
	l.Runs = m.OK()
	l.Expire, _ = m.Get("expire").Span()
	if points := m.Get("points"); points.Present() {
		l.Points = map[string]Earning{}
		for _, p := range points.Map().Pairs() {
			event, ok := p.Key.Text()
			if !ok {
				continue
			}
			d.event(p.Key, event)
			l.Points[event] = earning(p.Value)
		}
	}
	for _, item := range listOf(m.Get("tiers")) {
		d.tier(item)
	}
}

// earning reads `50`, or `{ per: total, rate: 1 }`.
func earning(n strict.Node) Earning {
	var e Earning
	if !n.IsMap() {
		e.Fixed, _ = n.Number()
		return e
	}
	rule := n.Map("per", "rate")
	e.Per, _ = rule.Require("per").Text()
	e.Rate, _ = rule.Require("rate").Number()
	return e
}

func (d *decoder) tier(n strict.Node) {
	m := n.Map("tier", "from", "benefits")
	var t Tier
	var ok bool
	if t.Name, ok = m.Require("tier").Name(); !ok {
		return
	}
	t.From, _ = m.Require("from").Number()
	if benefits := m.Get("benefits"); benefits.Present() {
		t.Benefits, _ = benefits.Strings()
	}
	tiers := &d.def.Programs.Loyalty.Tiers
	if slices.ContainsFunc(*tiers, func(o Tier) bool { return o.Name == t.Name }) {
		m.Get("tier").Errorf(strict.CodeBadValue, "there is a tier %s already", t.Name)
		return
	}
	if n := len(*tiers); n > 0 && t.From <= (*tiers)[n-1].From {
		m.Get("from").Errorf(strict.CodeBadValue, "tiers rise: %s must start above %s", t.Name, (*tiers)[n-1].Name)
	} else if t.From < 0 {
		m.Get("from").Errorf(strict.CodeBadValue, "nobody has less than 0 points")
	}
	*tiers = append(*tiers, t)
}

func listOf(n strict.Node) []strict.Node {
	if !n.Present() {
		return nil
	}
	return n.List()
}

// mostReward bounds what one friend is worth, in points.
const mostReward = 1_000_000

func (d *decoder) referral(n strict.Node) {
	if !n.Present() {
		return
	}
	r := &Referral{Friend: map[string]any{}}
	m := n.Map("reward", "friend")
	if reward := m.Get("reward"); reward.Present() {
		at := reward.Map("points").Require("points")
		points, ok := at.Int()
		if ok && (points < 1 || points > mostReward) {
			at.Errorf(strict.CodeBadValue, "a reward is from 1 to %d points, not %d", mostReward, points)
		}
		r.Points = int(points)
		if ok && !d.def.Programs.Loyalty.Runs {
			reward.Hintf(segments.CodeUnknownName, "add loyalty: beside referral:", "there is no loyalty program, so nothing counts these points")
		}
	}
	if friend := m.Get("friend"); friend.Present() {
		for _, p := range friend.Map().Pairs() {
			d.friend(r, p)
		}
	}
	d.def.Programs.Referral = r
}

// friend reads a field that is set for who was brought.
func (d *decoder) friend(r *Referral, p strict.Pair) {
	field, ok := p.Key.Text()
	value, okValue := p.Value.Value()
	if !ok || !okValue {
		return
	}
	name, is := strings.CutPrefix(field, "attributes.")
	if !is || name == "" {
		p.Key.Hintf(strict.CodeBadValue, "write attributes."+field, "%q is not an attribute", field)
		return
	}
	if d.env != nil && d.env.Attributes != nil {
		if _, declared := d.env.Attributes[name]; !declared {
			p.Key.Unknownf(segments.CodeUnknownName, name, slices.Sorted(maps.Keys(d.env.Attributes)), "there is no attribute %q; rapport.yaml declares what there is", name)
			return
		}
	}
	switch v := value.(type) {
	case int64:
		value = float64(v)
	case string, float64, bool:
	default:
		p.Value.Errorf(strict.CodeWrongType, "%s must be one value", p.Value.Label())
		return
	}
	r.Friend[field] = value
}

func (d *decoder) surveys(n strict.Node) {
	if !n.Present() {
		return
	}
	for _, p := range n.Map().Pairs() {
		s := Survey{High: 10}
		name, ok := p.Key.Name()
		s.Name = name
		m := p.Value.Map("question", "scale", "notify")
		s.Question, _ = m.Require("question").Text()
		if scale := m.Get("scale"); scale.Present() {
			s.Low, s.High = scaleOf(scale)
		}
		if notify := m.Get("notify"); notify.Present() {
			w := notify.Map("below", "webhook")
			below, good := w.Require("below").Int()
			if s.Below = int(below); good && (s.Below <= s.Low || s.Below > s.High) {
				w.Get("below").Errorf(strict.CodeBadValue, "no answer from %d to %d tells those below %d apart", s.Low, s.High, s.Below)
			}
			s.Webhook, _ = w.Require("webhook").Name()
		}
		if ok {
			d.def.Programs.Surveys = append(d.def.Programs.Surveys, s)
		}
	}
}

// mostAnswers bounds the answers that a page offers.
const mostAnswers = 10

// scaleOf reads "0-10".
func scaleOf(n strict.Node) (low, high int) {
	text, ok := n.Text()
	if !ok {
		return 0, mostAnswers
	}
	from, to, _ := strings.Cut(text, "-")
	low, errLow := strconv.Atoi(from)
	high, errHigh := strconv.Atoi(to)
	if errLow != nil || errHigh != nil || low < 0 || high <= low || high > mostAnswers {
		n.Hintf(strict.CodeBadValue, "as in 0-10 or 1-5", "a scale goes from a lower to a higher number, at most %d, not %q", mostAnswers, text)
		return 0, mostAnswers
	}
	return low, high
}
