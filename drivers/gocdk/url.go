package gocdk

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/holdall-go/holdall/blob"
	gcblob "gocloud.dev/blob"
)

// Scheme is the scheme under which gocloud.dev's mux finds buckets of holdall, before a URL of theirs:
// "holdall:file:///srv/data".
const Scheme = "holdall"

// known are the schemes of holdall's own drivers. The mux matches schemes exactly, so each is registered by its name;
// that it can be opened still takes the import of its driver.
var known = []string{"azure", "b2", "ceph", "file", "gcs", "mem", "s3", "swift"}

func init() {
	mux := gcblob.DefaultURLMux()
	mux.RegisterBucket(Scheme, &URLOpener{})
	for _, name := range known {
		RegisterScheme(mux, name)
	}
}

// RegisterScheme lets mux open URLs of "holdall+name", such as "holdall+file:///srv/data", through the driver that is
// registered with package blob under that name. Importing this package does so for holdall's own drivers on the default
// mux. It panics if the scheme is taken.
func RegisterScheme(mux *gcblob.URLMux, name string) {
	mux.RegisterBucket(Scheme+"+"+name, &URLOpener{})
}

// URLOpener opens buckets of holdall for gocloud.dev: "holdall:file:///srv/data" and "holdall+file:///srv/data" open what
// blob.Open opens at "file:///srv/data". Closing the bucket closes that.
//
// The parameter keys=escape selects [EscapeKeys], and keys=s3blob, fileblob, azureblob or gcsblob [KeysAsWritten]; all
// others are the driver's. gocloud.dev itself takes prefix and key away, so a driver never sees parameters of that name.
type URLOpener struct {
	// Options are for URLs without keys.
	Options OpenOptions
}

// OpenBucketURL implements gocloud.dev's BucketURLOpener.
func (o *URLOpener) OpenBucketURL(ctx context.Context, u *url.URL) (*gcblob.Bucket, error) {
	opts := o.Options
	inner, err := within(u, &opts)
	if err != nil {
		return nil, &blob.Error{Op: "open", Err: err}
	}
	b, err := blob.Open(ctx, inner)
	if err != nil {
		return nil, err
	}
	return gcblob.NewBucket(newShown(b, &opts, true)), nil
}

// within returns the URL that u wraps, without our own parameter, which it puts into opts.
func within(u *url.URL, opts *OpenOptions) (string, error) {
	inner := *u
	if name, found := strings.CutPrefix(u.Scheme, Scheme+"+"); found {
		inner.Scheme = name
	} else {
		name, rest, found := strings.Cut(u.Opaque, ":")
		parsed, err := url.Parse(name + ":" + rest)
		if err != nil || !found {
			return "", fmt.Errorf("%w URL: it is written holdall:file:///srv/data, with a URL of holdall after the first colon", blob.ErrInvalid)
		}
		parsed.RawQuery, parsed.Fragment = u.RawQuery, u.Fragment
		inner = *parsed
	}
	query, err := url.ParseQuery(inner.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w URL: its parameters cannot be parsed", blob.ErrInvalid)
	}
	if keys, given := query["keys"]; given {
		opts.Keys, err = parseKeys(keys)
		query.Del("keys")
		inner.RawQuery = query.Encode()
	}
	return inner.String(), err
}

func parseKeys(values []string) (Keys, error) {
	named := map[string]Keys{"": {}, "escape": EscapeKeys, "s3blob": {S3blob}, "fileblob": {Fileblob}, "azureblob": {Azureblob}, "gcsblob": {Gcsblob}}
	if k, ok := named[values[0]]; ok && len(values) == 1 {
		return k, nil
	}
	return Keys{}, fmt.Errorf("%w URL: keys is given once, as escape, s3blob, fileblob, azureblob or gcsblob", blob.ErrInvalid)
}
