package blob_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

const secret = "hunter2"

var registerOnce sync.Once

// register makes two schemes known: one takes a prefix, the other fails.
func register() {
	registerOnce.Do(func() {
		blob.Register("good", blob.Scheme{Params: []string{"region", "key"}, Prefix: true, Open: func(_ context.Context, u *url.URL) (blob.Bucket, error) {
			if u.Path != "" {
				return nil, fmt.Errorf("the path %q is left", u.Path)
			}
			return mem.New(nil), nil
		}})
		blob.Register("bad", blob.Scheme{Open: func(context.Context, *url.URL) (blob.Bucket, error) { return nil, errTest }})
	})
}

func TestOpen(t *testing.T) {
	register()
	for raw, want := range map[string]error{
		"good://x": nil, "good://x/": nil, "good://x/a/b/": nil, "good://x/a%2Fb/": nil, "good://x?region=eu": nil,
		"":           blob.ErrInvalid,
		"good":       blob.ErrInvalid,
		"none://x":   blob.ErrInvalid,
		"good:x":     blob.ErrInvalid, // and not a bucket without a name
		"good://x/a": blob.ErrInvalid,
		"good://x/" + strings.Repeat("a", 1023) + "/": blob.ErrInvalid, // no room for a key
		"good://x/a%00/":                blob.ErrInvalid,
		"good://x/%ff/":                 blob.ErrInvalid,
		"good://x/a#b/":                 blob.ErrInvalid, // and not the prefix "a"
		"good://x?colour=red":           blob.ErrInvalid,
		"good://x?region=a&region=b":    blob.ErrInvalid,
		"good://x?region=":              blob.ErrInvalid,
		"good://x?key=a&region":         blob.ErrInvalid,
		"good://x?key=%zz" + secret:     blob.ErrInvalid,
		"good://u:" + secret + "%zz@x":  blob.ErrInvalid,
		"good://x:" + secret:            blob.ErrInvalid,
		"good://u:" + secret + "\x01@x": blob.ErrInvalid,
		"bad://u:" + secret + "@x/p?":   errTest,
		"bad://u:" + secret + "@x?a=" + secret + "&key=" + secret: blob.ErrInvalid,
	} {
		b, err := blob.Open(ctx, raw)
		if want == nil {
			if err != nil {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		wantErr(t, err, want)
		if b != nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q opens %v, and the error may show too much: %v", raw, b, err)
		}
	}
	_, err := blob.Open(ctx, "good://x?colour=red")
	if !strings.Contains(err.Error(), "key, region") {
		t.Errorf("the error does not name what is known: %v", err)
	}
}

// The bucket behind a prefix belongs to who opened the prefix.
func TestOpenWithPrefix(t *testing.T) {
	b, err := blob.Open(ctx, "mem://open-with-prefix/a/")
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "k", "abc")
	whole, err := blob.Open(ctx, "mem://open-with-prefix")
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, whole, "a/k", "abc")
	_, err = b.Stat(ctx, "missing", nil)
	if want := `stat "missing" in mem://open-with-prefix/a/: object does not exist`; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	r, err := b.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	_, err = r.Read(make([]byte, 1))
	wantErr(t, err, blob.ErrClosed)
}

// The first segments of a path may belong to the name of the bucket.
func TestOpenWithSegments(t *testing.T) {
	var whole blob.Bucket
	var name string
	blob.Register("segments", blob.Scheme{Prefix: true, Segments: 1, Open: func(_ context.Context, u *url.URL) (blob.Bucket, error) {
		whole, name = mem.New(nil), u.Host+u.Path
		return whole, nil
	}})
	for raw, want := range map[string][2]string{
		"segments://host":         {"host/", ""},
		"segments://host/":        {"host/", ""},
		"segments://host/a":       {"host/a", ""},
		"segments://host/a/":      {"host/a", ""},
		"segments://host/a/b/":    {"host/a", "b/"},
		"segments://host/a/b/c/":  {"host/a", "b/c/"},
		"segments://host//b/":     {"host/", "b/"},
		"segments://host/a%2Fb//": {"host/a", "b//"},
	} {
		b, err := blob.Open(ctx, raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if name != want[0] {
			t.Errorf("%s opens %q, want %q", raw, name, want[0])
		}
		put(t, b, "k", "x")
		wantContent(t, whole, want[1]+"k", "x")
	}
	_, err := blob.Open(ctx, "segments://host/a/b")
	wantErr(t, err, blob.ErrInvalid)
}

func TestRegisterTwice(t *testing.T) {
	register()
	defer func() {
		if recover() == nil {
			t.Error("a scheme can be taken over")
		}
	}()
	blob.Register("good", blob.Scheme{Open: func(context.Context, *url.URL) (blob.Bucket, error) { return nil, nil }})
}

// Whatever is around it, a password shows in no error, and nothing panics.
func FuzzOpenURL(f *testing.F) {
	register()
	f.Add("good", "x", "/a/", "region=eu")
	f.Add("bad", "x:99", "/%zz", "a=b#c")
	f.Add("", "[::1", "?", "&&&=;")
	f.Fuzz(func(t *testing.T, scheme, host, path, query string) {
		if strings.Contains(scheme+host+path+query, secret) || strings.ContainsAny(scheme, "/?#@:") || strings.ContainsAny(host, "/?#@") {
			return // the secret would not be where a secret belongs
		}
		b, err := blob.Open(ctx, scheme+"://u:"+secret+"@"+host+path+"?key="+secret+"&"+query)
		if err == nil {
			b.Close()
			return
		}
		var e *blob.Error
		if strings.Contains(err.Error(), secret) || !errors.As(err, &e) {
			t.Errorf("the error is %v", err)
		}
	})
}
