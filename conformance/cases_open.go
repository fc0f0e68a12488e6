package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var openCases = []Case{
	{ID: "A01", Doc: "a bucket that was opened by its constructor is empty, and holds what is put into it", Run: openByConstructor},
	{ID: "A02", Doc: "a URL opens the same bucket, and an unknown parameter of it is refused", Needs: []Need{needURL}, Run: openByURL},
	{ID: "A03", Doc: "a secret in a URL shows in no error and in no name of a bucket", Needs: []Need{needURL}, Run: secretsInURL},
	{ID: "A04", Doc: "a bucket that does not exist is fs.ErrNotExist, at the latest at its first use, and the error names it", Needs: []Need{needNonexistent}, Run: nonexistentBucket},
	{ID: "A05", Doc: "every call in a bucket that does not exist is fs.ErrNotExist and names the bucket", Needs: []Need{needNonexistent}, Run: callsInNonexistentBucket},
	{ID: "A07", Doc: "two handles to one bucket see what the other writes and deletes", Needs: []Need{needReopen, strongRead, strongList}, Run: twoHandles},
	{ID: "A08", Doc: "a bucket that a URL opens has the name and capabilities of the one that the URL is of", Needs: []Need{needURL}, Run: urlRoundTrip},
	{ID: "A09", Doc: "a second Close does nothing, also while the first is under way", Run: closeTwice},
	{ID: "A10", Doc: "every call after Close answers ErrClosed, and leaves no goroutine", Run: callsAfterClose},
	{ID: "A11", Doc: "Close ends open readers and uploads, hangs on no writer, and leaks nothing", Run: closeWhileOpen},
	{ID: "A12", Doc: "Close of one handle leaves the other usable", Needs: []Need{needReopen}, Run: closeOfOneHandle},
	{ID: "A14", Doc: "of those who create one configuration object only the first does, whichever handle they have", Needs: []Need{needIfAbsent}, Run: createOnce},
}

func openByConstructor(t *T) {
	t.WantEntries(nil)
	if again := t.Bucket.Capabilities(); fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", t.Caps) {
		t.Errorf("the capabilities change from %+v to %+v", t.Caps, again)
	}
	t.roundTripOrRefused("k", "d/k")
	if other := t.EntriesOf(t.OpenAnother(), nil); len(other) > 0 {
		t.Errorf("another empty bucket holds %q", other)
	}
}

// openURL opens the bucket of a URL, to be closed with the case.
func (t *T) openURL(rawURL string) blob.Bucket {
	b, err := blob.Open(t.ctx, rawURL)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func openByURL(t *T) {
	rawURL := t.Harness.URL(t, t.Bucket)
	b := t.openURL(rawURL)
	t.Put("d/k", "by the constructor")
	if got, _, err := get(t, b, "d/k", nil); err != nil || got != "by the constructor" {
		t.Errorf("the bucket of the URL holds %q, %v", got, err)
	}
	_, err := b.Put(t.ctx, "d/k", strings.NewReader("by URL"), nil)
	t.WantOK("put", err)
	t.WantContent("d/k", "by URL")
	t.WantOK("delete", b.Delete(t.ctx, "d/k", nil))
	t.WantMissing("d/k")

	u, err := url.Parse(rawURL)
	t.WantOK("parse of the harness's URL", err)
	q := u.Query()
	q.Set("no-such-parameter", "1")
	u.RawQuery = q.Encode()
	_, err = blob.Open(t.ctx, u.String())
	wantClass(t, "open with an unknown parameter", err, blob.ErrInvalid)
	if err != nil && !strings.Contains(err.Error(), "no-such-parameter") {
		t.Errorf("the error does not name the unknown parameter: %v", err)
	}
}

func secretsInURL(t *T) {
	rawURL := t.Harness.URL(t, t.Bucket)
	u, err := url.Parse(rawURL)
	t.WantOK("parse of the harness's URL", err)
	const user, password = "s3cr3tuser", "s3cr3tpassword"
	withUser := *u
	withUser.User = url.UserPassword(user, password)
	withParam := *u
	withParam.RawQuery = "no-such-parameter=s3cr3tvalue&secret_access_key=s3cr3tkey&" + u.RawQuery
	for _, text := range []string{
		withUser.String(), withParam.String(),
		u.Scheme + "://s3cr3tuser:s3cr3tpassword@host/%zz", u.Scheme + "://s3cr3tuser:s3cr3tpass word@host/", u.Scheme + "://host:s3cr3tport/",
		u.Scheme + "://host/?no-such-parameter=s3cr3tvalue%zz", u.Scheme + "://host/?a;s3cr3tvalue", u.Scheme + "://host/\x7fs3cr3tvalue",
		"no-such-scheme://s3cr3tuser:s3cr3tpassword@host/?key=s3cr3tvalue", "s3cr3tuser:s3cr3tpassword@host", "://s3cr3tpassword",
	} {
		b, err := blob.Open(t.ctx, text)
		if err == nil {
			_, err = b.Stat(t.ctx, "missing", nil)
			if name := fmt.Sprint(b); strings.Contains(name, password) {
				t.Errorf("a bucket is named %q", name)
			}
			_ = b.Close()
		}
		for _, shown := range texts(err) {
			if strings.Contains(shown, "s3cr3t") {
				t.Errorf("an error shows a secret of the URL: %s", shown)
			}
			for _, secret := range t.Harness.Secrets {
				if strings.Contains(shown, secret) {
					t.Errorf("an error shows a secret of the harness")
				}
			}
		}
	}
}

// texts are the ways in which an error, and what it wraps, may get into a log.
func texts(err error) []string {
	if err == nil {
		return nil
	}
	all := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)}
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, texts(w.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range w.Unwrap() {
			all = append(all, texts(inner)...)
		}
	}
	return all
}

// wantNoBucket reports an error that does not tell of a missing bucket by its name.
func wantNoBucket(t *T, what string, err error) {
	var e *blob.Error
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &e) || e.Bucket == "" || !strings.Contains(err.Error(), e.Bucket) {
		t.Errorf("%s, where there is no bucket, answers %v; it must be fs.ErrNotExist and name the bucket", what, err)
	}
}

func nonexistentBucket(t *T) {
	b, err := t.Harness.Nonexistent(t)
	t.Recordf("open tells that there is no bucket: %t", err != nil)
	if err == nil {
		defer b.Close()
		_, err = b.Stat(t.ctx, "k", nil)
	}
	wantNoBucket(t, "open or stat", err)
}

func callsInNonexistentBucket(t *T) {
	b, err := t.Harness.Nonexistent(t)
	if err != nil {
		wantNoBucket(t, "open", err)
		return
	}
	defer b.Close()
	for _, c := range calls(b.Capabilities()) {
		if c.op != "source" && c.op != "sign" { // these make no request
			wantNoBucket(t, c.name, c.run(t.ctx, b, "k"))
		}
	}
}

func twoHandles(t *T) {
	other := t.Reopen()
	for round := range 3 {
		key, content := fmt.Sprintf("d/k%d", round), t.content(100*round)
		t.Put(key, content)
		if got, _, err := get(t, other, key, nil); err != nil || got != content {
			t.Errorf("the other handle reads %s, %v", brief(got), err)
		}
		if got := t.EntriesOf(other, nil); len(got) != 1 || got[0] != key {
			t.Errorf("the other handle lists %q", got)
		}
		_, err := other.Put(t.ctx, key, strings.NewReader("overwritten"), nil)
		t.WantOK("put through the other handle", err)
		t.WantContent(key, "overwritten")
		t.WantOK("delete through the other handle", other.Delete(t.ctx, key, nil))
		t.WantMissing(key)
	}
}

func urlRoundTrip(t *T) {
	rawURL := t.Harness.URL(t, t.Bucket)
	for range 2 {
		b := t.openURL(rawURL)
		if got, want := fmt.Sprintf("%+v", b.Capabilities()), fmt.Sprintf("%+v", t.Caps); got != want {
			t.Errorf("the bucket of the URL can do %s, the one that the URL is of %s", got, want)
		}
		name := func(b blob.Bucket) string {
			var e *blob.Error
			_, err := b.Stat(t.ctx, "missing", nil)
			if !errors.As(err, &e) {
				t.Fatalf("stat of a missing key answers %v", err)
			}
			return e.Bucket
		}
		if got, want := name(b), name(t.Bucket); got != want {
			t.Errorf("the bucket of the URL names itself %q, the one that the URL is of %q", got, want)
		}
	}
}

func closeTwice(t *T) {
	b := t.OpenAnother()
	t.crowd(8, func(int) {
		if err := b.Close(); err != nil && !errors.Is(err, blob.ErrClosed) {
			t.Errorf("one Close of many answers %v", err)
		}
	})
	if err := b.Close(); err != nil && !errors.Is(err, blob.ErrClosed) {
		t.Errorf("another Close answers %v", err)
	}
}

func callsAfterClose(t *T) {
	b := t.OpenAnother()
	t.WantOK("put", putOf(t, b, source))
	src, srcErr := b.Source(t.ctx, source, nil)
	var u blob.Upload
	if t.Caps.Uploads.Supported {
		var err error
		u, err = b.Upload(t.ctx, "unfinished", &blob.UploadOptions{PartSize: t.partSize()})
		t.WantOK("upload", err)
	}
	t.NoLeaks(func() {
		t.WantOK("close", b.Close())
		for _, c := range calls(t.Caps) {
			wantClass(t, c.name+" after Close", c.run(t.ctx, b, "k"), blob.ErrClosed)
		}
		wantClass(t, "DeleteEach of nothing after Close", b.DeleteEach(t.ctx, func(func(string) bool) {}, nil), blob.ErrClosed)
		if srcErr == nil {
			_, err := b.Copy(t.ctx, "copy", src, nil)
			wantClass(t, "copy after Close", err, blob.ErrClosed)
		}
		if u != nil {
			_, err := u.Put(t.ctx, 1, section("x"))
			wantClass(t, "put of a part after Close", err, blob.ErrClosed)
			_, err = u.Complete(t.ctx)
			wantClass(t, "complete after Close", err, blob.ErrClosed)
			for _, err = range u.Parts(t.ctx) {
				break
			}
			wantClass(t, "parts after Close", err, blob.ErrClosed)
		}
		if fmt.Sprintf("%+v", b.Capabilities()) != fmt.Sprintf("%+v", t.Caps) {
			t.Errorf("the capabilities change with Close")
		}
	})
	if t.Harness.has(HookReopen) && t.Caps.Uploads.Supported && t.Caps.Uploads.Listed {
		again := t.Harness.Reopen(t, b)
		for info, err := range again.Uploads(t.ctx, "") {
			t.WantOK("uploads", err)
			left, err := again.Upload(t.ctx, info.Key, &blob.UploadOptions{ID: info.ID})
			t.WantOK("resume", err)
			t.WantOK("abort", left.Abort(t.ctx))
		}
		t.WantOK("close", again.Close())
	}
}

func closeWhileOpen(t *T) {
	b := t.OpenAnother()
	content := t.content(1 << 20)
	for range 2 { // what lies beneath may be shared, and keep open what the first overwrite opens
		_, err := b.Put(t.ctx, "old", strings.NewReader(content), nil)
		t.WantOK("put", err)
	}
	t.NoLeaks(func() {
		r, err := b.Get(t.ctx, "old", nil)
		t.WantOK("get", err)
		defer r.Close()
		_, err = io.ReadFull(r, make([]byte, 1000))
		t.WantOK("read", err)
		g := newGated(content[:1000], content[1000:])
		defer g.open()
		put := t.putBehind(t.ctx, b, "old", g, nil)

		t.within(10*time.Second, "Close with an open reader and writer", func() { t.WantOK("close", b.Close()) })
		n, err := io.Copy(io.Discard, r)
		wantClass(t, fmt.Sprintf("a reader whose bucket was closed, after %d more bytes,", n), err, blob.ErrClosed)
		t.WantOK("close of the reader", r.Close())
		g.open()
		res := put.wait()
		t.Recordf("a Put that Close overtakes succeeds: %t", res.err == nil)
		if res.err != nil {
			wantClass(t, "a Put that Close overtook", res.err, blob.ErrClosed)
		}
	})
	if t.Harness.has(HookReopen) {
		again := t.Harness.Reopen(t, b)
		defer again.Close()
		if got, _, err := get(t, again, "old", nil); err != nil || got != content {
			t.Errorf("after a Close amid a Put the object is %s, %v", brief(got), err)
		}
	}
}

func closeOfOneHandle(t *T) {
	t.Put("k", "content")
	r, err := t.Bucket.Get(t.ctx, "k", nil)
	t.WantOK("get", err)
	defer r.Close()
	for range 3 {
		other := t.Reopen()
		if got, _, err := get(t, other, "k", nil); err != nil || got != "content" {
			t.Errorf("the other handle reads %q, %v", got, err)
		}
		t.WantOK("close", other.Close())
		t.WantContent("k", "content")
		t.Put("k", "content")
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		t.Errorf("a reader of one handle, after the other was closed, reads %q, %v", got, err)
	}
	for _, c := range calls(t.Caps) {
		t.Put(source, "x")
		t.Put("k", "content")
		t.WantOK(c.name+" after the Close of another handle", c.run(context.WithoutCancel(t.ctx), t.Bucket, "k"))
	}
}

func createOnce(t *T) {
	create := func(b blob.Bucket, content string) error {
		_, err := b.Put(t.ctx, "config", strings.NewReader(content), &blob.PutOptions{If: blob.IfAbsent})
		return err
	}
	t.WantOK("the first creation", create(t.Bucket, "first"))
	for _, b := range t.handles() {
		wantClass(t, "another creation", create(b, "second"), fs.ErrExist, blob.ErrPrecondition)
		t.WantContent("config", "first")
	}
	t.Delete("config")
	t.WantOK("creation after a delete", create(t.Bucket, "third"))
	t.WantContent("config", "third")
}
