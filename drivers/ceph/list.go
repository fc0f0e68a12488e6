package ceph

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
)

const (
	// maxPage is what an OSD returns of an omap at once, whatever it is asked for
	// (osd_max_omap_entries_per_request).
	maxPage = 1024

	// firstPage is what is asked for while it is not known how large the entries are.
	firstPage = 256

	// minPage keeps short listings from a request for each entry of a shard that has more than its share.
	minPage = 16

	// maxPages and maxPagesBytes bound what the pages of all shards have together. A listing holds up to two of each
	// shard: one that is yielded, and the next.
	maxPages      = 16 * maxPage
	maxPagesBytes = 16 << 20
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
		if opts.Delimiter != "" {
			m.first = min(m.first, minPage) // the rest of a page may be passed over
		}
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
			e, err := decodeListed(p.value)
			if err != nil {
				yield(nil, fmt.Errorf("%q: %w", key, err))
				return
			}
			if !yield(e.object(key), nil) {
				return
			}
		}
		if m.err != nil {
			yield(nil, m.err)
		}
	}
}

// A merge yields omap keys of all shards in byte order, page by page. While one page of a shard is yielded, the next is
// on its way.
type merge struct {
	b      *bucket
	ctx    context.Context
	prefix string
	first  int  // how many keys the first page of a shard is to have
	most   int  // and any page
	ahead  bool // more will be wanted than the first pages have
	heap   cursors
	dry    bool // a cursor has used up its page, so the heap is none
	err    error
}

// merge begins with the first keys that begin with prefix, tag included, and that are not less than the tag and start. A
// page of less than maxPage is one that is likely to be enough.
func (b *bucket) merge(ctx context.Context, prefix, start string, page int) *merge {
	m := &merge{b: b, ctx: ctx, prefix: prefix, most: max(minPage, min(page, maxPages/b.shards)), ahead: page >= maxPage, dry: true}
	if m.first = m.most; m.ahead {
		m.first = min(m.most, firstPage)
	}
	from := prefix[:1] + start
	for n := range b.shards {
		m.heap = append(m.heap, &cursor{shard: n, from: from, more: true})
	}
	return m
}

// A cursor is where a merge is in one shard.
type cursor struct {
	shard  int
	page   []pair // arrived, and not yielded yet
	had    int    // keys that the page began with
	from   string // the least key that may follow, if more
	more   bool
	size   int           // how many keys the next page is to have; zero for the first
	coming chan nextPage // the next page, if it is asked for
}

type nextPage struct {
	page
	err error
}

// all yields the keys. It stops at an error, which is then in err.
func (m *merge) all(yield func(pair) bool) {
	ctx, stop := context.WithCancel(m.ctx)
	defer stop() // what is still on its way is left to itself
	m.ctx = ctx
	for m.refill() {
		c := m.heap[0]
		p := c.page[0]
		c.page = c.page[1:]
		m.goAhead(c)
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
	for m.dry {
		m.heap = slices.DeleteFunc(m.heap, func(c *cursor) bool { return len(c.page) == 0 && c.coming == nil && !c.more })
		for _, c := range m.heap {
			if len(c.page) == 0 && c.coming == nil {
				m.ask(c)
			}
		}
		m.dry = false
		for _, c := range m.heap {
			if len(c.page) > 0 {
				continue
			}
			if m.err = m.take(c); m.err != nil {
				return false
			}
			m.dry = m.dry || len(c.page) == 0
		}
		if !m.dry {
			heap.Init(&m.heap)
		}
	}
	return len(m.heap) > 0
}

// skip passes over all keys that are less than to.
func (m *merge) skip(to string) {
	for _, c := range m.heap {
		if whole := c.skip(to) >= c.had-1; whole && len(c.page) == 0 && c.size > minPage {
			c.size = minPage // the page was read for its first key, or for none
		}
		m.goAhead(c)
		m.dry = m.dry || len(c.page) == 0
	}
	if !m.dry {
		heap.Init(&m.heap)
	}
}

// skip passes over the keys that are less than to, and tells how many of the page they were.
func (c *cursor) skip(to string) (n int) {
	for n < len(c.page) && c.page[n].key < to {
		n++
	}
	c.page = c.page[n:]
	c.from = max(c.from, to)
	return n
}

// goAhead asks for the next page when half of this one is used up.
func (m *merge) goAhead(c *cursor) {
	if m.ahead && c.more && c.coming == nil && len(c.page) > 0 && 2*len(c.page) <= c.had {
		m.ask(c)
	}
}

// ask asks for the next page of a cursor.
func (m *merge) ask(c *cursor) {
	if c.size == 0 {
		c.size = m.first
	}
	coming, shard, from, size := make(chan nextPage, 1), shardObject(c.shard), c.from, c.size
	c.coming = coming
	go func() {
		p, err := call(m.ctx, m.b.session, func() (page, error) { return m.load(shard, from, size) })
		coming <- nextPage{p, err}
	}()
}

// load reads a page. What librados lists begins after a key, so one that is wanted too is asked for by name.
func (m *merge) load(shard, from string, size int) (page, error) {
	after, include := from, from
	if before, exclusive := strings.CutSuffix(from, "\x00"); exclusive {
		after, include = before, ""
	} else if from <= m.prefix {
		after, include = "", "" // the prefix is enough
	}
	if !strings.HasPrefix(include, m.prefix) {
		include = ""
	}
	return m.b.page(shard, m.prefix, after, include, size)
}

// take waits for the next page of a cursor, and makes it the one to yield.
func (m *merge) take(c *cursor) error {
	next := <-c.coming
	c.coming = nil
	if next.err != nil {
		return next.err
	}
	c.page, c.had, c.more = next.pairs, len(next.pairs), next.more
	if c.had == 0 {
		if c.more {
			return damaged("the listing of a shard", errNoProgress)
		}
		return nil
	}
	bytes := 0
	for _, p := range c.page {
		bytes += len(p.key) + len(p.value)
	}
	c.size = max(1, min(4*c.size, m.most, c.had*(maxPagesBytes/m.b.shards)/bytes))
	last := c.page[c.had-1].key
	c.skip(c.from) // what was passed over while the page was on its way
	c.from = max(c.from, keyspace.After(last))
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
