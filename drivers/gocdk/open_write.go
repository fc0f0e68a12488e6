package gocdk

import (
	"context"
	"crypto/md5"
	"io"

	"github.com/holdall-go/holdall/blob"
	"gocloud.dev/blob/driver"
)

// NewTypedWriter makes a writer, whose Close publishes what was written unless ctx ended or an Upload failed.
func (s *shown) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	o := &blob.PutOptions{PartSize: int64(opts.BufferSize), Concurrency: opts.MaxConcurrency}
	o.Attributes = blob.Attributes{
		ContentType: contentType, ContentEncoding: opts.ContentEncoding, ContentLanguage: opts.ContentLanguage,
		ContentDisposition: opts.ContentDisposition, CacheControl: opts.CacheControl, Metadata: s.keys.metadata(opts.Metadata),
	}
	if opts.IfNotExist {
		o.If = blob.IfAbsent
	}
	// gocloud.dev verifies what was written; this lets the store verify what it received.
	if len(opts.ContentMD5) == md5.Size && s.b.Capabilities().Checksums.In.Has(blob.MD5) {
		o.Checksums = o.Checksums.With(blob.MD5, opts.ContentMD5)
	}
	if err := ask(opts.BeforeWrite, o); err != nil {
		return nil, err
	}
	name, err := s.keys.name(key)
	if err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, s: s, name: name, opts: o}
	if s.keys.sidecars {
		w.sidecar = newSidecar(contentType, opts)
	}
	return w, nil
}

type writer struct {
	ctx      context.Context
	s        *shown
	name     string
	opts     *blob.PutOptions
	w        *blob.Writer // of Write; nil before the first
	uploaded bool         // by Upload, which then failed or not with err
	err      error
	sidecar  *attributesFile // nil, or what goes beside the object
}

func (w *writer) Write(p []byte) (int, error) {
	if w.w == nil {
		w.w = blob.NewWriter(w.ctx, w.s.b, w.name, w.opts)
	}
	n, err := w.w.Write(p)
	w.sidecar.add(p[:n])
	return n, err
}

// Upload implements driver.Uploader. It hands r to Put, which publishes all of it or nothing, so Close has nothing left
// to do, and to undo.
func (w *writer) Upload(r io.Reader) error {
	w.uploaded = true
	if w.sidecar != nil {
		r = io.TeeReader(r, w.sidecar.sum)
	}
	_, w.err = w.s.b.Put(w.ctx, w.name, r, w.opts)
	return w.err
}

func (w *writer) Close() error {
	err := w.err
	if !w.uploaded {
		err = w.commit()
	}
	if err != nil || w.sidecar == nil {
		return err
	}
	return w.s.putSidecar(w.ctx, w.name, w.sidecar)
}

func (w *writer) commit() error {
	if w.w == nil {
		w.w = blob.NewWriter(w.ctx, w.s.b, w.name, w.opts)
	}
	if err := w.ctx.Err(); err != nil {
		_ = w.w.Abort()
		return err
	}
	_, err := w.w.Commit()
	return err
}
