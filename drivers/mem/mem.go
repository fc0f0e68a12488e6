// Package mem keeps a bucket in the memory of the process. It is for tests, and it is the reference that every other
// driver is compared with, so it does everything that the interface has but Sign, in the plainest way.
//
// An object, once stored, is never changed: writers replace it, so readers go on with what they opened, and nobody waits
// for a reader. A map finds an object by its key; beside it an [index] holds the keys in order, so that a listing starts
// anywhere and never sorts.
//
// # URLs
//
// "mem://name" opens the bucket of that name, which is shared within the process and lasts as long as it does;
// "mem://name/a/b/" opens its part under the prefix "a/b/", and "mem://" a new bucket of one's own. The parameter
// versions=true makes a bucket that keeps old versions.
package mem

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// Options tell what kind of bucket is made.
type Options struct {
	// Versions keeps what is overwritten or deleted, until that version is deleted itself.
	Versions bool
}

// New makes an empty bucket that nobody else has.
func New(opts *Options) blob.Bucket {
	if opts == nil {
		opts = &Options{}
	}
	return blob.Check(&bucket{store: newStore("mem://", *opts)})
}

var named = struct {
	sync.Mutex
	stores map[string]*store
}{stores: map[string]*store{}}

// Open opens the bucket of that name, and makes it if this process has none yet. All handles to a name share its
// objects; closing one leaves the others, and the objects, as they are. A bucket that exists with other options is
// ErrInvalid.
func Open(name string, opts *Options) (blob.Bucket, error) {
	if opts == nil {
		opts = &Options{}
	}
	if name == "" {
		return New(opts), nil
	}
	named.Lock()
	defer named.Unlock()
	s := named.stores[name]
	if s == nil {
		s = newStore("mem://"+name, *opts)
		named.stores[name] = s
	}
	if s.opts != *opts {
		return nil, &blob.Error{Op: "open", Bucket: s.name,
			Err: fmt.Errorf("%w: the bucket was made with versions=%t", blob.ErrInvalid, s.opts.Versions)}
	}
	return blob.Check(&bucket{store: s}), nil
}

func init() {
	blob.Register("mem", blob.Scheme{Params: []string{"versions"}, Prefix: true, Open: openURL})
}

func openURL(_ context.Context, u *url.URL) (blob.Bucket, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w URL: a bucket in memory has no user", blob.ErrInvalid)
	}
	opts := &Options{}
	switch v := u.Query().Get("versions"); v {
	case "", "false":
	case "true":
		opts.Versions = true
	default:
		return nil, fmt.Errorf("%w URL: versions is neither true nor false", blob.ErrInvalid)
	}
	return Open(u.Host, opts)
}
