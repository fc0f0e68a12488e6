package gocdk

import (
	"context"
	"io"

	"github.com/holdall-go/holdall/blob"
	"gocloud.dev/blob/driver"
)

// NewRangeReader opens a reader. gocloud.dev calls it again, with the same opts, when its reader was moved by Seek; then
// it must not go on in another version. So the first call leaves behind, in opts, the condition for the next ones.
func (s *shown) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	var o blob.GetOptions
	switch {
	case length >= 0:
		o.Range = blob.Bytes(offset, length)
	case offset > 0:
		o.Range = blob.From(offset)
	}
	if err := ask(opts.BeforeRead, &o); err != nil {
		return nil, err
	}
	name, err := s.keys.name(key)
	if err != nil {
		return nil, err
	}
	r, err := s.b.Get(ctx, name, &o)
	if err != nil {
		return nil, err
	}
	if err := s.complete(ctx, &r.Object); err != nil {
		_ = r.Close()
		return nil, err
	}
	if o.If.IsZero() && o.Version == "" && r.ETag != "" && s.b.Capabilities().If.Read.Has(blob.KindMatch) {
		opts.BeforeRead = pinned(opts.BeforeRead, r.ETag)
	}
	return &reader{r}, nil
}

// pinned makes a hook that adds to the program's own the condition that the object is still the same.
func pinned(hook func(func(any) bool) error, etag string) func(func(any) bool) error {
	return func(as func(any) bool) error {
		var o *blob.GetOptions
		if as(&o) {
			o.If = blob.IfMatch(etag)
		}
		if hook == nil {
			return nil
		}
		return hook(as)
	}
}

type reader struct{ r *blob.Reader }

func (r *reader) Read(p []byte) (int, error) { return r.r.Read(p) }
func (r *reader) Close() error               { return r.r.Close() }
func (r *reader) As(target any) bool         { return as(r.r)(target) }

// Download implements driver.Downloader.
func (r *reader) Download(w io.Writer) error {
	_, err := r.r.WriteTo(w)
	return err
}

func (r *reader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{ContentType: contentType(&r.r.Object), ModTime: r.r.ModTime, Size: r.r.Size}
}
