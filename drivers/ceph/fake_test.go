package ceph

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A fakePool is a pool in memory. As on an OSD, an operation is atomic, a page has no more than the OSD's limit, and an
// omap is an object's that exists.
type fakePool struct {
	mu      sync.Mutex
	objects map[string]*fakeObject
	maxPage int // what a page has at most, whatever is asked for

	// before is called for each call, outside the lock, and may block, fail it, or do something first; after is called
	// when it was carried out, and may lose its answer.
	before, after func(call, object string) error

	counted *pagesRead
}

// pagesRead counts pages, and the keys that they have.
type pagesRead struct{ pages, entries atomic.Int64 }

// counting counts from now on.
func (p *fakePool) counting() *pagesRead {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted = &pagesRead{}
	return p.counted
}

type fakeObject struct {
	content []byte
	omap    map[string][]byte
}

func newFakePool() *fakePool { return &fakePool{objects: map[string]*fakeObject{}, maxPage: maxPage} }

var errFake = errors.New("fake")

// do carries out one call on an object.
func (p *fakePool) do(call, object string, f func() error) error {
	p.mu.Lock()
	before, after := p.before, p.after
	p.mu.Unlock()
	if before != nil {
		if err := before(call, object); err != nil {
			return err
		}
	}
	p.mu.Lock()
	err := f()
	p.mu.Unlock()
	if err == nil && after != nil {
		err = after(call, object)
	}
	return err
}

// hook sets what is called before and after calls.
func (p *fakePool) hook(before, after func(call, object string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.after = before, after
}

func fail(k kind, call, object string) error { return &failure{k, call + " of " + object, errFake} }

func (p *fakePool) apply(ctx context.Context, object string, steps []step) (left bool, err error) {
	done := make(chan error, 1)
	go func() { done <- p.operate(object, steps) }()
	select {
	case err := <-done:
		return false, err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return false, err
	case <-time.After(patience):
		return true, ctx.Err()
	}
}

func (p *fakePool) operate(object string, steps []step) error {
	return p.do("apply", object, func() error {
		o := p.objects[object]
		if o == nil {
			return fail(missing, "apply", object)
		}
		next := maps.Clone(o.omap)
		for _, s := range steps {
			switch s.do {
			case compare:
				if string(o.omap[s.key]) != string(s.value) {
					return fail(mismatch, "apply", object)
				}
			case set:
				next[s.key] = slices.Clone(s.value)
			case unset:
				delete(next, s.key)
			}
		}
		o.omap = next
		return nil
	})
}

// waitFor runs f, and gives it up if ctx ends first.
func waitFor(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *fakePool) values(ctx context.Context, object string, keys ...string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := waitFor(ctx, func() error {
		return p.do("values", object, func() error {
			o := p.objects[object]
			if o == nil {
				return fail(missing, "values", object)
			}
			for _, k := range keys {
				if v, ok := o.omap[k]; ok {
					found[k] = slices.Clone(v)
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (p *fakePool) page(object, prefix, after, include string, most int) (page []pair, more bool, err error) {
	err = p.do("page", object, func() error {
		o := p.objects[object]
		if o == nil {
			return fail(missing, "page", object)
		}
		if strings.ContainsRune(after+prefix, 0) {
			panic("a C string ends at NUL")
		}
		if v, ok := o.omap[include]; ok && include != "" {
			page = append(page, pair{include, v})
		}
		n := 0
		for _, k := range slices.Sorted(maps.Keys(o.omap)) {
			if k <= after || !strings.HasPrefix(k, prefix) {
				continue
			}
			if n++; n > min(most, p.maxPage) {
				more = true
				break
			}
			page = append(page, pair{k, o.omap[k]})
		}
		if p.counted != nil {
			p.counted.pages.Add(1)
			p.counted.entries.Add(int64(len(page)))
		}
		return nil
	})
	return page, more, err
}

func (p *fakePool) make(object string, content []byte) error {
	return p.do("make", object, func() error {
		switch {
		case p.objects[object] == nil:
			p.objects[object] = &fakeObject{slices.Clone(content), map[string][]byte{}}
		case len(content) > 0:
			return fail(taken, "make", object)
		}
		return nil
	})
}

// write, when it is given up, writes before whatever comes after it, or never.
func (p *fakePool) write(ctx context.Context, copied func(), object string, content []byte) error {
	was := slices.Clone(content)
	copied()
	err := waitFor(ctx, func() error {
		return p.do("write", object, func() error {
			if len(was) == 0 || len(was) > chunkSize {
				panic("an OSD refuses a large one")
			}
			if ctx.Err() == nil {
				p.objects[object] = &fakeObject{was, map[string][]byte{}}
			}
			return ctx.Err()
		})
	})
	return err
}

func (p *fakePool) read(ctx context.Context, object string, b []byte, off int64) (int, error) {
	var content []byte
	err := waitFor(ctx, func() error {
		return p.do("read", object, func() error {
			o := p.objects[object]
			if o == nil {
				return fail(missing, "read", object)
			}
			content = slices.Clone(o.content[min(off, int64(len(o.content))):])
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return copy(b, content), nil
}

func (p *fakePool) size(object string) (n int64, err error) {
	return n, p.do("size", object, func() error {
		o := p.objects[object]
		if o == nil {
			return fail(missing, "size", object)
		}
		n = int64(len(o.content))
		return nil
	})
}

func (p *fakePool) remove(object string) error {
	return p.do("remove", object, func() error {
		if p.objects[object] == nil {
			return fail(missing, "remove", object)
		}
		delete(p.objects, object)
		return nil
	})
}

func (p *fakePool) each(yield func(object string) bool) error {
	var names []string
	if err := p.do("each", "", func() error {
		names = slices.Collect(maps.Keys(p.objects))
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		if !yield(name) {
			return nil
		}
	}
	return nil
}

// data returns the names of the objects that hold content.
func (p *fakePool) data() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name := range p.objects {
		if strings.HasPrefix(name, dataPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A fakeCluster has pools, each with the namespaces that were asked for.
type fakeCluster struct {
	mu    sync.Mutex
	names []string
	pools map[string]*fakePool
	shuts atomic.Int64
}

func newFakeCluster(pools ...string) *fakeCluster {
	return &fakeCluster{names: pools, pools: map[string]*fakePool{}}
}

func (c *fakeCluster) pool(name, namespace string) (pool, error) {
	if !slices.Contains(c.names, name) {
		return nil, fail(missing, "opening", "the pool")
	}
	return c.at(name, namespace), nil
}

// at returns the pool behind a bucket.
func (c *fakeCluster) at(name, namespace string) *fakePool {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := name + "/" + namespace
	if c.pools[where] == nil {
		c.pools[where] = newFakePool()
	}
	return c.pools[where]
}

func (c *fakeCluster) shut() { c.shuts.Add(1) }

// open opens a bucket on the fake cluster.
func (c *fakeCluster) open(ctx context.Context, pool, namespace string, cfg *Config) (*Bucket, error) {
	return openWith(ctx, pool, namespace, cfg, func(*Config) (cluster, error) { return c, nil })
}

// newFake returns a bucket of four shards, and the pool that it is in.
func newFake(t *testing.T) (*Bucket, *fakePool) {
	t.Helper()
	c := newFakeCluster("pool")
	b, err := c.open(t.Context(), "pool", "space", &Config{Create: true, Shards: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, c.at("pool", "space")
}
