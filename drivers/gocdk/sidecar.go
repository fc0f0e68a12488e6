package gocdk

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"

	"github.com/holdall-go/holdall/blob"
	"gocloud.dev/blob/driver"
)

// fileblob keeps the attributes of an object in a file beside it. We write that file after the object, to which we give
// the attributes too; and we believe it only if it is not older than the object. So an object that was overwritten, with
// nothing done about the file yet, never shows attributes of what was there before.

// attributesFile is such a file: the fields that fileblob v0.47.0 has.
type attributesFile struct {
	CacheControl       string            `json:"user.cache_control"`
	ContentDisposition string            `json:"user.content_disposition"`
	ContentEncoding    string            `json:"user.content_encoding"`
	ContentLanguage    string            `json:"user.content_language"`
	ContentType        string            `json:"user.content_type"`
	Metadata           map[string]string `json:"user.metadata"`
	MD5                []byte            `json:"md5"`

	sum hash.Hash // of what is being written
}

func newSidecar(contentType string, opts *driver.WriterOptions) *attributesFile {
	return &attributesFile{
		CacheControl: opts.CacheControl, ContentDisposition: opts.ContentDisposition, ContentEncoding: opts.ContentEncoding,
		ContentLanguage: opts.ContentLanguage, ContentType: contentType, Metadata: opts.Metadata, sum: md5.New(),
	}
}

// add takes content into account.
func (f *attributesFile) add(p []byte) {
	if f != nil {
		f.sum.Write(p)
	}
}

func (s *shown) putSidecar(ctx context.Context, name string, f *attributesFile) error {
	if f.sum != nil {
		f.MD5 = f.sum.Sum(nil)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = s.b.Put(ctx, name+sidecar, bytes.NewReader(text), nil)
	return err
}

// complete makes the attributes of an object those that the program gave it.
func (s *shown) complete(ctx context.Context, o *blob.Object) error {
	var f *attributesFile
	if s.keys.sidecars {
		var err error
		if f, err = s.sidecarOf(ctx, o); err != nil {
			return err
		}
	}
	if f == nil {
		o.Metadata = s.keys.read(o.Metadata)
		return nil
	}
	o.CacheControl, o.ContentDisposition, o.ContentEncoding = f.CacheControl, f.ContentDisposition, f.ContentEncoding
	o.ContentLanguage, o.ContentType, o.Metadata = f.ContentLanguage, f.ContentType, f.Metadata
	if len(f.MD5) == md5.Size {
		o.Checksums = o.Checksums.With(blob.MD5, f.MD5)
	}
	return nil
}

// sidecarOf returns the file beside an object, or nil if there is none that is of this object.
func (s *shown) sidecarOf(ctx context.Context, o *blob.Object) (*attributesFile, error) {
	r, err := s.b.Get(ctx, o.Key+sidecar, nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.ModTime.Before(o.ModTime) {
		return nil, nil
	}
	f := new(attributesFile)
	if err := json.NewDecoder(r).Decode(f); err != nil {
		return nil, fmt.Errorf("%s%s: %w", o.Key, sidecar, err)
	}
	return f, nil
}

// copyWithSidecar gives the copy the attributes of the source, and a file for them.
func (s *shown) copyWithSidecar(ctx context.Context, dst, src string, opts *blob.CopyOptions) error {
	o, err := s.b.Stat(ctx, src, nil)
	if err != nil {
		return err
	}
	if err := s.complete(ctx, o); err != nil {
		return err
	}
	f := &attributesFile{
		CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition, ContentEncoding: o.ContentEncoding,
		ContentLanguage: o.ContentLanguage, ContentType: o.ContentType, Metadata: o.Metadata,
	}
	f.MD5, _ = o.Checksums.Get(blob.MD5)
	if opts.Attributes == nil {
		with := o.Attributes
		with.Metadata = s.keys.metadata(o.Metadata)
		opts.Attributes = &with
	}
	if _, err := blob.Copy(ctx, s.b, dst, s.b, src, opts); err != nil {
		return err
	}
	return s.putSidecar(ctx, dst, f)
}
