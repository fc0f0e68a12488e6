package blob

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Unsupported is a Bucket that can do nothing: every method returns [errors.ErrUnsupported]. A driver embeds it and
// overrides what it can do, and goes on compiling when the interface grows. A wrapper embeds a [Wrapper] or a [Restricted].
type Unsupported struct{}

var _ Bucket = Unsupported{}

// Stat implements Bucket.
func (Unsupported) Stat(context.Context, string, *StatOptions) (*Object, error) {
	return nil, errors.ErrUnsupported
}

// Get implements Bucket.
func (Unsupported) Get(context.Context, string, *GetOptions) (*Reader, error) {
	return nil, errors.ErrUnsupported
}

// Put implements Bucket.
func (Unsupported) Put(context.Context, string, io.Reader, *PutOptions) (*Object, error) {
	return nil, errors.ErrUnsupported
}

// Source implements Bucket.
func (Unsupported) Source(context.Context, string, *SourceOptions) (Source, error) {
	return Source{}, errors.ErrUnsupported
}

// Copy implements Bucket.
func (Unsupported) Copy(context.Context, string, Source, *CopyOptions) (*Object, error) {
	return nil, errors.ErrUnsupported
}

// Delete implements Bucket.
func (Unsupported) Delete(context.Context, string, *DeleteOptions) error {
	return errors.ErrUnsupported
}

// DeleteEach implements Bucket.
func (Unsupported) DeleteEach(context.Context, iter.Seq[string], func(string, error)) error {
	return errors.ErrUnsupported
}

// List implements Bucket.
func (Unsupported) List(context.Context, *ListOptions) iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) { yield(nil, errors.ErrUnsupported) }
}

// Upload implements Bucket.
func (Unsupported) Upload(context.Context, string, *UploadOptions) (Upload, error) {
	return nil, errors.ErrUnsupported
}

// Uploads implements Bucket.
func (Unsupported) Uploads(context.Context, string) iter.Seq2[*UploadInfo, error] {
	return func(yield func(*UploadInfo, error) bool) { yield(nil, errors.ErrUnsupported) }
}

// Sign implements Bucket.
func (Unsupported) Sign(context.Context, string, *SignOptions) (*SignedRequest, error) {
	return nil, errors.ErrUnsupported
}

// Capabilities implements Bucket.
func (Unsupported) Capabilities() Capabilities { return Capabilities{} }

// Close implements Bucket.
func (Unsupported) Close() error { return nil }
