package b2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
)

// A source is what a [blob.Source] of this driver holds.
type source struct {
	b       *bucket
	key     string
	version string
	cond    blob.Condition
}

func (b *bucket) Source(_ context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	if err := b.account.current().covers(key); err != nil {
		return blob.Source{}, err
	}
	return blob.NewSource(key, source{b, key, opts.Version, opts.If}), nil
}

// OtherThan tells whether another source is surely of another object.
func (s source) OtherThan(other any) bool {
	o, ok := other.(source)
	return ok && s.b.account.endpoint == o.b.account.endpoint && (s.b.base.ID != o.b.base.ID || s.key != o.key)
}

// Copy looks at the source, and copies the very version that it saw. If that was removed meanwhile, it looks again.
func (b *bucket) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	const tries = 3
	for try := 1; ; try++ {
		o, err := b.copyOnce(ctx, key, src, opts)
		if !errors.Is(err, errSourceGone) || try == tries {
			return o, err
		}
	}
}

// errSourceGone: the version of the source was removed between the look at it and its copy.
var errSourceGone = fmt.Errorf("%w: the version of the source was removed meanwhile", blob.ErrChanged)

func (b *bucket) copyOnce(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	from, err := blob.Resolve[source](ctx, src)
	if err != nil {
		return nil, err
	}
	if !b.reaches(from.b) {
		return nil, fmt.Errorf("%w: the source is under another application key", errors.ErrUnsupported)
	}
	o, resp, err := from.b.download(ctx, http.MethodHead, from.key, from.version, "", from.cond)
	if err != nil {
		return nil, src.Fail(err)
	}
	resp.Body.Close()
	if opts.Attributes == nil && b.base.ID == from.b.base.ID && key == from.key && from.version == "" {
		return o, nil // it would change nothing
	}
	c := &copying{id: resp.Header.Get("X-Bz-File-Id"), size: o.Size, attributes: opts.Attributes == nil}
	attributes := &o.Attributes
	if !c.attributes {
		attributes = opts.Attributes
	}
	w, err := b.newWrite(key, attributes)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	whole, known := o.Checksums.Get(blob.SHA1)
	if known && (o.Size > maxSingle || resp.Header.Get("X-Bz-Content-Sha1") == "none") { // the copy has no digest of its own
		if err := w.encode(largeSHA1(whole)); err != nil {
			return nil, err
		}
	}
	c.resolve = func(ctx context.Context) error {
		_, err := blob.Resolve[source](ctx, src)
		return err
	}
	made, err := b.copyVersion(ctx, w, c, whole)
	if errors.Is(err, blob.ErrNotExist) {
		err = src.Fail(fmt.Errorf("%w: %w", errSourceGone, err))
	}
	return made, err
}

// reaches tells whether b's key is the one that other was opened with. (A copy must not read what the source's own key
// would not have let it read.)
func (b *bucket) reaches(other *bucket) bool {
	x, y := b.account, other.account
	return x == y || x.endpoint == y.endpoint && x.keyID == y.keyID && x.key == y.key
}

// A copying tells what is copied: one version.
type copying struct {
	id         string
	size       int64
	attributes bool                        // are those of the source, too
	resolve    func(context.Context) error // allows each call that reads from the source
}

// copyVersion copies a version on the server. The SHA-1 is nil if it is not known.
func (b *bucket) copyVersion(ctx context.Context, w *write, c *copying, whole []byte) (*blob.Object, error) {
	if c.size > maxSingle {
		return b.copyParts(ctx, w, c, whole)
	}
	if err := c.resolve(ctx); err != nil {
		return nil, err
	}
	in := map[string]any{"sourceFileId": c.id, "destinationBucketId": b.base.ID, "fileName": w.key, "metadataDirective": "COPY"}
	if !c.attributes {
		in["metadataDirective"], in["contentType"], in["fileInfo"] = "REPLACE", w.contentType, w.info
	}
	var f file
	if err := b.account.postPublishing(ctx, "b2_copy_file", in, &f, w.hook); err != nil {
		return nil, err
	}
	return b.made(w, f.ID, c.size, time.UnixMilli(f.Time), whole), nil
}

// copyPart is the size of a part of a copy that one call cannot make.
const copyPart = 1_000_000_000

// copyParts copies what is too large for one call, in ranges that the server copies side by side.
func (b *bucket) copyParts(ctx context.Context, w *write, c *copying, whole []byte) (*blob.Object, error) {
	cut, err := parts.Uniform(c.size, copyPart, b.limits())
	if err != nil {
		return nil, err
	}
	return put.Copy(ctx, func(ctx context.Context) (put.Upload, error) {
		l, err := b.begin(ctx, w)
		return copied{multipart{l, w}, c, whole}, err
	}, c.size, cut.First)
}

// A copied large file has parts that the server copies from a source.
type copied struct {
	multipart
	c     *copying
	whole []byte // SHA-1; nil: it is not known
}

// Send implements [put.Upload]: it copies one part.
func (c copied) Send(ctx context.Context, p *put.Content) (put.Sent, error) {
	if err := c.c.resolve(ctx); err != nil {
		return put.Sent{}, err
	}
	var made struct {
		SHA1 string `json:"contentSha1"`
	}
	err := c.b.account.post(ctx, "b2_copy_part", map[string]any{"sourceFileId": c.c.id, "largeFileId": c.id, "partNumber": p.Number,
		"range": fmt.Sprintf("bytes=%d-%d", p.Offset, p.Offset+p.Size-1)}, &made)
	return put.Sent{Number: p.Number, Size: p.Size, Tag: made.SHA1}, err
}

// Complete implements [put.Upload].
func (c copied) Complete(ctx context.Context, all []put.Sent, _ blob.Checksums) (*blob.Object, error) {
	return c.finish(ctx, c.w, all, c.whole)
}
