package blob_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// bare is a driver that can do only what the zero Capabilities promise.
func bare(c *blob.Capabilities) { *c = blob.Capabilities{} }

// call is one call on a bucket, of which only the error matters.
type call func(b blob.Bucket) error

func statWith(key string, o *blob.StatOptions) call {
	return func(b blob.Bucket) error { _, err := b.Stat(ctx, key, o); return err }
}

func getWith(o *blob.GetOptions) call {
	return func(b blob.Bucket) error { _, err := b.Get(ctx, "k", o); return err }
}

func putWith(o *blob.PutOptions) call {
	return func(b blob.Bucket) error { _, err := b.Put(ctx, "k", strings.NewReader("abc"), o); return err }
}

func copyWith(o *blob.CopyOptions) call {
	return func(b blob.Bucket) error { _, err := b.Copy(ctx, "k", blob.NewSource("s", 1), o); return err }
}

func deleteWith(o *blob.DeleteOptions) call {
	return func(b blob.Bucket) error { return b.Delete(ctx, "k", o) }
}

func listWith(o *blob.ListOptions) call {
	return func(b blob.Bucket) error {
		for _, err := range b.List(ctx, o) {
			return err
		}
		return nil
	}
}

func uploadWith(o *blob.UploadOptions) call {
	return func(b blob.Bucket) error { _, err := b.Upload(ctx, "k", o); return err }
}

func sourceWith(o *blob.SourceOptions) call {
	return func(b blob.Bucket) error { _, err := b.Source(ctx, "k", o); return err }
}

func signWith(o *blob.SignOptions) call {
	return func(b blob.Bucket) error { _, err := b.Sign(ctx, "k", o); return err }
}

func uploads(b blob.Bucket) error {
	for _, err := range b.Uploads(ctx, "") {
		return err
	}
	return nil
}

// everyCall makes each call of the interface once, without options.
var everyCall = map[string]call{
	"stat": statWith("k", nil), "get": getWith(nil), "put": putWith(nil), "source": sourceWith(nil), "copy": copyWith(nil),
	"delete": deleteWith(nil), "list": listWith(nil), "upload": uploadWith(nil), "uploads": uploads,
	"sign": signWith(&blob.SignOptions{Method: "GET", Expires: time.Minute}),
	"delete each": func(b blob.Bucket) error {
		return b.DeleteEach(ctx, slices.Values([]string{"k"}), nil)
	},
}

// No object is larger than MaxSize, whatever is known of the size of its body. The driver is not called where it is known;
// a body of unknown size fails, also behind a view and with a hook.
func TestCheckLimitsBodies(t *testing.T) {
	most := func(c *blob.Capabilities) { c.Objects.MaxSize = 3 }
	sized := func(s string) io.Reader { return strings.NewReader(s) }
	for _, test := range []struct {
		name   string
		body   func(s string) io.Reader
		driver int // calls of the driver with a body that is too large
	}{{"known size", sized, 0}, {"unknown size", unsized, 1}} {
		for _, hook := range []*blob.Hook{nil, {OnSend: func(context.Context, int64) error { return nil }}} {
			for _, content := range []string{"abc", "abcd"} {
				f := &fake{caps: most}
				f.put = func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
					got, err := io.ReadAll(body)
					if err != nil {
						return nil, err
					}
					return &blob.Object{Size: int64(len(got))}, nil
				}
				_, err := blob.Sub(checkedFake(t, f), "d/").Put(ctx, "k", test.body(content), &blob.PutOptions{Hook: hook})
				switch {
				case len(content) <= 3 && err != nil:
					t.Errorf("%s: a put of %q failed: %v", test.name, content, err)
				case len(content) > 3 && (!errors.Is(err, blob.ErrInvalid) || f.calls != test.driver):
					t.Errorf("%s: a put of %q returned %v after %d calls of the driver; expected ErrInvalid after %d", test.name, content, err, f.calls, test.driver)
				}
			}
		}
	}
}

// A part that ends beyond MaxSize is refused before the driver is called: every part but the last has the size PartSize.
func TestCheckLimitsParts(t *testing.T) {
	b := checkedFake(t, &fake{caps: func(c *blob.Capabilities) { c.Objects.MaxSize, c.Uploads.MinPartSize = 10, 1 }})
	u, err := b.Upload(ctx, "k", &blob.UploadOptions{PartSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		n    int
		size int64
		want error
	}{{3, 2, nil}, {3, 3, blob.ErrInvalid}, {3, 4, blob.ErrInvalid}, {4, 1, blob.ErrInvalid}, {2, 4, nil}, {1, 4, nil}} {
		_, err := u.Put(ctx, test.n, io.NewSectionReader(strings.NewReader("abcd"), 0, test.size))
		if !errors.Is(err, test.want) {
			t.Errorf("part %d of %d bytes: %v; expected %v", test.n, test.size, err, test.want)
		}
	}
	if o, err := u.Complete(ctx); err != nil || o.Size != 10 {
		t.Errorf("the upload of 10 bytes is completed as %v, %v", o, err)
	}
}

// The error of a condition or a checksum that the bucket does not support names those that it does.
func TestCheckNamesWhatIsSupported(t *testing.T) {
	for _, test := range []struct {
		caps func(*blob.Capabilities)
		opts *blob.PutOptions
		want string
	}{
		{bare, &blob.PutOptions{If: blob.IfAbsent}, "this bucket does not support the condition if-absent in Put; supported: none"},
		{bare, &blob.PutOptions{Checksums: blob.CRC32CSum(1)}, "this bucket does not support the checksum crc32c in Put; supported: none"},
		{func(c *blob.Capabilities) { c.If.Put = blob.Conditions(blob.KindAbsent) }, &blob.PutOptions{If: blob.IfMatch(`"x"`)},
			`this bucket does not support the condition if-match "x" in Put; supported: if-absent`},
	} {
		err := putWith(test.opts)(checkedFake(t, &fake{caps: test.caps}))
		if err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("the error is %v; expected it to end in %s", err, test.want)
		}
	}
}

// What is wrong is refused before the driver hears of it.
func TestCheckRefuses(t *testing.T) {
	rich := func(c *blob.Capabilities) {
		c.Sign.Methods, c.Sign.MaxLife, c.Objects.MaxSize, c.Uploads.MinPartSize, c.Uploads.MaxPartSize = blob.Methods("GET"), time.Hour, 1<<40, 100, 1000
		c.Deviations.OnlySlash = true
	}
	unsupported := errors.ErrUnsupported
	for name, test := range map[string]struct {
		caps func(*blob.Capabilities)
		call call
		want error
	}{
		"empty key":                {rich, statWith("", nil), blob.ErrInvalid},
		"long key":                 {rich, statWith(strings.Repeat("k", 1025), nil), blob.ErrInvalid},
		"key with NUL":             {rich, statWith("a\x00", nil), blob.ErrInvalid},
		"key of bad UTF-8":         {rich, statWith("a\xff", nil), blob.ErrInvalid},
		"stat if-absent":           {rich, statWith("k", &blob.StatOptions{If: blob.IfAbsent}), blob.ErrInvalid},
		"stat of a version":        {rich, statWith("k", &blob.StatOptions{Version: "1"}), unsupported},
		"get if-match, bare":       {bare, getWith(&blob.GetOptions{If: blob.IfMatch("x")}), unsupported},
		"get if-match nothing":     {rich, getWith(&blob.GetOptions{If: blob.IfMatch("")}), blob.ErrInvalid},
		"get if-match weak":        {rich, getWith(&blob.GetOptions{If: blob.IfMatch(`W/"x"`)}), blob.ErrInvalid},
		"get since no time":        {rich, getWith(&blob.GetOptions{If: blob.IfModifiedSince(time.Time{})}), blob.ErrInvalid},
		"negative offset":          {rich, getWith(&blob.GetOptions{Range: blob.From(-1)}), blob.ErrInvalid},
		"negative length":          {rich, getWith(&blob.GetOptions{Range: blob.Bytes(0, -1)}), blob.ErrInvalid},
		"put if-none-match":        {rich, putWith(&blob.PutOptions{If: blob.IfNoneMatch("x")}), blob.ErrInvalid},
		"put if-absent, bare":      {bare, putWith(&blob.PutOptions{If: blob.IfAbsent}), unsupported},
		"put of size -2":           {rich, putWith(&blob.PutOptions{Size: -2}), blob.ErrInvalid},
		"put of too much":          {rich, putWith(&blob.PutOptions{Size: 1<<40 + 1}), blob.ErrInvalid},
		"put of another size":      {rich, putWith(&blob.PutOptions{Size: 2}), blob.ErrInvalid},
		"put, part size -2":        {rich, putWith(&blob.PutOptions{PartSize: -2}), blob.ErrInvalid},
		"put, concurrency -1":      {rich, putWith(&blob.PutOptions{Concurrency: -1}), blob.ErrInvalid},
		"put, unknown provider":    {rich, putWith(&blob.PutOptions{Provider: 1}), unsupported},
		"put, checksum, bare":      {bare, putWith(&blob.PutOptions{Checksums: blob.CRC32CSum(1)}), unsupported},
		"copy, bare":               {bare, copyWith(nil), unsupported},
		"copy of the zero Source":  {rich, func(b blob.Bucket) error { _, err := b.Copy(ctx, "k", blob.Source{}, nil); return err }, blob.ErrInvalid},
		"copy, bad attributes":     {rich, copyWith(&blob.CopyOptions{Attributes: &blob.Attributes{ContentType: "a\nb"}}), blob.ErrInvalid},
		"source if-absent":         {rich, sourceWith(&blob.SourceOptions{If: blob.IfAbsent}), unsupported},
		"source, bare":             {bare, sourceWith(nil), unsupported},
		"delete if-absent":         {rich, deleteWith(&blob.DeleteOptions{If: blob.IfAbsent}), unsupported},
		"delete if-match, bare":    {bare, deleteWith(&blob.DeleteOptions{If: blob.IfMatch("x")}), unsupported},
		"delete of a version":      {rich, deleteWith(&blob.DeleteOptions{Version: "1"}), unsupported},
		"list, bad prefix":         {rich, listWith(&blob.ListOptions{Prefix: "\xff"}), blob.ErrInvalid},
		"list, bad start":          {rich, listWith(&blob.ListOptions{StartAt: "\x00"}), blob.ErrInvalid},
		"list, two starts":         {rich, listWith(&blob.ListOptions{StartAt: "a", StartAfter: "a"}), blob.ErrInvalid},
		"list, limit -1":           {rich, listWith(&blob.ListOptions{Limit: -1}), blob.ErrInvalid},
		"list by another":          {rich, listWith(&blob.ListOptions{Delimiter: "-"}), unsupported},
		"list of versions":         {rich, listWith(&blob.ListOptions{Versions: true}), unsupported},
		"upload, bare":             {bare, uploadWith(nil), unsupported},
		"upload, small parts":      {rich, uploadWith(&blob.UploadOptions{PartSize: 99}), blob.ErrInvalid},
		"upload, large parts":      {rich, uploadWith(&blob.UploadOptions{PartSize: 1001}), blob.ErrInvalid},
		"upload of too many parts": {func(c *blob.Capabilities) { c.Uploads.MaxParts = 10 }, uploadWith(&blob.UploadOptions{Size: 1001, PartSize: 100}), blob.ErrInvalid},
		"delete nothing":           {rich, func(b blob.Bucket) error { return b.DeleteEach(ctx, nil, nil) }, blob.ErrInvalid},
		"resume with attributes":   {rich, uploadWith(&blob.UploadOptions{ID: "1", Attributes: blob.Attributes{ContentType: "a/b"}}), blob.ErrInvalid},
		"uploads, bare":            {bare, uploads, unsupported},
		"sign nothing":             {rich, signWith(nil), blob.ErrInvalid},
		"sign PATCH":               {rich, signWith(&blob.SignOptions{Method: "PATCH", Expires: 1}), blob.ErrInvalid},
		"sign for ever":            {rich, signWith(&blob.SignOptions{Method: "GET"}), blob.ErrInvalid},
		"sign for too long":        {rich, signWith(&blob.SignOptions{Method: "GET", Expires: 2 * time.Hour}), blob.ErrInvalid},
		"sign what it does not":    {rich, signWith(&blob.SignOptions{Method: "PUT", Expires: 1}), unsupported},
		"read-only: put":           {func(c *blob.Capabilities) { c.ReadOnly = true }, putWith(&blob.PutOptions{If: blob.IfAbsent}), fs.ErrPermission},
		"read-only: bad key first": {func(c *blob.Capabilities) { c.ReadOnly = true }, func(b blob.Bucket) error { return b.Delete(ctx, "", nil) }, blob.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{caps: test.caps}
			err := test.call(checkedFake(t, f))
			wantErr(t, err, test.want)
			if f.calls > 0 && name != "copy of the zero Source" {
				t.Error("the driver heard of the call")
			}
		})
	}
}

// Whoever has no ctx is told so, and does not panic in a driver.
func TestCheckRefusesNoContext(t *testing.T) {
	f := &fake{}
	b := checkedFake(t, f)
	saved := ctx
	defer func() { ctx = saved }()
	ctx = nil
	for name, call := range everyCall {
		if err := call(b); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%s answers %v", name, err)
		}
	}
	_, err := blob.Download(ctx, b, "k", make(memory, 0), nil)
	wantErr(t, err, blob.ErrInvalid)
	w := blob.NewWriter(ctx, b, "k", nil)
	_, err = w.Write([]byte("x"))
	wantErr(t, err, blob.ErrInvalid)
	_, err = w.Commit()
	wantErr(t, err, blob.ErrInvalid)
	if err := errors.Join(w.Abort(), w.Close()); err != nil {
		t.Error(err)
	}
	if _, err := blob.FS(ctx, b).Open("k"); !errors.Is(err, blob.ErrInvalid) {
		t.Error(err)
	}
	if f.calls > 0 {
		t.Error("the driver heard of a call")
	}
}

// silent is a driver whose sequences just stop when ctx ends, which they bring about themselves.
type silent struct {
	*fake
	cancel func()
}

func stopped[T any](cancel func()) iter.Seq2[T, error] {
	return func(func(T, error) bool) { cancel() }
}

func (s *silent) List(context.Context, *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return stopped[*blob.Object](s.cancel)
}
func (s *silent) Uploads(context.Context, string) iter.Seq2[*blob.UploadInfo, error] {
	return stopped[*blob.UploadInfo](s.cancel)
}
func (s *silent) Upload(context.Context, string, *blob.UploadOptions) (blob.Upload, error) {
	return silentUpload{cancel: s.cancel}, nil
}

type silentUpload struct {
	blob.Upload
	cancel func()
}

func (s silentUpload) Parts(context.Context) iter.Seq2[blob.Part, error] {
	return stopped[blob.Part](s.cancel)
}

// A driver that stops in silence when ctx ends must not look as if it had yielded everything.
func TestSequencesEndWithTheirContext(t *testing.T) {
	saved := ctx
	defer func() { ctx = saved }()
	for name, call := range map[string]call{
		"list": listWith(nil), "uploads": uploads, "parts": func(b blob.Bucket) error {
			u, err := b.Upload(ctx, "k", nil)
			if err != nil {
				return err
			}
			for _, err := range u.Parts(ctx) {
				return err
			}
			return nil
		},
	} {
		s := &silent{fake: &fake{Bucket: newMem(t)}}
		ctx, s.cancel = context.WithCancel(saved)
		if err := call(blob.Check(s)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s ends with %v", name, err)
		}
	}
}

func TestUnsupportedThroughCheck(t *testing.T) {
	b := blob.Check(blob.Unsupported{})
	for name, call := range everyCall {
		err := call(b)
		wantErr(t, err, errors.ErrUnsupported)
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s says that something is missing: %v", name, err)
		}
	}
}

func TestEndedContext(t *testing.T) {
	f := &fake{}
	b := checkedFake(t, f)
	saved := ctx
	defer func() { ctx = saved }()
	var cancel context.CancelFunc
	ctx, cancel = context.WithCancel(ctx)
	cancel()
	for name, call := range everyCall {
		if err := call(b); !errors.Is(err, context.Canceled) {
			t.Errorf("%s answers %v", name, err)
		}
	}
	if f.calls > 0 {
		t.Error("the driver heard of a call")
	}
}

func TestClosedBucket(t *testing.T) {
	b := newMem(t)
	put(t, b, "k", "abc")
	r, err := b.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Upload(ctx, "u", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, call := range everyCall {
		if err := call(b); !errors.Is(err, blob.ErrClosed) || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s answers %v", name, err)
		}
	}
	_, err = io.ReadAll(r)
	wantErr(t, err, blob.ErrClosed)
	_, err = u.Complete(ctx)
	wantErr(t, err, blob.ErrClosed)
}

// A Reader that came through wrappers hears of the Close of each.
func TestReaderHearsOfTheBucketWithin(t *testing.T) {
	b := newMem(t)
	put(t, b, "a/b/k", "abc")
	r, err := blob.ReadOnly(blob.Sub(blob.Sub(b, "a/"), "b/")).Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	_, err = io.ReadAll(r)
	wantErr(t, err, blob.ErrClosed)
}

// A driver gets options that are never nil and metadata in lower case, and must not get at the caller's.
func TestWhatADriverIsGiven(t *testing.T) {
	f := &fake{}
	var got *blob.PutOptions
	f.put = func(_ context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
		if opts == nil || body == nil {
			t.Error("no options, or no body")
		}
		got = opts
		return &blob.Object{Key: "of the driver"}, nil
	}
	b := checkedFake(t, f)
	o, err := b.Put(ctx, "k", nil, nil)
	if err != nil || o.Key != "k" {
		t.Errorf("put answers %v, %v", o, err)
	}
	mine := &blob.PutOptions{Attributes: blob.Attributes{Metadata: map[string]string{"Owner": "x"}}}
	if _, err := b.Put(ctx, "k", nil, mine); err != nil {
		t.Fatal(err)
	}
	if got.Metadata["owner"] != "x" || len(got.Metadata) != 1 || mine.Metadata["Owner"] != "x" {
		t.Errorf("the driver has %v, the caller %v", got.Metadata, mine.Metadata)
	}
}

type picky struct{ fake }

func (*picky) AcceptsProvider(p any) bool { return p == "mine" }

func TestProviderOptionsPassWrappersToTheirDriver(t *testing.T) {
	p := &picky{fake{Bucket: newMem(t)}}
	p.put = func(_ context.Context, _ string, _ io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
		if opts.Provider != "mine" {
			t.Error("the option was lost")
		}
		return &blob.Object{}, nil
	}
	b := blob.Sub(blob.Check(p), "a/")
	if _, err := b.Put(ctx, "k", nil, &blob.PutOptions{Provider: "mine"}); err != nil {
		t.Error(err)
	}
	_, err := b.Put(ctx, "k", nil, &blob.PutOptions{Provider: "yours"})
	wantErr(t, err, errors.ErrUnsupported)
}

// Whatever a provider calls it, the end of ctx is the ctx's error, and its own error stays reachable.
func TestErrorsOfAnEndedCall(t *testing.T) {
	f := &fake{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.stat = func(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
		cancel()
		return nil, &blob.Error{Op: "inner", Key: "inner key", Err: errTest}
	}
	_, err := checkedFake(t, f).Stat(ctx, "k", nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errTest) || strings.Contains(err.Error(), "inner") {
		t.Errorf("the answer is %v", err)
	}
}

func entries(keys ...string) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		for _, k := range keys {
			if k == "!" {
				yield(nil, errTest)
				return
			}
			if !yield(&blob.Object{Key: k}, nil) {
				return
			}
		}
	}
}

func TestListIsCut(t *testing.T) {
	f := &fake{}
	f.list = func(context.Context, *blob.ListOptions) iter.Seq2[*blob.Object, error] {
		return entries("a", "b", "c", "!")
	}
	b := checkedFake(t, f)
	seq := b.List(ctx, &blob.ListOptions{Limit: 2})
	for range 2 { // it can be ranged over again
		var got []string
		for o, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("two entries are %q", got)
		}
	}
	var last error
	n := 0
	for _, err := range b.List(ctx, nil) {
		n, last = n+1, err
	}
	if n != 4 || !errors.Is(last, errTest) {
		t.Errorf("%d turns, the last with %v", n, last)
	}
}

func TestListStopsWithItsContext(t *testing.T) {
	b := newMem(t)
	for _, k := range []string{"a", "b", "c"} {
		put(t, b, k, "")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var got []error
	for _, err := range b.List(ctx, nil) {
		cancel()
		got = append(got, err)
	}
	if len(got) != 2 || got[0] != nil || !errors.Is(got[1], context.Canceled) {
		t.Errorf("a listing that is cancelled at its first entry goes on with %v", got)
	}
}

func TestDeleteEach(t *testing.T) {
	many := []string{"a", "", "stuck", "b", "\xff", "stuck too", "missing"}
	var failing = func(key string) error {
		if strings.HasPrefix(key, "stuck") {
			return errTest
		}
		return nil
	}
	single := &fake{Bucket: newMem(t)}
	single.delete = func(ctx context.Context, key string, opts *blob.DeleteOptions) error {
		if err := failing(key); err != nil {
			return err
		}
		return single.Bucket.Delete(ctx, key, opts)
	}
	bulk := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) { c.BulkDelete = 2 }}
	bulk.each = func(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
		for key := range keys {
			if err := failing(key); err != nil {
				failed(key, err)
			} else if err := bulk.Bucket.Delete(ctx, key, nil); err != nil {
				return err
			}
		}
		return nil
	}
	for name, f := range map[string]*fake{"one by one": single, "in bulk": bulk} {
		t.Run(name, func(t *testing.T) {
			for _, k := range []string{"a", "b", "c"} {
				put(t, f.Bucket, k, "")
			}
			b := blob.Check(f)
			var left []string
			err := b.DeleteEach(ctx, slices.Values(many), func(key string, err error) {
				left = append(left, key)
				var e *blob.Error
				if !errors.As(err, &e) || e.Key != key {
					t.Errorf("%q fails with %v", key, err)
				}
			})
			if !slices.Equal(left, []string{"", "stuck", "\xff", "stuck too"}) {
				t.Errorf("left are %q", left)
			}
			wantErr(t, err, blob.ErrInvalid) // the first reason
			if !strings.Contains(err.Error(), "4 objects") {
				t.Errorf("the error does not count: %v", err)
			}
			wantKeys(t, f.Bucket, nil, "c")
			if err := b.DeleteEach(ctx, slices.Values([]string{"c"}), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUploadPartsAreChecked(t *testing.T) {
	b := newMem(t)
	u, err := b.Upload(ctx, "k", &blob.UploadOptions{PartSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	section := func(s string) *io.SectionReader { return io.NewSectionReader(strings.NewReader(s), 0, int64(len(s))) }
	for name, test := range map[string]struct {
		n    int
		body *io.SectionReader
	}{"number 0": {0, section("abc")}, "too many": {10_001, section("abc")}, "no body": {1, nil}, "too large": {1, section("abcd")}} {
		if _, err := u.Put(ctx, test.n, test.body); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n, s := range map[int]string{2: "d", 1: "abc"} {
		if _, err := u.Put(ctx, n, section(s)); err != nil {
			t.Fatal(err)
		}
	}
	if o, err := u.Complete(ctx); err != nil || o.Key != "k" {
		t.Fatal(o, err)
	}
	wantContent(t, b, "k", "abcd")
}

func TestSignPasses(t *testing.T) {
	f := &fake{caps: func(c *blob.Capabilities) { c.Sign.Methods = blob.Methods(http.MethodGet, http.MethodPut) }}
	b := blob.Sub(checkedFake(t, f), "a/")
	s, err := b.Sign(ctx, "k", &blob.SignOptions{Method: "PUT", Expires: time.Minute})
	if err != nil || s.URL != "https://store/a/k" {
		t.Errorf("the answer is %v, %v", s, err)
	}
}
