package gocdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"
)

func memory(t *testing.T) blob.Bucket {
	b := mem.New(nil)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

var errBroken = errors.New("the source is broken")

// gocloud.dev's own Upload publishes what came before its reader failed.
func TestFailingReadersPublishNothing(t *testing.T) {
	broken := func() io.Reader { return io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(errBroken)) }
	direct := memblob.OpenBucket(nil)
	defer direct.Close()
	if err := direct.Upload(t.Context(), "k", broken(), &gcblob.WriterOptions{ContentType: "text/plain"}); err == nil {
		t.Error("gocloud.dev says nothing of a broken reader")
	}
	if there, _ := direct.Exists(t.Context(), "k"); !there {
		t.Error("gocloud.dev publishes nothing of a broken reader any more: tell the package comment")
	}
	files, err := fileblob.OpenBucket(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for name, b := range map[string]blob.Bucket{"memblob": New(direct, nil), "fileblob": New(files, nil)} {
		if _, err := b.Put(t.Context(), "new", broken(), nil); !errors.Is(err, errBroken) {
			t.Errorf("over %s: %v", name, err)
		}
		if _, err := b.Put(t.Context(), "new", strings.NewReader("x"), &blob.PutOptions{Checksums: blob.CRC32CSum(1)}); !errors.Is(err, blob.ErrChecksum) {
			t.Errorf("over %s: %v", name, err)
		}
		if there, err := blob.Exists(t.Context(), b, "new"); there || err != nil {
			t.Errorf("over %s, a failed Put published: %t, %v", name, there, err)
		}
	}
	ours := Open(memory(t), nil)
	if err := ours.Upload(t.Context(), "k", broken(), &gcblob.WriterOptions{ContentType: "text/plain"}); !errors.Is(err, errBroken) {
		t.Errorf("over Open, Upload answers %v", err)
	}
	if there, err := ours.Exists(t.Context(), "k"); there || err != nil {
		t.Errorf("over Open, a failed Upload published: %t, %v", there, err)
	}
}

func TestSeeksStayInOneVersion(t *testing.T) {
	b := Open(memory(t), nil)
	write := func(content string) {
		if err := b.WriteAll(t.Context(), "k", []byte(content), nil); err != nil {
			t.Fatal(err)
		}
	}
	write("0123456789")
	asked := 0
	r, err := b.NewReader(t.Context(), "k", &gcblob.ReaderOptions{BeforeRead: func(func(any) bool) error { asked++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := func(at int64) (string, error) {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 3)
		n, err := io.ReadFull(r, p)
		return string(p[:n]), err
	}
	if got, err := read(4); got != "456" || err != nil || asked != 2 {
		t.Errorf("after a seek: %q, %v; the hook was called %d times", got, err, asked)
	}
	write("abcdefghij")
	if got, err := read(2); gcerrors.Code(err) != gcerrors.FailedPrecondition || got != "" {
		t.Errorf("after an overwrite, a seek reads %q, %v", got, err)
	}
}

func TestHooksReachConditions(t *testing.T) {
	b := Open(memory(t), nil)
	if err := b.WriteAll(t.Context(), "k", []byte("old"), nil); err != nil {
		t.Fatal(err)
	}
	err := b.WriteAll(t.Context(), "k", []byte("new"), &gcblob.WriterOptions{BeforeWrite: func(as func(any) bool) error {
		var o *blob.PutOptions
		if as(&o) {
			o.If = blob.IfMatch(`"another"`)
		}
		return nil
	}})
	if gcerrors.Code(err) != gcerrors.FailedPrecondition || !errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("a write on a condition that fails: %v", err)
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		code gcerrors.ErrorCode
	}{
		{blob.ErrNotExist, gcerrors.NotFound},
		{blob.ErrExist, gcerrors.FailedPrecondition}, // and not AlreadyExists
		{blob.ErrPrecondition, gcerrors.FailedPrecondition},
		{fs.ErrPermission, gcerrors.PermissionDenied},
		{blob.ErrInvalid, gcerrors.InvalidArgument},
		{blob.ErrRange, gcerrors.InvalidArgument},
		{errors.ErrUnsupported, gcerrors.Unimplemented},
		{blob.ErrClosed, gcerrors.FailedPrecondition},
		{blob.ErrChecksum, gcerrors.Internal},
		{blob.ErrAmbiguous, gcerrors.Unknown},
		{fmt.Errorf("%w: %w", context.Canceled, blob.ErrNotExist), gcerrors.Canceled},
	} {
		if got := toGo(&blob.Error{Op: "get", Err: test.err}); got != test.code {
			t.Errorf("%v has the code %v, want %v", test.err, got, test.code)
		}
	}
	b := Open(memory(t), nil)
	_, err := b.ReadAll(t.Context(), "missing")
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, gcerrors.ErrNotFound) {
		t.Errorf("%v does not answer to both names", err)
	}
	n := New(memblob.OpenBucket(nil), nil)
	_, err = n.Stat(t.Context(), "missing", nil)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, gcerrors.ErrNotFound) {
		t.Errorf("%v does not answer to both names", err)
	}
	if err := b.WriteAll(t.Context(), "a\x00b", nil, nil); gcerrors.Code(err) != gcerrors.InvalidArgument {
		t.Errorf("a key with NUL, as it is: %v", err)
	}
}

// A listing that is not in byte order is not passed on as if it were.
func TestListingsOutOfOrderAreRefused(t *testing.T) {
	// Keys that are listed by the names that they are written as.
	theirs := Open(memory(t), &OpenOptions{Keys: KeysAsWritten(S3blob)})
	for _, key := range []string{"a\x01", "aB"} {
		if err := theirs.WriteAll(t.Context(), key, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	list := func(b blob.Bucket) (keys []string, err error) {
		for o, err := range b.List(t.Context(), nil) {
			if err != nil {
				return keys, err
			}
			keys = append(keys, o.Key)
		}
		return keys, nil
	}
	if keys, err := list(New(theirs, nil)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("listed as %q, %v", keys, err)
	}
	if keys, err := list(New(theirs, &Options{SortListings: true})); err != nil || fmt.Sprintf("%q", keys) != `["a\x01" "aB"]` {
		t.Errorf("sorted as %q, %v", keys, err)
	}
}

// Requests that fileblob signs are good at a server that checks them.
func TestSignedRequests(t *testing.T) {
	ctx := t.Context()
	var signer *fileblob.URLSignerHMAC
	var files *gcblob.Bucket
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, err := signer.KeyFromURL(r.Context(), r.URL)
		if err != nil || r.URL.Query().Get("method") != r.Method {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPut {
			_ = files.Upload(r.Context(), key, r.Body, &gcblob.WriterOptions{ContentType: r.Header.Get("Content-Type")})
			return
		}
		content, _ := files.ReadAll(r.Context(), key)
		_, _ = w.Write(content)
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	signer = fileblob.NewURLSignerHMAC(base, []byte("secret"))
	if files, err = fileblob.OpenBucket(t.TempDir(), &fileblob.Options{URLSigner: signer}); err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	b := New(files, &Options{Sign: true})
	send := func(s *blob.SignedRequest, body string) string {
		r, err := http.NewRequestWithContext(ctx, s.Method, s.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = s.Header
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", s.Method, answer.Status, err)
		}
		return string(got)
	}
	put, err := b.Sign(ctx, "d/k", &blob.SignOptions{Method: http.MethodPut, Expires: time.Minute, Attributes: blob.Attributes{ContentType: "text/plain"}})
	if err != nil {
		t.Fatal(err)
	}
	send(put, "content")
	get, err := Open(b, nil).SignedURL(ctx, "d/k", nil) // there and back
	if err != nil {
		t.Fatal(err)
	}
	if got := send(&blob.SignedRequest{Method: http.MethodGet, URL: get}, ""); got != "content" {
		t.Errorf("the signed GET reads %q", got)
	}
	if _, err := b.Sign(ctx, "d/k", &blob.SignOptions{Method: http.MethodPut, Expires: time.Minute, If: blob.IfAbsent}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a condition that cannot be signed: %v", err)
	}
}

func TestURLs(t *testing.T) {
	ctx, dir := t.Context(), filepath.ToSlash(t.TempDir())
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir // a drive
	}
	for _, u := range []string{"holdall:file://" + dir, "holdall+file://" + dir, "holdall:file://" + dir + "?sync=none&keys=escape", "holdall+file://" + dir + "?keys=fileblob"} {
		b, err := gcblob.OpenBucket(ctx, u)
		if err != nil {
			t.Errorf("%s: %v", u, err)
			continue
		}
		if err := b.WriteAll(ctx, "k", []byte(u), nil); err != nil {
			t.Errorf("%s: %v", u, err)
		}
		if got, err := b.ReadAll(ctx, "k"); err != nil || string(got) != u {
			t.Errorf("%s: %q, %v", u, got, err)
		}
		var under blob.Bucket
		if !b.As(&under) {
			t.Fatal("the bucket beneath is out of reach")
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := under.Stat(ctx, "k", nil); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("%s: after Close the bucket that the URL opened answers %v", u, err)
		}
	}
	b, err := gcblob.OpenBucket(ctx, "holdall:mem://gocdk-urls?prefix=a/") // the mux's own parameter
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.WriteAll(ctx, "k", nil, nil); err != nil {
		t.Fatal(err)
	}
	under, err := mem.Open("gocdk-urls", nil)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := blob.Exists(ctx, under, "a/k"); !there || err != nil {
		t.Errorf("below a prefix: %t, %v", there, err)
	}
	for _, bad := range []string{"holdall:", "holdall:///x", "holdall:nothing", "holdall:file:///x?keys=swift", "holdall:file:///x?keys=escape&keys=escape",
		"holdall:unknown://x", "holdall+file:///x?unknown=1", "holdall+s3://user:secret@bucket"} {
		if b, err := gcblob.OpenBucket(ctx, bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v", bad, b, err)
		}
	}
}
