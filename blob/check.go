package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"reflect"
	"sync/atomic"
)

// Check returns b behind the checks that every bucket shares; every driver's Open, and every wrapper, returns through it.
// It refuses bad keys, ranges, conditions and options against b's capabilities, before b receives them. It knows closed
// and ended contexts, wraps errors in [*Error], cuts listings to their Limit, deletes keys one by one where there is no
// bulk call, holds bodies to their declared size and to ObjectRules.MaxSize, and calls the [Hook] of a write for a b that does not. Then b may rely
// on what it is given:
//
//   - keys follow the [KeyRules] that b declares, so that b checks none;
//   - opts are never nil, and must not be changed; a body is never nil, and [BodySize] and [BodyAt] tell what is known
//     of it; a Hook is nil unless b has the capability Hooks;
//   - metadata names are in lower case; Provider is nil unless b has a method AcceptsProvider(any) bool that agrees;
//   - the Readers that b returns are made by [NewReader] with the ctx of the call;
//   - of StartAfter and StartAt at most one is set, and both are text without NUL.
//
// The following is left to a driver. It stops a call whose ctx ends while the call runs: the body of a Put does not fail
// then, so the driver checks ctx before each read of the body, and once more before it publishes. It evaluates the
// condition of a call atomically with the operation; one that holds a lock on the key calls [Condition.Eval]. It verifies
// the content of a Put against PutOptions.Checksums.
//
// If b has a method String, its result, which must hold no secret, names the bucket in errors. If b embeds a [Wrapper] or a
// [Restricted], a call after Close of what it wraps returns [ErrClosed] without a call of b.
func Check(b Bucket) Bucket {
	c := &checked{b: b, caps: b.Capabilities()}
	c.hooks, c.caps.Hooks = c.caps.Hooks, true
	if s, ok := b.(fmt.Stringer); ok {
		c.name = s.String()
	}
	if l, ok := b.(layer); ok {
		if c.inner, ok = l.within(); !ok {
			c.broken = errWrapsNothing
		}
	}
	return c
}

type checked struct {
	b      Bucket
	inner  *checked // the Check of the bucket that b wraps, or nil
	name   string
	caps   Capabilities
	hooks  bool  // b calls the hooks of writes itself
	broken error // why no call can work, or nil
	shut   atomic.Bool
}

// errNoContext is the answer to a nil ctx.
var errNoContext = fmt.Errorf("%w: the ctx is nil; where there is none, give context.Background()", ErrInvalid)

// Options of the zero value, for calls without any.
var (
	zeroStat   StatOptions
	zeroGet    GetOptions
	zeroPut    PutOptions
	zeroSource SourceOptions
	zeroCopy   CopyOptions
	zeroDelete DeleteOptions
	zeroList   ListOptions
	zeroUpload UploadOptions
)

func (c *checked) String() string { return c.name }

func (c *checked) Stat(ctx context.Context, key string, opts *StatOptions) (*Object, error) {
	if opts == nil {
		opts = &zeroStat
	}
	err := c.enter(ctx, key)
	if err == nil && *opts != zeroStat {
		err = cmp.Or(c.readCondition(opts.If), c.version(opts.Version))
	}
	if err != nil {
		return nil, c.fail("stat", key, err)
	}
	o, err := c.b.Stat(ctx, key, opts)
	if err != nil {
		return nil, c.failed(ctx, "stat", key, err)
	}
	o.Key = key
	return o, nil
}

func (c *checked) Get(ctx context.Context, key string, opts *GetOptions) (*Reader, error) {
	if opts == nil {
		opts = &zeroGet
	}
	err := c.enter(ctx, key)
	if err == nil && *opts != zeroGet {
		err = cmp.Or(opts.Range.check(), c.readCondition(opts.If), c.version(opts.Version))
	}
	if err != nil {
		return nil, c.fail("get", key, err)
	}
	r, err := c.b.Get(ctx, key, opts)
	if err != nil {
		return nil, c.failed(ctx, "get", key, err)
	}
	if r.bucket != nil && r.bucket != c.inner { // b has it from a bucket other than the one that its base wraps
		r.within = append(r.within, r.bucket)
	}
	r.bucket, r.Key = c, key
	return r, nil
}

func (c *checked) Put(ctx context.Context, key string, r io.Reader, opts *PutOptions) (*Object, error) {
	if opts == nil {
		opts = &zeroPut
	}
	err := c.enterWrite(ctx, key)
	if err == nil && opts != &zeroPut {
		opts, err = c.checkPut(opts)
	}
	if err != nil {
		return nil, c.fail("put", key, err)
	}
	content, shared := bodyOf(r)
	if content.Begun() {
		return nil, c.fail("put", key, errBegun)
	}
	if opts.Size > 0 {
		err = content.Declare(opts.Size, ErrInvalid)
	}
	if most := c.caps.Objects.MaxSize; err == nil && most > 0 {
		err = content.Limit(most, ErrInvalid)
	}
	if err != nil {
		return nil, c.fail("put", key, err)
	}
	o, err := c.put(ctx, key, content, opts)
	if err != nil {
		return nil, c.failed(ctx, "put", key, err)
	}
	if !shared {
		content.Finish()
	}
	o.Key = key
	return o, nil
}

func (c *checked) checkPut(opts *PutOptions) (*PutOptions, error) {
	attrs, err := c.attributes(&opts.Attributes)
	err = cmp.Or(err, size("Size", opts.Size), size("PartSize", opts.PartSize), c.objectSize(opts.Size),
		c.writeCondition(opts.If, c.caps.If.Put, "Put"), c.provider(opts.Provider), c.checksums(opts.Checksums))
	if err == nil && opts.Concurrency < 0 {
		err = fmt.Errorf("%w: Concurrency %d is negative", ErrInvalid, opts.Concurrency)
	}
	if err == nil && attrs != &opts.Attributes {
		folded := *opts
		folded.Attributes = *attrs
		opts = &folded
	}
	return opts, err
}

func (c *checked) Source(ctx context.Context, key string, opts *SourceOptions) (Source, error) {
	if opts == nil {
		opts = &zeroSource
	}
	err := c.enter(ctx, key)
	if err == nil && !c.caps.Copy {
		err = fmt.Errorf("%w: this bucket does not copy on the server", errors.ErrUnsupported)
	}
	if err == nil && *opts != zeroSource {
		err = cmp.Or(c.writeCondition(opts.If, c.caps.If.Source&^Conditions(KindAbsent), "Source"), c.version(opts.Version))
	}
	if err != nil {
		return Source{}, c.fail("source", key, err)
	}
	src, err := c.b.Source(ctx, key, opts)
	if err != nil {
		return Source{}, c.failed(ctx, "source", key, err)
	}
	return src.renamed(key), nil
}

func (c *checked) Copy(ctx context.Context, key string, src Source, opts *CopyOptions) (*Object, error) {
	if opts == nil {
		opts = &zeroCopy
	}
	err := c.enterWrite(ctx, key)
	if err == nil && !c.caps.Copy {
		err = fmt.Errorf("%w: this bucket does not copy on the server", errors.ErrUnsupported)
	}
	if err == nil && *opts != zeroCopy {
		err = cmp.Or(c.writeCondition(opts.If, c.caps.If.Copy, "Copy"), c.provider(opts.Provider))
		if opts.Attributes != nil {
			attrs, aerr := c.attributes(opts.Attributes)
			err = cmp.Or(err, aerr)
			opts = &CopyOptions{opts.If, attrs, opts.Hook, opts.Provider}
		}
	}
	if err != nil {
		return nil, c.fail("copy", key, err)
	}
	o, err := c.copy(ctx, key, src, opts)
	if err != nil {
		return nil, c.failed(ctx, "copy", key, err)
	}
	o.Key = key
	return o, nil
}

func (c *checked) Delete(ctx context.Context, key string, opts *DeleteOptions) error {
	if opts == nil {
		opts = &zeroDelete
	}
	err := cmp.Or(c.enter(ctx, key), c.writable())
	if err == nil && *opts != zeroDelete {
		err = cmp.Or(c.writeCondition(opts.If, c.caps.If.Delete&^Conditions(KindAbsent), "Delete"), c.version(opts.Version))
	}
	if err != nil {
		return c.fail("delete", key, err)
	}
	return c.failed(ctx, "delete", key, c.b.Delete(ctx, key, opts))
}

func (c *checked) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	err := c.open(ctx)
	if err == nil && keys == nil {
		err = fmt.Errorf("%w: the sequence of keys is nil; slices.Values makes one", ErrInvalid)
	}
	if err != nil {
		return c.fail("delete", "", err)
	}
	var left leftovers
	report := func(key string, err error) {
		err = c.failed(ctx, "delete", key, err)
		left.add(err)
		if failed != nil {
			failed(key, err)
		}
	}
	valid := func(yield func(string) bool) {
		for key := range keys {
			if err := cmp.Or(c.caps.Keys.check(key), c.writable()); err != nil {
				report(key, err)
			} else if !yield(key) {
				return
			}
		}
	}
	if c.caps.BulkDelete > 0 {
		if err := c.b.DeleteEach(ctx, valid, report); err != nil && left.n == 0 {
			return c.failed(ctx, "delete", "", err)
		}
		return left.err()
	}
	for key := range valid {
		if err := c.open(ctx); err != nil {
			report(key, err)
		} else if err := c.b.Delete(ctx, key, &zeroDelete); err != nil {
			report(key, err)
		}
	}
	return left.err()
}

// leftovers counts what a DeleteEach could not remove.
type leftovers struct {
	n     int
	first error
}

func (l *leftovers) add(err error) {
	if l.n++; l.first == nil {
		l.first = err
	}
}

func (l *leftovers) err() error {
	switch l.n {
	case 0:
		return nil
	case 1:
		return l.first
	}
	return fmt.Errorf("%d objects are left; the first: %w", l.n, l.first)
}

func (c *checked) Capabilities() Capabilities { return c.caps }

func (c *checked) Close() error {
	if c.shut.Swap(true) {
		return nil
	}
	if err := c.b.Close(); err != nil {
		return &Error{Op: "close", Bucket: c.name, Err: err}
	}
	return nil
}

// enter refuses a call on a bad key, a closed bucket or an ended ctx.
func (c *checked) enter(ctx context.Context, key string) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	return c.caps.Keys.check(key)
}

// enterWrite refuses what enter does, every write to a read-only bucket, and a key under which nothing can be stored.
func (c *checked) enterWrite(ctx context.Context, key string) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	return cmp.Or(c.caps.Keys.checkWrite(key), c.writable())
}

func (c *checked) open(ctx context.Context) error {
	switch {
	case c.closed():
		return ErrClosed
	case ctx == nil:
		return errNoContext
	}
	return cmp.Or(ctx.Err(), c.broken)
}

// closed reports whether the bucket, or one that it wraps, was closed.
func (c *checked) closed() bool {
	for ; c != nil; c = c.inner {
		if c.shut.Load() {
			return true
		}
	}
	return false
}

func (c *checked) writable() error {
	if c.caps.ReadOnly {
		return fmt.Errorf("%w: this bucket is read-only", fs.ErrPermission)
	}
	return nil
}

// fail wraps an error. An Error from further inside gives way to this one, which names the key as the caller knows it.
func (c *checked) fail(op, key string, err error) error {
	if inner, ok := err.(*Error); ok {
		err = inner.Err
	}
	name := ""
	if c != nil {
		name = c.name
	}
	return &Error{Op: op, Bucket: name, Key: key, Err: err}
}

// failed wraps what b answered, if it is an error. Whatever words a provider found for an ended ctx or a closed bucket,
// the error answers to those.
func (c *checked) failed(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := err.(*Error); ok {
		err = inner.Err
	}
	err = unhooked(err)
	if why := c.open(ctx); why != nil && !errors.Is(err, why) {
		err = fmt.Errorf("%w: %w", why, err)
	}
	return c.fail(op, key, err)
}

func (c *checked) readCondition(cond Condition) error {
	if cond.Kind() == KindAbsent {
		return fmt.Errorf("%w: a read cannot be if-absent", ErrInvalid)
	}
	return c.condition(cond, c.caps.If.Read, "reads")
}

func (c *checked) writeCondition(cond Condition, can ConditionSet, op string) error {
	if k := cond.Kind(); k != KindAlways && k != KindAbsent && k != KindMatch {
		return fmt.Errorf("%w: %s cannot be %s; IfAbsent and IfMatch are the conditions of writes", ErrInvalid, op, cond)
	}
	return c.condition(cond, can, op)
}

func (c *checked) condition(cond Condition, can ConditionSet, op string) error {
	if err := cond.check(); err != nil {
		return err
	}
	if !can.Has(cond.Kind()) {
		return fmt.Errorf("%w: this bucket does not support the condition %s in %s; supported: %s", errors.ErrUnsupported, cond, op, can)
	}
	return nil
}

func (c *checked) version(v string) error {
	if v != "" && !c.caps.Versions {
		return fmt.Errorf("%w: this bucket keeps no versions", errors.ErrUnsupported)
	}
	return nil
}

// AcceptsProvider lets a wrapper pass on the options of the driver within it.
func (c *checked) AcceptsProvider(p any) bool {
	return acceptsProvider(c.b, p)
}

func (c *checked) provider(p any) error {
	if p == nil || c.AcceptsProvider(p) {
		return nil
	}
	return fmt.Errorf("%w: this bucket does not know the Provider option %s", errors.ErrUnsupported, reflect.TypeOf(p))
}

func (c *checked) checksums(want Checksums) error {
	if want.IsZero() {
		return nil
	}
	for a := range want.All() {
		if !c.caps.Checksums.In.Has(a) {
			return fmt.Errorf("%w: this bucket does not support the checksum %s in Put; supported: %s", errors.ErrUnsupported, a, c.caps.Checksums.In)
		}
	}
	return nil
}

func (c *checked) objectSize(n int64) error {
	if most := c.caps.Objects.MaxSize; most > 0 && n > most {
		return fmt.Errorf("%w: Size says %d bytes; this bucket takes at most %d", ErrInvalid, n, most)
	}
	return nil
}

func size(what string, n int64) error {
	if n < -1 {
		return fmt.Errorf("%w: %s is %d; zero and -1 mean unknown", ErrInvalid, what, n)
	}
	return nil
}
