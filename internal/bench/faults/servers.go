package faults

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// servers are PostgreSQL and Redis, killed, emptied and out of reach. None of
// that leaves anything unknown: outcomes wait until they can be recorded.
func servers() []Scenario {
	return []Scenario{
		{Name: "kill-postgres", Short: "kill -9 of PostgreSQL, under callbacks", Long: 50, Brief: 3, OwnPostgres: true, Callbacks: true, Break: killedPostgres},
		{Name: "kill-redis", Short: "kill -9 of Redis, which keeps nothing", Long: 50, Brief: 3, Messages: backlog, Waves: 1, Callbacks: true, Break: killedRedis},
		{Name: "flush-redis", Short: "FLUSHALL", Long: 50, Brief: 3, Messages: backlog, Waves: 1, Break: flushed},
		{Name: "redis-away", Short: "Redis cannot be reached: refused, or without an answer", Long: 4, Brief: 2, Messages: 400, Callbacks: true,
			Break: away(func(m *machine) *proxy { return m.redis }, time.Minute)},
		{Name: "postgres-away", Short: "PostgreSQL cannot be reached: refused, or without an answer", Long: 4, Brief: 2, Messages: 400, Callbacks: true,
			Break: away(func(m *machine) *proxy { return m.postgres }, time.Minute)},
	}
}

// backlog is how many messages there are for each time that Redis is emptied: so
// many that most of them are on its streams and not in anybody's hands.
const backlog = 1000

func killedPostgres(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		t.database.own.Kill9()
		if err := t.database.own.Restart(); err != nil {
			return err
		}
	}
	return nil
}

func killedRedis(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		t.redis.Kill9()
		if err := t.redis.Restart(); err != nil {
			return err
		}
	}
	return nil
}

func flushed(ctx context.Context, t *trial) error {
	client := redis.NewClient(&redis.Options{Addr: t.redis.Addr})
	defer client.Close()
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		if err := client.FlushAll(ctx).Err(); err != nil {
			return err
		}
	}
	return nil
}

// away cuts all machines off a server, in turn by refusing and by silence.
func away(line func(*machine) *proxy, long time.Duration) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if t.Options.Short {
			long = 4 * time.Second
		}
		for i := range t.planned {
			if err := t.moment(ctx); err != nil {
				return err
			}
			for _, m := range t.machines {
				if i%2 == 0 {
					line(m).cut()
				} else {
					line(m).hold()
				}
			}
			if err := pause(ctx, long); err != nil {
				return err
			}
			for _, m := range t.machines {
				line(m).heal()
			}
		}
		return nil
	}
}
