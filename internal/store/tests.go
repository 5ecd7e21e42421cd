package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/measure"
)

// TestName names a comparison: a campaign, "" for the whole workspace, and what it
// compares there (campaigns.TestControl, campaigns.TestOf).
type TestName struct{ Campaign, Name string }

// Test is a comparison since it compares the same.
type Test struct {
	TestName
	Version int64 // the first that it is part of; 0 where none was noted
	Since   time.Time
}

// Look is one look at the arms of a split.
type Look struct {
	measure.Evidence
	At time.Time
}

// Won is an arm that was called, for those pinned to the versions of its test.
type Won struct {
	Split       string // the name of the test
	Arm         string
	From, Until int64 // versions, the second no longer; 0: it goes on
}

// In reports whether a version is part of the test.
func (w Won) In(version int64) bool { return version >= w.From && (w.Until == 0 || version < w.Until) }

// saveTests begins those comparisons anew whose mark has changed.
func (s *Store) saveTests(ctx context.Context, q querier, tests map[TestName]string, version Version) error {
	stand := map[TestName]string{}
	if err := each(ctx, q, `select campaign, name, mark from tests t
		where version_id = (select max(version_id) from tests l where l.campaign = t.campaign and l.name = t.name)`, nil, func(scan func(...any) error) error {
		var n TestName
		var mark string
		err := scan(&n.Campaign, &n.Name, &mark)
		stand[n] = mark
		return err
	}); err != nil {
		return err
	}
	for n := range stand {
		if _, goesOn := tests[n]; !goesOn && stand[n] != "" {
			if tests == nil {
				tests = map[TestName]string{}
			}
			tests[n] = ""
		}
	}
	var campaign, name, marks []string
	var versions, since []int64
	for n, mark := range tests {
		if was, known := stand[n]; !known && mark != "" || known && was != mark {
			campaign, name, marks = append(campaign, n.Campaign), append(name, n.Name), append(marks, mark)
			versions, since = append(versions, version.ID), append(since, ms(version.Applied))
		}
	}
	_, err := s.insertRows(ctx, q, "tests", "", texts("campaign", campaign), texts("name", name), bigints("version_id", versions),
		texts("mark", marks), bigints("since", since))
	return err
}

// Test is the comparison as it stands. One that was never noted, because its
// version is older than the notes, has no Version and no Since: it counts
// everybody, and whoever must know that all were told the same cannot go by it.
func (s *Store) Test(ctx context.Context, n TestName) (Test, error) {
	t := Test{TestName: n}
	var since int64
	found, err := one(ctx, s.db, `select version_id, since from tests where campaign = $1 and name = $2 order by version_id desc limit 1`,
		[]any{n.Campaign, n.Name}, &t.Version, &since)
	if err != nil {
		return t, fmt.Errorf("cannot read since when %s %s is compared: %w", n.Campaign, n.Name, err)
	}
	if found {
		t.Since = at(since)
	}
	return t, nil
}

// Looks are the looks of a test so far, in their order.
func (s *Store) Looks(ctx context.Context, t Test) (list []Look, err error) {
	b := s.statement()
	err = each(ctx, s.db, `select at, `+b.readJSON("evidence")+` from looks where campaign = `+b.arg(t.Campaign)+` and name = `+b.arg(t.Name)+
		` and version_id = `+b.arg(t.Version)+` order by look`, b.args, func(scan func(...any) error) error {
		var when int64
		var text string
		if err := scan(&when, &text); err != nil {
			return err
		}
		l := Look{At: at(when)}
		err := json.Unmarshal([]byte(text), &l.Evidence)
		list = append(list, l)
		return err
	})
	return list, err
}

// SaveLook notes a look. It reports false where somebody has noted it before: the
// first counts.
func (s *Store) SaveLook(ctx context.Context, t Test, l Look) (saved bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := s.insertRows(ctx, q, "looks", "on conflict do nothing", texts("campaign", []string{t.Campaign}), texts("name", []string{t.Name}),
			bigints("version_id", []int64{t.Version}), bigints("look", []int64{int64(l.Look)}), bigints("at", []int64{ms(l.At)}),
			texts("winner", []string{l.Winner}), jsons("evidence", []string{jsonText(l.Evidence)}))
		saved = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot note a look at %s of campaign %s: %w", t.Name, t.Campaign, err)
	}
	return saved, nil
}

// addWon reads the arms that were called, in every test there was.
func (s *Store) addWon(ctx context.Context, all map[string]Campaign) error {
	return each(ctx, s.db, `select campaign, name, winner, version_id, coalesce((select min(t.version_id) from tests t
			where t.campaign = l.campaign and t.name = l.name and t.version_id > l.version_id), 0)
		from looks l where winner <> '' order by campaign, name, version_id`, nil, func(scan func(...any) error) error {
		var campaign string
		var w Won
		if err := scan(&campaign, &w.Split, &w.Arm, &w.From, &w.Until); err != nil {
			return err
		}
		if k, known := all[campaign]; known {
			k.Won = append(k.Won, w)
			all[campaign] = k
		}
		return nil
	})
}
