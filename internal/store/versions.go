package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// File is one file of an applied workspace: its path below the workspace's
// folder, with slashes, and its content.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"data"`
}

// Version is an applied state of the workspace. What `serve` runs is the
// newest one; an enrolment stays with the one it started under.
type Version struct {
	ID       int64
	Hash     string
	Author   string
	Approved string // who approved it, where that was asked for
	Applied  time.Time
	// Moved is how many enrolments were moved or ended by the Apply that returned
	// this version.
	Moved int64
}

// CampaignStatus says whether a campaign may enrol and send.
type CampaignStatus string

// The statuses of a campaign.
const (
	Running CampaignStatus = "running"
	Paused  CampaignStatus = "paused"  // nothing leaves, nobody is lost, resume goes on
	Stopped CampaignStatus = "stopped" // for good: who was on the way has exited
	Removed CampaignStatus = "removed" // no longer in the workspace: nobody new; who is in runs on
)

// Campaign is what the store keeps of a campaign over all its versions.
type Campaign struct {
	ID      int64
	Name    string
	Status  CampaignStatus
	Version int64
	Numbers map[string]int // step id to message number, for ever
	Applied time.Time      // when it was applied first: no firing is older
	Changed time.Time      // when its status changed last
	Reason  string         // of its status, where that was not a person's wish
	Won     []Won          // arms of its splits that were called
}

// ApplyInput is a workspace to store as the new version.
type ApplyInput struct {
	Hash    string
	Author  string
	Files   []File
	Numbers map[string]map[string]int // campaign to step registry, old numbers kept
	Starts  map[string]string         // campaign to the name of its schedule
	Tests   map[TestName]string       // to the mark of what it compares
	// Touch looks at everybody again, in the same transaction: a ladder that
	// changed moves people, and must not be forgotten when the process dies here.
	Touch bool
	// Base is the version that it was decided on top of, 0 for none; nil: any.
	Base *int64
	// Approved asks for an approval by somebody else than the holder of this key.
	Approved *Key
	// Resettle moves or ends those on their way.
	Resettle []Resettle
}

// ErrApplied says that somebody else applied a version at the same time.
var ErrApplied = errors.New("somebody else has applied another version meanwhile: apply again")

// Apply stores a version and makes it the current one. Applying the same
// content again changes nothing and reports the version that stands, except that
// those on their way are moved or ended.
func (s *Store) Apply(ctx context.Context, in ApplyInput, now time.Time) (version Version, changed bool, err error) {
	packed, err := packFiles(in.Files)
	if err != nil {
		return Version{}, false, err
	}
	reserved, err := s.ids(ctx, 1+len(in.Numbers), now)
	if err != nil {
		return Version{}, false, err
	}
	next := reserved.again()
	version = Version{ID: next(), Hash: in.Hash, Author: in.Author, Applied: now}
	// The order of campaigns is the same each time: it breaks ties between their mail.
	names, campaignIDs := sortedKeys(in.Numbers), map[string]int64{}
	for _, name := range names {
		campaignIDs[name] = next()
	}
	err = s.db.writeMany(ctx, func(q querier) error {
		// Two applies at once wait for each other here.
		if _, err := q.exec(ctx, `insert into settings (key, value) values ('version', '0')
			on conflict (key) do update set value = settings.value`); err != nil {
			return err
		}
		current, found, err := currentVersion(ctx, q)
		if err != nil {
			return err
		}
		if in.Base != nil && *in.Base != current.ID {
			return ErrApplied
		}
		if found && current.Hash == in.Hash {
			version, changed = current, false
			// What is compared may not be on record yet: it is from now on.
			if err := s.saveTests(ctx, q, in.Tests, Version{ID: current.ID, Applied: now}); err != nil {
				return err
			}
			version.Moved, err = s.resettle(ctx, q, in.Resettle, version.ID, now)
			return err
		}
		changed = true
		if in.Approved != nil {
			if version.Approved, err = approvedBy(ctx, q, in.Hash, current.ID, *in.Approved); err != nil {
				return err
			}
		}
		if _, err := q.exec(ctx, `insert into versions (id, hash, author, approved_by, files, applied_at) values ($1, $2, $3, $4, $5, $6)`,
			version.ID, version.Hash, version.Author, version.Approved, packed, ms(now)); err != nil {
			return err
		}
		if _, err := q.exec(ctx, `update settings set value = $1 where key = 'version'`, strconv.FormatInt(version.ID, 10)); err != nil {
			return err
		}
		if err := keepsNumbers(ctx, q, s.statement(), in.Numbers); err != nil {
			return err
		}
		for _, name := range names {
			b := s.statement()
			text := `insert into campaigns (id, name, status, version_id, numbers, applied_at, changed_at) values (` +
				b.arg(campaignIDs[name]) + `, ` + b.arg(name) + `, 'running', ` + b.arg(version.ID) + `, ` +
				b.json(b.arg(jsonText(in.Numbers[name]))) + `, ` + b.arg(ms(now)) + `, ` + b.arg(ms(now)) + `)
				on conflict (name) do update set version_id = excluded.version_id, numbers = excluded.numbers,
					changed_at = case when campaigns.status = 'removed' then excluded.changed_at else campaigns.changed_at end,
					status = case when campaigns.status = 'removed' then 'running' else campaigns.status end`
			if _, err := q.exec(ctx, text, b.args...); err != nil {
				return err
			}
		}
		if err := saveStarts(ctx, q, in.Starts, now); err != nil {
			return err
		}
		if err := s.saveTests(ctx, q, in.Tests, version); err != nil {
			return err
		}
		// What somebody has paused stays so: taking its file away lets nothing go.
		b := s.statement()
		if _, err = q.exec(ctx, `update campaigns set status = 'removed', changed_at = `+b.arg(ms(now))+
			` where status = 'running' and not (`+b.inText("name", names)+`)`, b.args...); err != nil {
			return err
		}
		if version.Moved, err = s.resettle(ctx, q, in.Resettle, version.ID, now); err != nil || !in.Touch {
			return err
		}
		_, err = s.touchSelected(ctx, q, `select id from contacts where not erased`)
		return err
	})
	if err != nil {
		return Version{}, false, fmt.Errorf("cannot store the new version: %w", err)
	}
	return version, changed, nil
}

// keepsNumbers refuses registries that were read before somebody else gave out
// numbers: one number would stand for two steps, and a step could be sent again
// under another.
func keepsNumbers(ctx context.Context, q querier, b *statement, numbers map[string]map[string]int) error {
	return each(ctx, q, `select name, `+b.readJSON("numbers")+` from campaigns`, nil, func(scan func(...any) error) error {
		var name, text string
		if err := scan(&name, &text); err != nil {
			return err
		}
		var stands map[string]int
		if err := json.Unmarshal([]byte(text), &stands); err != nil {
			return err
		}
		for step, n := range stands {
			if given, known := numbers[name]; known && given[step] != n {
				return ErrApplied
			}
		}
		return nil
	})
}

func currentVersion(ctx context.Context, q querier) (v Version, found bool, err error) {
	var applied int64
	found, err = one(ctx, q, `select id, hash, author, approved_by, applied_at from versions
		where id = (select cast(value as bigint) from settings where key = 'version')`, nil,
		&v.ID, &v.Hash, &v.Author, &v.Approved, &applied)
	v.Applied = at(applied)
	return v, found, err
}

// CurrentVersion is the version that `serve` runs; found is false before the
// first apply.
func (s *Store) CurrentVersion(ctx context.Context) (v Version, found bool, err error) {
	return currentVersion(ctx, s.db)
}

// Versions lists the applied versions, newest first.
func (s *Store) Versions(ctx context.Context, limit int) ([]Version, error) {
	var out []Version
	err := each(ctx, s.db, `select id, hash, author, approved_by, applied_at from versions order by applied_at desc, id desc limit $1`, []any{limit},
		func(scan func(...any) error) error {
			var v Version
			var applied int64
			err := scan(&v.ID, &v.Hash, &v.Author, &v.Approved, &applied)
			v.Applied = at(applied)
			out = append(out, v)
			return err
		})
	return out, err
}

// VersionFiles returns the files of a version as they were applied.
func (s *Store) VersionFiles(ctx context.Context, version int64) ([]File, error) {
	var packed []byte
	found, err := one(ctx, s.db, `select files from versions where id = $1`, []any{version}, &packed)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("there is no version %d", version)
	}
	return unpackFiles(packed)
}

// Campaigns returns every campaign that was ever applied, by name.
func (s *Store) Campaigns(ctx context.Context) (map[string]Campaign, error) {
	out := map[string]Campaign{}
	b := s.statement()
	err := each(ctx, s.db, `select id, name, status, version_id, `+b.readJSON("numbers")+`, applied_at, changed_at, reason from campaigns`, nil,
		func(scan func(...any) error) error {
			var c Campaign
			var numbers string
			var applied, changed int64
			if err := scan(&c.ID, &c.Name, &c.Status, &c.Version, &numbers, &applied, &changed, &c.Reason); err != nil {
				return err
			}
			c.Applied, c.Changed = at(applied), at(changed)
			if err := json.Unmarshal([]byte(numbers), &c.Numbers); err != nil {
				return err
			}
			out[c.Name] = c
			return nil
		})
	if err != nil {
		return nil, err
	}
	return out, s.addWon(ctx, out)
}

// SetCampaignStatus pauses, resumes or stops a campaign. It reports whether
// there was such a campaign in one of the statuses from. Resumed, its waiting
// mail goes back on the queue; who is in a campaign that was stopped exits when
// WakeStopped was called, which the caller does next.
func (s *Store) SetCampaignStatus(ctx context.Context, name string, to CampaignStatus, from []CampaignStatus, now time.Time) (changed bool, err error) {
	var id int64
	states := make([]string, len(from))
	for i, f := range from {
		states[i] = string(f)
	}
	err = s.db.write(ctx, func(q querier) error {
		b := s.statement()
		text := `update campaigns set reason = '', status = ` + b.arg(string(to)) + `, changed_at = ` + b.arg(ms(now)) +
			` where name = ` + b.arg(name) + ` and ` + b.inText("status", states) + ` returning id`
		changed, err = one(ctx, q, text, b.args, &id)
		if err != nil || !changed || to == Paused {
			return err
		}
		_, err := q.exec(ctx, `update batches set queued_at = 0 where open_count > 0 and campaign_id = $1`, id)
		return err
	})
	return changed, err
}

// PauseFor pauses a running campaign for a reason that is no person's wish. It
// reports false when somebody has changed its status since k was read.
func (s *Store) PauseFor(ctx context.Context, k Campaign, reason string, now time.Time) (paused bool, err error) {
	err = s.db.write(ctx, func(q querier) error {
		n, err := q.exec(ctx, `update campaigns set status = 'paused', reason = $1, changed_at = $2
			where id = $3 and status = 'running' and changed_at = $4`, reason, ms(now), k.ID, ms(k.Changed))
		paused = n == 1
		return err
	})
	return paused, err
}

func packFiles(files []File) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if err := json.NewEncoder(w).Encode(files); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unpackFiles(packed []byte) ([]File, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var files []File
	return files, json.Unmarshal(raw, &files)
}

// OpenVersion is a place where enrolments stand that are not over.
type OpenVersion struct {
	Version  int64
	Campaign string
	Position string
}

// OpenVersions lists the places where enrolments stand that are not over, each
// once.
func (s *Store) OpenVersions(ctx context.Context) ([]OpenVersion, error) {
	var out []OpenVersion
	err := each(ctx, s.db, `select distinct e.version_id, k.name, e.position from enrolments e join campaigns k on k.id = e.campaign_id
		where e.state in ('active', 'parked') and k.status <> 'stopped' order by 1, 2, 3`, nil, func(scan func(...any) error) error {
		var o OpenVersion
		err := scan(&o.Version, &o.Campaign, &o.Position)
		out = append(out, o)
		return err
	})
	return out, err
}
