package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
)

// The part of [Check] that is about sequences.

// pass yields what a sequence of the driver yields, until that fails, or ctx ends, or the bucket is closed. A driver that
// just stopped because ctx ended does not look as if it had yielded everything.
func pass[T any](ctx context.Context, c *checked, op, key string, seq iter.Seq2[T, error], yield func(T, error) bool) {
	var none T
	for v, err := range seq {
		if err == nil {
			err = c.open(ctx)
		}
		if err != nil {
			yield(none, c.failed(ctx, op, key, err))
			return
		}
		if !yield(v, nil) {
			return
		}
	}
	if err := c.open(ctx); err != nil {
		yield(none, c.fail(op, key, err))
	}
}

func (c *checked) List(ctx context.Context, opts *ListOptions) iter.Seq2[*Object, error] {
	if opts == nil {
		opts = &zeroList
	}
	o := *opts // the caller may change his before he ranges
	return func(yield func(*Object, error) bool) {
		err := c.open(ctx)
		if err == nil && o != zeroList {
			err = c.listOptions(&o)
		}
		if err != nil {
			yield(nil, c.fail("list", o.Prefix, err))
			return
		}
		n := 0
		pass(ctx, c, "list", o.Prefix, c.b.List(ctx, &o), func(entry *Object, err error) bool {
			n++
			return yield(entry, err) && n != o.Limit
		})
	}
}

func (c *checked) listOptions(o *ListOptions) error {
	err := cmp.Or(checkText("prefix", o.Prefix), checkText("delimiter", o.Delimiter),
		checkText("start", o.StartAfter), checkText("start", o.StartAt))
	if o.StartAfter != "" && o.StartAt != "" {
		err = cmp.Or(err, fmt.Errorf("%w: both StartAfter and StartAt are set; set one", ErrInvalid))
	}
	if o.Limit < 0 || o.PageSize < 0 {
		err = cmp.Or(err, fmt.Errorf("%w: Limit %d or PageSize %d is negative; zero is none", ErrInvalid, o.Limit, o.PageSize))
	}
	if err == nil && o.Versions && !c.caps.Versions {
		err = fmt.Errorf("%w: this bucket keeps no versions", errors.ErrUnsupported)
	}
	if err == nil && o.Versions && o.Delimiter != "" {
		err = fmt.Errorf("%w: versions are listed without a delimiter", ErrInvalid)
	}
	if err == nil && c.caps.Deviations.OnlySlash && o.Delimiter != "" && o.Delimiter != "/" {
		err = fmt.Errorf("%w: this bucket lists by the delimiter \"/\" alone, not by %q", errors.ErrUnsupported, o.Delimiter)
	}
	return err
}
