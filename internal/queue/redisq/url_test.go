package redisq

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func TestOpenReadsTheAddress(t *testing.T) {
	type address struct {
		Cluster        bool
		Addrs          []string
		User, Password string
		DB             int
		TLS            string // server name
	}
	for url, want := range map[string]address{
		"redis://localhost":                      {Addrs: []string{"localhost:6379"}},
		"redis://h:7000/3":                       {Addrs: []string{"h:7000"}, DB: 3},
		"redis://u:p%40%2F@h:7000":               {Addrs: []string{"h:7000"}, User: "u", Password: "p@/"},
		"redis://:p@[::1]:7000/0":                {Addrs: []string{"[::1]:7000"}, Password: "p"},
		"rediss://u:p@h.example":                 {Addrs: []string{"h.example:6379"}, User: "u", Password: "p", TLS: "h.example"},
		"redis://a:1,b:2,c":                      {Cluster: true, Addrs: []string{"a:1", "b:2", "c:6379"}},
		"rediss://u:p@a:1,b:2?addr=c:3":          {Cluster: true, Addrs: []string{"a:1", "b:2", "c:3"}, User: "u", Password: "p", TLS: "a"},
		"redis-cluster://config.example":         {Cluster: true, Addrs: []string{"config.example:6379"}},
		"rediss-cluster://u:p@config.example:99": {Cluster: true, Addrs: []string{"config.example:99"}, User: "u", Password: "p", TLS: "config.example"},
	} {
		q := open(t, Config{URL: url})
		var got address
		switch c := q.client.(type) {
		case *redis.Client:
			o := c.Options()
			got = address{Addrs: []string{o.Addr}, User: o.Username, Password: o.Password, DB: o.DB}
			if o.TLSConfig != nil {
				got.TLS = o.TLSConfig.ServerName
			}
		case *redis.ClusterClient:
			o := c.Options()
			got = address{Cluster: true, Addrs: o.Addrs, User: o.Username, Password: o.Password}
			if o.TLSConfig != nil {
				got.TLS = o.TLSConfig.ServerName
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", url, diff)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"":                            "the redis address has no scheme: write " + forms,
		"localhost:6379":              "the redis address has no scheme: write " + forms,
		"http://h":                    `the redis address has the unknown scheme "http": write ` + forms,
		"redis://":                    "the redis address names no host: write " + forms,
		"redis://:secret@a,,b":        "the redis address names no host: write " + forms,
		"redis://:secret@h/x":         `the redis address cannot be read: invalid database number: "x"; write ` + forms,
		"redis://:sec%zzret@h":        "the redis address cannot be read: the user or password holds a character that must be percent-encoded; write " + forms,
		"redis://:sec ret@h":          "the redis address cannot be read: the user or password holds a character that must be percent-encoded; write " + forms,
		"redis://:secret@h?no_such=1": "the redis address cannot be read: unexpected option: no_such; write " + forms,
		"redis://:secret@h:port/0":    "the redis address cannot be read: invalid port \":port\" after host; write " + forms,
	} {
		_, err := Open(Config{URL: url})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", url, err, want)
		}
	}
	if _, err := Open(Config{URL: "redis://h", Prefix: "{a}"}); err == nil ||
		err.Error() != `the key prefix "{a}" must not contain braces: they choose the slot of a cluster` {
		t.Errorf("got %v", err)
	}
}
