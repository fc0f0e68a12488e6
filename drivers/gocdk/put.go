package gocdk

import (
	"bytes"
	"context"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/holdall-go/holdall/blob"
	gcblob "gocloud.dev/blob"
)

// Put streams body into a writer of gocloud.dev. There, Close publishes whatever was written; so whenever that is not
// all of body, with the digests that were asked for, the writer's context is cancelled before it is closed.
func (b *bucket) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, err := newContent(body, opts)
	if err != nil {
		return nil, err
	}
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.b.NewWriter(writing, key, writerOptions(opts))
	if err != nil {
		return nil, b.lost(err, opts.If)
	}
	complete := false
	defer func() { // also where body panics
		if !complete {
			cancel()
			_ = w.Close() // it answers that it was cancelled
		}
	}()
	if err := content.copyTo(ctx, w); err != nil {
		return nil, b.lost(err, opts.If)
	}
	if err := opts.Hook.Publishing(ctx); err != nil {
		return nil, err
	}
	complete = true
	if err := w.Close(); err != nil {
		return nil, b.lost(err, opts.If)
	}
	return &blob.Object{Key: key, Size: content.size, Attributes: opts.Attributes, Checksums: opts.Checksums}, nil
}

func writerOptions(opts *blob.PutOptions) *gcblob.WriterOptions {
	o := &gcblob.WriterOptions{
		BufferSize: int(min(opts.PartSize, 1<<30)), MaxConcurrency: opts.Concurrency,
		ContentType: opts.ContentType, DisableContentTypeDetection: true, // nothing is guessed
		ContentEncoding: opts.ContentEncoding, ContentLanguage: opts.ContentLanguage,
		ContentDisposition: opts.ContentDisposition, CacheControl: opts.CacheControl,
		Metadata:   opts.Metadata,
		IfNotExist: opts.If.Kind() == blob.KindAbsent,
	}
	o.ContentMD5, _ = opts.Checksums.Get(blob.MD5) // goes with the request, where the provider verifies it
	return o
}

// content is the body of a Put, on its way through the digests that it must have, and the hook.
type content struct {
	body io.Reader
	size int64
	want []want
	hook *blob.Hook
}

type want struct {
	name blob.Algorithm
	sum  []byte
	hash hash.Hash
}

func newContent(body io.Reader, opts *blob.PutOptions) (*content, error) {
	c := &content{body: body, hook: opts.Hook}
	for name, sum := range opts.Checksums.All() {
		h, err := name.New()
		if err != nil {
			return nil, err
		}
		c.want = append(c.want, want{name, sum, h})
	}
	return c, nil
}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copyTo writes all of the body, and judges it. An error of the body is returned as it is.
func (c *content) copyTo(ctx context.Context, w io.Writer) error {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := c.body.Read(buf[:])
		if n > 0 {
			for _, d := range c.want {
				d.hash.Write(buf[:n])
			}
			if err := c.hook.Sending(ctx, int64(n)); err != nil {
				return err
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			c.size += int64(n)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF:
			return c.verify()
		case err != nil:
			return err
		}
	}
}

func (c *content) verify() error {
	for _, d := range c.want {
		if got := d.hash.Sum(nil); !bytes.Equal(got, d.sum) {
			return fmt.Errorf("%w: the body has %s %x, not %x", blob.ErrChecksum, d.name, got, d.sum)
		}
	}
	return nil
}
