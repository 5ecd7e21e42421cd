package redisq

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"rapport/internal/queue"
	"rapport/internal/queue/queuetest"
	"rapport/internal/testenv"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

// open opens the queue and closes it with the test.
func open(t *testing.T, c Config) *Queue {
	t.Helper()
	q, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// contract runs the suite over one Redis, each test under a prefix of its own.
func contract(t *testing.T, url string) {
	prefixes := 0
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		prefixes++
		config := Config{URL: url, Prefix: "test-" + strconv.Itoa(prefixes), CallerClock: true}
		return queuetest.Harness{
			Open: func(t *testing.T) queue.Queue { return open(t, config) },
			Age:  func(t *testing.T, d time.Duration) { age(t, config, d) },
		}
	})
}

// age tells Redis that everything taken was taken so much earlier.
func age(t *testing.T, c Config, d time.Duration) {
	t.Helper()
	ctx := t.Context()
	q := open(t, c)
	lanes, err := q.lanes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, lane := range lanes {
		stream := q.keys.ready(lane)
		taken, err := q.client.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: stream, Group: group, Start: "-", End: "+", Count: 1e6,
		}).Result()
		if err != nil && !gone(err) {
			t.Fatal(err)
		}
		for _, p := range taken {
			idle := (p.Idle + d).Milliseconds()
			err := q.client.Do(ctx, "XCLAIM", stream, group, p.Consumer, 0, p.ID, "IDLE", idle, "JUSTID").Err()
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestContract(t *testing.T) {
	contract(t, testenv.Redis(t))
}

// A server in cluster mode refuses every command, script and pipeline whose
// keys lie in different slots, even when it is the only one of its cluster.
func TestContractOnACluster(t *testing.T) {
	t.Parallel()
	server := testenv.StartRedis(t, "--cluster-enabled", "yes")
	clustered(t, server.Addr)
	contract(t, "redis-cluster://"+server.Addr)
}

// clustered gives one server all slots and waits until it serves them.
func clustered(t *testing.T, addr string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	if err := client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Skipf("this Redis is too old for the cluster test: %v", err)
	}
	eventually(t, "the cluster is up", func() bool {
		info, err := client.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in %s: %s", patience, what)
		case <-tick.C:
		}
	}
}
