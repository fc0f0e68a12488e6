package gocdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/holdall-go/holdall/blob"
	gcblob "gocloud.dev/blob"
)

// Options say of a bucket of gocloud.dev what cannot be asked of it. The zero value promises nothing.
type Options struct {
	// Name is how errors name the bucket. It must hold no secret.
	Name string

	// AtomicIfNotExist promises that of many writers with WriterOptions.IfNotExist just one wins, so that IfAbsent can be
	// honoured. That holds for memblob, s3blob on a store with conditional writes, gcsblob and azureblob. It is not
	// believed of fileblob, which looks first and renames afterwards.
	AtomicIfNotExist bool

	// MD5 promises that the bucket's MD5s are digests of the content, so that reads are verified by them. That holds for
	// memblob, fileblob, gcsblob and azureblob. s3blob takes the ETag for one, which it is not on objects that are
	// encrypted with SSE-KMS or SSE-C.
	MD5 bool

	// Sign promises that the bucket signs requests: s3blob, gcsblob and azureblob with credentials that can, fileblob
	// with a URLSigner.
	Sign bool

	// SortListings lists by reading all keys below the prefix into memory and sorting them: some 100 bytes and more for
	// each. It is for buckets whose listings are not in byte order, and is always on for fileblob.
	SortListings bool
}

// New returns a bucket of gocloud.dev as a Bucket of holdall. The package comment lists what is lost on the way; the
// Bucket's Capabilities say the same. Closing it does not close b.
func New(b *gcblob.Bucket, opts *Options) blob.Bucket {
	if opts == nil {
		opts = &Options{}
	}
	w := &bucket{b: b, opts: *opts}
	var dir os.FileInfo // what fileblob alone gives
	w.files = b.As(&dir)
	return blob.Check(w)
}

// A bucket is a bucket of gocloud.dev under holdall.
type bucket struct {
	blob.Unsupported
	b     *gcblob.Bucket
	opts  Options
	files bool // it is fileblob's
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return b.opts.Name }

func (b *bucket) Capabilities() blob.Capabilities {
	caps := blob.Capabilities{
		Objects:    blob.ObjectRules{Headers: true, Metadata: true},
		Checksums:  blob.ChecksumRules{In: blob.AllAlgorithms}, // the writer reads every byte before it publishes
		Deviations: blob.Deviations{ListWithoutETag: true, WriteWithoutETag: true, WriteWithoutModTime: true},
		Hooks:      true,
	}
	if b.opts.Sign {
		caps.Sign.Methods = blob.Methods(http.MethodGet, http.MethodPut, http.MethodDelete)
	}
	if b.files {
		caps.Keys = fileKeys()
	} else if b.opts.AtomicIfNotExist {
		caps.If.Put = blob.Conditions(blob.KindAbsent)
	}
	return caps
}

func (b *bucket) Stat(ctx context.Context, key string, _ *blob.StatOptions) (*blob.Object, error) {
	a, err := b.b.Attributes(ctx, key)
	if b.files && errors.Is(err, io.EOF) {
		return nil, again{fmt.Errorf("%w: fileblob is writing its attributes", blob.ErrChanged)}
	}
	if err != nil {
		return nil, fromGo(err)
	}
	return b.object(key, a), nil
}

func (b *bucket) object(key string, a *gcblob.Attributes) *blob.Object {
	return &blob.Object{
		Key: key, Size: a.Size, ModTime: a.ModTime.UTC().Round(0), ETag: a.ETag,
		Attributes: blob.Attributes{
			ContentType: a.ContentType, ContentEncoding: a.ContentEncoding, ContentLanguage: a.ContentLanguage,
			ContentDisposition: a.ContentDisposition, CacheControl: a.CacheControl, Metadata: a.Metadata,
		},
		Checksums: b.md5(a.MD5),
	}
}

func (b *bucket) md5(sum []byte) blob.Checksums {
	if b.opts.MD5 && len(sum) == 16 {
		return blob.Checksums{}.With(blob.MD5, sum)
	}
	return blob.Checksums{}
}

// attempts is how often Get looks for a moment in which attributes and content are of one version.
const attempts = 5

// Get asks for the attributes first, which a reader of gocloud.dev has few of, and then for the content. If an overwrite
// came between, which shows in size or time, it asks again.
func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	for range attempts {
		o, err := b.Stat(ctx, key, nil)
		if errors.Is(err, blob.ErrChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		off, n, err := opts.Range.Resolve(o.Size)
		if err != nil {
			return nil, err
		}
		if n == 0 { // drivers differ in what they make of an empty range, and there is nothing to read
			return blob.NewReader(ctx, http.NoBody, o, off, 0), nil
		}
		r, err := b.b.NewRangeReader(ctx, key, off, n, nil)
		if err != nil {
			if err = fromGo(err); errors.Is(err, blob.ErrNotExist) {
				continue // deleted in between; or, if it stays away, missing
			}
			return nil, err
		}
		if r.Size() == o.Size && r.ModTime().Equal(o.ModTime) {
			return blob.NewReader(ctx, &body{r}, o, off, n), nil
		}
		_ = r.Close()
	}
	return nil, again{fmt.Errorf("%w: it was overwritten at each of %d attempts to read it", blob.ErrChanged, attempts)}
}

// A body gives the errors of a gocloud.dev reader the names that they have here.
type body struct{ r *gcblob.Reader }

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = fromGo(err)
	}
	return n, err
}

func (b *body) Close() error { return b.r.Close() }

// Delete takes a missing key for deleted, which gocloud.dev calls an error.
func (b *bucket) Delete(ctx context.Context, key string, _ *blob.DeleteOptions) error {
	err := fromGo(b.b.Delete(ctx, key))
	missing := errors.Is(err, blob.ErrNotExist) ||
		b.files && errors.Is(err, fs.ErrExist) // the folder of other keys, which is not empty
	if missing {
		return nil
	}
	return err
}

func (b *bucket) Sign(ctx context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	other := opts.Attributes
	other.ContentType = ""
	if !other.IsZero() || opts.Size > 0 {
		return nil, fmt.Errorf("%w: gocloud.dev signs no header but ContentType", errors.ErrUnsupported)
	}
	expires := time.Now().Add(opts.Expires)
	u, err := b.b.SignedURL(ctx, key, &gcblob.SignedURLOptions{Expiry: opts.Expires, Method: opts.Method, ContentType: opts.ContentType})
	if err != nil {
		return nil, fromGo(err)
	}
	s := &blob.SignedRequest{Method: opts.Method, URL: u, Header: http.Header{}, Expires: expires}
	if opts.ContentType != "" {
		s.Header.Set("Content-Type", opts.ContentType)
	}
	return s, nil
}
