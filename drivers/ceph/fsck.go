package ceph

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// FsckOptions tell how thoroughly [Bucket.Fsck] looks.
type FsckOptions struct {
	// Content reads all content and compares its checksums. Otherwise only the sizes of the objects are looked at.
	Content bool
}

// A Problem is something in a bucket that is not as it should be.
type Problem struct {
	Kind   ProblemKind
	Key    string // of the object or upload that it is about, where that is known
	Object string // of RADOS, where it is about one
	Detail string
}

// String describes the problem in one line.
func (p Problem) String() string {
	s := string(p.Kind) + ": "
	if p.Key != "" {
		s += fmt.Sprintf("%q: ", p.Key)
	}
	return s + p.Detail
}

// A ProblemKind says what a problem means.
type ProblemKind string

const (
	// Damaged is a record that cannot be read, or content that does not have its checksum.
	Damaged ProblemKind = "damaged"
	// Lost is content, or a shard, that should be there and is not.
	Lost ProblemKind = "lost"
	// Orphan is what an interrupted write has left: it takes space, and [Bucket.Sweep] removes it.
	Orphan ProblemKind = "orphan"
	// Foreign is an object in the namespace that is not this driver's. It does no harm.
	Foreign ProblemKind = "foreign"
)

// Checked counts what a [Bucket.Fsck] has looked at, and the problems that it has found.
type Checked struct {
	Objects  int64 // entries
	Bytes    int64 // of their content
	Uploads  int64 // unfinished
	Problems int64
}

// Fsck checks the whole bucket, and tells found, which may be nil, of each problem, one at a time. It changes nothing, and
// may run beside readers and writers: what they change meanwhile is no problem. Of what nothing names, only what Sweep
// would remove counts as an orphan, and only if all of one write's is there 10 seconds later too: else somebody is
// removing it. The error is about the check itself; it is nil if that came to its end, whatever it found.
func (b *Bucket) Fsck(ctx context.Context, opts *FsckOptions, found func(Problem)) (Checked, error) {
	if opts == nil {
		opts = &FsckOptions{}
	}
	c := &checker{b: b.raw, ctx: ctx, content: opts.Content, found: found}
	err := c.all()
	if err != nil {
		err = &blob.Error{Op: "fsck", Bucket: b.raw.name, Err: err}
	}
	return c.Checked, err
}

// A checker is one run of Fsck.
type checker struct {
	Checked
	b       *bucket
	ctx     context.Context
	content bool
	found   func(Problem)
	unsound bool // an entry, a shard or a record cannot be read, so it is not known what is an orphan
}

func (c *checker) report(p Problem) {
	c.Problems++
	if c.found != nil {
		c.found(p)
	}
}

func (c *checker) all() error {
	wrong, err := c.b.verify(c.ctx)
	if err != nil {
		return err
	}
	if wrong != nil {
		c.unsound = true
		c.report(Problem{Kind: Damaged, Object: recordObject, Detail: wrong.Error()})
	}
	for n := range c.b.shards {
		err := c.shard(shardObject(n))
		if is(err, missing) {
			c.unsound = true
			c.report(Problem{Kind: Lost, Object: shardObject(n), Detail: "the shard is missing, and with it every entry that it had"})
			continue
		}
		if err != nil {
			return err
		}
	}
	if err := c.foreign(); err != nil || c.unsound {
		return err
	}
	return c.orphans()
}

// shard checks what one shard holds.
func (c *checker) shard(shard string) error {
	for p, err := range c.b.scan(c.ctx, shard, "") {
		if err != nil {
			return err
		}
		switch p.key[:min(1, len(p.key))] {
		case tagEntry, tagContent, tagLarge: // by rows
		case tagUpload:
			c.upload(shard, p)
		case tagPart:
			if _, derr := decodePart(p.value); derr != nil {
				c.report(Problem{Kind: Damaged, Object: shard, Detail: derr.Error()})
			}
		default:
			c.report(Problem{Kind: Foreign, Object: shard, Detail: fmt.Sprintf("the key %q is not this driver's", p.key)})
		}
	}
	for r, err := range c.b.rows(c.ctx, shard) {
		if err == nil {
			err = c.row(shard, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A row is all that a shard has of one key.
type row struct {
	key                  string
	entry, beside, large []byte
}

func (r *row) equal(o *row) bool {
	return bytes.Equal(r.entry, o.entry) && bytes.Equal(r.beside, o.beside) && (r.large == nil) == (o.large == nil)
}

// rows yields the rows of a shard, by key. What a row has is not read at once, so after a write it may not fit together.
func (b *bucket) rows(ctx context.Context, shard string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		type column struct {
			next func() (pair, error, bool)
			head pair
			more bool
		}
		var columns [3]column
		for i, tag := range [...]string{tagEntry, tagContent, tagLarge} {
			next, stop := iter.Pull2(b.scan(ctx, shard, tag))
			defer stop()
			columns[i].next = next
		}
		for first := true; ; first = false {
			var r row
			found := false
			for i := range columns {
				col := &columns[i]
				if first {
					var err error
					if col.head, err, col.more = col.next(); err != nil {
						yield(r, err)
						return
					}
				}
				if col.more && (!found || col.head.key[1:] < r.key) {
					r.key, found = col.head.key[1:], true
				}
			}
			if !found {
				return
			}
			for i, value := range [...]*[]byte{&r.entry, &r.beside, &r.large} {
				col := &columns[i]
				if !col.more || col.head.key[1:] != r.key {
					continue
				}
				var err error
				*value = col.head.value
				if col.head, err, col.more = col.next(); err != nil {
					yield(r, err)
					return
				}
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// row checks a row with all that it names. A writer may have replaced something of that while it was read, so what seems
// wrong is wrong if the row still is the same.
func (c *checker) row(shard string, r row) error {
	for {
		problems, err := c.examine(shard, &r)
		if err != nil {
			return err
		}
		now := r
		if len(problems) > 0 {
			values, err := call(c.ctx, c.b.session, func() (map[string][]byte, error) {
				return c.b.values(c.ctx, shard, tagEntry+r.key, tagContent+r.key, tagLarge+r.key)
			})
			if err != nil {
				return err
			}
			now = row{r.key, values[tagEntry+r.key], values[tagContent+r.key], values[tagLarge+r.key]}
		}
		if !now.equal(&r) {
			r = now
			continue
		}
		c.count(&r)
		for _, p := range problems {
			p.Key = r.key
			c.report(p)
		}
		return nil
	}
}

// count counts what is in a row, and keeps in mind if it cannot be read.
func (c *checker) count(r *row) {
	h := newHeld(r.entry, r.beside)
	if h == nil {
		return
	}
	c.Objects++
	if h.damage == nil {
		c.Bytes += h.entry.Size
		_, h.damage = h.entry.pieces(h.beside)
	}
	c.unsound = c.unsound || h.damage != nil
}

// examine returns what is wrong with a row.
func (c *checker) examine(shard string, r *row) (problems []Problem, err error) {
	harm := func(detail string) {
		problems = append(problems, Problem{Kind: Damaged, Object: shard, Detail: detail})
	}
	h := newHeld(r.entry, r.beside)
	if h == nil {
		if r.beside != nil {
			harm(fmt.Sprintf("there is %q without an entry", tagContent+r.key))
		}
		if r.large != nil {
			harm(fmt.Sprintf("there is %q without an entry", tagLarge+r.key))
		}
		return problems, nil
	}
	if h.damage != nil {
		harm(h.damage.Error())
		return problems, nil
	}
	if h.entry.Inline {
		if err := h.entry.inline(h.beside); err != nil {
			harm(err.Error())
		} else if crcOf(h.beside) != h.entry.CRC32C {
			harm("the content does not have its checksum")
		}
		return problems, nil
	}
	pieces, err := h.entry.pieces(h.beside)
	if err != nil {
		harm(err.Error())
		return problems, nil
	}
	if r.large == nil {
		harm("the mark of large content is missing, so a small write would leave that")
	}
	for _, p := range pieces {
		for i := range p.objects() {
			if err := c.ctx.Err(); err != nil {
				return nil, err
			}
			n, err := call(c.ctx, c.b.session, func() (int64, error) { return c.b.data.size(p.object(i)) })
			switch {
			case is(err, missing):
				problems = append(problems, Problem{Kind: Lost, Object: p.object(i), Detail: "content is missing: " + p.object(i)})
			case err != nil:
				return nil, err
			case n != p.objectSize(i):
				problems = append(problems, Problem{Kind: Lost, Object: p.object(i),
					Detail: fmt.Sprintf("%s has %d bytes, and not %d", p.object(i), n, p.objectSize(i))})
			}
		}
	}
	if len(problems) > 0 || !c.content {
		return problems, nil
	}
	return c.compare(r.key, h)
}

// compare reads the content of an entry and compares its checksum.
func (c *checker) compare(key string, h *held) ([]Problem, error) {
	s := c.b.newStream(c.ctx, key, h, 0, h.entry.Size)
	defer s.Close()
	hash := crc32.New(castagnoli)
	if _, err := io.Copy(hash, s); err != nil {
		if c.ctx.Err() != nil {
			return nil, err
		}
		return []Problem{{Kind: Damaged, Detail: err.Error()}}, nil
	}
	if hash.Sum32() != h.entry.CRC32C {
		return []Problem{{Kind: Damaged, Detail: "the content does not have its checksum"}}, nil
	}
	return nil, nil
}

func (c *checker) upload(shard string, p pair) {
	c.Uploads++
	key, _, ok := parseUploadKey(p.key[len(tagUpload):])
	if !ok {
		c.report(Problem{Kind: Damaged, Object: shard, Detail: fmt.Sprintf("%q names no upload", p.key)})
		return
	}
	if _, err := decodeUpload(p.value); err != nil {
		c.report(Problem{Kind: Damaged, Key: key, Object: shard, Detail: err.Error()})
	}
}

// removalTime is how long Fsck leaves a writer to remove something of what his write has replaced or ended.
const removalTime = 10 * time.Second

// orphans looks for what nothing names, and looks again after removalTime: of what a writer is removing, some is gone then.
func (c *checker) orphans() error {
	then := time.Now().Add(-MinSweepAge)
	left := map[string][]leftover{} // by the ID of the write
	for _, some := range [...]iter.Seq2[leftover, error]{c.b.leftRecords(c.ctx, then), c.b.orphans(c.ctx, then)} {
		for o, err := range some {
			if err != nil {
				return err
			}
			left[o.id] = append(left[o.id], o)
		}
	}
	if len(left) == 0 {
		return nil
	}
	select {
	case <-time.After(removalTime):
	case <-c.b.ended: // the next call says so
	case <-c.ctx.Done(): // too
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		stays, err := c.stay(left[id])
		if err != nil {
			return err
		}
		if !stays {
			continue
		}
		for _, o := range left[id] {
			if o.shard != "" {
				c.report(Problem{Kind: Orphan, Object: o.shard, Detail: "a part whose upload has ended: " + o.name})
			} else {
				c.report(Problem{Kind: Orphan, Object: o.name, Detail: "content that nothing names: " + o.name})
			}
		}
	}
	return nil
}

// stay tells whether all of what one write has left is still there.
func (c *checker) stay(left []leftover) (bool, error) {
	for _, o := range left {
		there, err := call(c.ctx, c.b.session, func() (bool, error) {
			if o.shard != "" {
				values, err := c.b.values(c.ctx, o.shard, o.name)
				return len(values) > 0, err
			}
			_, err := c.b.data.size(o.name)
			if is(err, missing) {
				return false, nil
			}
			return true, err
		})
		if err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

// foreign looks for objects that are not the driver's.
func (c *checker) foreign() error {
	for object, err := range c.b.contents(c.ctx) {
		if err != nil {
			return err
		}
		_, _, data := parseData(object)
		if !data && object != recordObject && !strings.HasPrefix(object, shardPrefix) {
			c.report(Problem{Kind: Foreign, Object: object, Detail: fmt.Sprintf("the object %q is not this driver's", object)})
		}
	}
	return nil
}
