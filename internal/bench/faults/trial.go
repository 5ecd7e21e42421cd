package faults

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/engine"
	"rapport/internal/testenv"
)

//go:embed shop
var shop embed.FS

const (
	// usualSpeed is how fast time runs: an hour in six seconds, so that a message
	// that was put off for five minutes goes within a second.
	usualSpeed = 600
	// watch is how fast the watch runs by which a silent worker is given up, where
	// a scenario asks for that: twelve minutes in 72 seconds.
	watch = 10

	connections   = 4 // of each worker, as the workspace says
	steps         = 2 // of the campaign
	webhookSecret = "the webhook's secret, long enough"
	linkSecret    = "the secret that signs links, long enough"
)

// trial is a scenario at work on an installation of its own.
type trial struct {
	Options
	Scenario
	ground

	random   *rand.Rand
	clock    clock.Clock
	dir      string // for its files
	anchor   int64  // from when on its time runs fast, in Unix seconds
	listen   string // address of the web role
	contacts int

	database *server // nil: embedded
	redis    *testenv.RedisServer
	receiver *receiver
	machines []*machine
	caller   *caller // nil: nobody calls
	ledger   *ledger

	planned int       // faults to inject
	first   time.Time // when the first one was waited for
	struck  int       // faults injected
	allowed int       // messages that may be unknown for them
}

func newTrial(o Options, s Scenario) *trial {
	name := fnv.New64a()
	name.Write([]byte(s.Name))
	t := &trial{Options: o, Scenario: s, random: rand.New(rand.NewPCG(o.Seed, name.Sum64())), clock: clock.System{}, planned: s.Long}
	if o.Short {
		t.planned = s.Brief
	}
	t.contacts = max(200, t.planned*t.perFault()/steps)
	t.anchor = t.clock.Now().Unix()
	return t
}

// perFault is how many messages there are for each fault.
func (t *trial) perFault() int {
	if t.Messages > 0 {
		return t.Messages
	}
	return 200
}

func (t *trial) url() string { return "http://" + t.listen }

// now is what time it is in the installation, unless its clocks are shifted.
func (t *trial) now() time.Time { return clock.Since(time.Unix(t.anchor, 0), float64(t.speed())).Now() }

// speed is how fast time runs in the installation.
func (t *trial) speed() time.Duration { return time.Duration(cmp.Or(t.Speed, usualSpeed)) }

// open makes the installation and starts it. Its campaign fires a moment later.
func (t *trial) open(ctx context.Context) (err error) {
	if t.dir, err = os.MkdirTemp(t.Dir, t.Name+"-"); err != nil {
		return err
	}
	if t.receiver, err = newReceiver(t.Seed); err != nil {
		return err
	}
	t.Cleanup(t.receiver.close)
	if t.listen, err = freeAddress(); err != nil {
		return err
	}
	if !t.Embedded {
		if t.database, err = t.openServer(t.OwnPostgres); err != nil {
			return err
		}
		if err = try(func() { t.redis = testenv.StartRedis(&t.ground) }); err != nil {
			return err
		}
	}
	for _, roles := range t.machineRoles() {
		m, err := t.newMachine(roles)
		if err != nil {
			return err
		}
		t.machines = append(t.machines, m)
	}
	if t.Prepare != nil {
		if err := t.Prepare(t); err != nil {
			return err
		}
	}
	return t.begin(ctx)
}

func (t *trial) machineRoles() []string {
	switch {
	case t.Machines != nil:
		return t.Machines
	case t.Embedded:
		return []string{strings.Join(engine.Roles, ",")}
	}
	return []string{"scheduler", "web", "worker", "worker"}
}

// begin brings contacts and campaign in, and starts all machines.
func (t *trial) begin(ctx context.Context) (err error) {
	first := t.machines[0]
	people, err := t.people()
	if err != nil {
		return err
	}
	if _, err := output(first.command("contacts", "import", people, "--topic", "guides", "--source", "trade fair", "--at", "2025-01-15")); err != nil {
		return err
	}
	name := filepath.Join(first.disk(), "rapport.db")
	if t.database != nil {
		name = t.database.dsn
	}
	if t.ledger, err = openLedger(name); err != nil {
		return err
	}
	t.Cleanup(t.ledger.close)
	for _, m := range t.machines {
		if err := m.restart(ctx); err != nil {
			return err
		}
	}
	if err := t.schedule(first); err != nil {
		return err
	}
	if _, err := output(first.command("apply", "--author", "faults")); err != nil {
		return err
	}
	if t.Callbacks {
		t.caller = newCaller(t.url())
		t.caller.start(4, t.contacts)
		t.Cleanup(t.caller.stop)
	}
	return nil
}

// expected is how many letters there will be.
func (t *trial) expected() int { return t.contacts * steps }

// errDry says that a fault came too late to show anything.
var errDry = errors.New("all messages were sent before all faults were injected: give it more contacts")

// moment waits for a random moment while messages flow, and counts the fault
// that comes next. It sees to it that messages last until all faults are over;
// at every third moment everything goes as fast as it can.
func (t *trial) moment(ctx context.Context) error {
	left := t.expected() - t.receiver.distinct()
	each := perFaultTime.Seconds()
	if t.struck > 0 { // as long as they have taken so far, on this machine
		each = max(each, 1.5*t.clock.Now().Sub(t.first).Seconds()/float64(t.struck))
	} else {
		t.first = t.clock.Now()
	}
	t.receiver.pace(min(2000, max(5, float64(left)/(float64(t.planned-t.struck+1)*each))))
	if err := t.flows(ctx); err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(t.random.Int64N(int64(400*time.Millisecond)))); err != nil {
		return err
	}
	if t.random.IntN(3) == 0 {
		t.receiver.pace(0)
		if err := pause(ctx, time.Duration(t.random.Int64N(int64(30*time.Millisecond)))); err != nil {
			return err
		}
		defer t.receiver.pace(20) // until the next
	}
	t.struck++
	t.tell(fmt.Sprintf("fault %d of %d, %d messages have arrived", t.struck, t.planned, t.receiver.taken.Load()))
	return nil
}

// flowLimit is how long nothing may arrive: longer than a day of the installation
// lasts, because a campaign that was applied too late on a busy machine fires the
// next day.
const flowLimit = 5 * time.Minute

// flows waits until messages arrive.
func (t *trial) flows(ctx context.Context) error {
	before, dry := t.receiver.taken.Load(), false
	err := until(ctx, flowLimit, "messages flow", func() (bool, string) {
		dry = t.receiver.distinct() >= t.expected()
		state, err := t.ledger.totals(ctx)
		return dry || t.receiver.taken.Load() >= before+3, fmt.Sprint(state, err)
	})
	if err == nil && dry {
		return errDry
	}
	return err
}

func (t *trial) tell(what string) {
	if t.Progress != nil {
		t.Progress(t.Name, what)
	}
}

// with are the machines that have a role.
func (t *trial) with(role string) (list []*machine) {
	for _, m := range t.machines {
		if m.has(role) {
			list = append(list, m)
		}
	}
	return list
}

// one chooses a machine that has a role.
func (t *trial) one(role string) *machine {
	list := t.with(role)
	return list[t.random.IntN(len(list))]
}

func copyShop(dir string) error {
	files, err := fs.Sub(shop, "shop")
	if err != nil {
		return err
	}
	return os.CopyFS(dir, files)
}

// freeAddress is a loopback address that nobody listens on. Its port is none of
// those that the system gives to connections, so that none of the many that
// other trials make takes it before it is listened on.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
