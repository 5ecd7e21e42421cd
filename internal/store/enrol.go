package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rapport/campaigns"
	"rapport/internal/ident"
	"rapport/segments"
)

// EnrolInput is a campaign's audience at one firing.
type EnrolInput struct {
	Firing  FiringKey
	Owner   string
	Version int64
	// Now is the moment of the firing: conditions are asked of it, however
	// late the rows are written.
	Now       time.Time
	LeaseTill time.Time
	// Written is when the rows are written; their ids begin with that second and
	// not with the firing's, which may have more contacts than a second has ids.
	// Zero means Now.
	Written time.Time

	Audience *segments.Condition            // nil means everybody
	Exclude  map[string]*segments.Condition // by segment name
	Control  string                         // salt of the bucket, see campaigns.ControlSalt
	Share    float64                        // held out, 0 to 1
	Topic    string                         // whose consent is needed; "" for transactional mail
	Reentry  campaigns.ReentryMode
	Before   time.Time // with ReentryAfter: the latest start that no longer counts
	GoalTill time.Time // zero: without a goal, or without limit
	HasGoal  bool

	SQL segments.SQL // how conditions are compiled
}

// EnrolResult is what one transaction of a firing did.
type EnrolResult struct {
	Enrolled int64
	Refused  int64
	Done     bool // the audience has been gone through
}

// ErrLost says that another scheduler owns the firing now.
var ErrLost = errors.New("another scheduler has taken this firing over")

// EnrolChunk enrols the next up to limit contacts of a firing's audience in
// one transaction and moves the firing's cursor with them: insert … select, no
// row leaves the database. Who may not be mailed is recorded with the reason.
func (s *Store) EnrolChunk(ctx context.Context, in EnrolInput, limit int) (EnrolResult, error) {
	sequence, err := s.reserve(ctx, "ids", limit)
	if err != nil {
		return EnrolResult{}, err
	}
	var result EnrolResult
	err = s.db.writeMany(ctx, func(q querier) error {
		result = EnrolResult{}
		var cursor int64
		b := s.statement()
		found, err := one(ctx, q, `select cursor from firings where campaign_id = $1 and start_key = $2 and wall = $3
			and owner = $4 and state = 'running'`+b.lock("for update"),
			[]any{in.Firing.Campaign, in.Firing.Start, in.Firing.Wall, in.Owner}, &cursor)
		if err != nil {
			return err
		}
		if !found {
			return ErrLost
		}
		high, n, err := s.chunkBound(ctx, q, in, cursor, limit)
		if err != nil {
			return err
		}
		if n > 0 {
			if in.Reentry == campaigns.ReentryRestart {
				if err := s.endForRestart(ctx, q, in, cursor, high); err != nil {
					return err
				}
			}
			if result.Enrolled, err = s.insertEnrolments(ctx, q, in, cursor, high, sequence); err != nil {
				return err
			}
			if result.Refused, err = s.insertRefusals(ctx, q, in, cursor, high); err != nil {
				return err
			}
		}
		result.Done = n < int64(limit)
		b = s.statement()
		text := `update firings set cursor = ` + b.arg(high) + `, enrolled = enrolled + ` + b.arg(result.Enrolled) +
			`, refused = refused + ` + b.arg(result.Refused) + `, lease_until = ` + b.arg(ms(in.LeaseTill))
		if result.Done {
			text += `, state = 'done', ended_at = ` + b.arg(ms(in.Now))
		}
		text += ` where campaign_id = ` + b.arg(in.Firing.Campaign) + ` and start_key = ` + b.arg(in.Firing.Start) + ` and wall = ` + b.arg(in.Firing.Wall)
		_, err = q.exec(ctx, text, b.args...)
		return err
	})
	if err != nil {
		return EnrolResult{}, fmt.Errorf("cannot enrol: %w", err)
	}
	return result, nil
}

// runsOnce names the index that keeps a contact from running twice in a campaign.
const runsOnce = `(contact_id, campaign_id, (case when ended_at is null then 0 else id end))`

// where compiles conditions on contacts, as the engine's clock stood at the firing.
func (in *EnrolInput) where(b *statement, c *segments.Condition) string {
	if c == nil {
		return "true"
	}
	p := in.SQL
	p.Dialect, p.Now, p.Args = b.dialect, in.Now, b.args
	text := c.SQL(&p)
	b.args = p.Args
	return "(" + text + ")"
}

// audience is the condition of being looked at: known, not erased, in the segment.
func (in *EnrolInput) audience(b *statement, cursor, high int64) string {
	text := `c.id > ` + b.arg(cursor)
	if high > 0 {
		text += ` and c.id <= ` + b.arg(high)
	}
	return text + ` and not c.erased and ` + in.where(b, in.Audience)
}

func (s *Store) chunkBound(ctx context.Context, q querier, in EnrolInput, cursor int64, limit int) (high, n int64, err error) {
	b := s.statement()
	text := `select coalesce(max(id), 0), count(*) from (select c.id from contacts c where ` +
		in.audience(b, cursor, 0) + ` order by c.id limit ` + b.arg(limit) + `) as audience`
	_, err = one(ctx, q, text, b.args, &high, &n)
	return max(high, cursor), n, err
}

// permitted is the condition of being mailable; refusal names what is missing.
func (in *EnrolInput) permitted(b *statement) string {
	text := "c.suppressed is null"
	if in.Topic != "" {
		text += ` and exists (select 1 from consents k where k.contact_id = c.id and k.state = 'given' and k.topic = ` + b.arg(in.Topic) + `)`
	}
	for _, name := range sortedKeys(in.Exclude) {
		text += " and not " + in.where(b, in.Exclude[name])
	}
	return text
}

func (in *EnrolInput) refusal(b *statement) string {
	var out strings.Builder
	out.WriteString("case when c.suppressed is not null then 'suppressed: ' || c.suppressed")
	for _, name := range sortedKeys(in.Exclude) {
		out.WriteString(" when " + in.where(b, in.Exclude[name]) + " then " + b.arg("excluded: in segment "+name))
	}
	if in.Topic != "" {
		out.WriteString(" else " + b.arg("no consent to "+in.Topic))
	}
	out.WriteString(" end")
	return out.String()
}

// reenters is the condition that the contact may come (again).
func (in *EnrolInput) reenters(b *statement) string {
	before := ""
	switch in.Reentry {
	case campaigns.ReentryAlways, campaigns.ReentryRestart:
		before = " and e.ended_at is null"
	case campaigns.ReentryAfter:
		before = " and (e.ended_at is null or e.started_at > " + b.arg(ms(in.Before)) + ")"
	}
	return `not exists (select 1 from enrolments e where e.contact_id = c.id and e.campaign_id = ` +
		b.arg(in.Firing.Campaign) + before + `)`
}

func (s *Store) insertEnrolments(ctx context.Context, q querier, in EnrolInput, cursor, high, sequence int64) (int64, error) {
	b := s.statement()
	written := in.Written
	if written.IsZero() {
		written = in.Now
	}
	// The numbers stand in the text and not in the arguments: they are the
	// engine's own, and both dialects then agree on their type.
	id := fmt.Sprintf("%d + ((%d + row_number() over (order by c.id) - 1) %% %d) * %d",
		ident.Base(written), sequence%ident.Sequences, ident.Sequences, ident.Steps)
	goal := "null"
	if in.HasGoal {
		goal = fmt.Sprint(ms(in.GoalTill))
	}
	state, due := "'active'", fmt.Sprint(ms(in.Now))
	if in.Share > 0 {
		held := "(" + segments.SampleSQL("c.seed", in.Control, in.Share) + ")"
		state = "case when " + held + " then 'control' else 'active' end"
		due = "case when " + held + " then " + goal + " else " + due + " end" // the control group is closed then
	}
	text := fmt.Sprintf(`insert into enrolments (id, campaign_id, contact_id, version_id, started_at, state, due_at, goal_until)
		select %s, %d, c.id, %d, %d, %s, %s, %s from contacts c where `,
		id, in.Firing.Campaign, in.Version, ms(in.Now), state, due, goal) +
		in.audience(b, cursor, high) + " and " + in.permitted(b) + " and " + in.reenters(b) +
		// Who came in meanwhile is in; an id that is taken is an error, and not
		// somebody who is quietly left out.
		" on conflict " + runsOnce + " do nothing"
	return q.exec(ctx, text, b.args...)
}

func (s *Store) insertRefusals(ctx context.Context, q querier, in EnrolInput, cursor, high int64) (int64, error) {
	b := s.statement()
	text := fmt.Sprintf(`insert into refusals (campaign_id, contact_id, reason, first_at, last_at)
		select %d, c.id, `, in.Firing.Campaign) + in.refusal(b) + fmt.Sprintf(`, %d, %d from contacts c where `, ms(in.Now), ms(in.Now)) +
		in.audience(b, cursor, high) + " and not (" + in.permitted(b) + ") and " + in.reenters(b) +
		" on conflict (campaign_id, contact_id, reason) do update set last_at = excluded.last_at, times = refusals.times + 1"
	return q.exec(ctx, text, b.args...)
}

func (s *Store) endForRestart(ctx context.Context, q querier, in EnrolInput, cursor, high int64) error {
	b := s.statement()
	_, err := q.exec(ctx, `update enrolments set state = 'exited', reason = 'restarted', due_at = null, rev = rev + 1, ended_at = `+b.arg(ms(in.Now))+
		` where campaign_id = `+b.arg(in.Firing.Campaign)+` and ended_at is null and state <> 'control' and contact_id in (select c.id from contacts c where `+
		in.audience(b, cursor, high)+" and "+in.permitted(b)+")", b.args...)
	return err
}
