package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// Writing through a view. What a write needs depends on its condition: CreateNew where it makes an object, Write where it
// replaces one, both where it may do either. Who has just one of them writes under the condition that keeps to it.

// maxOverwrites is how often a plain write with Write alone tries to replace what others replace meanwhile.
const maxOverwrites = 3

// A plan is how a write is carried out, and what that needs for as long as it goes on.
type plan struct {
	cond      blob.Condition
	need      Rights
	overwrite bool // only what is there: cond is found by looking
}

// plan decides how a write under the condition that was asked for is carried out, where the store can do conditions can.
func (v *view) plan(ctx context.Context, op, key string, asked blob.Condition, can blob.ConditionSet) (plan, error) {
	if err := CheckKey(key); err != nil {
		return plan{}, err
	}
	var p plan
	a, now, err := v.access(ctx)
	if err == nil {
		p, err = planFor(a.rights.rights(key), asked, can)
	} else {
		p.need = CreateNew | Write
	}
	v.report(now, op, key, p.need, err)
	return p, err
}

// needFor returns the rights that a write under a condition needs.
func needFor(cond blob.Condition) Rights {
	switch cond.Kind() {
	case blob.KindAbsent:
		return CreateNew
	case blob.KindMatch:
		return Write
	}
	return CreateNew | Write
}

func planFor(have Rights, asked blob.Condition, can blob.ConditionSet) (plan, error) {
	p := plan{cond: asked, need: needFor(asked)}
	needed := asked.Kind()
	switch {
	case needed == blob.KindAbsent, needed == blob.KindMatch, have.Has(CreateNew | Write):
	case have.Has(CreateNew):
		p.need, p.cond, needed = CreateNew, blob.IfAbsent, blob.KindAbsent
	case have.Has(Write):
		p.need, p.overwrite, needed = Write, true, blob.KindMatch
	}
	if !have.Has(p.need) {
		return p, denied
	}
	if !can.Has(needed) {
		return p, fmt.Errorf("%w: %v without the other of CreateNew and Write needs a conditional write, which this bucket cannot do here", errors.ErrUnsupported, p.need)
	}
	return p, nil
}

// write carries out p by do. Again, which may be nil, prepares do for another try.
func (v *view) write(ctx context.Context, op, key string, p plan, do func(blob.Condition) (*blob.Object, error), again func() error) (*blob.Object, error) {
	if !p.overwrite {
		return do(p.cond)
	}
	for try := 1; ; try++ {
		cond, err := v.current(ctx, key)
		if err != nil {
			return nil, err
		}
		if err := v.require(ctx, op, key, p.need); err != nil {
			return nil, err
		}
		o, err := do(cond)
		if !errors.Is(err, blob.ErrPrecondition) || try == maxOverwrites {
			return o, err
		}
		if again != nil && again() != nil {
			return nil, err
		}
	}
}

// current returns the condition that key holds what it holds now. Nothing answers like a denial: who may only overwrite
// may not tell what is missing from what he may not write.
func (v *view) current(ctx context.Context, key string) (blob.Condition, error) {
	o, err := v.guard.bucket.Stat(ctx, key, nil)
	if errors.Is(err, fs.ErrNotExist) {
		err = denied
	}
	if err != nil {
		return blob.Condition{}, err
	}
	return blob.IfMatch(o.ETag), nil
}

// Put implements blob.Bucket. The right is checked again while the body is sent and before the object becomes visible,
// so that one that is revoked meanwhile publishes nothing.
func (v *view) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	p, err := v.plan(ctx, "put", key, opts.If, v.guard.caps.If.Put)
	if err != nil {
		return nil, err
	}
	put := *opts
	check := func(ctx context.Context) error { return v.require(ctx, "put", key, p.need) }
	put.Hook = opts.Hook.Then(v.hook(check, check))
	return v.write(ctx, "put", key, p, func(cond blob.Condition) (*blob.Object, error) {
		put.If = cond
		return v.guard.bucket.Put(ctx, key, body, &put)
	}, func() error { return blob.RewindBody(body) })
}

// Copy implements blob.Bucket. The source has its own check. The destination's is added to it, so that it too is made
// before each request that reads the source, and is made once more before the copy becomes visible.
func (v *view) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	p, err := v.plan(ctx, "copy", key, opts.If, v.guard.caps.If.Copy)
	if err != nil {
		return nil, err
	}
	check := func(ctx context.Context) error { return v.require(ctx, "copy", key, p.need) }
	src = src.Checked(check)
	o := *opts
	o.Hook = opts.Hook.Then(&blob.Hook{OnPublish: check})
	return v.write(ctx, "copy", key, p, func(cond blob.Condition) (*blob.Object, error) {
		o.If = cond
		return v.guard.bucket.Copy(ctx, key, src, &o)
	}, nil)
}

// Delete implements blob.Bucket. It needs Delete, and for an old version Write too.
func (v *view) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	if err := v.require(ctx, "delete", key, versioned(Delete, opts.Version)); err != nil {
		return err
	}
	return v.guard.bucket.Delete(ctx, key, opts)
}

// DeleteEach implements blob.Bucket. Each key is decided by itself, when there are enough for a request of the store's: a
// caller may take his time between one key and the next, and then a right that he had for the first may be gone.
func (v *view) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	var mu sync.Mutex // a driver may report while it asks for more keys
	left := 0
	report := func(key string, err error) {
		mu.Lock()
		defer mu.Unlock()
		left++
		failed(key, err)
	}
	request := func(page []string) {
		allowed := slices.DeleteFunc(page, func(key string) bool {
			err := v.require(ctx, "delete", key, Delete)
			if err != nil {
				report(key, err)
			}
			return err != nil
		})
		if len(allowed) == 0 {
			return
		}
		before := left
		if err := v.guard.bucket.DeleteEach(ctx, slices.Values(allowed), report); err != nil && left == before {
			for _, key := range allowed { // nothing of it was tried
				report(key, err)
			}
		}
	}
	var page []string
	for key := range keys {
		if page = append(page, key); len(page) >= v.guard.caps.BulkDelete {
			request(page)
			page = page[:0]
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	request(page)
	return nil // blob.Check counts what was reported
}

// Sign implements blob.Bucket. It needs the right to what is signed, and Share. The request expires no later than those
// rights do, and carries the condition without which it would allow more.
func (v *view) Sign(ctx context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	o := *opts
	need := Share
	switch o.Method {
	case http.MethodGet, http.MethodHead:
		need |= Get
	case http.MethodDelete:
		need |= Delete
	default:
		p, err := v.plan(ctx, "sign", key, o.If, blob.WriteConditions)
		if err == nil && p.overwrite {
			err = denied // which object it overwrites is not known before it is sent
			v.report(v.guard.clock.now(), "sign", key, p.need, err)
		}
		if err != nil {
			return nil, err
		}
		o.If = p.cond
		need |= p.need
	}
	if err := v.require(ctx, "sign", key, need); err != nil {
		return nil, err
	}
	a, now, err := v.access(ctx)
	if err != nil {
		return nil, err
	}
	if a.snapshot != nil {
		until, held := a.snapshot.until(v.who.Identity, need, key, now.time(), v.who.restrictions...)
		if !held {
			return nil, denied
		}
		if !until.IsZero() {
			o.Expires = min(o.Expires, until.Sub(now.time()))
		}
	}
	signed, err := v.guard.bucket.Sign(ctx, key, &o)
	if err == nil && !carries(signed, o.If) {
		return nil, fmt.Errorf("%w: this bucket does not sign the condition %v", errors.ErrUnsupported, o.If)
	}
	return signed, err
}

// carries reports whether a signed request is bound to a condition.
func carries(r *blob.SignedRequest, cond blob.Condition) bool {
	switch cond.Kind() {
	case blob.KindAlways:
		return true
	case blob.KindAbsent:
		return r.Header.Get("If-None-Match") == "*"
	case blob.KindMatch:
		return r.Header.Get("If-Match") == cond.ETag()
	}
	return false
}
