package delivery

import (
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/delivery/smtp"
	"rapport/internal/workspace"
)

// DataTime is the longest that a mail server may take from a message's first
// byte to its answer. A worker starts a message only while its lease outlasts it.
const DataTime = 5 * time.Minute

// Mailbox is the name of the built-in provider that catches all mail.
const Mailbox = "mailbox"

// Routes is the Router of a running engine: a pool of connections for each
// provider of the workspace, opened when it is first needed.
type Routes struct {
	// Caught is where mail goes that must not leave the house; needed without a
	// Catcher.
	Caught smtp.Config
	// Catcher takes all mail in place of the mailbox and of every provider, for
	// virtual time: nothing can leave the house then. It may be nil.
	Catcher Provider
	// Live reports whether `delivery: live` was said for this very database:
	// it counts only then, so that a restored copy mails nobody.
	Live func() bool
	Log  *slog.Logger
	// Clock is the engine's; nil means the system's.
	Clock clock.Clock
	// Patience is how long a reply to a message is waited for once its worker was
	// told to stop; 0: as long as ever.
	Patience time.Duration

	mu    sync.Mutex
	pools map[string]*opened
	fails circuits // providers, and what they refuse: see refusedSender
	full  map[string]Standing
}

type opened struct {
	of   settings
	pool *smtp.Pool
}

// settings are what a workspace says of a provider's connections; none of the
// mailbox.
type settings struct {
	smtp        workspace.SMTP
	connections int
}

// Route is the way a sender's mail to an address takes now. Without an address
// it is the way that the sender's mail takes as a rule, for its rate.
func (r *Routes) Route(applied *catalog.Applied, sender, to string) (Route, error) {
	s, ok := applied.Senders[sender]
	if !ok {
		return Route{}, fmt.Errorf("sender %s is not in the applied workspace", sender)
	}
	if r.Catcher != nil {
		return Route{Name: Mailbox, Provider: r.Catcher, Mailbox: true}, nil
	}
	if !r.Leaves(applied, to) {
		return Route{Name: Mailbox, Provider: r.pool(Mailbox, settings{}), Mailbox: true}, nil
	}
	names := s.Providers
	if len(names) == 0 {
		return Route{}, fmt.Errorf("sender %s has no provider", sender)
	}
	name, standing := r.first(applied, sender)
	p, ok := applied.Providers[name]
	if !ok {
		return Route{}, fmt.Errorf("provider %s of sender %s is not in the applied workspace", name, sender)
	}
	return Route{Name: name, Provider: r.pool(name, settings{p.SMTP, p.Connections}), Rate: paced(p.Rate), Standing: standing}, nil
}

func (r *Routes) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Clock == nil {
		r.Clock = clock.System{}
	}
	r.fails.log = r.Log
	return r.Clock.Now()
}

func (r *Routes) caught() smtp.Config {
	c := r.Caught
	c.DataTimeout = DataTime
	return c
}

// Leaves reports whether mail to an address may leave the house.
func (r *Routes) Leaves(applied *catalog.Applied, to string) bool {
	d := applied.Delivery
	switch {
	case r.Catcher != nil:
		return false
	case d.Live:
		return r.Live()
	case len(d.Only) == 0 || to == "":
		return false
	}
	to = strings.ToLower(to)
	for _, pattern := range d.Only {
		if ok, err := path.Match(strings.ToLower(pattern), to); err == nil && ok {
			return true
		}
	}
	return false
}

// first is the first provider that is not failing; when all are, the one whose
// trial comes next. Closed ones do not count, unless all are.
func (r *Routes) first(applied *catalog.Applied, sender string) (best string, standing Standing) {
	now := r.now()
	names := applied.Open(sender)
	if len(names) == 0 {
		name := applied.Senders[sender].Providers[0]
		return name, Standing{Since: applied.States[name].Changed, Reason: applied.Shut(sender), Until: now.Add(lookAgain), Closed: true}
	}
	for i, name := range names {
		s := r.fullNow(name, now)
		if !s.Full {
			s = r.fails.state(name, now)
		}
		if s.Since.IsZero() || s.Until.Before(now) { // never of one that is full
			if of := r.fails.state(refusedSender(name, sender), now); !of.Since.IsZero() {
				s = of
			}
		}
		// What is well, or whose trial has begun: the first one is gone back to so.
		if s.Since.IsZero() || !s.Until.After(now) {
			return name, s
		}
		if i == 0 || s.Until.Before(standing.Until) {
			best, standing = name, s
		}
	}
	return best, standing
}

// lookAgain is how long mail that was in hand when its last provider was closed
// goes back to the queue for: longer than it would wait in hand. What is on the
// queue is not even taken.
const lookAgain = inHand + time.Second

// fullNow is the standing of a provider whose day is full.
func (r *Routes) fullNow(name string, now time.Time) Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.full[name]
	if !s.Until.After(now) {
		return Standing{}
	}
	return s
}

func (r *Routes) isFull(name, why string, now, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full == nil {
		r.full = map[string]Standing{}
	}
	s, known := r.full[name]
	if !known || s.Reason != why {
		r.Log.Info("a provider's day is full", "provider", name, "reason", why)
		s = Standing{Since: now, Reason: why, Full: true}
	}
	s.Until = until
	r.full[name] = s
}

// refusedSender is the key of a sender from whom a provider takes nothing.
func refusedSender(provider, sender string) string { return provider + " for sender " + sender }

// Report tells what sending through a provider was like.
func (r *Routes) Report(p Report, now time.Time) {
	r.now() // its log, where nothing was routed yet
	switch {
	case p.Full != "":
		r.isFull(p.Provider, p.Full, now, p.Until)
	case p.Fails != "":
		r.fails.fail(p.Provider, p.Fails, now)
	case p.Refuses != "":
		r.fails.ok(p.Provider, now)
		r.fails.fail(refusedSender(p.Provider, p.Sender), p.Refuses, now)
	case p.Works:
		r.fails.ok(p.Provider, now)
		r.fails.ok(refusedSender(p.Provider, p.Sender), now)
	}
}

// Failing lists the providers that fail in this process's experience, and what
// they refuse.
func (r *Routes) Failing() map[string]Standing { return r.fails.failing() }

func (r *Routes) pool(name string, of settings) *smtp.Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pools == nil {
		r.pools = map[string]*opened{}
	}
	o := r.pools[name]
	if o == nil || o.of != of {
		// A pool whose settings changed is left to those who still send
		// through it; its connections close when they are idle.
		config := of.config()
		if name == Mailbox {
			config = r.caught()
		}
		config.Patience = r.Patience
		o = &opened{of: of, pool: smtp.NewPool(config, r.Log)}
		r.pools[name] = o
	}
	return o.pool
}

// Close ends all connections, side by side: a server that does not take leave holds
// up no other.
func (r *Routes) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all sync.WaitGroup
	for _, o := range r.pools {
		all.Go(o.pool.Close)
	}
	all.Wait()
}

func (s settings) config() smtp.Config {
	return smtp.Config{
		Host: s.smtp.Host, Port: s.smtp.Port, TLS: s.smtp.TLS,
		Username: s.smtp.Username, Password: s.smtp.Password, Auth: s.smtp.Auth, Connections: s.connections, DataTimeout: DataTime,
	}
}
