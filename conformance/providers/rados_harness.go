//go:build ceph && cgo

package providers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ceph/go-ceph/rados"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/ceph"
)

// callTimeout bounds each call of the cluster in the tests. A restart takes less.
const callTimeout = 30 * time.Second

// Harness reaches the cluster through drivers/ceph. Each case gets a namespace of its own in Pool; its content goes to
// dataPool, or to the same one if that is empty.
func (c *Cluster) Harness(dataPool string) conformance.Harness {
	name := c.Name()
	if dataPool != "" {
		name += "+" + dataPool
	}
	open := func(t *conformance.T, namespace string, create bool) blob.Bucket {
		b, err := ceph.Open(t.Context(), Pool, namespace, &ceph.Config{ConfigFile: c.Conf, Timeout: callTimeout, Create: create, DataPool: dataPool})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	h := conformance.Harness{
		Name: name,
		Open: func(t *conformance.T) blob.Bucket {
			namespace := fmt.Sprintf("hc-%d-%d", runID, opened.Add(1))
			t.Cleanup(func() {
				if err := c.empty(namespace, Pool, dataPool); err != nil {
					t.Errorf("removing namespace %s: %v", namespace, err)
				}
			})
			return open(t, namespace, true)
		},
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return open(t, b.(*ceph.Bucket).Namespace(), false) },
		URL:    func(_ *conformance.T, b blob.Bucket) string { return c.URL(b.(*ceph.Bucket).Namespace()) },
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) {
			b, err := ceph.Open(t.Context(), Pool, "missing", &ceph.Config{ConfigFile: c.Conf})
			if err != nil {
				return nil, err
			}
			return b, nil
		},
		Corrupt: func(t *conformance.T, b blob.Bucket, key string, off int64) {
			if err := c.corrupt(b.(*ceph.Bucket), key, off, dataPool); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Restart: func(t *conformance.T) {
			if err := c.Restart(t.Context()); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Pause: func(t *conformance.T, d time.Duration) {
			if err := c.Pause(t.Context(), d); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Impossible: map[conformance.Hook]string{
			conformance.HookForeign:  "the entries are the driver's own",
			conformance.HookEndpoint: "the protocol is Ceph's own, with checksums and retries of its own",
			conformance.HookProxied:  "the protocol is Ceph's own, with checksums and retries of its own",
			conformance.HookDenied:   "who may not read a namespace cannot open it",
		},
	}
	if c.osds > 1 {
		h.Restart, h.Impossible[conformance.HookRestart] = nil, "the other OSDs keep what they have in memory"
	}
	return h
}

// URL returns the URL of the bucket in a namespace of Pool.
func (c *Cluster) URL(namespace string) string {
	return (&url.URL{Scheme: "ceph", Host: Pool, Path: "/" + namespace, RawQuery: url.Values{"conf": {c.Conf}}.Encode()}).String()
}

// Within calls f with a namespace of a pool, as go-ceph has it.
func (c *Cluster) Within(pool, namespace string, f func(io *rados.IOContext) error) error {
	conn, err := rados.NewConn()
	if err != nil {
		return err
	}
	if err := conn.ReadConfigFile(c.Conf); err != nil {
		return err
	}
	if err := conn.Connect(); err != nil {
		return err
	}
	defer conn.Shutdown()
	io, err := conn.OpenIOContext(pool)
	if err != nil {
		return err
	}
	defer io.Destroy()
	io.SetNamespace(namespace)
	return f(io)
}

// empty removes all that is in a namespace of the pools. An empty name is no pool.
func (c *Cluster) empty(namespace string, pools ...string) error {
	var errs []error
	for _, pool := range pools {
		if pool == "" {
			continue
		}
		errs = append(errs, c.Within(pool, namespace, func(io *rados.IOContext) error {
			var all []string
			if err := io.ListObjects(func(object string) { all = append(all, object) }); err != nil {
				return err
			}
			for _, object := range all {
				if err := io.Delete(object); err != nil && !errors.Is(err, rados.ErrNotFound) {
					return err
				}
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

// corrupt flips a bit of what is stored for a key, as the comment of drivers/ceph says where: beside the entry, or in the
// objects that the ETag names.
func (c *Cluster) corrupt(b *ceph.Bucket, key string, off int64, dataPool string) error {
	flipped := errors.New("flipped")
	err := c.Within(Pool, b.Namespace(), func(io *rados.IOContext) error {
		for n := range b.Shards() {
			shard := fmt.Sprint("holdall.index.", n)
			pairs, err := io.GetOmapValues(shard, "", "c"+key, 1)
			if err != nil {
				return err
			}
			if content := pairs["c"+key]; int64(len(content)) > off {
				content[off] ^= 1
				if err := io.SetOmap(shard, map[string][]byte{"c" + key: content}); err != nil {
					return err
				}
				return flipped
			}
		}
		return nil
	})
	if errors.Is(err, flipped) {
		return nil
	}
	if err != nil {
		return err
	}
	if dataPool == "" {
		dataPool = Pool
	}
	const chunk = 4 << 20
	return c.Within(dataPool, b.Namespace(), func(io *rados.IOContext) error {
		found := ""
		if err := io.ListObjects(func(object string) {
			if strings.HasPrefix(object, "holdall.data.") && strings.HasSuffix(object, fmt.Sprint("/", off/chunk)) {
				found = object
			}
		}); err != nil {
			return err
		}
		content := make([]byte, chunk)
		n, err := io.Read(found, content, 0)
		if err != nil {
			return fmt.Errorf("nothing to corrupt: %w", err)
		}
		content[off%chunk] ^= 1
		return io.WriteFull(found, content[:n])
	})
}
