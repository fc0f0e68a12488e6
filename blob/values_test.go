package blob_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Tests of the small values that calls are made of: keys, ranges, conditions, checksums, attributes, errors, bodies.

func TestKeys(t *testing.T) {
	for _, key := range []string{"a", "a//b", "../x", "/a", "a/", ".", "..", `a\b`, "A", " ", "\n", "\x01", "ü", "ü", "\ufeff", "\U0010ffff", strings.Repeat("k", 1024)} {
		if err := blob.CheckKey(key); err != nil {
			t.Errorf("%.40q: %v", key, err)
		}
	}
	for _, key := range []string{"", "\x00", "a\x00b", "\xff", "a\xc3", "\xed\xa0\x80", strings.Repeat("k", 1025), strings.Repeat("ü", 513)} {
		if err := blob.CheckKey(key); !errors.Is(err, blob.ErrInvalid) || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%.40q: %v", key, err)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, test := range []struct {
		r      blob.Range
		size   int64
		off, n int64
		header string
		err    error
	}{
		{blob.Range{}, 10, 0, 10, "", nil},
		{blob.Range{}, 0, 0, 0, "", nil},
		{blob.Bytes(2, 3), 10, 2, 3, "bytes=2-4", nil},
		{blob.Bytes(8, 5), 10, 8, 2, "bytes=8-12", nil},
		{blob.Bytes(10, 5), 10, 10, 0, "bytes=10-14", nil},
		{blob.Bytes(11, 1), 10, 0, 0, "bytes=11-11", blob.ErrRange},
		{blob.Bytes(3, 0), 10, 3, 0, "-", nil},
		{blob.Bytes(5, math.MaxInt64), 10, 5, 5, "bytes=5-", nil},
		{blob.Bytes(math.MaxInt64, math.MaxInt64), 10, 0, 0, "bytes=9223372036854775807-", blob.ErrRange},
		{blob.Bytes(-1, 1), 10, 0, 0, "?", blob.ErrInvalid},
		{blob.Bytes(0, -1), 10, 0, 0, "?", blob.ErrInvalid},
		{blob.From(4), 10, 4, 6, "bytes=4-", nil},
		{blob.From(10), 10, 10, 0, "bytes=10-", nil},
		{blob.From(11), 10, 0, 0, "bytes=11-", blob.ErrRange},
		{blob.From(-1), 10, 0, 0, "?", blob.ErrInvalid},
		{blob.Last(3), 10, 7, 3, "bytes=-3", nil},
		{blob.Last(30), 10, 0, 10, "bytes=-30", nil},
		{blob.Last(0), 10, 10, 0, "-", nil},
		{blob.Last(-1), 10, 0, 0, "?", blob.ErrInvalid},
	} {
		off, n, err := test.r.Resolve(test.size)
		if off != test.off || n != test.n || !errors.Is(err, test.err) {
			t.Errorf("%v of %d is %d, %d, %v", test.r, test.size, off, n, err)
		}
		if header, ok := test.r.Header(); test.header != "?" && (ok != (test.header != "-") || ok && header != test.header) {
			t.Errorf("%v as a header is %q, %t", test.r, header, ok)
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add(uint8(0), int64(1), int64(2), int64(3))
	f.Add(uint8(0), int64(math.MaxInt64), int64(math.MaxInt64), int64(5))
	f.Add(uint8(2), int64(0), int64(math.MinInt64), int64(0))
	f.Fuzz(func(t *testing.T, kind uint8, a, b, size int64) {
		if size < 0 {
			return
		}
		r := []blob.Range{blob.Bytes(a, b), blob.From(a), blob.Last(a), {}}[kind%4]
		off, n, err := r.Resolve(size)
		if off < 0 || n < 0 || off > size || n > size-off {
			t.Errorf("%v of %d bytes is %d bytes from %d on", r, size, n, off)
		}
		if err != nil && (!errors.Is(err, blob.ErrInvalid) && !errors.Is(err, blob.ErrRange) || off != 0 || n != 0) {
			t.Errorf("%v answers %d, %d, %v", r, off, n, err)
		}
		if header, ok := r.Header(); ok && err == nil && !r.IsZero() && !strings.HasPrefix(header, "bytes=") {
			t.Errorf("%v is the header %q", r, header)
		}
	})
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 500, time.UTC)
	o := &blob.Object{ETag: `"x"`, ModTime: at}
	for _, test := range []struct {
		cond    blob.Condition
		current *blob.Object
		want    error
	}{
		{blob.Condition{}, nil, nil}, {blob.Condition{}, o, nil},
		{blob.IfAbsent, nil, nil}, {blob.IfAbsent, o, blob.ErrPrecondition}, {blob.IfAbsent, o, fs.ErrExist}, {blob.IfAbsent, o, blob.ErrExist},
		{blob.IfMatch(`"x"`), o, nil}, {blob.IfMatch("x"), o, nil}, {blob.IfMatch("y"), o, blob.ErrPrecondition}, {blob.IfMatch("x"), nil, blob.ErrPrecondition},
		{blob.IfNoneMatch("y"), o, nil}, {blob.IfNoneMatch("x"), o, blob.ErrNotModified}, {blob.IfNoneMatch("x"), nil, fs.ErrNotExist},
		{blob.IfModifiedSince(at.Add(-time.Second)), o, nil}, {blob.IfModifiedSince(at.Truncate(time.Second)), o, blob.ErrNotModified},
		{blob.IfUnmodifiedSince(at), o, nil}, {blob.IfUnmodifiedSince(at.Add(-time.Second)), o, blob.ErrPrecondition},
		{blob.IfUnmodifiedSince(at), nil, fs.ErrNotExist},
	} {
		if err := test.cond.Eval(test.current); !errors.Is(err, test.want) {
			t.Errorf("%v on %v answers %v; want %v", test.cond, test.current, err, test.want)
		}
	}
	s := blob.Conditions(blob.KindAbsent, blob.KindMatch)
	if s != blob.WriteConditions || !s.Has(blob.KindAlways) || s.Has(blob.KindNoneMatch) || s.String() != "if-absent, if-match" || blob.ConditionSet(0).String() != "none" {
		t.Errorf("the set of two is %v", s)
	}
}

func TestChecksums(t *testing.T) {
	want := map[blob.Algorithm]string{ // of the check string of the CRC catalogue, "123456789"
		blob.CRC32C: "e3069283", blob.CRC32: "cbf43926", blob.CRC64NVME: "ae8b14860a799888",
		blob.MD5: "25f9e794323b453885f5181f1b624d0b", blob.SHA1: "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		blob.SHA256: "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	}
	var forwards, backwards blob.Checksums
	for a, sum := range want {
		h, err := a.New()
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte("123456789"))
		if got := hex.EncodeToString(h.Sum(nil)); got != sum {
			t.Errorf("%s is %s", a, got)
		}
		forwards = forwards.With(a, h.Sum(nil))
	}
	for _, a := range []blob.Algorithm{blob.MD5, blob.SHA256, blob.SHA1, blob.CRC32, blob.CRC64NVME, blob.CRC32C} {
		sum, ok := forwards.Get(a)
		if !ok || hex.EncodeToString(sum) != want[a] {
			t.Errorf("the set has %x for %s", sum, a)
		}
		sum[0]++ // the caller's own
		sum, _ = forwards.Get(a)
		backwards = backwards.With(a, []byte(strings.Repeat("?", len(sum)))).With(a, sum)
	}
	if forwards != backwards {
		t.Errorf("%v and %v differ", forwards, backwards)
	}
	if sum, ok := forwards.CRC32C(); !ok || sum != 0xe3069283 || blob.CRC32CSum(sum).String() != "crc32c:e3069283" {
		t.Errorf("the CRC-32C is %x, %t", sum, ok)
	}
	if _, ok := (blob.Checksums{}).CRC32C(); ok || !(blob.Checksums{}).IsZero() {
		t.Error("the empty set has something")
	}
	if _, err := blob.Algorithm("rot13").New(); !errors.Is(err, blob.ErrInvalid) {
		t.Error(err)
	}
	for name, with := range map[string]func(){
		"length": func() { forwards.With(blob.MD5, []byte("short")) },
		"name":   func() { forwards.With("rot13", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a wrong %s does not panic", name)
				}
			}()
			with()
		}()
	}
}

func TestAttributes(t *testing.T) {
	meta := func(pairs ...string) blob.Attributes {
		a := blob.Attributes{Metadata: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			a.Metadata[pairs[i]] = pairs[i+1]
		}
		return a
	}
	limited := func(c *blob.Capabilities) {
		c.Objects.Headers, c.Objects.MaxMetadataEntries, c.Objects.MaxMetadataBytes = false, 2, 10
	}
	shortNames := func(c *blob.Capabilities) { c.Objects.MaxMetadataName = 50 }
	for name, test := range map[string]struct {
		caps func(*blob.Capabilities)
		a    blob.Attributes
		want error
	}{
		"all headers": {nil, blob.Attributes{ContentType: "text/plain; charset=utf-8", ContentEncoding: "gzip", ContentLanguage: "de",
			ContentDisposition: `attachment; filename*=UTF-8''%e2%82%ac`, CacheControl: "no-store"}, nil},
		"line break":       {nil, blob.Attributes{CacheControl: "a\r\nSet-Cookie: x"}, blob.ErrInvalid},
		"space around":     {nil, blob.Attributes{CacheControl: " a"}, blob.ErrInvalid},
		"not ASCII":        {nil, blob.Attributes{ContentDisposition: "ü"}, blob.ErrInvalid},
		"no media type":    {nil, blob.Attributes{ContentType: "text/"}, blob.ErrInvalid},
		"only ContentType": {limited, blob.Attributes{ContentType: "text/plain"}, nil},
		"no headers kept":  {limited, blob.Attributes{CacheControl: "a"}, errors.ErrUnsupported},
		"metadata":         {nil, meta("A-b_c.9", "ü\n", "empty", ""), nil},
		"no metadata kept": {bare, meta("a", "b"), errors.ErrUnsupported},
		"no name":          {nil, meta("", "b"), blob.ErrInvalid},
		"long name":        {nil, meta(strings.Repeat("a", 129), "b"), blob.ErrInvalid},
		"longest name":     {nil, meta(strings.Repeat("a", 128), "b"), nil},
		"longer than kept": {shortNames, meta(strings.Repeat("a", 51), "b"), blob.ErrInvalid},
		"longest kept":     {shortNames, meta(strings.Repeat("a", 50), "b"), nil},
		"name with space":  {nil, meta("a b", "b"), blob.ErrInvalid},
		"name of letters":  {nil, meta("ü", "b"), blob.ErrInvalid},
		"same name twice":  {nil, meta("a", "1", "A", "2"), blob.ErrInvalid},
		"reserved name":    {nil, meta("X-Amz-Acl", "b"), blob.ErrInvalid},
		"our own name":     {nil, meta("holdall-x", "b"), blob.ErrInvalid},
		"bad UTF-8":        {nil, meta("a", "\xff"), blob.ErrInvalid},
		"too many entries": {limited, meta("a", "", "b", "", "c", ""), blob.ErrInvalid},
		"too many bytes":   {limited, meta("a", "0123456789"), blob.ErrInvalid},
		"just enough":      {limited, meta("a", "012345678"), nil},
	} {
		_, err := checkedFake(t, &fake{caps: test.caps}).Put(ctx, "k", nil, &blob.PutOptions{Attributes: test.a})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", name, err, test.want)
		}
	}
}

func TestObjectClone(t *testing.T) {
	o := &blob.Object{Key: "k", Attributes: blob.Attributes{Metadata: map[string]string{"a": "b"}}}
	o.Clone().Metadata["a"] = "c"
	if o.Metadata["a"] != "b" {
		t.Error("a clone shares metadata")
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err error
		is  []error
	}{
		{blob.ErrNotExist, []error{fs.ErrNotExist}},
		{blob.ErrExist, []error{fs.ErrExist, blob.ErrPrecondition}},
		{blob.ErrInvalid, []error{fs.ErrInvalid}},
		{blob.ErrClosed, []error{fs.ErrClosed}},
	} {
		err := &blob.Error{Op: "get", Key: "k", Err: fmt.Errorf("more: %w", test.err)}
		for _, target := range append(test.is, test.err) {
			if !errors.Is(err, target) {
				t.Errorf("%v is not %v", err, target)
			}
		}
	}
	if errors.Is(blob.ErrPrecondition, fs.ErrExist) || errors.Is(blob.ErrNotExist, blob.ErrPrecondition) {
		t.Error("errors answer to too much")
	}
	err := &blob.Error{Op: "get", Bucket: "s3://b", Key: "a\n\"b", Err: blob.ErrNotExist}
	if got, want := err.Error(), `get "a\n\"b" in s3://b: object does not exist`; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	err = &blob.Error{Op: "open", Bucket: "file:///srv", Err: blob.ErrNotExist}
	if got, want := err.Error(), "open file:///srv: object does not exist"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if long := (&blob.Error{Op: "get", Key: strings.Repeat("k", 1000), Err: errTest}).Error(); len(long) > 300 {
		t.Errorf("a long key drowns its error: %s", long)
	}
}

type retryable struct{ error }

func (retryable) Retryable() bool { return true }

func TestRetryable(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{errTest, false},
		{retryable{errTest}, true},
		{fmt.Errorf("more: %w", retryable{&net.OpError{Err: errTest}}), true},
		{fmt.Errorf("%w: %w", context.DeadlineExceeded, retryable{errTest}), false},
	} {
		if got := (&blob.Error{Op: "get", Err: test.err}).Retryable(); got != test.want {
			t.Errorf("%v is retryable: %t", test.err, got)
		}
	}
}

func TestBodySize(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	b := newMem(t)
	put(t, b, "k", "abc")
	r, err := b.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, test := range map[string]struct {
		body io.Reader
		want int64 // -1: not known
	}{
		"bytes": {bytes.NewReader([]byte("abc")), 3}, "string": {strings.NewReader("abc"), 3}, "buffer": {bytes.NewBufferString("abc"), 3},
		"section": {io.NewSectionReader(strings.NewReader("abc"), 1, 1), 1}, "file": {file, 2}, "directory": {dir, -1},
		"object": {r, 3}, "stream": {unsized("abc"), -1},
	} {
		n, known := blob.BodySize(test.body)
		if known != (test.want >= 0) || known && n != test.want {
			t.Errorf("%s: %d, %t", name, n, known)
		}
	}
	if rest, err := io.ReadAll(file); err != nil || string(rest) != "bc" {
		t.Errorf("BodySize moved the file: %q, %v", rest, err)
	}
}

// procFile is a file as those of /proc are: regular, of no bytes, and with content.
type procFile struct{ *strings.Reader }

func (procFile) Stat() (fs.FileInfo, error) { return emptyFile{}, nil }

func (procFile) Seek(int64, int) (int64, error) { return 0, nil }

type emptyFile struct{ fs.FileInfo }

func (emptyFile) Mode() fs.FileMode { return 0o444 }
func (emptyFile) Size() int64       { return 0 }

// A file that says that it is empty is read all the same.
func TestPutOfAFileThatTellsNoSize(t *testing.T) {
	b := newMem(t)
	if _, err := b.Put(ctx, "k", procFile{strings.NewReader("abc")}, nil); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "k", "abc")
}

// A driver that reads on after the error of its body does not take what it has for the whole.
func TestDeclaredSizeIsRemembered(t *testing.T) {
	f := &fake{}
	f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
		for range 3 {
			if _, err := io.Copy(io.Discard, body); err == nil {
				t.Error("the body looks whole")
			}
		}
		return nil, errTest
	}
	b := checkedFake(t, f)
	for _, content := range []string{"ab", "abcd"} {
		b.Put(ctx, "k", unsized(content), &blob.PutOptions{Size: 3})
	}
}

// A body of another length than its writer declared stores nothing, whether or not its size can be known before.
func TestDeclaredSize(t *testing.T) {
	for name, test := range map[string]struct {
		body io.Reader
		size int64
		want error
	}{
		"right":            {unsized("abc"), 3, nil},
		"unknown":          {unsized("abc"), -1, nil},
		"right, one byte":  {struct{ io.Reader }{oneByte{strings.NewReader("abc")}}, 3, nil},
		"short":            {unsized("ab"), 3, io.ErrUnexpectedEOF},
		"short and known":  {strings.NewReader("ab"), 3, blob.ErrInvalid},
		"empty":            {unsized(""), 3, blob.ErrInvalid},
		"long":             {unsized("abcd"), 3, blob.ErrInvalid},
		"long and known":   {strings.NewReader("abcd"), 3, blob.ErrInvalid},
		"fails at the end": {failing("abc", errTest), 3, errTest},
		"fails":            {failing("ab", errTest), 3, errTest},
	} {
		b := newMem(t)
		put(t, b, "k", "old")
		_, err := b.Put(ctx, "k", test.body, &blob.PutOptions{Size: test.size})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", name, err, test.want)
		}
		if test.want != nil {
			wantContent(t, b, "k", "old")
		}
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }
