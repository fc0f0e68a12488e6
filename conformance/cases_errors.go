package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// What needs a server, or faults on the way to one, is in cases_faults_*.go.
var errorCases = []Case{
	{ID: "P01", Doc: "each call in each situation answers one class of error, the same on every store", Run: taxonomy},
	{ID: "P02", Doc: "success is a plain nil, which is of no class", Run: nilIsNil},
	{ID: "P03", Doc: "every error is a *blob.Error with the operation, bucket and key, and unwraps to its reason", Run: errorDetails},
	{ID: "P28", Doc: "a body that cannot seek is read once, from its beginning to its end, whatever becomes of the call", Run: andThroughProxy(readOnce, readOnceThroughFaults)},
	{ID: "P32", Doc: "every wrapper hands on an error of each method as it is, once, and works when it is over", Run: faultsThroughWrappers},
}

// A situation is a call that must fail, and how.
type situation struct {
	what string
	call func() error
	want []error
}

func (s situation) check(t *T) { wantClass(t, s.what, s.call(), s.want...) }

func taxonomy(t *T) {
	t.Put("there", "content")
	t.Put(source, "content")
	before := t.Snapshot()
	for _, s := range missingSituations(t) {
		s.check(t)
	}
	for _, s := range invalidSituations(t) {
		s.check(t)
	}
	for _, s := range conditionSituations(t) {
		s.check(t)
	}
	for _, why := range bothEnds {
		ended := newEndable(t.ctx, why)
		ended.end()
		for _, c := range calls(t.Caps) {
			situation{c.name + " with an ended context", func() error { return c.run(ended, t.Bucket, "there") }, []error{why}}.check(t)
		}
	}
	if after := t.Snapshot(); !maps.Equal(before, after) {
		t.Errorf("failing calls changed %q to %q", before, after)
	}
	t.WantOK("close", t.Bucket.Close())
	for _, c := range calls(t.Caps) {
		situation{c.name + " after Close", func() error { return c.run(t.ctx, t.Bucket, "there") }, []error{blob.ErrClosed}}.check(t)
	}
}

func missingSituations(t *T) []situation {
	missing := []situation{
		{"stat of a missing key", func() error { _, err := t.Bucket.Stat(t.ctx, "none", nil); return err }, []error{fs.ErrNotExist}},
		{"get of a missing key", func() error { return getError(t, "none", nil) }, []error{fs.ErrNotExist}},
		{"get of a range of a missing key", func() error { return getError(t, "none", &blob.GetOptions{Range: blob.From(3)}) }, []error{fs.ErrNotExist}},
		{"get of a range beyond the end", func() error { return getError(t, "there", &blob.GetOptions{Range: blob.From(100)}) }, []error{blob.ErrRange}},
	}
	if t.Caps.Copy {
		missing = append(missing, situation{"copy of a missing key", func() error {
			src, err := t.Bucket.Source(t.ctx, "none", nil)
			t.WantOK("source of a missing key", err)
			_, err = t.Bucket.Copy(t.ctx, "there", src, nil)
			return err
		}, []error{fs.ErrNotExist}})
	}
	if t.Caps.Uploads.Supported {
		missing = append(missing, situation{"an upload that does not exist", func() error {
			u, err := t.Bucket.Upload(t.ctx, "there", &blob.UploadOptions{ID: "no such upload"})
			if err == nil {
				_, err = u.Put(t.ctx, 1, section("x")) // a store may look no earlier
			}
			return err
		}, []error{t.noSuchUpload()}})
	}
	return missing
}

func getError(t *T, key string, opts *blob.GetOptions) error {
	_, _, err := get(t, t.Bucket, key, opts)
	return err
}

func invalidSituations(t *T) []situation {
	invalid := []error{blob.ErrInvalid}
	var all []situation
	for _, key := range []string{"", "a\x00b", "a\xff", strings.Repeat("k", t.Caps.Keys.Max()+1)} {
		for _, c := range calls(t.Caps) {
			if c.key {
				all = append(all, situation{fmt.Sprintf("%s of the key %s", c.name, brief(key)), func() error { return c.run(t.ctx, t.Bucket, key) }, invalid})
			}
		}
	}
	list := func(what string, o *blob.ListOptions) situation {
		return situation{what, func() error {
			for _, err := range t.Bucket.List(t.ctx, o) {
				return err
			}
			return nil
		}, invalid}
	}
	put := func(what string, o *blob.PutOptions) situation {
		return situation{what, func() error {
			_, err := t.Bucket.Put(t.ctx, "there", strings.NewReader("x"), o)
			return err
		}, invalid}
	}
	all = append(all,
		situation{"get of a negative range", func() error { return getError(t, "there", &blob.GetOptions{Range: blob.Bytes(-1, 2)}) }, invalid},
		situation{"stat if-absent", func() error {
			_, err := t.Bucket.Stat(t.ctx, "there", &blob.StatOptions{If: blob.IfAbsent})
			return err
		}, invalid},
		list("list with a bad prefix", &blob.ListOptions{Prefix: "a\x00"}),
		list("list with two starts", &blob.ListOptions{StartAfter: "a", StartAt: "b"}),
		list("list with a negative limit", &blob.ListOptions{Limit: -1}),
		put("put with a bad media type", &blob.PutOptions{Attributes: blob.Attributes{ContentType: "no media type"}}),
		put("put of fewer bytes than declared", &blob.PutOptions{Size: 2}),
		put("put if-none-match", &blob.PutOptions{If: blob.IfNoneMatch(`"x"`)}),
	)
	if t.Caps.Sign.Methods.Has(http.MethodGet) {
		all = append(all, situation{"sign without a life", func() error {
			_, err := t.Bucket.Sign(t.ctx, "there", &blob.SignOptions{Method: http.MethodGet})
			return err
		}, invalid})
	}
	return all
}

// conditionSituations are conditions that do not hold, or, where they are not declared, are refused.
func conditionSituations(t *T) []situation {
	declared := func(has bool, s situation) situation {
		if !has {
			s.want = []error{errors.ErrUnsupported}
		}
		return s
	}
	put := func(key string, cond blob.Condition) func() error {
		return func() error {
			_, err := t.Bucket.Put(t.ctx, key, strings.NewReader("x"), &blob.PutOptions{If: cond})
			return err
		}
	}
	stat := func(cond blob.Condition) func() error {
		return func() error {
			_, err := t.Bucket.Stat(t.ctx, "there", &blob.StatOptions{If: cond})
			return err
		}
	}
	c, etag, stale := t.Caps, t.Stat("there").ETag, blob.IfMatch(`"stale"`)
	all := []situation{
		declared(c.If.Put.Has(blob.KindAbsent), situation{"put if-absent of what is there", put("there", blob.IfAbsent), []error{fs.ErrExist, blob.ErrPrecondition}}),
		declared(c.If.Put.Has(blob.KindMatch), situation{"put if-match of another ETag", put("there", stale), []error{blob.ErrPrecondition}}),
		declared(c.If.Put.Has(blob.KindMatch), situation{"put if-match of a missing key", put("none", stale), []error{blob.ErrPrecondition}}),
		declared(c.If.Delete.Has(blob.KindMatch), situation{"delete if-match of another ETag", func() error {
			return t.Bucket.Delete(t.ctx, "there", &blob.DeleteOptions{If: stale})
		}, []error{blob.ErrPrecondition}}),
		declared(c.If.Read.Has(blob.KindMatch), situation{"stat if-match of another ETag", stat(stale), []error{blob.ErrPrecondition}}),
		declared(c.If.Read.Has(blob.KindNoneMatch), situation{"stat if-none-match of this ETag", stat(blob.IfNoneMatch(etag)), []error{blob.ErrNotModified}}),
		declared(c.If.Read.Has(blob.KindModifiedSince), situation{"stat if-modified-since the future", stat(blob.IfModifiedSince(time.Now().Add(time.Hour))), []error{blob.ErrNotModified}}),
		declared(c.If.Read.Has(blob.KindUnmodifiedSince), situation{"stat if-unmodified-since 1970", stat(blob.IfUnmodifiedSince(time.Unix(1, 0))), []error{blob.ErrPrecondition}}),
		{"put with a Provider option of nobody", func() error {
			_, err := t.Bucket.Put(t.ctx, "there", strings.NewReader("x"), &blob.PutOptions{Provider: struct{ nobody int }{}})
			return err
		}, []error{errors.ErrUnsupported}},
	}
	if !c.Versions {
		all = append(all, situation{"stat of a version", func() error {
			_, err := t.Bucket.Stat(t.ctx, "there", &blob.StatOptions{Version: "1"})
			return err
		}, []error{errors.ErrUnsupported}})
	}
	for algorithm := range c.Checksums.In.All() {
		h, err := algorithm.New()
		t.WantOK("a declared algorithm", err)
		wrong := blob.Checksums{}.With(algorithm, h.Sum(nil)) // of nothing
		all = append(all, situation{"put with a wrong checksum", func() error {
			_, err := t.Bucket.Put(t.ctx, "there", strings.NewReader("x"), &blob.PutOptions{Checksums: wrong})
			return err
		}, []error{blob.ErrChecksum}})
		break // one is enough here
	}
	return all
}

func nilIsNil(t *T) {
	t.Put(source, "x")
	for _, c := range calls(t.Caps) {
		t.Put("k", "x")
		err := c.run(t.ctx, t.Bucket, "k")
		if err != nil { // also if it holds a nil *Error
			t.Errorf("%s that succeeds answers %T %v", c.name, err, err)
		}
		if got := classes(err); len(got) > 0 {
			t.Errorf("%s: nil is of the class %q", c.name, got)
		}
	}
}

func errorDetails(t *T) {
	t.Put(source, "x")
	const key = "none\n\x01 ü"
	bad := "\x7f\x01 no key\n\xff"
	why := newEndable(t.ctx, context.Canceled)
	why.end()
	for _, c := range calls(t.Caps) {
		for _, s := range []struct {
			ctx context.Context
			key string
		}{{why, key}, {t.ctx, bad}} {
			err := c.run(s.ctx, t.Bucket, s.key)
			var e *blob.Error
			if !errors.As(err, &e) {
				t.Errorf("%s: %v is a %T, and no *blob.Error is in it", c.name, err, err)
				continue
			}
			if e.Op != c.op {
				t.Errorf("%s: the error says Op %q, not %q", c.name, e.Op, c.op)
			}
			if e.Bucket == "" {
				t.Errorf("%s: the error %v names no bucket", c.name, err)
			}
			ofNoKey := c.name == "delete each" && s.ctx != t.ctx // it does not begin with any
			if c.key && !ofNoKey && (e.Key != s.key || !strings.Contains(err.Error(), strconv.Quote(s.key))) {
				t.Errorf("%s of %q: the error has the key %q and says %v", c.name, s.key, e.Key, err)
			}
			if errors.Unwrap(e) == nil || !errors.Is(err, errors.Unwrap(e)) {
				t.Errorf("%s: %v unwraps to %v", c.name, err, errors.Unwrap(e))
			}
			if strings.ContainsAny(err.Error(), "\n\x01\x7f") {
				t.Errorf("%s: the error text has control bytes of the key: %q", c.name, err.Error())
			}
			if e.Retryable() {
				t.Errorf("%s: %v calls itself retryable", c.name, err)
			}
		}
	}
}

// oneWay is a body that cannot seek, and that counts what is read, also after its end.
type oneWay struct {
	r        io.Reader
	read     int
	afterEnd int
	ended    bool
	closes   int
}

func (o *oneWay) Read(p []byte) (int, error) {
	if o.ended {
		o.afterEnd++
	}
	n, err := o.r.Read(p)
	o.read += n
	o.ended = o.ended || err != nil
	return n, err
}

func (o *oneWay) Close() error { o.closes++; return nil }

func readOnce(t *T) {
	failure := errors.New("the body fails")
	for _, size := range []int{0, 1, 1000, 3 << 20} {
		content := strings.Repeat("o", size)
		body := &oneWay{r: strings.NewReader(content)}
		_, err := t.Bucket.Put(t.ctx, "once", body, nil)
		t.WantOK("put of a stream", err)
		if body.read != size || body.closes > 0 {
			t.Errorf("of a stream of %d bytes %d were read, and it was closed %d times", size, body.read, body.closes)
		}
		t.WantContent("once", content)
		body = &oneWay{r: failingBody(size, failure)}
		_, err = t.Bucket.Put(t.ctx, "once", body, nil)
		t.WantError("put of a failing stream", err, failure)
		if body.read > size || body.afterEnd > 0 {
			t.Errorf("a stream that failed after %d bytes was read %d more times", size, body.afterEnd)
		}
		t.WantContent("once", content)
	}
}
