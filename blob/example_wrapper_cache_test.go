package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Cached returns b with the content of objects of up to 1 MiB kept in memory, up to limit bytes in all.
//
// It never serves content that b no longer has: a Get of an object that is in memory asks b for the attributes, with the
// condition and the version of the call, and serves the content only if the ETag and the version are those under which it
// was read. So b still decides whether a condition holds and whether the caller may read, a write by anyone is seen at
// once, and a Get costs the request of a Stat in place of the transfer.
func Cached(b blob.Bucket, limit int) blob.Bucket {
	return blob.Check(&cache{Wrapper: blob.Wrap(b), limit: limit, entries: map[string]cached{}})
}

const maxCached = 1 << 20 // bytes of one object

type cache struct {
	blob.Wrapper
	limit int

	mu      sync.Mutex
	size    int // bytes in entries
	entries map[string]cached
}

// cached is the whole content that a key had under an ETag and a version. It is not changed.
type cached struct {
	etag, version string
	content       []byte
}

func (c *cache) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	if e, ok := c.load(key); ok {
		o, err := c.Wrapper.Stat(ctx, key, &blob.StatOptions{If: opts.If, Version: opts.Version})
		if err != nil {
			return nil, err
		}
		if o.ETag == e.etag && o.Version == e.version {
			return e.reader(ctx, o, opts.Range)
		}
	}
	r, err := c.Wrapper.Get(ctx, key, opts)
	if err != nil || r.Size > maxCached || r.Length() < r.Size || r.ETag == "" || opts.Version != "" {
		return r, err
	}
	defer r.Close()
	content, err := io.ReadAll(r) // which verifies it
	if err != nil {
		return nil, err
	}
	e := cached{r.ETag, r.Version, content}
	c.store(key, e)
	return e.reader(ctx, &r.Object, opts.Range)
}

// reader returns a range of the content, with the attributes that the object has now.
func (e *cached) reader(ctx context.Context, o *blob.Object, rng blob.Range) (*blob.Reader, error) {
	off, n, err := rng.Resolve(o.Size)
	if err != nil {
		return nil, err
	}
	body := io.NopCloser(bytes.NewReader(e.content[off : off+n]))
	return blob.NewReader(ctx, body, o, off, n), nil
}

// A write frees the memory of what it replaces. To be correct the cache does not need that: new content has a new ETag.

func (c *cache) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	defer c.store(key, cached{})
	return c.Wrapper.Put(ctx, key, body, opts)
}

func (c *cache) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	defer c.store(key, cached{})
	return c.Wrapper.Delete(ctx, key, opts)
}

func (c *cache) load(key string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e, ok
}

// store sets the entry of key; one without an ETag removes it. A cache that is full begins anew.
func (c *cache) store(key string, e cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size -= len(c.entries[key].content)
	delete(c.entries, key)
	if e.etag == "" {
		return
	}
	if c.size+len(e.content) > c.limit {
		clear(c.entries)
		c.size = 0
	}
	if len(e.content) <= c.limit {
		c.entries[key] = e
		c.size += len(e.content)
	}
}

// A read cache. It has no code for Close: after Close of it, or of the bucket that it wraps, Check calls it no more.
func ExampleWrapper_cache() {
	ctx := context.Background()
	bucket := mem.New(nil)
	var counts Counts
	b := Cached(Counting(bucket, &counts), 64<<20)

	_, _ = blob.WriteAll(ctx, b, "k", []byte("content"), nil)
	for range 3 {
		content, err := blob.ReadAll(ctx, b, "k")
		fmt.Printf("%s %v, gets: %d\n", content, err, counts.Gets.Load())
	}
	_, _ = blob.WriteAll(ctx, bucket, "k", []byte("written by another client"), nil)
	content, err := blob.ReadAll(ctx, b, "k")
	fmt.Printf("%s %v, gets: %d\n", content, err, counts.Gets.Load())

	bucket.Close()
	_, err = blob.ReadAll(ctx, b, "k")
	fmt.Println(err)
	// Output:
	// content <nil>, gets: 1
	// content <nil>, gets: 1
	// content <nil>, gets: 1
	// written by another client <nil>, gets: 2
	// get "k" in mem://: already closed
}
