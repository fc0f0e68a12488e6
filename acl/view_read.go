package acl

import (
	"context"
	"io"

	"github.com/holdall-go/holdall/blob"
)

// Reading through a view: it needs Get, and for an old version Write too.

// Stat implements blob.Bucket. It needs Get: size, time and ETag tell of the content.
func (v *view) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	if err := v.require(ctx, "stat", key, versioned(Get, opts.Version)); err != nil {
		return nil, err
	}
	return v.guard.bucket.Stat(ctx, key, opts)
}

// Get implements blob.Bucket. The Reader is checked as it is read.
func (v *view) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	want := versioned(Get, opts.Version)
	if err := v.require(ctx, "get", key, want); err != nil {
		return nil, err
	}
	r, err := v.guard.bucket.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	pace := v.pace(func(ctx context.Context) error { return v.require(ctx, "get", key, want) })
	return r.WithBody(func(body io.ReadCloser) io.ReadCloser { return &download{body, ctx, pace} }), nil
}

// Source implements blob.Bucket. The right is checked again before each request that reads from the source, so one that
// is kept past a revocation copies nothing.
func (v *view) Source(ctx context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	want := versioned(Get, opts.Version)
	if err := v.require(ctx, "source", key, want); err != nil {
		return blob.Source{}, err
	}
	src, err := v.guard.bucket.Source(ctx, key, opts)
	if err != nil {
		return blob.Source{}, err
	}
	return src.Checked(func(ctx context.Context) error { return v.require(ctx, "source", key, want) }), nil
}
