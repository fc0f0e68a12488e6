package blob

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
)

// Sub returns the part of b whose keys begin with prefix, as a bucket of its own in which keys go without it. The
// prefix is any valid text and is just put before a key, so no key leads out of it. Keys may be as long as b allows,
// less the prefix. An object whose key is the prefix itself has no name in the Sub and does not show.
//
// Errors, objects and listings name keys as the caller of the Sub does. With a prefix that is no valid text, or that
// leaves no room for a key, every call answers [ErrInvalid]. Closing a Sub does not close b.
func Sub(b Bucket, prefix string) Bucket { return newSub(b, prefix, false) }

// ownedSub is a Sub whose Close closes b.
func ownedSub(b Bucket, prefix string) *checked { return newSub(b, prefix, true) }

func newSub(b Bucket, prefix string, owned bool) *checked {
	caps := b.Capabilities()
	room := caps.Keys.Max() - len(prefix)
	err := checkText("prefix", prefix)
	if err == nil && room < 1 {
		err = fmt.Errorf("%w: the prefix has %d bytes, which leaves no room for a key; this bucket takes at most %d", ErrInvalid, len(prefix), caps.Keys.Max())
	}
	caps.Keys.Prefix += prefix
	c := Check(&sub{Restricted: Restrict(b), b: b, prefix: prefix, caps: caps, owned: owned}).(*checked)
	c.broken = err
	return c
}

type sub struct {
	Restricted
	b      Bucket
	prefix string
	caps   Capabilities
	owned  bool
}

// String names the Sub as URLs do.
func (s *sub) String() string {
	name := s.Restricted.String()
	if name == "" {
		return ""
	}
	if strings.HasSuffix(name, "/") || s.b.Capabilities().Keys.PartOfSegment() {
		return name + s.prefix
	}
	return name + "/" + s.prefix
}

// AcceptsProvider passes the options of the driver on: they are about an object, whatever its key is.
func (s *sub) AcceptsProvider(p any) bool { return acceptsProvider(s.b, p) }

func (s *sub) Stat(ctx context.Context, key string, opts *StatOptions) (*Object, error) {
	return s.b.Stat(ctx, s.prefix+key, opts)
}

func (s *sub) Get(ctx context.Context, key string, opts *GetOptions) (*Reader, error) {
	return s.b.Get(ctx, s.prefix+key, opts)
}

func (s *sub) Put(ctx context.Context, key string, body io.Reader, opts *PutOptions) (*Object, error) {
	return s.b.Put(ctx, s.prefix+key, body, opts)
}

func (s *sub) Source(ctx context.Context, key string, opts *SourceOptions) (Source, error) {
	return s.b.Source(ctx, s.prefix+key, opts)
}

func (s *sub) Copy(ctx context.Context, key string, src Source, opts *CopyOptions) (*Object, error) {
	return s.b.Copy(ctx, s.prefix+key, src, opts)
}

func (s *sub) Delete(ctx context.Context, key string, opts *DeleteOptions) error {
	return s.b.Delete(ctx, s.prefix+key, opts)
}

func (s *sub) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	within := func(yield func(string) bool) {
		for key := range keys {
			if !yield(s.prefix + key) {
				return
			}
		}
	}
	return s.b.DeleteEach(ctx, within, func(key string, err error) { failed(s.cut(key), err) })
}

func (s *sub) List(ctx context.Context, opts *ListOptions) iter.Seq2[*Object, error] {
	o := *opts
	o.Prefix = s.prefix + opts.Prefix
	switch { // what two keys have in common at their beginning does not change their order
	case opts.StartAfter != "":
		o.StartAfter = s.prefix + opts.StartAfter
	case opts.StartAt != "":
		o.StartAt = s.prefix + opts.StartAt
	case opts.Prefix == "":
		o.StartAfter = s.prefix // passes over the object that has no name here
	}
	return func(yield func(*Object, error) bool) {
		for entry, err := range s.b.List(ctx, &o) {
			if err == nil {
				entry.Key = s.cut(entry.Key)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

func (s *sub) Upload(ctx context.Context, key string, opts *UploadOptions) (Upload, error) {
	return s.b.Upload(ctx, s.prefix+key, opts)
}

func (s *sub) Uploads(ctx context.Context, prefix string) iter.Seq2[*UploadInfo, error] {
	return func(yield func(*UploadInfo, error) bool) {
		for info, err := range s.b.Uploads(ctx, s.prefix+prefix) {
			if err == nil {
				if info.Key = s.cut(info.Key); info.Key == "" {
					continue
				}
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (s *sub) Sign(ctx context.Context, key string, opts *SignOptions) (*SignedRequest, error) {
	return s.b.Sign(ctx, s.prefix+key, opts)
}

func (s *sub) Capabilities() Capabilities { return s.caps }

func (s *sub) Close() error {
	if s.owned {
		return s.b.Close()
	}
	return nil
}

// cut takes the prefix off a key of b's.
func (s *sub) cut(key string) string { return strings.TrimPrefix(key, s.prefix) }
