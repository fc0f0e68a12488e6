package blob

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A Scheme tells how the URLs of one driver are opened.
type Scheme struct {
	// Params are the query parameters that the driver knows. Any other is refused before Open is called, and so is one
	// that is given twice or has no value.
	Params []string

	// Prefix says that the path of a URL is a key prefix, so that "s3://bucket/a/b/" opens a [Sub] at "a/b/". Without
	// it the path is the driver's business.
	Prefix bool

	// Segments is how many segments at the beginning of that path belong to the name of the bucket, so that with one
	// "ceph://pool/namespace/a/b/" opens a Sub at "a/b/". They are left in the path that Open is given.
	Segments int

	// Open opens the bucket that u names. Its errors must not repeat a secret of u.
	Open func(ctx context.Context, u *url.URL) (Bucket, error)
}

var schemes = struct {
	sync.RWMutex
	m map[string]Scheme
}{m: map[string]Scheme{}}

// Register makes a driver known to [Open] under the scheme name. A driver calls it when its package is imported. It
// panics if name is taken.
func Register(name string, s Scheme) {
	schemes.Lock()
	defer schemes.Unlock()
	if _, taken := schemes.m[name]; taken || s.Open == nil {
		panic("blob: scheme " + name + " is registered twice, or without Open")
	}
	schemes.m[name] = s
}

// Open opens the bucket that a URL names, such as "mem://name", "file:///srv/data" or "s3://bucket/prefix/". The
// package of its driver must be imported. An unknown scheme or parameter is an ErrInvalid that names the known ones; a
// parameter that is given twice or has no value is one too. No error repeats the URL's user, password or parameter
// values.
func Open(ctx context.Context, rawURL string) (Bucket, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		var reason *url.Error // its text repeats the whole URL
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, openError("", fmt.Errorf("%w URL: %s", ErrInvalid, redactParse(err)))
	}
	schemes.RLock()
	scheme, known := schemes.m[u.Scheme]
	names := slices.Sorted(maps.Keys(schemes.m))
	schemes.RUnlock()
	if !known {
		have := "none is; import a driver's package"
		if len(names) > 0 {
			have = "known are " + strings.Join(names, ", ") + "; others need their driver's package imported"
		}
		if u.Scheme == "" || u.Opaque != "" { // what stands before ":" may be a user, and what follows a password
			return nil, openError("", fmt.Errorf("%w URL: it has no scheme, as in mem://name; %s", ErrInvalid, have))
		}
		return nil, openError("", fmt.Errorf("%w URL: scheme %q is not known; %s", ErrInvalid, u.Scheme, have))
	}
	if u.Fragment != "" || u.Opaque != "" && scheme.Prefix {
		return nil, openError("", fmt.Errorf("%w URL: it is written %s://name/prefix/; a \"#\" or \"?\" in a name is written %%23 or %%3F", ErrInvalid, u.Scheme))
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	if err := checkParams(u, scheme.Params); err != nil {
		return nil, openError(shown, err)
	}
	prefix := ""
	if scheme.Prefix {
		if prefix, err = pathPrefix(u, scheme.Segments); err != nil {
			return nil, openError(shown, err)
		}
	}
	b, err := scheme.Open(ctx, u)
	if err != nil {
		return nil, openError(shown, err)
	}
	if prefix == "" {
		return b, nil
	}
	s := ownedSub(b, prefix)
	if s.broken != nil { // there is no room for the prefix
		return nil, openError(shown, errors.Join(s.broken, b.Close()))
	}
	return s, nil
}

func openError(bucket string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: "open", Bucket: bucket, Err: err}
}

// redactParse returns why a URL does not parse, without the text that does not: it may be a part of a password.
func redactParse(err error) string {
	reason, _, _ := strings.Cut(err.Error(), "\"")
	return strings.TrimSpace(reason)
}

func checkParams(u *url.URL, known []string) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("%w URL: its parameters cannot be parsed", ErrInvalid)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			have := "this scheme knows none"
			if len(known) > 0 {
				have = "known are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
			}
			return fmt.Errorf("%w URL: parameter %q is not known; %s", ErrInvalid, name, have)
		}
		if len(query[name]) > 1 {
			return fmt.Errorf("%w URL: parameter %q is given %d times", ErrInvalid, name, len(query[name]))
		}
		if query[name][0] == "" { // a variable that was not set, perhaps, and the default another service
			return fmt.Errorf("%w URL: parameter %q has no value; without it there is a default", ErrInvalid, name)
		}
	}
	return nil
}

// pathPrefix takes the key prefix off the path of u, which keeps its first segments.
func pathPrefix(u *url.URL, segments int) (string, error) {
	prefix := strings.TrimPrefix(u.Path, "/")
	u.Path, u.RawPath = "", ""
	for range segments {
		segment, rest, _ := strings.Cut(prefix, "/")
		u.Path, prefix = u.Path+"/"+segment, rest
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return "", fmt.Errorf("%w URL: the prefix %s does not end in \"/\"", ErrInvalid, quoteKey(prefix))
	}
	if prefix == "" {
		return "", nil
	}
	return prefix, checkText("prefix", prefix)
}
