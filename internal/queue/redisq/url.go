package redisq

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const forms = "redis://USER:PASSWORD@HOST:PORT/DB, rediss:// for TLS, or a cluster as redis://HOST:PORT,HOST:PORT or redis-cluster://HOST:PORT"

// dial makes a client from the URL without connecting. The second result names
// the servers as host:port. No error contains the URL, which holds a password.
func dial(raw string) (redis.UniversalClient, string, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, "", fmt.Errorf("the redis address has no scheme: write %s", forms)
	}
	cluster := false
	switch scheme {
	case "redis", "rediss":
	case "redis-cluster", "rediss-cluster":
		cluster, scheme = true, strings.TrimSuffix(scheme, "-cluster")
	default:
		return nil, "", fmt.Errorf("the redis address has the unknown scheme %q: write %s", scheme, forms)
	}

	// Only the first host of a list can be part of a URL.
	login, hosts, tail := split(rest)
	list := strings.Split(hosts, ",")
	cluster = cluster || len(list) > 1
	for i, host := range list {
		full, err := withPort(host)
		if err != nil {
			return nil, "", err
		}
		list[i] = full
	}
	single := scheme + "://" + login + list[0] + tail
	where := strings.Join(list, ",")

	if cluster {
		options, err := redis.ParseClusterURL(single)
		if err != nil {
			return nil, "", badURL(err)
		}
		options.Addrs = append(list, options.Addrs[1:]...) // the rest came as ?addr=
		tuneCluster(options)
		return redis.NewClusterClient(options), where, nil
	}
	options, err := redis.ParseURL(single)
	if err != nil {
		return nil, "", badURL(err)
	}
	tune(options)
	return redis.NewClient(options), where, nil
}

// split takes apart what follows the scheme: "user:password@", the hosts, and
// the path with the query. A password may contain anything but a slash.
func split(rest string) (login, hosts, tail string) {
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest, tail = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return rest[:i+1], rest[i+1:], tail
	}
	return "", rest, tail
}

// withPort adds the port that Redis listens on unless told otherwise.
func withPort(host string) (string, error) {
	if host == "" {
		return "", fmt.Errorf("the redis address names no host: write %s", forms)
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "6379"
	}
	return net.JoinHostPort(name, port), nil
}

// badURL repeats why a URL could not be read without repeating the URL.
func badURL(err error) error {
	var parsing *url.Error
	if errors.As(err, &parsing) {
		err = parsing.Err
		if strings.Contains(err.Error(), "userinfo") || strings.Contains(err.Error(), "escape") {
			err = errors.New("the user or password holds a character that must be percent-encoded")
		}
	}
	reason := strings.TrimPrefix(err.Error(), "redis: ")
	return fmt.Errorf("the redis address cannot be read: %s; write %s", reason, forms)
}

const (
	// connections bounds the pool: a blocked Take holds one each.
	connections = 64
	// The caller decides about trying again. One retry hides a connection that
	// went stale in the pool.
	retries = 1
	dials   = 1
)

// tune sets what the URL may not leave to the library's defaults.
func tune(o *redis.Options) {
	o.ClientName, o.DisableIdentity = "rapport", true
	o.Protocol = 2
	o.MaxRetries, o.DialerRetries = retries, dials
	if o.PoolSize == 0 {
		o.PoolSize = connections
	}
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func tuneCluster(o *redis.ClusterOptions) {
	o.ClientName, o.DisableIdentity = "rapport", true
	o.Protocol = 2
	o.MaxRetries, o.DialerRetries = retries, dials
	if o.PoolSize == 0 {
		o.PoolSize = connections
	}
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
