package gocdk

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"reflect"

	"github.com/holdall-go/holdall/blob"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// OpenOptions tell how a bucket of holdall is shown to gocloud.dev.
type OpenOptions struct {
	// Keys tells how a key of gocloud.dev is written as a key of the Bucket. The zero value writes it as it is, and what
	// the Bucket refuses is an error with the code InvalidArgument.
	Keys Keys
}

// Open returns a Bucket of holdall as a bucket of gocloud.dev, so that a program written for that goes on as it is.
// Closing it does not close b.
//
// What As reaches: the bucket gives the blob.Bucket that it was opened on, also in the very type that its driver
// returned (*file.Bucket, say). A reader gives a *blob.Reader; attributes and entries of listings a blob.Object; an
// error a *blob.Error. The hooks of options give a pointer to the options of the call beneath, which they may change:
// BeforeRead *blob.GetOptions, BeforeWrite *blob.PutOptions, BeforeCopy *blob.CopyOptions, BeforeDelete
// *blob.DeleteOptions, BeforeList *blob.ListOptions, BeforeSign *blob.SignOptions. That is how a program reaches
// conditions, which gocloud.dev has but one of.
func Open(b blob.Bucket, opts *OpenOptions) *gcblob.Bucket {
	return gcblob.NewBucket(newShown(b, opts, false))
}

// OpenDriver returns what Open puts under gocloud.dev's bucket, for its drivertest and for drivers that wrap others.
func OpenDriver(b blob.Bucket, opts *OpenOptions) driver.Bucket { return newShown(b, opts, false) }

func newShown(b blob.Bucket, opts *OpenOptions, owned bool) *shown {
	if opts == nil {
		opts = &OpenOptions{}
	}
	return &shown{b: b, keys: opts.Keys.code(b.Capabilities()), owned: owned}
}

// shown is a bucket of holdall as a driver of gocloud.dev. Within it, a key is what the program says, and a name is the
// key under which the bucket below has the object.
type shown struct {
	b     blob.Bucket
	keys  code
	owned bool // Close closes b
}

var _ driver.Bucket = (*shown)(nil)

func (s *shown) ErrorCode(err error) gcerrors.ErrorCode { return toGo(err) }

// ErrorAs reaches every error in the chain, the provider's own too.
func (s *shown) ErrorAs(err error, target any) bool {
	to := reflect.TypeOf(target).Elem()
	if to.Kind() != reflect.Interface && !to.Implements(reflect.TypeFor[error]()) {
		return false // errors.As panics
	}
	return errors.As(err, target)
}

// As gives the bucket beneath as a Bucket, or in its own type. No other interface reaches it.
func (s *shown) As(target any) bool {
	if to, ok := target.(*blob.Bucket); ok && to != nil {
		*to = s.b
		return true
	}
	to := reflect.ValueOf(target)
	if to.Kind() != reflect.Pointer || to.IsNil() || to.Type().Elem() != reflect.TypeOf(s.b) {
		return false
	}
	to.Elem().Set(reflect.ValueOf(s.b))
	return true
}

// as makes the function that gives one value, of one type.
func as[T any](value T) func(any) bool {
	return func(target any) bool {
		to, ok := target.(*T)
		if ok && to != nil {
			*to = value
		}
		return ok && to != nil
	}
}

// ask lets a hook of the program see, and change, the options of a call.
func ask[T any](hook func(func(any) bool) error, opts *T) error {
	if hook == nil {
		return nil
	}
	return hook(as(opts))
}

func (s *shown) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	name, err := s.keys.name(key)
	if err != nil {
		return nil, err
	}
	o, err := s.b.Stat(ctx, name, nil)
	if err == nil {
		err = s.complete(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	md5, _ := o.Checksums.Get(blob.MD5)
	return &driver.Attributes{
		CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition, ContentEncoding: o.ContentEncoding,
		ContentLanguage: o.ContentLanguage, ContentType: contentType(o), Metadata: o.Metadata,
		ModTime: o.ModTime, Size: o.Size, MD5: md5, ETag: o.ETag, AsFunc: as(*o.Clone()),
	}, nil
}

// contentType is never empty to gocloud.dev.
func contentType(o *blob.Object) string {
	if o.ContentType == "" {
		return "application/octet-stream"
	}
	return o.ContentType
}

// Copy copies on the server where the bucket can, or through this process.
func (s *shown) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	var o blob.CopyOptions
	if err := ask(opts.BeforeCopy, &o); err != nil {
		return err
	}
	dst, err := s.keys.name(dstKey)
	src, serr := s.keys.name(srcKey)
	switch {
	case err != nil || serr != nil:
		return cmp.Or(err, serr)
	case s.keys.sidecars:
		return s.copyWithSidecar(ctx, dst, src, &o)
	}
	_, err = blob.Copy(ctx, s.b, dst, s.b, src, &o)
	return err
}

// Delete looks first, since to gocloud.dev the deletion of a missing object is an error. Who may delete but not look is
// told of no missing one.
func (s *shown) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	var o blob.DeleteOptions
	if err := ask(opts.BeforeDelete, &o); err != nil {
		return err
	}
	name, err := s.keys.name(key)
	if err != nil {
		return err
	}
	if _, err := s.b.Stat(ctx, name, nil); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err = s.b.Delete(ctx, name, &o)
	if err == nil && s.keys.sidecars {
		err = s.b.Delete(ctx, name+sidecar, nil)
	}
	return err
}

// SignedURL refuses what cannot be said by a URL alone, but for the Content-Type, which the program knows.
func (s *shown) SignedURL(ctx context.Context, key string, opts *driver.SignedURLOptions) (string, error) {
	if opts.EnforceAbsentContentType && opts.ContentType == "" {
		return "", errors.ErrUnsupported
	}
	o := blob.SignOptions{Method: opts.Method, Expires: opts.Expiry}
	o.ContentType = opts.ContentType
	if err := ask(opts.BeforeSign, &o); err != nil {
		return "", err
	}
	signed, err := s.keys.name(key)
	if err != nil {
		return "", err
	}
	r, err := s.b.Sign(ctx, signed, &o)
	if err != nil {
		return "", err
	}
	for name := range r.Header {
		if name != "Host" && (name != "Content-Type" || opts.ContentType == "") {
			return "", errors.ErrUnsupported
		}
	}
	if r.Method != opts.Method || r.Method == http.MethodPost {
		return "", errors.ErrUnsupported
	}
	return r.URL, nil
}

func (s *shown) Close() error {
	if s.owned {
		return s.b.Close()
	}
	return nil
}
