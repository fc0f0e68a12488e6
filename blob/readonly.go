package blob

import (
	"context"
	"iter"
	"net/http"
)

// ReadOnly returns b without its writes: each is refused with [fs.ErrPermission] before b hears of it. Closing it does
// not close b.
func ReadOnly(b Bucket) Bucket { return Check(&readOnly{Restrict(b), b}) }

// readOnly passes on the reads, method by method. [Check] refuses the writes.
type readOnly struct {
	Restricted
	b Bucket
}

func (r *readOnly) Stat(ctx context.Context, key string, opts *StatOptions) (*Object, error) {
	return r.b.Stat(ctx, key, opts)
}

func (r *readOnly) Get(ctx context.Context, key string, opts *GetOptions) (*Reader, error) {
	return r.b.Get(ctx, key, opts)
}

func (r *readOnly) Source(ctx context.Context, key string, opts *SourceOptions) (Source, error) {
	return r.b.Source(ctx, key, opts)
}

func (r *readOnly) List(ctx context.Context, opts *ListOptions) iter.Seq2[*Object, error] {
	return r.b.List(ctx, opts)
}

func (r *readOnly) Uploads(ctx context.Context, prefix string) iter.Seq2[*UploadInfo, error] {
	return r.b.Uploads(ctx, prefix)
}

func (r *readOnly) Sign(ctx context.Context, key string, opts *SignOptions) (*SignedRequest, error) {
	return r.b.Sign(ctx, key, opts)
}

// Capabilities keep Copy and If.Source, which serve the sources of copies into other buckets.
func (r *readOnly) Capabilities() Capabilities {
	caps := r.b.Capabilities()
	caps.ReadOnly, caps.Uploads.Supported = true, false
	caps.If = ConditionRules{Source: caps.If.Source, Read: caps.If.Read}
	caps.BulkDelete, caps.Checksums.In = 0, 0
	caps.Sign.Methods &= Methods(http.MethodGet, http.MethodHead)
	return caps
}
