package ceph

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Config tells how a cluster is reached, and how a bucket is made. The zero value reads what the command line of Ceph
// reads: the file that CEPH_CONF names or /etc/ceph/ceph.conf, and CEPH_ARGS.
type Config struct {
	// ConfigFile is the path of a ceph.conf.
	ConfigFile string

	// User is the name of a client without its type: "admin" for client.admin, which is the default.
	User string

	// Keyring is the path of the file with the user's key. Empty: where ceph.conf says.
	Keyring string

	// Timeout is how long the cluster may take for one request: for connecting (client_mount_timeout), and for the answer
	// of a monitor (rados_mon_op_timeout) and of an OSD (rados_osd_op_timeout). A call of the bucket may make several. It
	// is rounded up to seconds. Zero: what ceph.conf and CEPH_ARGS set, and [DefaultTimeout] for each of the three that
	// they do not set, or set to Ceph's own default: five minutes for connecting, and for ever for the others. What the
	// monitors' configuration database sets does not count.
	Timeout time.Duration

	// Create makes the bucket if it does not exist. One that exists is opened.
	Create bool

	// Shards is over how many objects the entries of a bucket are spread: 1 to 1,024, one for each 100,000 objects that
	// it will hold. It is fixed when the bucket is made. Zero: 16, or what an existing bucket has.
	Shards int

	// DataPool is the pool for content of more than 4 KiB; it may be erasure-coded. It is fixed when the bucket is made,
	// and claims the namespace of the same name there: one that is a bucket itself, or holds another's content, is
	// ErrInvalid. Empty: the pool of the bucket, or what an existing bucket has.
	DataPool string
}

// DefaultTimeout bounds each request to a cluster whose configuration sets no timeout. An OSD that dies is given up after
// osd_heartbeat_grace, 20 seconds, and up to osd_heartbeat_interval, 6 seconds, since it was last heard of
// (https://docs.ceph.com/en/squid/rados/configuration/mon-osd-interaction); then the others take over, and what was asked
// of it is answered. That is no failure, and this leaves twice the time for it.
const DefaultTimeout = 60 * time.Second

// check refuses what cannot be right, before any request.
func (c *Config) check(pool, namespace string) error {
	for _, n := range [...]struct{ what, name string }{{"pool", pool}, {"namespace", namespace}} {
		switch {
		case n.name == "":
			return fmt.Errorf("%w: no %s is named; a bucket is a namespace of a pool", blob.ErrInvalid, n.what)
		case strings.ContainsAny(n.name, "\x00\x01"):
			return fmt.Errorf("%w: the %s %.100q holds a byte that no name has", blob.ErrInvalid, n.what, n.name)
		}
	}
	switch {
	case strings.Contains(namespace, "/"):
		return fmt.Errorf("%w: the namespace %.100q holds a slash, and so would have no URL", blob.ErrInvalid, namespace)
	case strings.ContainsRune(c.User+c.Keyring+c.ConfigFile+c.DataPool, 0):
		return fmt.Errorf("%w: User, Keyring, ConfigFile or DataPool holds a NUL byte", blob.ErrInvalid)
	case strings.HasPrefix(c.User, "client."):
		return fmt.Errorf("%w: User (user in a URL) goes without \"client.\"", blob.ErrInvalid)
	case c.Timeout < 0:
		return fmt.Errorf("%w: Timeout is negative; zero is the default", blob.ErrInvalid)
	case c.Shards < 0 || c.Shards > maxShards:
		return fmt.Errorf("%w: Shards (shards in a URL) is 1 to %d, and zero is the default", blob.ErrInvalid, maxShards)
	}
	return nil
}

func init() {
	blob.Register("ceph", blob.Scheme{
		Params: []string{"conf", "user", "keyring", "timeout", "create", "shards", "data"},
		Prefix: true, Segments: 1, Open: openURL,
	})
}

func openURL(ctx context.Context, u *url.URL) (blob.Bucket, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w URL: a user is written user=; his key is in a keyring", blob.ErrInvalid)
	}
	namespace := strings.Trim(u.Path, "/")
	if u.Host == "" || namespace == "" {
		return nil, fmt.Errorf("%w URL: it is written ceph://pool/namespace/prefix/", blob.ErrInvalid)
	}
	q := u.Query()
	cfg := &Config{ConfigFile: q.Get("conf"), User: q.Get("user"), Keyring: q.Get("keyring"), DataPool: q.Get("data")}
	if q.Has("timeout") {
		var err error
		if cfg.Timeout, err = time.ParseDuration(q.Get("timeout")); err != nil || cfg.Timeout <= 0 {
			return nil, fmt.Errorf("%w URL: timeout is no duration, such as 10s", blob.ErrInvalid)
		}
	}
	if q.Has("create") {
		var err error
		if cfg.Create, err = strconv.ParseBool(q.Get("create")); err != nil {
			return nil, fmt.Errorf("%w URL: create is neither true nor false", blob.ErrInvalid)
		}
	}
	if q.Has("shards") {
		var err error
		if cfg.Shards, err = strconv.Atoi(q.Get("shards")); err != nil || cfg.Shards < 1 {
			return nil, fmt.Errorf("%w URL: shards is no number from 1 to %d", blob.ErrInvalid, maxShards)
		}
	}
	b, err := Open(ctx, u.Host, namespace, cfg)
	if err != nil {
		return nil, err
	}
	return b, nil
}
