package ceph

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
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
// would remove counts as an orphan. The error is about the check itself; it is nil if that came to its end, whatever it
// found.
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
	for o, err := range c.b.leftRecords(c.ctx) {
		if err != nil {
			return err
		}
		c.report(Problem{Kind: Orphan, Object: o.object, Detail: "a part whose upload has ended: " + o.name})
	}
	for o, err := range c.b.orphans(c.ctx, time.Now().Add(-MinSweepAge)) {
		if err != nil {
			return err
		}
		c.report(Problem{Kind: Orphan, Object: o.name, Detail: "content that nothing names: " + o.name})
	}
	return nil
}

// shard checks what one shard holds.
func (c *checker) shard(shard string) error {
	for p, err := range c.b.scan(c.ctx, shard, "") {
		if err != nil {
			return err
		}
		tag, rest := p.key[:min(1, len(p.key))], p.key[min(1, len(p.key)):]
		switch tag {
		case tagEntry:
			err = c.entry(rest)
		case tagContent, tagLarge:
			err = c.beside(shard, tag, rest)
		case tagUpload:
			err = c.upload(shard, p)
		case tagPart:
			if _, derr := decodePart(p.value); derr != nil {
				c.report(Problem{Kind: Damaged, Object: shard, Detail: derr.Error()})
			}
		default:
			c.report(Problem{Kind: Foreign, Object: shard, Detail: fmt.Sprintf("the key %q is not this driver's", p.key)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry checks an entry with all that it names.
func (c *checker) entry(key string) error {
	h, err := call(c.ctx, c.b.session, func() (*held, error) { return c.b.look(c.ctx, key) })
	if err != nil || h == nil { // it was deleted
		return err
	}
	c.Objects++
	if h.damage != nil {
		c.unsound = true
		c.report(Problem{Kind: Damaged, Key: key, Object: c.b.shard(key), Detail: h.damage.Error()})
		return nil
	}
	c.Bytes += h.entry.Size
	problems, err := c.examine(key, h)
	if err != nil || len(problems) == 0 {
		return err
	}
	// A writer may have replaced the content while it was looked at.
	again, err := call(c.ctx, c.b.session, func() (*held, error) { return c.b.look(c.ctx, key) })
	if err != nil || again == nil || again.entry == nil || again.entry.ID != h.entry.ID {
		return err
	}
	if _, err := h.entry.pieces(h.beside); err != nil {
		c.unsound = true
	}
	for _, p := range problems {
		p.Key = key
		c.report(p)
	}
	return nil
}

// examine returns what is wrong with the content of an entry.
func (c *checker) examine(key string, h *held) (problems []Problem, err error) {
	if h.entry.Inline {
		if err := h.entry.inline(h.beside); err != nil {
			return []Problem{{Kind: Damaged, Object: c.b.shard(key), Detail: err.Error()}}, nil
		}
		if crcOf(h.beside) != h.entry.CRC32C {
			problems = append(problems, Problem{Kind: Damaged, Object: c.b.shard(key), Detail: "the content does not have its checksum"})
		}
		return problems, nil
	}
	pieces, err := h.entry.pieces(h.beside)
	if err != nil {
		return []Problem{{Kind: Damaged, Object: c.b.shard(key), Detail: err.Error()}}, nil
	}
	mark, err := call(c.ctx, c.b.session, func() ([]byte, error) { return c.b.value(c.ctx, key, tagLarge+key) })
	if err != nil {
		return nil, err
	}
	if mark == nil {
		problems = append(problems, Problem{Kind: Damaged, Object: c.b.shard(key), Detail: "the mark of large content is missing, so a small write would leave that"})
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
	return c.compare(key, h.entry, pieces)
}

// compare reads the content of an entry and compares its checksum.
func (c *checker) compare(key string, e *entry, pieces []piece) ([]Problem, error) {
	s := c.b.newStream(c.ctx, key, e, pieces, 0, e.Size)
	defer s.Close()
	hash := crc32.New(castagnoli)
	if _, err := io.Copy(hash, s); err != nil {
		if c.ctx.Err() != nil {
			return nil, err
		}
		return []Problem{{Kind: Damaged, Detail: err.Error()}}, nil
	}
	if hash.Sum32() != e.CRC32C {
		return []Problem{{Kind: Damaged, Detail: "the content does not have its checksum"}}, nil
	}
	return nil, nil
}

// beside checks that what stands beside an entry is one's.
func (c *checker) beside(shard, tag, key string) error {
	values, err := call(c.ctx, c.b.session, func() (map[string][]byte, error) {
		return c.b.values(c.ctx, shard, tagEntry+key, tag+key)
	})
	if err == nil && values[tag+key] != nil && values[tagEntry+key] == nil {
		c.report(Problem{Kind: Damaged, Key: key, Object: shard, Detail: fmt.Sprintf("there is %q without an entry", tag+key)})
	}
	return err
}

func (c *checker) upload(shard string, p pair) error {
	c.Uploads++
	key, _, ok := parseUploadKey(p.key[len(tagUpload):])
	if !ok {
		c.report(Problem{Kind: Damaged, Object: shard, Detail: fmt.Sprintf("%q names no upload", p.key)})
		return nil
	}
	if _, err := decodeUpload(p.value); err != nil {
		c.report(Problem{Kind: Damaged, Key: key, Object: shard, Detail: err.Error()})
	}
	return nil
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
