package blob

import (
	"context"
	"fmt"
	"io"
	"iter"
)

// A Wrapper is the base of a bucket that wraps another one, made by [Wrap] or [Own]: every method calls the same method
// of the wrapped bucket. A wrapper embeds it, declares the methods that it changes, each of which may call the one of the
// base, and is returned through [Check]. The section "Writing a wrapper" of the package comment says what a wrapper keeps
// and what it has to mind.
//
// The wrapped bucket should be behind Check, as that of every driver and wrapper is: only then its Close is known. The
// zero Wrapper, and that of a nil bucket, wraps nothing; behind Check, every call of it returns [ErrInvalid].
type Wrapper struct{ in *inner }

// A Restricted is the base of a wrapper that keeps something from its users, such as [ReadOnly], [Sub] or a view of
// package acl. It is made by [Restrict], and embedded like a [Wrapper], but none of its methods calls the wrapped bucket:
// what the wrapper does not declare returns [errors.ErrUnsupported], and so will each method that [Bucket] gains. The
// wrapper has the wrapped bucket in a field of its own, which is not exported, and declares at least Capabilities.
//
// Errors name the wrapped bucket, and Close of either is known, as with a Wrapper. Provider options are refused, unless
// the wrapper declares AcceptsProvider. The zero Restricted is like the zero Wrapper.
type Restricted struct {
	Unsupported
	in *inner
}

// inner is the bucket that a wrapper wraps.
type inner struct {
	Bucket
	check *checked // the Check that each call of it passes first, or nil
	owned bool     // Close closes it
}

// Wrap returns the base of a wrapper of b. Its Close leaves b open.
func Wrap(b Bucket) Wrapper { return Wrapper{wrap(b, false)} }

// Own is Wrap for a wrapper that has opened b: its Close closes b. The type that a driver's Open returns embeds Own of
// the checked bucket, beside what the driver alone can do.
func Own(b Bucket) Wrapper { return Wrapper{wrap(b, true)} }

// Restrict returns the base of a wrapper of b that passes nothing on by itself. Its Close leaves b open.
func Restrict(b Bucket) Restricted { return Restricted{in: wrap(b, false)} }

func wrap(b Bucket, owned bool) *inner {
	if b == nil {
		return nil
	}
	in := &inner{Bucket: b, owned: owned}
	if l, ok := b.(layer); ok {
		in.check, _ = l.within()
	}
	return in
}

// A layer is a bucket that was built by this package: the one of a Check, or one that embeds a base. Since the method is
// not exported, nothing outside of this package can ask a wrapper for what is in it.
type layer interface {
	// within returns the Check that each call passes first, or nil if that is not known. It is not ok if the bucket wraps
	// nothing.
	within() (c *checked, ok bool)
}

func (c *checked) within() (*checked, bool)   { return c, true }
func (w Wrapper) within() (*checked, bool)    { return w.in.within() }
func (r Restricted) within() (*checked, bool) { return r.in.within() }

func (in *inner) within() (*checked, bool) {
	if in == nil {
		return nil, false
	}
	return in.check, true
}

// errWrapsNothing is the error of a wrapper whose base was not made.
var errWrapsNothing = fmt.Errorf("%w: the wrapper wraps no bucket; its base is made by Wrap, Own or Restrict, of a bucket", ErrInvalid)

// bucket returns the wrapped bucket.
func (w Wrapper) bucket() Bucket {
	if w.in == nil {
		return Unsupported{}
	}
	return w.in.Bucket
}

var _ Bucket = Wrapper{}

// String returns the name of the wrapped bucket, or "" if it has none.
func (w Wrapper) String() string { return bucketName(w.bucket()) }

// AcceptsProvider reports whether the wrapped bucket accepts the Provider option p.
func (w Wrapper) AcceptsProvider(p any) bool { return acceptsProvider(w.bucket(), p) }

// Stat implements Bucket.
func (w Wrapper) Stat(ctx context.Context, key string, opts *StatOptions) (*Object, error) {
	return w.bucket().Stat(ctx, key, opts)
}

// Get implements Bucket.
func (w Wrapper) Get(ctx context.Context, key string, opts *GetOptions) (*Reader, error) {
	return w.bucket().Get(ctx, key, opts)
}

// Put implements Bucket.
func (w Wrapper) Put(ctx context.Context, key string, body io.Reader, opts *PutOptions) (*Object, error) {
	return w.bucket().Put(ctx, key, body, opts)
}

// Source implements Bucket.
func (w Wrapper) Source(ctx context.Context, key string, opts *SourceOptions) (Source, error) {
	return w.bucket().Source(ctx, key, opts)
}

// Copy implements Bucket.
func (w Wrapper) Copy(ctx context.Context, key string, src Source, opts *CopyOptions) (*Object, error) {
	return w.bucket().Copy(ctx, key, src, opts)
}

// Delete implements Bucket.
func (w Wrapper) Delete(ctx context.Context, key string, opts *DeleteOptions) error {
	return w.bucket().Delete(ctx, key, opts)
}

// DeleteEach implements Bucket.
func (w Wrapper) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	return w.bucket().DeleteEach(ctx, keys, failed)
}

// List implements Bucket.
func (w Wrapper) List(ctx context.Context, opts *ListOptions) iter.Seq2[*Object, error] {
	return w.bucket().List(ctx, opts)
}

// Upload implements Bucket.
func (w Wrapper) Upload(ctx context.Context, key string, opts *UploadOptions) (Upload, error) {
	return w.bucket().Upload(ctx, key, opts)
}

// Uploads implements Bucket.
func (w Wrapper) Uploads(ctx context.Context, prefix string) iter.Seq2[*UploadInfo, error] {
	return w.bucket().Uploads(ctx, prefix)
}

// Sign implements Bucket.
func (w Wrapper) Sign(ctx context.Context, key string, opts *SignOptions) (*SignedRequest, error) {
	return w.bucket().Sign(ctx, key, opts)
}

// Capabilities implements Bucket.
func (w Wrapper) Capabilities() Capabilities { return w.bucket().Capabilities() }

// Close closes the wrapped bucket if the base was made by [Own], and does nothing otherwise.
func (w Wrapper) Close() error {
	if w.in == nil || !w.in.owned {
		return nil
	}
	return w.in.Close()
}

// String returns the name of the wrapped bucket, or "" if it has none.
func (r Restricted) String() string {
	if r.in == nil {
		return ""
	}
	return bucketName(r.in.Bucket)
}

// acceptsProvider reports whether b accepts the Provider option p.
func acceptsProvider(b Bucket, p any) bool {
	a, ok := b.(interface{ AcceptsProvider(any) bool })
	return ok && a.AcceptsProvider(p)
}
