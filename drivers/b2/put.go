package b2

import (
	"context"
	"encoding/hex"
	"io"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/put"
)

// Put sends a body of up to one part in one upload, and a longer one as a large file.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	w, err := b.newWrite(key, &opts.Attributes)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	return put.Put(ctx, target{b, w}, &put.Request{Body: r, Options: opts, Limits: b.limits(), Digests: []blob.Algorithm{blob.SHA1}})
}

// A target is where one write goes.
type target struct {
	b *bucket
	w *write
}

// One implements [put.Store].
func (t target) One(ctx context.Context, whole *put.Content) (*blob.Object, error) {
	return t.b.putSingle(ctx, t.w, whole)
}

// Begin implements [put.Store].
func (t target) Begin(ctx context.Context, known blob.Checksums) (put.Upload, error) {
	if sum, ok := known.Get(blob.SHA1); ok {
		if err := t.w.encode(largeSHA1(sum)); err != nil {
			return nil, err
		}
	}
	l, err := t.b.begin(ctx, t.w)
	return multipart{l, t.w}, err
}

// A write is what is stored with an object, under which name.
type write struct {
	key         string
	attributes  blob.Attributes
	contentType string
	info        map[string]string
	hook        *blob.Hook
}

func (b *bucket) newWrite(key string, a *blob.Attributes) (*write, error) {
	if err := b.account.current().covers(key); err != nil {
		return nil, err
	}
	w := &write{key: key, attributes: *a}
	return w, w.encode(extra{})
}

// encode writes the attributes down, with an entry more.
func (w *write) encode(more extra) (err error) {
	w.contentType, w.info, err = encodeInfo(w.key, &w.attributes, more)
	return err
}

// putSingle stores an object with one upload.
func (b *bucket) putSingle(ctx context.Context, w *write, whole *put.Content) (*blob.Object, error) {
	sum, err := whole.Digest(blob.SHA1)
	if err != nil {
		return nil, err
	}
	var f *base.File
	ambiguous, err := uploadTo(ctx, b.account, "b2_upload_file", &b.uploadURLs, b.fetchUploadURL, func(ctx context.Context, url *base.URL) error {
		return whole.Send(ctx, func(body *put.Body) (err error) {
			f, err = url.UploadFile(ctx, body, int(whole.Size), w.key, w.contentType, hex.EncodeToString(sum), w.info)
			return exchangeOf(ctx).explain(ctx, err)
		})
	})
	if err != nil {
		return nil, put.Stopped(ambiguous, err)
	}
	return b.made(w, f.ID, whole.Size, f.Timestamp, sum), nil
}

func (b *bucket) fetchUploadURL(ctx context.Context) (url *base.URL, err error) {
	err = b.account.call(ctx, "b2_get_upload_url", func(ctx context.Context) error {
		url, err = b.base.GetUploadURL(ctx)
		return err
	})
	return url, err
}

// made describes an object that was stored. The SHA-1 is nil if it is not known.
func (b *bucket) made(w *write, id string, size int64, at time.Time, whole []byte) *blob.Object {
	o := &blob.Object{Key: w.key, Size: size, ModTime: at.UTC(), ETag: etag(id), Version: b.version(id), Attributes: w.attributes}
	if whole != nil {
		o.Checksums = o.Checksums.With(blob.SHA1, whole)
	}
	return o
}
