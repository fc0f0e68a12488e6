package ceph

import (
	"context"
	"fmt"
	"strconv"

	"github.com/holdall-go/holdall/blob"
)

// A Bucket is a namespace of a pool as a bucket. Beside the methods of [blob.Bucket] it has [Bucket.Sweep] and
// [Bucket.Fsck].
type Bucket struct {
	blob.Wrapper
	raw *bucket
}

// Namespace is the namespace that the bucket is in.
func (b *Bucket) Namespace() string { return b.raw.namespace }

// Shards is over how many objects the entries are spread.
func (b *Bucket) Shards() int { return b.raw.shards }

// Open opens the bucket in a namespace of a pool, or makes it if cfg says so. It connects to the cluster. A pool or a
// bucket that does not exist is ErrNotExist. A build without the tag ceph opens nothing, and says so.
func Open(ctx context.Context, pool, namespace string, cfg *Config) (*Bucket, error) {
	return openWith(ctx, pool, namespace, cfg, connect)
}

// openWith opens a bucket on the cluster that dial connects to.
func openWith(ctx context.Context, pool, namespace string, cfg *Config, dial func(*Config) (cluster, error)) (*Bucket, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	err := cfg.check(pool, namespace)
	var raw *bucket
	if err == nil {
		raw, err = open(ctx, pool, namespace, cfg, dial)
	}
	if err != nil {
		return nil, &blob.Error{Op: "open", Bucket: bucketName(pool, namespace), Err: err}
	}
	return &Bucket{blob.Own(blob.Check(raw)), raw}, nil
}

func bucketName(pool, namespace string) string { return "ceph://" + pool + "/" + namespace }

// A cluster is a connection.
type cluster interface {
	// pool returns a pool seen through one namespace. One that does not exist is missing.
	pool(name, namespace string) (pool, error)

	// shut ends the connection. Nobody is using it by then.
	shut()
}

// open is openWith within its checks. If ctx ends first, what has been opened is left to itself, and closed when it
// answers.
func open(ctx context.Context, poolName, namespace string, cfg *Config, dial func(*Config) (cluster, error)) (*bucket, error) {
	type outcome struct {
		b   *bucket
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		b, err := openOn(ctx, poolName, namespace, cfg, dial)
		done <- outcome{b, err}
	}()
	select {
	case o := <-done:
		return o.b, o.err
	case <-ctx.Done():
	}
	go func() {
		if o := <-done; o.b != nil {
			o.b.close()
		}
	}()
	return nil, ctx.Err()
}

func openOn(ctx context.Context, poolName, namespace string, cfg *Config, dial func(*Config) (cluster, error)) (_ *bucket, err error) {
	c, err := dial(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.shut()
		}
	}()
	index, err := openPool(c, poolName, namespace, strconv.Quote(poolName))
	if err != nil {
		return nil, err
	}
	data := index
	if cfg.DataPool != "" && cfg.DataPool != poolName { // it must be there before a bucket is made
		if data, err = openPool(c, cfg.DataPool, namespace, "that DataPool names (data in a URL)"); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil { // nothing is made for who has gone
		return nil, err
	}
	r, made, err := findRecord(index, poolName, namespace, cfg)
	if err != nil {
		return nil, err
	}
	if data == index && r.Data != poolName {
		if data, err = openPool(c, r.Data, namespace, fmt.Sprintf("%q, where the bucket has its content", r.Data)); err != nil {
			return nil, err
		}
	}
	if data != index {
		if err = claim(data, r.ID, poolName, namespace, cfg.Create); err != nil {
			if made && answered(err) { // there will be no such bucket
				_ = index.remove(recordObject)
			}
			return nil, err
		}
	}
	return &bucket{session: newSession(index, data, c.shut), name: bucketName(poolName, namespace), namespace: namespace, shards: r.Shards, record: *r}, nil
}

// openPool opens a pool. One that does not exist is ErrNotExist; called is how the error calls it.
func openPool(c cluster, name, namespace, called string) (pool, error) {
	p, err := c.pool(name, namespace)
	if is(err, missing) {
		err = fmt.Errorf("%w: there is no pool %s: %w", blob.ErrNotExist, called, err)
	}
	return p, err
}
