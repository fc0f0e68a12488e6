package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// The part of [Check] that is about uploads in parts.

func (c *checked) Upload(ctx context.Context, key string, opts *UploadOptions) (Upload, error) {
	if opts == nil {
		opts = &zeroUpload
	}
	err := c.enterWrite(ctx, key)
	if err == nil && !c.caps.Uploads.Supported {
		err = fmt.Errorf("%w: this bucket takes no uploads in parts; use Put", errors.ErrUnsupported)
	}
	if err == nil && opts != &zeroUpload {
		opts, err = c.checkUpload(opts)
	}
	if err != nil {
		return nil, c.fail("upload", key, err)
	}
	u, err := c.upload(ctx, key, opts)
	if err != nil {
		return nil, c.failed(ctx, "upload", key, err)
	}
	return &checkedUpload{c, key, u}, nil
}

func (c *checked) checkUpload(opts *UploadOptions) (*UploadOptions, error) {
	attrs, err := c.attributes(&opts.Attributes)
	err = cmp.Or(err, size("Size", opts.Size), size("PartSize", opts.PartSize), c.objectSize(opts.Size),
		c.writeCondition(opts.If, c.caps.If.Upload, "Upload"), c.provider(opts.Provider))
	if opts.ID != "" && (!opts.Attributes.IsZero() || opts.Provider != nil) {
		err = cmp.Or(err, fmt.Errorf("%w: an upload that is resumed keeps the attributes that it began with; give none", ErrInvalid))
	}
	err = cmp.Or(err, c.partSize(opts))
	if attrs != &opts.Attributes && err == nil {
		folded := *opts
		folded.Attributes = *attrs
		opts = &folded
	}
	return opts, err
}

// partSize checks the size of parts that the caller chose.
func (c *checked) partSize(opts *UploadOptions) error {
	n := opts.PartSize
	switch {
	case n <= 0: // the driver chooses
		return nil
	case n < c.caps.Uploads.MinPartSize:
		return fmt.Errorf("%w: PartSize %d; the parts of this bucket, but the last, have at least %d bytes", ErrInvalid, n, c.caps.Uploads.MinPartSize)
	case c.caps.Uploads.MaxPartSize > 0 && n > c.caps.Uploads.MaxPartSize:
		return fmt.Errorf("%w: PartSize %d; the parts of this bucket have at most %d bytes", ErrInvalid, n, c.caps.Uploads.MaxPartSize)
	case c.caps.Uploads.MaxParts > 0 && opts.Size > 0 && (opts.Size-1)/n >= int64(c.caps.Uploads.MaxParts):
		return fmt.Errorf("%w: %d bytes in parts of %d are more than %d parts; let PartSize be larger, or zero", ErrInvalid, opts.Size, n, c.caps.Uploads.MaxParts)
	}
	return nil
}

func (c *checked) Uploads(ctx context.Context, prefix string) iter.Seq2[*UploadInfo, error] {
	return func(yield func(*UploadInfo, error) bool) {
		err := cmp.Or(c.open(ctx), checkText("prefix", prefix))
		if err == nil && !c.caps.Uploads.Listed {
			err = fmt.Errorf("%w: this bucket does not list its unfinished uploads", errors.ErrUnsupported)
		}
		if err != nil {
			yield(nil, c.fail("uploads", prefix, err))
			return
		}
		pass(ctx, c, "uploads", prefix, c.b.Uploads(ctx, prefix), yield)
	}
}

// checkedUpload is an Upload behind the checks.
type checkedUpload struct {
	c   *checked
	key string
	u   Upload
}

func (u *checkedUpload) ID() string      { return u.u.ID() }
func (u *checkedUpload) PartSize() int64 { return u.u.PartSize() }

func (u *checkedUpload) Put(ctx context.Context, n int, body *io.SectionReader) (Part, error) {
	err := u.c.open(ctx)
	if err == nil {
		err = u.checkPart(n, body)
	}
	if err != nil {
		return Part{}, u.c.fail("upload", u.key, err)
	}
	p, err := u.u.Put(ctx, n, io.NewSectionReader(body, 0, body.Size())) // a driver may read it, and the caller may send it again
	return p, u.c.failed(ctx, "upload", u.key, err)
}

func (u *checkedUpload) checkPart(n int, body *io.SectionReader) error {
	most := u.c.caps.Uploads.MaxParts
	if n < 1 || most > 0 && n > most {
		if most == 0 {
			return fmt.Errorf("%w: part %d; parts are counted from 1", ErrInvalid, n)
		}
		return fmt.Errorf("%w: part %d; parts are counted from 1 to %d", ErrInvalid, n, most)
	}
	if body == nil {
		return fmt.Errorf("%w: part %d has no body", ErrInvalid, n)
	}
	if body.Size() > u.u.PartSize() {
		return fmt.Errorf("%w: part %d has %d bytes; the parts of this upload have %d, and the last at most that", ErrInvalid, n, body.Size(), u.u.PartSize())
	}
	if most := u.c.caps.Objects.MaxSize; most > 0 && (body.Size() > most || int64(n-1) > (most-body.Size())/u.u.PartSize()) {
		return fmt.Errorf("%w: part %d of %d bytes, after parts of %d bytes, ends beyond the %d bytes that this bucket takes at most",
			ErrInvalid, n, body.Size(), u.u.PartSize(), most)
	}
	return nil
}

func (u *checkedUpload) Parts(ctx context.Context) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if err := u.c.open(ctx); err != nil {
			yield(Part{}, u.c.fail("upload", u.key, err))
			return
		}
		pass(ctx, u.c, "upload", u.key, u.u.Parts(ctx), yield)
	}
}

func (u *checkedUpload) Complete(ctx context.Context) (*Object, error) {
	if err := u.c.open(ctx); err != nil {
		return nil, u.c.fail("upload", u.key, err)
	}
	o, err := u.u.Complete(ctx)
	if err != nil {
		return nil, u.c.failed(ctx, "upload", u.key, err)
	}
	o.Key = u.key
	return o, nil
}

func (u *checkedUpload) Abort(ctx context.Context) error {
	if err := u.c.open(ctx); err != nil {
		return u.c.fail("upload", u.key, err)
	}
	return u.c.failed(ctx, "upload", u.key, u.u.Abort(ctx))
}
