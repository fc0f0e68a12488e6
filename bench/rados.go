//go:build linux && ceph && cgo

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ceph/go-ceph/rados"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/ceph"
)

// The goals of RADOS take a build with -tags ceph, and a cluster:
//
//	go -C bench run -tags ceph . -goal R -rados 'ceph://pool/?conf=/etc/ceph/ceph.conf'
//
// Ours and go-ceph's own calls share the pool, each in a namespace of its own, which is emptied in the end. What decides
// is waiting, so wall times are compared.

// The pool of -rados, and how its cluster is reached.
var (
	poolName string
	poolAt   *ceph.Config
)

func init() {
	flag.Func("rados", "`URL` of a pool, such as ceph://pool/?conf=ceph.conf&user=admin&keyring=keyring, for the goals of RADOS", func(rawURL string) (err error) {
		poolName, poolAt, err = parseRADOS(rawURL)
		return err
	})
	goals = append(goals,
		goal{"R1", "RADOS: put and get up to 64 KiB, beside go-ceph's calls", radosSmall},
		goal{"R2", "RADOS: 64 MiB up and down, beside parallel calls of 4 MiB", radosLarge},
		goal{"R3", "RADOS: listing 100,000 keys, beside 10,000 and go-ceph's calls", radosListing},
	)
}

// A radosTarget is a pool, as ours and as go-ceph sees it.
type radosTarget struct {
	ctx  context.Context // one that can end, as that of a request
	ours blob.Bucket
	bare *rados.IOContext
}

// radosPool opens the pool, and returns what empties it again. Without one it is not ok.
func radosPool(r *results) (t *radosTarget, clean func(), ok bool) {
	if poolName == "" {
		r.note("not run: -rados names no pool", "", "", "")
		return nil, nil, false
	}
	space := fmt.Sprintf("holdall-bench-%d", time.Now().UnixNano())
	ctx, cancel := context.WithCancel(context.Background())
	ours, err := ceph.Open(ctx, poolName, space, poolAt)
	must(err)
	conn, err := newConn(poolAt)
	must(err)
	must(conn.Connect())
	bare, err := conn.OpenIOContext(poolName)
	must(err)
	bare.SetNamespace(space + "-bare")
	clean = func() {
		_, err := blob.DeletePrefix(ctx, ours, "")
		must(err)
		must(ours.Close())
		cancel()
		for _, namespace := range []string{space, space + "-bare"} {
			bare.SetNamespace(namespace)
			var left []string
			must(bare.ListObjects(func(object string) { left = append(left, object) }))
			for _, object := range left {
				must(bare.Delete(object))
			}
		}
		bare.Destroy()
		conn.Shutdown()
	}
	return &radosTarget{ctx, ours, bare}, clean, true
}

// parseRADOS returns the pool that a URL names, and how its cluster is reached. The rest of what a URL of drivers/ceph may
// have is refused: go-ceph's own calls would know nothing of it.
func parseRADOS(rawURL string) (pool string, cfg *ceph.Config, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", nil, err
	}
	if u.Scheme != "ceph" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return "", nil, errors.New("it is written ceph://pool/?conf=ceph.conf")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", nil, err
	}
	cfg = &ceph.Config{Create: true}
	known := map[string]*string{"conf": &cfg.ConfigFile, "user": &cfg.User, "keyring": &cfg.Keyring}
	for name, values := range query {
		to := known[name]
		if to == nil || len(values) > 1 || values[0] == "" {
			return "", nil, fmt.Errorf("parameter %q is none of conf, user and keyring, or is empty or given twice", name)
		}
		*to = values[0]
	}
	return u.Host, cfg, nil
}

// newConn returns a connection to be made, by what of cfg parseRADOS sets. It reads what drivers/ceph reads.
func newConn(cfg *ceph.Config) (conn *rados.Conn, err error) {
	if cfg.User != "" {
		conn, err = rados.NewConnWithUser(cfg.User)
	} else {
		conn, err = rados.NewConn()
	}
	if err != nil {
		return nil, err
	}
	if cfg.ConfigFile != "" {
		err = conn.ReadConfigFile(cfg.ConfigFile)
	} else {
		err = conn.ReadDefaultConfigFile()
	}
	if err != nil {
		return nil, err
	}
	if err := conn.ParseDefaultConfigEnv(); err != nil {
		return nil, err
	}
	if cfg.Keyring != "" {
		err = conn.SetConfigOption("keyring", cfg.Keyring)
	}
	return conn, err
}

func (t *radosTarget) put(key string, content []byte) {
	_, err := t.ours.Put(t.ctx, key, bytes.NewReader(content), nil)
	must(err)
}

func (t *radosTarget) get(key string, into []byte) {
	r, err := t.ours.Get(t.ctx, key, nil)
	must(err)
	_, err = io.ReadFull(r, into)
	must(err)
	must(r.Close())
}

// radosTurn is how many calls a side makes in its turn.
const radosTurn = 200

func radosSmall(r *results) {
	t, clean, ok := radosPool(r)
	if !ok {
		return
	}
	defer clean()
	n := 0
	fresh := func() string { n++; return fmt.Sprint("fresh/", n) }
	for _, size := range []int{100, 4 << 10, 64 << 10} {
		content, into := make([]byte, size), make([]byte, size)
		key := fmt.Sprint("over/", size)
		c := alternate(
			calls(radosTurn, func(int) { t.put(fresh(), content) }),
			calls(radosTurn, func(int) { must(t.bare.WriteFull(fresh(), content)) }),
			calls(radosTurn, func(int) { t.put(key, content) }),
			calls(radosTurn, func(int) { must(t.bare.WriteFull(key, content)) }),
			calls(radosTurn, func(int) { t.get(key, into) }),
			calls(radosTurn, func(int) {
				_, err := t.bare.Read(key, into, 0)
				must(err)
			}),
		)
		row := func(what string, ours, peer time.Duration, name string, factor float64, limit string, more time.Duration) {
			r.add(fmt.Sprintf("%s, %d bytes", what, size), short(ours), name+" "+short(peer), of(ours, peer), limit, float64(ours) <= factor*float64(peer)+float64(more))
		}
		if size <= 4<<10 {
			row("put, new", c[0].wall, c[1].wall, "WriteFull", 2, "≤ 2×", 0)
			row("put over another", c[2].wall, c[3].wall, "WriteFull", 2, "≤ 2×", 0)
			row("get", c[4].wall, c[5].wall, "Read", 1.5, "≤ 1.5×", 0)
			continue
		}
		// Above what lies beside an entry there is one round trip more: a write of an omap, or a read. And content that is
		// written never replaces an object, so what was there is removed.
		more := alternate(
			calls(radosTurn, func(int) { must(t.bare.SetOmap("omap", map[string][]byte{"key": content[:100]})) }),
			calls(radosTurn, func(int) {
				_, err := t.bare.GetOmapValues("omap", "", "", 1)
				must(err)
			}),
			t.removals(content),
		)
		row("put, new", c[0].wall, c[1].wall, "WriteFull", 2, "≤ 2× and a round trip of "+short(more[0].wall), more[0].wall)
		row("put over another", c[2].wall, c[1].wall, "WriteFull, new", 2, "≤ 2×, a round trip of "+short(more[0].wall)+" and a removal of "+short(more[2].wall), more[0].wall+more[2].wall)
		row("get", c[4].wall, c[5].wall, "Read", 1.5, "≤ 1.5× and a round trip of "+short(more[1].wall), more[1].wall)
	}
}

// removals makes a side that removes objects, which it makes beforehand.
func (t *radosTarget) removals(content []byte) side {
	return func() cost {
		object := func(i int) string { return fmt.Sprint("removed/", i) }
		for i := range radosTurn {
			must(t.bare.WriteFull(object(i), content))
		}
		return measure(radosTurn, func(i int) { must(t.bare.Delete(object(i))) })
	}
}

func radosLarge(r *results) {
	t, clean, ok := radosPool(r)
	if !ok {
		return
	}
	defer clean()
	const size, each = 64 << 20, 4 << 20
	content, into := make([]byte, size), make([]byte, size)
	// parallel makes calls on the objects of one content.
	parallel := func(of string, f func(object string, b []byte) error, b []byte) {
		var all sync.WaitGroup
		for off := 0; off < size; off += each {
			all.Go(func() { must(f(fmt.Sprintf("%s/%d", of, off), b[off:off+each])) })
		}
		all.Wait()
	}
	write := func(object string, b []byte) error { return t.bare.WriteFull(object, b) }
	read := func(object string, b []byte) error {
		_, err := t.bare.Read(object, b, 0)
		return err
	}
	remove := func(object string, _ []byte) error { return t.bare.Delete(object) }
	// fresh makes a side that puts what is not there, and removes it when the time is over.
	fresh := func(put, remove func(int)) side {
		return func() cost {
			defer remove(0)
			return measure(1, put)
		}
	}
	t.put("large", content)
	parallel("large", write, content)
	c := alternate(
		fresh(func(int) { t.put("new", content) }, func(int) { must(t.ours.Delete(t.ctx, "new", nil)) }),
		fresh(func(int) { parallel("new", write, content) }, func(int) { parallel("new", remove, content) }),
		calls(1, func(int) { t.get("large", into) }),
		calls(1, func(int) { parallel("large", read, into) }),
		// Content that is written never replaces an object, so what was there is removed.
		calls(1, func(int) { t.put("large", content) }),
		calls(1, func(int) {
			parallel("next", write, content)
			parallel("next", remove, content)
		}),
	)
	speed := func(c cost) string { return fmt.Sprintf("%.0f MiB/s", float64(size>>20)/c.wall.Seconds()) }
	r.add("64 MiB up", speed(c[0]), "WriteFull "+speed(c[1]), fmt.Sprintf("%.2f× the speed", ratio(c[1].wall, c[0].wall)), "≥ 0.65×", ratio(c[1].wall, c[0].wall) >= 0.65)
	r.note("64 MiB up, over another", speed(c[4]), "WriteFull, Delete "+speed(c[5]), fmt.Sprintf("%.2f× the speed", ratio(c[5].wall, c[4].wall)))
	r.add("64 MiB down", speed(c[2]), "Read "+speed(c[3]), fmt.Sprintf("%.2f× the speed", ratio(c[3].wall, c[2].wall)), "≥ 0.75×", ratio(c[3].wall, c[2].wall) >= 0.75)
}

func radosListing(r *results) {
	t, clean, ok := radosPool(r)
	if !ok {
		return
	}
	defer clean()
	const many, few = 100_000, 10_000
	fill := func(from, to int) {
		var all sync.WaitGroup
		for worker := range 16 {
			all.Go(func() {
				for i := from + worker; i < to; i += 16 {
					t.put(fmt.Sprintf("list/%08d", i), nil)
				}
			})
		}
		all.Wait()
	}
	list := func(n int) func(int) {
		return func(int) {
			got := 0
			for _, err := range t.ours.List(t.ctx, nil) {
				must(err)
				got++
			}
			if got != n {
				fatal(fmt.Errorf("%d of %d keys are listed", got, n))
			}
		}
	}
	fill(0, few)
	small := alternate(calls(1, list(few)))[0].by(few)
	fill(few, many)
	pairs := map[string][]byte{}
	for i := range many {
		pairs[fmt.Sprintf("list/%08d", i)] = []byte(strings.Repeat("x", 120))
		if len(pairs) == 1000 {
			must(t.bare.SetOmap("listing", pairs))
			clear(pairs)
		}
	}
	bare := func(int) {
		after, n := "", 0
		for more := true; more; {
			op := rados.CreateReadOp()
			step := op.GetOmapValues(after, "", 1024)
			must(op.Operate(t.bare, "listing", rados.OperationNoFlag))
			for {
				kv, err := step.Next()
				must(err)
				if kv == nil {
					break
				}
				after = kv.Key
				n++
			}
			more = step.More()
			op.Release()
		}
		if n != many {
			fatal(fmt.Errorf("%d of %d keys are listed", n, many))
		}
	}
	c := alternate(calls(1, list(many)), calls(1, bare))
	large, peer := c[0].by(many), c[1].by(many)
	r.add("list 100,000 keys, a key", short(large.wall), "of 10,000: "+short(small.wall), of(large.wall, small.wall), "≤ 1.3× (linear)", ratio(large.wall, small.wall) <= 1.3)
	r.note("list 100,000 keys, a key", short(large.wall), "one omap "+short(peer.wall), of(large.wall, peer.wall))
}
