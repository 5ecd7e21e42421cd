package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	noRedis  = "Redis is not installed; ./test.sh installs it"
	redisEnv = "RAPPORT_TEST_REDIS"
)

// Redis returns the redis:// URL of an empty Redis for this test alone: a
// private server where the program is installed, else an unused database of the
// server that RAPPORT_TEST_REDIS names. With neither the test is skipped.
func Redis(t T) string {
	t.Helper()
	if find(nil, "redis-server") != "" {
		return StartRedis(t).URL()
	}
	base := os.Getenv(redisEnv)
	if base == "" {
		t.Skip(noRedis)
	}
	url, err := claimDatabase(t, base)
	if err != nil {
		t.Fatalf("redis: %v", err)
	}
	return url
}

// RedisServer is a private Redis that keeps nothing on disk: after a restart it
// is empty.
type RedisServer struct {
	// Addr is its host:port, the same over Kill9, Stop and Restart.
	Addr string

	path    string
	folder  *folder
	port    int
	options []string
	process *process
}

// StartRedis starts a server for this test alone and stops it when the test
// ends. Options are command-line options of redis-server, for example
// "--appendonly", "yes". Without Redis on the machine the test is skipped.
func StartRedis(t T, options ...string) *RedisServer {
	t.Helper()
	path := find(nil, "redis-server")
	if path == "" {
		t.Skip(noRedis)
	}
	folder, err := makeFolder(nil)
	if err != nil {
		t.Fatalf("redis: %v", err)
	}
	s := &RedisServer{path: path, folder: folder, options: options}
	s.process, s.port, err = startOnFreePort(s.run)
	if err != nil {
		folder.remove()
		t.Fatalf("redis: %v", err)
	}
	s.Addr = address(s.port)
	t.Cleanup(func() {
		s.process.stop()
		folder.remove()
	})
	return s
}

// URL is the server's redis:// address.
func (s *RedisServer) URL() string { return "redis://" + s.Addr }

// Kill9 kills the server without a chance to clean up.
func (s *RedisServer) Kill9() { s.process.kill9() }

// Stop ends the server in good order.
func (s *RedisServer) Stop() { s.process.stop() }

// Restart starts the server again, after ending it if it still runs, on the
// same address, and returns when it answers.
func (s *RedisServer) Restart() error {
	s.Stop()
	p, err := s.run(s.port)
	if err != nil {
		return fmt.Errorf("restart redis: %w", err)
	}
	s.process = p
	return nil
}

// run starts the server on the port and waits until it answers.
func (s *RedisServer) run(port int) (*process, error) {
	args := []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", s.folder.path,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
		"--pidfile", filepath.Join(s.folder.path, "redis.pid"),
	}
	p, err := start(command{path: s.path, dir: s.folder.path, args: append(args, s.options...)})
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(func() error { return ping(address(port)) }); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// ping asks a server over a bare connection: the client would log every failed
// dial, and failing is what a starting server does. NOAUTH is an answer too.
func ping(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	giveUp := time.AfterFunc(5*time.Second, func() { conn.Close() })
	defer giveUp.Stop()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if reply = strings.TrimSpace(reply); reply != "+PONG" && !strings.HasPrefix(reply, "-NOAUTH") {
		return errors.New(reply)
	}
	return nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// claimDatabase finds a database of a running server that no other test uses.
// The claims are keys in database 0; they expire, so that a test that died does
// not keep one for ever.
func claimDatabase(t T, base string) (string, error) {
	const last = 15
	options, err := redis.ParseURL(base)
	if err != nil {
		return "", fmt.Errorf("%s: %w", redisEnv, err)
	}
	options.DB = 0
	claims := redis.NewClient(options)
	ctx := context.Background()
	for db := 1; db <= last; db++ {
		key := fmt.Sprintf("rapport:test:database:%d", db)
		won, err := claims.SetNX(ctx, key, os.Getpid(), 10*time.Minute).Result()
		if err != nil {
			claims.Close()
			return "", err
		}
		if !won {
			continue
		}
		if err := empty(ctx, options, db); err != nil {
			claims.Close()
			return "", err
		}
		t.Cleanup(func() {
			defer claims.Close()
			if err := empty(ctx, options, db); err != nil {
				t.Fatalf("redis: empty database %d: %v", db, err)
			}
			claims.Del(ctx, key)
		})
		return urlOfDatabase(base, db)
	}
	claims.Close()
	return "", fmt.Errorf("all %d databases of %s are in use", last, redisEnv)
}

func empty(ctx context.Context, options *redis.Options, db int) error {
	o := *options
	o.DB = db
	client := redis.NewClient(&o)
	defer client.Close()
	return client.FlushDB(ctx).Err()
}

// urlOfDatabase returns the URL of another database of the same server.
func urlOfDatabase(base string, db int) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("%s: %w", redisEnv, err)
	}
	u.Path = "/" + strconv.Itoa(db)
	return u.String(), nil
}
