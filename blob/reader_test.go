package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/holdall-go/holdall/blob"
)

// reader makes a Reader of content whose object says that it has these checksums and this size.
func reader(ctx context.Context, content string, sums blob.Checksums, size int) *blob.Reader {
	o := &blob.Object{Key: "k", Size: int64(size), Checksums: sums}
	return blob.NewReader(ctx, io.NopCloser(strings.NewReader(content)), o, 0, int64(size))
}

func TestReaderVerifies(t *testing.T) {
	crc := blob.CRC32CSum(crc32.Checksum([]byte("abc"), crc32.MakeTable(crc32.Castagnoli)))
	sha := sha256.Sum256([]byte("abc"))
	for name, sums := range map[string]blob.Checksums{
		"crc32c": crc, "sha256": blob.Checksums{}.With(blob.SHA256, sha[:]),
	} {
		if err := iotest.TestReader(reader(ctx, "abc", sums, 3), []byte("abc")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := io.ReadAll(reader(ctx, "abd", sums, 3))
		wantErr(t, err, blob.ErrChecksum)
		// Who reads just the length, and not to the EOF, hears of it too.
		_, err = io.ReadFull(reader(ctx, "abd", sums, 3), make([]byte, 3))
		wantErr(t, err, blob.ErrChecksum)
		var w bytes.Buffer
		_, err = reader(ctx, "abd", sums, 3).WriteTo(&w)
		wantErr(t, err, blob.ErrChecksum)
	}
	// Of a part nothing is known.
	part := blob.NewReader(ctx, io.NopCloser(strings.NewReader("b")), &blob.Object{Key: "k", Size: 3, Checksums: crc}, 1, 1)
	if got, err := io.ReadAll(part); err != nil || string(got) != "b" {
		t.Errorf("a part is %q, %v", got, err)
	}
	_, err := io.ReadAll(reader(ctx, "", crc, 0))
	wantErr(t, err, blob.ErrChecksum)
}

func TestReaderOfTruncatedContent(t *testing.T) {
	r := reader(ctx, "ab", blob.Checksums{}, 3)
	for range 2 { // the error stays
		_, err := io.ReadAll(r)
		wantErr(t, err, io.ErrUnexpectedEOF)
	}
	_, err := reader(ctx, "ab", blob.Checksums{}, 3).WriteTo(io.Discard)
	wantErr(t, err, io.ErrUnexpectedEOF)
}

func TestReaderStops(t *testing.T) {
	ctx, cancel := context.WithCancel(ctx)
	r := reader(ctx, "abc", blob.Checksums{}, 3)
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err := r.Read(make([]byte, 1))
	wantErr(t, err, context.Canceled)

	r = reader(context.Background(), "abc", blob.Checksums{}, 3)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err = r.Read(make([]byte, 1))
	wantErr(t, err, blob.ErrClosed)
}

func TestReaderGivesTheErrorOfItsWriter(t *testing.T) {
	_, err := reader(ctx, "abc", blob.Checksums{}, 3).WriteTo(failingWriter{})
	if err != errTest {
		t.Errorf("the answer is %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error)          { return 0, errTest }
func (failingWriter) WriteAt([]byte, int64) (int, error) { return 0, errTest }

type (
	inside struct{ n int }
	other  struct{}
)

func TestResolve(t *testing.T) {
	src := blob.NewSource("k", inside{7})
	if v, err := blob.Resolve[inside](ctx, src); err != nil || v.n != 7 {
		t.Errorf("the driver gets %v, %v", v, err)
	}
	if _, err := blob.Resolve[other](ctx, src); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another driver gets %v", err)
	}
	if _, err := blob.Resolve[any](ctx, src); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("any gets behind: %v", err)
	}
	if _, err := blob.Resolve[inside](ctx, blob.Source{}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("the zero Source answers %v", err)
	}
	if s := src.String(); s != `source "k"` || src.Key() != "k" {
		t.Errorf("the source prints as %s", s)
	}
}

// The checks of wrappers run the outermost first, each time, and the first denial ends it.
func TestResolveRunsEveryCheck(t *testing.T) {
	var ran []string
	check := func(name string, err error) func(context.Context) error {
		return func(context.Context) error { ran = append(ran, name); return err }
	}
	base := blob.NewSource("k", inside{}).Checked(check("inner", nil))
	good, bad := base.Checked(check("outer", nil)), base.Checked(check("denying", errTest))
	for range 2 {
		if _, err := blob.Resolve[inside](ctx, good); err != nil {
			t.Error(err)
		}
	}
	if _, err := blob.Resolve[inside](ctx, bad); !errors.Is(err, errTest) || !strings.Contains(err.Error(), `source "k"`) {
		t.Errorf("the denial is %v", err)
	}
	if got := strings.Join(ran, " "); got != "outer inner outer inner denying" {
		t.Errorf("the checks ran as %s", got)
	}
}
