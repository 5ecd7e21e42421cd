package store

import (
	"context"
	"fmt"
	"time"
)

// LadderCount is how many contacts stand on a rung with a health.
type LadderCount struct {
	Stage  string
	Health string
	Count  int64
}

// Ladder counts the contacts by stage and health, without the erased. Contacts
// that nobody has judged yet have no stage.
func (s *Store) Ladder(ctx context.Context) ([]LadderCount, error) {
	var out []LadderCount
	err := each(ctx, s.db, `select stage, health, count(*) from contacts where not erased group by stage, health order by stage, health`, nil,
		func(scan func(...any) error) error {
			var c LadderCount
			err := scan(&c.Stage, &c.Health, &c.Count)
			out = append(out, c)
			return err
		})
	return out, err
}

// Move is how many contacts went from one stage, or health, to another.
type Move struct {
	Kind     string // stage or health
	From, To string
	Count    int64
}

// Moves counts the changes of stage and health since a moment, most frequent first.
func (s *Store) Moves(ctx context.Context, since time.Time) ([]Move, error) {
	var out []Move
	err := each(ctx, s.db, `select kind, from_value, to_value, count(*) from stage_changes where at >= $1
		group by kind, from_value, to_value order by count(*) desc, kind, from_value, to_value`, []any{ms(since)},
		func(scan func(...any) error) error {
			var m Move
			err := scan(&m.Kind, &m.From, &m.To, &m.Count)
			out = append(out, m)
			return err
		})
	return out, err
}

// Totals are the sums over everything, as `demo --json` prints them.
type Totals struct {
	Contacts      int64
	Messages      map[string]int64 // by state
	Events        map[string]int64 // by name; what machines did is not among them
	Stages        map[string]int64 // contacts by stage
	StageChanges  int64
	HealthChanges int64
	Enrolments    map[string]int64 // by state
}

// Totals counts everything there is.
func (s *Store) Totals(ctx context.Context) (Totals, error) {
	var t Totals
	var changes map[string]int64
	for _, count := range []struct {
		into *map[string]int64
		text string
	}{
		{&t.Messages, `select state, count(*) from messages group by state`},
		{&t.Events, `select name, count(*) from events where not machine group by name`},
		{&t.Stages, `select stage, count(*) from contacts where not erased group by stage`},
		{&t.Enrolments, `select state, count(*) from enrolments group by state`},
		{&changes, `select kind, count(*) from stage_changes group by kind`},
	} {
		var err error
		if *count.into, err = s.counts(ctx, count.text); err != nil {
			return Totals{}, fmt.Errorf("cannot count: %w", err)
		}
	}
	for _, n := range t.Stages {
		t.Contacts += n
	}
	t.StageChanges, t.HealthChanges = changes["stage"], changes["health"]
	return t, nil
}

func (s *Store) counts(ctx context.Context, text string, args ...any) (map[string]int64, error) {
	out := map[string]int64{}
	err := each(ctx, s.db, text, args, func(scan func(...any) error) error {
		var name string
		var n int64
		err := scan(&name, &n)
		out[name] = n
		return err
	})
	return out, err
}

// SegmentSize is a segment with how many contacts are in it.
type SegmentSize struct {
	Name        string
	Description string
	Size        int64
}

// SegmentSizes counts every segment of a question as it stands now, by name.
func (s *Store) SegmentSizes(ctx context.Context, in Question) ([]SegmentSize, error) {
	var out []SegmentSize
	for _, name := range sortedKeys(in.Segments) {
		segment := in.Segments[name]
		n, err := s.CountSegment(ctx, segment.Where, in)
		if err != nil {
			return nil, fmt.Errorf("segment %s: %w", name, err)
		}
		out = append(out, SegmentSize{segment.Name, segment.Description, n})
	}
	return out, nil
}

// RecentFirings lists occurrences of starts, latest first; of one campaign, or
// of all when it is 0.
func (s *Store) RecentFirings(ctx context.Context, campaign int64, limit int) ([]Firing, error) {
	b := s.statement()
	where := "true"
	if campaign != 0 {
		where = "campaign_id = " + b.arg(campaign)
	}
	var out []Firing
	err := each(ctx, s.db, `select campaign_id, start_key, wall, at, state, cursor, enrolled, refused, owner, ended_at from firings
		where `+where+` order by at desc, campaign_id, start_key, wall desc limit `+b.arg(limit), b.args,
		func(scan func(...any) error) error {
			var f Firing
			var happened int64
			var ended *int64
			err := scan(&f.Campaign, &f.Start, &f.Wall, &happened, &f.State, &f.Cursor, &f.Enrolled, &f.Refused, &f.Owner, &ended)
			f.At, f.EndedAt = at(happened), atNull(ended)
			out = append(out, f)
			return err
		})
	return out, err
}

// DoubledEvents counts events that are stored though their key is another's.
// There are none; who measures or repairs a database looks.
func (s *Store) DoubledEvents(ctx context.Context) (n int64, err error) {
	_, err = one(ctx, s.db, `select count(*) - count(distinct key) from events`, nil, &n)
	return n, err
}
