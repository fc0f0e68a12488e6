package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// A pin makes any number of requests read one version of an object, and no other.
type pin struct {
	bucket Bucket
	key    string
	get    GetOptions // its If or its Version is the pin
}

// pinTo pins requests for key to o, which a request for version, or for the current one if that is empty, returned. It
// is not ok if the bucket has no means for that. The ETag is preferred to the version, since old versions may be closed
// to a reader who may well read the current one.
func pinTo(b Bucket, key string, o *Object, version string) (p pin, ok bool) {
	p = pin{bucket: b, key: key}
	caps := b.Capabilities()
	match := IfMatch(o.ETag)
	switch {
	case version != "":
		p.get.Version = version
	case caps.If.Read.Has(KindMatch) && match.check() == nil:
		p.get.If = match
	case caps.Versions && o.Version != "":
		p.get.Version = o.Version
	default:
		return p, false
	}
	return p, true
}

// canPin tells whether b may be able to pin; the rest is told by an object.
func canPin(b Bucket) bool {
	caps := b.Capabilities()
	return caps.If.Read.Has(KindMatch) || caps.Versions
}

// open opens n bytes of the pinned version, from off on, all of which lie within it. It answers ErrChanged if the
// version is no longer there, and also if what the store has for it is of another length: nobody must take that for the
// end of the content.
func (p *pin) open(ctx context.Context, off, n int64) (*Reader, error) {
	opts := p.get
	opts.Range = Bytes(off, n)
	r, err := p.bucket.Get(ctx, p.key, &opts)
	if err != nil {
		return nil, changed(err)
	}
	if r.Length() != n {
		r.Close()
		return nil, &Error{Op: "get", Bucket: bucketName(p.bucket), Key: p.key,
			Err: fmt.Errorf("%w: it has %d bytes from %d on, not %d", ErrChanged, r.Length(), off, n)}
	}
	return r, nil
}

// changed gives the answers of a pinned request whose version is gone their name.
func changed(err error) error {
	if !errors.Is(err, ErrPrecondition) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrRange) {
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		return &Error{Op: e.Op, Bucket: e.Bucket, Key: e.Key, Err: fmt.Errorf("%w: %w", ErrChanged, e.Err)}
	}
	return fmt.Errorf("%w: %w", ErrChanged, err)
}
