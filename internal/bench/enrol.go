package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
)

// Enrol measures how fast very many contacts come into a campaign, and what
// another campaign notices of it.
var Enrol = Bench{
	Name: "enrol", Size: 1_000_000, Run: runEnrol,
	Short: "how fast a million contacts are enrolled, and who has to wait for it",
	Long: `Enrols all contacts who bought at least twice and nothing for 60 days in a campaign
that begins with a wait, so that nothing but enrolling is measured. Once alone;
once while a second campaign sends through a provider with a rate limit, below what
the machine can do; and once while it sends as fast as it can. Everybody must be
in each campaign once, and each message of the second campaign must come once.`,
	Example: `  rapport bench enrol
  rapport bench enrol --contacts 100000 --json`,
}

const (
	enrolRate   = 1000            // messages a second of the campaign with a limit, at most
	enrolBefore = 4 * time.Second // that it sends before the others are enrolled
	enrolWait   = "30d"           // before the first message of who is enrolled
)

// enrolling is an enrol bench at work.
type enrolling struct {
	*mailHouse
	near      *receiver
	want      int64 // contacts in the segment
	rate      int64 // limit of the second campaign, in messages a second
	unlimited int64 // contacts who get the second campaign where it has no limit
}

func runEnrol(ctx context.Context, r *Run) error {
	if r.Embedded {
		return errors.New("the enrol bench fills PostgreSQL: leave --embedded out")
	}
	b := &enrolling{rate: max(50, min(enrolRate, r.Size/200)), unlimited: max(1000, min(100_000, r.Size/10))}
	if err := b.install(ctx, r); err != nil {
		return err
	}
	if err := b.serve(ctx, cmp.Or(r.Workers, 1)); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	if err := b.alone(ctx); err != nil {
		return err
	}
	limited := fmt.Sprintf("beside %d messages/s", b.rate)
	if err := b.beside(ctx, limited, "limited", "enrol-2"); err != nil {
		return err
	}
	if err := b.beside(ctx, "beside a campaign without a limit", "unlimited", "enrol-3"); err != nil {
		return err
	}
	if measurable() {
		r.Figure("peak memory of an engine process", megabytes(b.memory().peak), "MB")
	}
	r.Note("without a limit both want the whole machine: what the sending campaign keeps is its share, and no loss that more cores would not mend")
	return nil
}

// install makes an installation with readers, who get the second campaign, and
// those who are to be enrolled.
func (b *enrolling) install(ctx context.Context, r *Run) (err error) {
	if b.near, err = r.startReceiver(ReceiverOptions{}); err != nil {
		return err
	}
	connections := cmp.Or(r.Connections, sendConnections)
	// The campaign with a limit must last longer than the others take to come in.
	limited := b.rate * (int64(enrolBefore.Seconds()) + max(5, r.Size/25_000))
	o := shop{
		providers: []provider{{name: "near", port: b.near.port, connections: connections},
			{name: "limited", port: b.near.port, connections: connections, rate: strconv.FormatInt(b.rate, 10) + "/s"}},
		campaigns: []mailing{{name: "limited", sender: "limited", audience: numbers{0, limited}},
			{name: "unlimited", sender: "near", audience: numbers{0, b.unlimited}}},
	}
	for _, name := range []string{"enrol-1", "enrol-2", "enrol-3"} {
		o.campaigns = append(o.campaigns, mailing{name: name, sender: "near", where: enrolled, wait: enrolWait})
	}
	if b.mailHouse, err = r.install(ctx, o, max(limited, b.unlimited)); err != nil {
		return err
	}
	if err := fillLapsed(ctx, r, b.store, b.once); err != nil {
		return err
	}
	return b.ask(ctx, &b.want, `select count(*) from (select id as contact_id from contacts) as c where `+inEnrolled)
}

// ask reads one number from the database.
func (b *enrolling) ask(ctx context.Context, n *int64, text string, args ...any) error {
	db, err := pgx.Connect(ctx, b.Database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	return db.QueryRow(ctx, text, args...).Scan(n)
}

// entered is when a firing began and when everybody was in.
type entered struct{ fired, done time.Time }

func (e entered) seconds() float64 { return e.done.Sub(e.fired).Seconds() }

// enrol lets a campaign fire and waits until everybody is in it.
func (b *enrolling) enrol(ctx context.Context, campaign string, step func(int64)) (e entered, err error) {
	known, err := b.store.Campaigns(ctx)
	if err != nil {
		return e, err
	}
	id := known[campaign].ID
	if err := b.move(ctx, campaign, store.Running, store.Paused); err != nil {
		return e, err
	}
	err = poll(ctx, 5*time.Millisecond, func() (bool, error) {
		firings, err := b.store.RecentFirings(ctx, id, 1)
		if err != nil || len(firings) == 0 {
			return false, errors.Join(err, b.alive())
		}
		now := b.Clock.Now()
		if e.fired.IsZero() {
			e.fired = now
		}
		if step != nil {
			step(firings[0].Enrolled)
		}
		e.done = now
		return firings[0].State == "done", b.alive()
	})
	return e, err
}

// check is an error when somebody is missing, came in twice or by mistake, or
// does not stand at the wait.
func (b *enrolling) check(ctx context.Context, campaign string) error {
	known, err := b.store.Campaigns(ctx)
	if err != nil {
		return err
	}
	id := known[campaign].ID
	var all, people, meant int64
	for _, count := range []struct {
		n    *int64
		text string
	}{
		{&all, `select count(*) from enrolments where campaign_id = $1 and state = 'active' and due_at is not null`},
		{&people, `select count(distinct contact_id) from enrolments where campaign_id = $1`},
		{&meant, `select count(distinct contact_id) from enrolments where campaign_id = $1 and ` + inEnrolled},
	} {
		if err := b.ask(ctx, count.n, count.text, id); err != nil {
			return err
		}
	}
	if all != b.want || people != b.want || meant != b.want {
		return fmt.Errorf("%d contacts are meant for %s: it has %d enrolments that wait, of %d contacts, %d of whom are meant",
			b.want, campaign, all, people, meant)
	}
	return nil
}

// alone enrols while nothing else happens.
func (b *enrolling) alone(ctx context.Context) error {
	before := b.cost(b.near)
	e, err := b.enrol(ctx, "enrol-1", func(n int64) { b.Step("enrolling", n, b.want) })
	if err != nil {
		return err
	}
	b.Figure("contacts enrolled", float64(b.want), "")
	b.Figure("alone: from the firing to the last enrolment", e.seconds(), "s")
	b.Figure("alone: contacts enrolled", float64(b.want)/e.seconds(), "contacts/s")
	if err := poll(ctx, askEvery, func() (bool, error) { return b.waits(ctx) }); err != nil {
		return err
	}
	b.Figure("alone: until all stand at their first wait", b.Clock.Now().Sub(e.fired).Seconds(), "s")
	after := b.cost(b.near)
	if measurable() {
		b.Figure("CPU of the engine, until all stand at their first wait", b.perContact(before.engine, after.engine), "µs/contact")
	}
	if b.postgresPid != 0 {
		b.Figure("CPU of PostgreSQL, until all stand at their first wait", b.perContact(before.postgres, after.postgres), "µs/contact")
	}
	return errors.Join(b.check(ctx, "enrol-1"), b.vacuum(ctx))
}

func (b *enrolling) perContact(before, after spent) float64 {
	return float64((after.cpu - before.cpu).Microseconds()) / float64(b.want)
}

// waits reports whether every enrolment has been looked at.
func (b *enrolling) waits(ctx context.Context) (bool, error) {
	p, err := b.store.Pending(ctx, b.Clock.Now())
	return err == nil && !p.Enrolments, errors.Join(err, b.alive())
}

// beside enrols in the middle of a campaign that sends.
func (b *enrolling) beside(ctx context.Context, name, mail, campaign string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		s   *sent
		err error
	}
	under, over := make(chan struct{}), make(chan result, 1)
	var first time.Time
	begun := false
	go func() {
		s, err := b.send(ctx, mail, b.near, func(at sample) {
			if first.IsZero() && at.messages > 0 {
				first = at.at
			}
			if !begun && b.underWay(mail, first, at) {
				begun = true
				close(under)
			}
		})
		over <- result{s, err}
	}()
	select {
	case <-under:
	case r := <-over:
		return cmp.Or(r.err, errors.New("the campaign "+mail+" was over before anybody was enrolled: take more contacts"))
	}
	e, err := b.enrol(ctx, campaign, nil)
	if err != nil {
		cancel()
		return errors.Join(err, (<-over).err)
	}
	r := <-over
	if r.err != nil {
		return r.err
	}
	b.Figure(name+": from the firing to the last enrolment", e.seconds(), "s")
	// The first second is left out: connections are opened, and a limit lets a
	// little more through.
	before, during := r.s.between(first.Add(b.ramp(mail)), e.fired), r.s.between(e.fired, e.done)
	b.measured(name+": its rate before", before, "messages/s")
	b.measured(name+": its rate while the others are enrolled", during, "messages/s")
	if before > 0 && during > 0 {
		b.Figure(name+": what it keeps of its rate", 100*during/before, "%")
	}
	if r.s.reached(1).at.Before(e.done) {
		b.Note("the campaign %s was sent before everybody was enrolled in %s: its rate is that until then", mail, campaign)
	}
	return errors.Join(b.check(ctx, campaign), b.vacuum(ctx))
}

// ramp is how long a campaign takes until its rate is what it will be.
func (b *enrolling) ramp(mail string) time.Duration {
	if mail == "limited" {
		return time.Second
	}
	return 100 * time.Millisecond
}

// underWay reports whether a campaign has sent long enough for its rate to be
// known.
func (b *enrolling) underWay(mail string, first time.Time, at sample) bool {
	if mail == "limited" {
		return !first.IsZero() && at.at.Sub(first) >= enrolBefore
	}
	return at.messages >= b.unlimited*2/5
}

// between is the rate from a moment to another one, or to the last message where
// that came sooner; 0 where there was too little time to measure it.
func (s *sent) between(from, to time.Time) float64 {
	if last := s.reached(1).at; last.Before(to) {
		to = last
	}
	var a, z sample
	for _, x := range s.curve {
		if !x.at.Before(from) && a.at.IsZero() {
			a = x
		}
		if !x.at.After(to) {
			z = x
		}
	}
	if span := z.at.Sub(a.at); !a.at.IsZero() && span >= 2*askEvery {
		return float64(z.messages-a.messages) / span.Seconds()
	}
	return 0
}
