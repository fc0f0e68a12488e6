package blob_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Whatever its key, a Sub reaches nothing but what begins with its prefix.
func TestSubIsNotEscaped(t *testing.T) {
	for _, prefix := range []string{"a/", "a", "", "ü/", "../", "/"} {
		m := newMem(t)
		b := blob.Sub(m, prefix)
		var want []string
		for _, key := range []string{"../x", "/x", "..", ".", "x", "a/", "//", `..\x`, "%2e%2e/x"} {
			put(t, b, key, "abc")
			want = append(want, prefix+key)
			wantContent(t, b, key, "abc")
		}
		slices.Sort(want)
		wantKeys(t, m, nil, want...)
	}
}

func TestSubEveryMethod(t *testing.T) {
	m := newMem(t)
	b := blob.Sub(m, "a/")
	put(t, m, "a/", "no name in the Sub")
	put(t, m, "b", "outside")
	o := put(t, b, "k", "abc")
	if o.Key != "k" {
		t.Errorf("put names %q", o.Key)
	}
	if o, err := b.Stat(ctx, "k", &blob.StatOptions{If: blob.IfMatch(o.ETag)}); err != nil || o.Key != "k" {
		t.Error(o, err)
	}
	r, err := b.Get(ctx, "k", nil)
	if err != nil || r.Key != "k" {
		t.Fatal(r, err)
	}
	r.Close()
	src, err := b.Source(ctx, "k", nil)
	if err != nil || src.Key() != "k" {
		t.Error(src, err)
	}
	if o, err := b.Copy(ctx, "copy", src, nil); err != nil || o.Key != "copy" {
		t.Error(o, err)
	}
	wantContent(t, m, "a/copy", "abc")
	u, err := b.Upload(ctx, "u", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Upload(ctx, "a/", nil); err != nil {
		t.Fatal(err)
	}
	for info, err := range b.Uploads(ctx, "") {
		if err != nil || info.Key != "u" || info.ID != u.ID() {
			t.Error(info, err)
		}
	}
	if u, err = b.Upload(ctx, "u", &blob.UploadOptions{ID: u.ID()}); err != nil {
		t.Fatal(err)
	}
	if o, err := u.Complete(ctx); err != nil || o.Key != "u" {
		t.Error(o, err)
	}
	wantKeys(t, b, nil, "copy", "k", "u")
	if err := b.Delete(ctx, "k", nil); err != nil {
		t.Error(err)
	}
	if err := b.DeleteEach(ctx, slices.Values([]string{"copy", "u"}), nil); err != nil {
		t.Error(err)
	}
	wantKeys(t, m, nil, "a/", "b")
	b.Close()
	_, err = b.Stat(ctx, "k", nil)
	wantErr(t, err, blob.ErrClosed)
	wantContent(t, m, "b", "outside") // the parent is still open
}

// Errors name the key of the caller, and nothing of the prefix but in the name of the bucket.
func TestSubErrors(t *testing.T) {
	m, err := mem.Open("sub-errors", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := blob.Sub(m, "private/")
	_, err = b.Stat(ctx, "k", nil)
	if want := `stat "k" in mem://sub-errors/private/: object does not exist`; err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	src, err := b.Source(ctx, "missing", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Copy(ctx, "k", src, nil)
	wantErr(t, err, fs.ErrNotExist)
	if strings.Contains(err.Error(), "private/missing") || !strings.Contains(err.Error(), `"missing"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestSubKeyLimit(t *testing.T) {
	m := newMem(t)
	b := blob.Sub(m, strings.Repeat("p", 1000))
	if caps := b.Capabilities(); caps.Keys.Max() != 24 {
		t.Errorf("keys may have %d bytes", caps.Keys.Max())
	}
	put(t, b, strings.Repeat("k", 24), "")
	_, err := b.Put(ctx, strings.Repeat("k", 25), nil, nil)
	wantErr(t, err, blob.ErrInvalid)
	if !strings.Contains(err.Error(), "25 bytes") {
		t.Errorf("the error is %v", err)
	}
}

func TestSubOfABadPrefix(t *testing.T) {
	for _, prefix := range []string{"\x00", "\xff/", strings.Repeat("p", 1024), strings.Repeat("p", 5000)} {
		b := blob.Sub(newMem(t), prefix)
		for name, call := range everyCall {
			if err := call(b); !errors.Is(err, blob.ErrInvalid) {
				t.Errorf("%.10q: %s answers %v", prefix, name, err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A bulk call of the parent gets whole keys, and its failures come back cut.
func TestSubDeletesInBulk(t *testing.T) {
	f := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) { c.BulkDelete = 100 }}
	var got []string
	f.each = func(_ context.Context, keys iter.Seq[string], failed func(string, error)) error {
		got = slices.Collect(keys)
		failed("a/l", errTest)
		return nil
	}
	b := blob.Sub(blob.Check(f), "a/")
	var left []string
	err := b.DeleteEach(ctx, slices.Values([]string{"k", "", "l"}), func(key string, _ error) { left = append(left, key) })
	if !slices.Equal(got, []string{"a/k", "a/l"}) || !slices.Equal(left, []string{"", "l"}) {
		t.Errorf("the parent is given %q, left are %q", got, left)
	}
	wantErr(t, err, blob.ErrInvalid)
}

// A listing of a Sub is, in all its options, that of a bucket that holds just those keys.
func TestSubListsLikeABucket(t *testing.T) {
	names := []string{"!", "a", "a!", "a-b", "a/", "a/b", "a/b/c", "a/bc", "a0", "b//c", "ü", "z/"}
	starts := append([]string{"", " ", "a/a", "a/b/", "a/b0", "zzz", "\U0010ffff"}, names...)
	for _, prefix := range []string{"", "a/", "a", "x-", "\U0010ffff"} {
		alone, whole := newMem(t), newMem(t)
		for _, other := range []string{"!", "0", "a", "b", "x", "x-", "zz", "a/", "\U0010fffe"} {
			if prefix != "" && (other == prefix || !strings.HasPrefix(other, prefix)) {
				put(t, whole, other, "")
			}
		}
		for _, name := range names {
			put(t, alone, name, "")
			put(t, whole, prefix+name, "")
		}
		sub := blob.Sub(whole, prefix)
		for _, start := range starts {
			for _, within := range []string{"", "a", "a/", "a/b", "b/", "c"} {
				for _, delimiter := range []string{"", "/", "-", "//"} {
					for _, opts := range []blob.ListOptions{{StartAfter: start}, {StartAt: start}, {StartAt: start, Limit: 2}} {
						opts.Prefix, opts.Delimiter = within, delimiter
						if got, want := keys(t, sub, &opts), keys(t, alone, &opts); !slices.Equal(got, want) {
							t.Fatalf("Sub(%q) %+v lists %q, not %q", prefix, opts, got, want)
						}
					}
				}
			}
		}
	}
}

func TestReadOnly(t *testing.T) {
	f := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) { c.Sign.Methods = blob.Methods("GET", "PUT") }}
	put(t, f.Bucket, "k", "abc")
	b := blob.ReadOnly(blob.Check(f))
	writes := map[string]call{
		"put if-match": putWith(&blob.PutOptions{If: blob.IfMatch("x")}), "sign PUT": signWith(&blob.SignOptions{Method: "PUT", Expires: 1}),
		"delete of a version": deleteWith(&blob.DeleteOptions{Version: "1"}),
		"resume":              uploadWith(&blob.UploadOptions{ID: "1"}),
	}
	for name, call := range everyCall {
		switch name {
		case "put", "copy", "delete", "delete each", "upload":
			writes[name] = call
		default:
			if err := call(b); err != nil {
				t.Errorf("%s answers %v", name, err)
			}
		}
	}
	f.calls = 0
	for name, call := range writes {
		if err := call(b); !errors.Is(err, fs.ErrPermission) || f.calls > 0 {
			t.Errorf("%s answers %v, after %d calls", name, err, f.calls)
		}
	}
	var left []string
	if err := b.DeleteEach(ctx, slices.Values([]string{"k", "l"}), func(key string, _ error) { left = append(left, key) }); len(left) != 2 {
		t.Errorf("left are %q, %v", left, err)
	}
	caps := b.Capabilities()
	if !caps.ReadOnly || caps.Sign.Methods != blob.Methods("GET") {
		t.Errorf("%+v", caps)
	}
	if _, err := blob.Copy(ctx, f.Bucket, "copy", b, "k", nil); err != nil {
		t.Error(err)
	}
	b.Close()
	wantContent(t, f.Bucket, "copy", "abc")
}
