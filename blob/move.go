package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
)

// Move copies an object as [Copy] does and then deletes the source. A crash in between leaves both, never neither. A
// move onto itself does nothing but replace the attributes, if opts has others. A missing source is [fs.ErrNotExist].
//
// The source is deleted only as the version that was copied. If it was overwritten meanwhile it is left, and Move
// answers [ErrChanged] beside the object that it made, as it does with any error of the deletion. Where src cannot
// delete on a condition, Move looks at the source once more before; then what is written in between those two requests
// is lost.
func Move(ctx context.Context, dst Bucket, dstKey string, src Bucket, srcKey string, opts *CopyOptions) (*Object, error) {
	if opts == nil {
		opts = &zeroCopy
	}
	old, err := src.Stat(ctx, srcKey, nil)
	if err != nil {
		return nil, err
	}
	same := sameObject(ctx, dst, dstKey, src, srcKey)
	if same && opts.Attributes == nil && opts.Provider == nil {
		if err := opts.If.Eval(old); err != nil {
			return nil, &Error{Op: "move", Bucket: bucketName(src), Key: srcKey, Err: err}
		}
		return old, nil
	}
	from := origin{bucket: src, key: srcKey}
	if p, ok := pinTo(src, srcKey, old, ""); ok {
		from.get = p.get
	}
	if match := IfMatch(old.ETag); src.Capabilities().If.Source.Has(KindMatch) && match.check() == nil {
		from.source.If = match
	}
	made, err := copyFrom(ctx, dst, dstKey, from, opts)
	var ofSource *sourceError
	if errors.As(err, &ofSource) {
		err = changed(err)
	}
	if err != nil {
		return nil, err
	}
	if same {
		return made, nil
	}
	m := &move{dst, dstKey, src, srcKey, old, made}
	return made, m.deleteSource(ctx)
}

// A move is one whose copy is made.
type move struct {
	dst       Bucket
	dstKey    string
	src       Bucket
	srcKey    string
	old, made *Object
}

// deleteSource deletes the version of the source that was copied. Its ETag guards it, unless the copy has the same one:
// then the source may be the copy, through another door to the bucket, in a store whose ETags follow from the content.
func (m *move) deleteSource(ctx context.Context) error {
	var opts DeleteOptions
	if match := IfMatch(m.old.ETag); m.src.Capabilities().If.Delete.Has(KindMatch) && match.check() == nil {
		opts.If = match
	}
	if opts.If.IsZero() || m.made.ETag == m.old.ETag {
		now, err := m.src.Stat(ctx, m.srcKey, nil)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case now.ETag != m.old.ETag || now.Version != m.old.Version:
			return m.error(ErrChanged, "it was overwritten while it was moved, and is left beside the copy")
		}
		if same, err := m.isCopy(ctx, now); err != nil {
			return err
		} else if same {
			return m.error(ErrInvalid, "source and destination cannot be told apart; nothing is deleted")
		}
	}
	err := m.src.Delete(ctx, m.srcKey, &opts)
	if errors.Is(err, ErrPrecondition) {
		return m.error(ErrChanged, "it was overwritten while it was moved, and is left beside the copy")
	}
	return err
}

// isCopy tells whether the source, as it is now, cannot be told from the copy: neither by its attributes nor by name.
func (m *move) isCopy(ctx context.Context, now *Object) (bool, error) {
	there := m.made
	if there.ModTime.IsZero() { // some stores answer a write without it
		var err error
		if there, err = m.dst.Stat(ctx, m.dstKey, nil); err != nil {
			return false, err
		}
	}
	if now.ETag != there.ETag || now.Version != there.Version || !now.ModTime.Equal(there.ModTime) {
		return false, nil
	}
	if otherObject(ctx, m.dst, m.dstKey, m.src, m.srcKey) {
		return false, nil
	}
	from, to := bucketName(m.src), bucketName(m.dst)
	return from == "" || to == "" || fullName(from, m.srcKey) == fullName(to, m.dstKey), nil
}

func fullName(bucket, key string) string { return strings.TrimSuffix(bucket, "/") + "/" + key }

func (m *move) error(err error, why string) error {
	return &Error{Op: "move", Bucket: bucketName(m.src), Key: m.srcKey, Err: fmt.Errorf("%w: %s", err, why)}
}

// sameObject tells whether two keys are known to name one object: of one bucket, or, behind any wrappers, for the driver,
// which puts the same into both sources.
func sameObject(ctx context.Context, a Bucket, aKey string, b Bucket, bKey string) bool {
	if aKey == bKey && equal(a, b) {
		return true
	}
	x, err := a.Source(ctx, aKey, nil)
	if err != nil || x.inside == nil {
		return false
	}
	y, err := b.Source(ctx, bKey, nil)
	return err == nil && y.inside != nil && equal(x.inside(), y.inside())
}

// otherObject tells whether two keys are known to name two objects: the driver says so of what it puts into sources, by
// a method OtherThan(any) bool.
func otherObject(ctx context.Context, a Bucket, aKey string, b Bucket, bKey string) bool {
	x, err := a.Source(ctx, aKey, nil)
	if err != nil || x.inside == nil {
		return false
	}
	y, err := b.Source(ctx, bKey, nil)
	if err != nil || y.inside == nil {
		return false
	}
	named, ok := x.inside().(interface{ OtherThan(any) bool })
	return ok && named.OtherThan(y.inside())
}

func equal(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
