package ceph

import (
	"container/heap"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
)

const (
	// maxPage is what an OSD returns of an omap at once, whatever it is asked for
	// (osd_max_omap_entries_per_request).
	maxPage = 1024

	// minPage keeps short listings from a request for each entry of a shard that has more than its share.
	minPage = 16
)

func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		page := maxPage
		for _, n := range []int{opts.PageSize, opts.Limit} {
			if n > 0 {
				page = min(page, n)
			}
		}
		if page < maxPage { // it is spread over the shards, more or less evenly
			page = max(minPage, 2*page/b.shards)
		}
		start := opts.Start()
		m := b.merge(ctx, tagEntry+opts.Prefix, start, page)
		for p := range m.all {
			key := p.key[len(tagEntry):]
			if common, rolled := keyspace.RollUp(key, opts.Prefix, opts.Delimiter); rolled {
				if common >= start && !yield(&blob.Object{Key: common, IsPrefix: true}, nil) {
					return
				}
				end, ok := keyspace.End(common)
				if !ok {
					return
				}
				m.skip(tagEntry + end)
				continue
			}
			e, err := decodeEntry(p.value)
			if err != nil {
				yield(nil, err)
				return
			}
			o := e.object(key)
			o.Metadata = nil
			if !yield(o, nil) {
				return
			}
		}
		if m.err != nil {
			yield(nil, m.err)
		}
	}
}

// A merge yields omap keys of all shards in byte order, page by page.
type merge struct {
	b      *bucket
	ctx    context.Context
	prefix string
	most   int
	heap   cursors
	dry    bool // a cursor has used up its page, so the heap is none
	err    error
}

// merge begins with the first keys that begin with prefix, tag included, and that are not less than the tag and start.
func (b *bucket) merge(ctx context.Context, prefix, start string, page int) *merge {
	m := &merge{b: b, ctx: ctx, prefix: prefix, most: page, dry: true}
	from := prefix[:1] + start
	for n := range b.shards {
		m.heap = append(m.heap, &cursor{shard: n, from: from, more: true})
	}
	return m
}

// A cursor is where a merge is in one shard.
type cursor struct {
	shard int
	page  []pair // arrived, and not yielded yet
	from  string // the least key that may follow, if more
	more  bool
}

// all yields the keys. It stops at an error, which is then in err.
func (m *merge) all(yield func(pair) bool) {
	for m.refill() {
		c := m.heap[0]
		p := c.page[0]
		c.page = c.page[1:]
		if m.dry = m.dry || len(c.page) == 0; !m.dry {
			heap.Fix(&m.heap, 0)
		}
		if !yield(p) {
			return
		}
	}
}

// refill gets the next page of every shard whose page is used up, and tells whether there is something to yield.
func (m *merge) refill() bool {
	if m.dry {
		m.dry = false
		m.heap = slices.DeleteFunc(m.heap, func(c *cursor) bool { return len(c.page) == 0 && !c.more })
		if m.err = m.load(); m.err != nil {
			return false
		}
		m.heap = slices.DeleteFunc(m.heap, func(c *cursor) bool { return len(c.page) == 0 })
		heap.Init(&m.heap)
	}
	return len(m.heap) > 0
}

// skip passes over all keys that are less than to.
func (m *merge) skip(to string) {
	for _, c := range m.heap {
		n := 0
		for n < len(c.page) && c.page[n].key < to {
			n++
		}
		c.page = c.page[n:]
		c.from = max(c.from, to)
		m.dry = m.dry || len(c.page) == 0
	}
	if !m.dry {
		heap.Init(&m.heap)
	}
}

// load gets the next pages of all cursors that have none, at the same time.
func (m *merge) load() error {
	var wait sync.WaitGroup
	errs := make([]error, len(m.heap))
	for i, c := range m.heap {
		if len(c.page) == 0 {
			wait.Go(func() { errs[i] = m.loadOne(c) })
		}
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// loadOne gets the next page of one cursor. What librados lists begins after a key, so one that is wanted too is asked for
// by name.
func (m *merge) loadOne(c *cursor) error {
	after, include := c.from, c.from
	if from, exclusive := strings.CutSuffix(c.from, "\x00"); exclusive {
		after, include = from, ""
	} else if c.from <= m.prefix {
		after, include = "", "" // the prefix is enough
	}
	if !strings.HasPrefix(include, m.prefix) {
		include = ""
	}
	type outcome struct {
		page []pair
		more bool
	}
	o, err := call(m.ctx, m.b.session, func() (outcome, error) {
		page, more, err := m.b.index.page(shardObject(c.shard), m.prefix, after, include, m.most)
		return outcome{page, more}, gone(err)
	})
	if err != nil {
		return err
	}
	c.page, c.more = o.page, o.more
	if n := len(c.page); n > 0 {
		c.from = keyspace.After(c.page[n-1].key)
	} else if c.more {
		return damaged("the listing of a shard", errNoProgress)
	}
	return nil
}

var errNoProgress = errors.New("it says that there is more, and gives nothing")

// cursors are a heap: the one with the least key is the first.
type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return h[i].page[0].key < h[j].page[0].key }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(any)          { panic("a merge has the cursors that it began with") }
func (h *cursors) Pop() any          { panic("a cursor that has ended is removed by refill") }
