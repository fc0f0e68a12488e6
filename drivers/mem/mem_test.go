package mem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

var ctx = context.Background()

func put(t *testing.T, b blob.Bucket, key, content string) *blob.Object {
	t.Helper()
	o, err := b.Put(ctx, key, strings.NewReader(content), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestVersions(t *testing.T) {
	b := mem.New(&mem.Options{Versions: true})
	defer b.Close()
	first := put(t, b, "k", "one")
	second := put(t, b, "k", "two")
	if err := b.Delete(ctx, "k", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(ctx, "k", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted key answers %v", err)
	}
	for o, want := range map[*blob.Object]string{first: "one", second: "two"} {
		r, err := b.Get(ctx, "k", &blob.GetOptions{Version: o.Version})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(r); string(got) != want {
			t.Errorf("version %s holds %q, not %q", o.Version, got, want)
		}
		r.Close()
	}
	var listed []string
	marker := ""
	for o, err := range b.List(ctx, &blob.ListOptions{Versions: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.IsDeleteMarker {
			marker = o.Version
		}
		listed = append(listed, o.Version)
	}
	if want := []string{marker, second.Version, first.Version}; !slices.Equal(listed, want) {
		t.Errorf("versions are listed as %q, not newest first: %q", listed, want)
	}
	// Without its marker the object is back; without its versions it is gone for good.
	if err := b.Delete(ctx, "k", &blob.DeleteOptions{Version: marker}); err != nil {
		t.Fatal(err)
	}
	if o, err := b.Stat(ctx, "k", nil); err != nil || o.Version != second.Version {
		t.Errorf("after its delete marker is gone the key holds %v, %v", o, err)
	}
	for _, v := range []string{second.Version, first.Version} {
		if err := b.Delete(ctx, "k", &blob.DeleteOptions{Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	for o := range b.List(ctx, &blob.ListOptions{Versions: true}) {
		t.Errorf("%s is still listed", o.Version)
	}
}

func TestDeletedKeysMakeNoPrefix(t *testing.T) {
	b := mem.New(&mem.Options{Versions: true})
	defer b.Close()
	put(t, b, "a/b", "")
	put(t, b, "c/d", "")
	if err := b.Delete(ctx, "a/b", nil); err != nil {
		t.Fatal(err)
	}
	var entries []string
	for o, err := range b.List(ctx, &blob.ListOptions{Delimiter: "/"}) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, o.Key)
	}
	if !slices.Equal(entries, []string{"c/"}) {
		t.Errorf("the listing shows %q", entries)
	}
}

func TestNamesAreShared(t *testing.T) {
	a, err := blob.Open(ctx, "mem://shared/in/")
	if err != nil {
		t.Fatal(err)
	}
	put(t, a, "k", "seen")
	a.Close()
	b, err := mem.Open("shared", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Stat(ctx, "in/k", nil); err != nil {
		t.Error(err)
	}
	if _, err := mem.Open("shared", &mem.Options{Versions: true}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("the same bucket with other options answers %v", err)
	}
}

func TestBadURLs(t *testing.T) {
	for _, url := range []string{
		"mem://x?versions=maybe", "mem://x?version=true", "mem://x/prefix", "mem://user:hunter2@x", "mem://x?versions=true&versions=true",
	} {
		b, err := blob.Open(ctx, url)
		if !errors.Is(err, blob.ErrInvalid) || b != nil {
			t.Errorf("%s answers %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// A listing that began before its bucket changed goes on without missing or repeating what stays.
func TestListingWhileKeysComeAndGo(t *testing.T) {
	b := mem.New(nil)
	defer b.Close()
	const n = 5000
	for i := range n {
		put(t, b, fmt.Sprintf("%05d", i*2), "")
	}
	next := 0
	for o, err := range b.List(ctx, &blob.ListOptions{PageSize: 7}) {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		fmt.Sscanf(o.Key, "%d", &i)
		if i%2 == 1 {
			continue // came meanwhile
		}
		if i != next {
			t.Fatalf("key %05d where %05d was due", i, next)
		}
		next = i + 2
		put(t, b, fmt.Sprintf("%05d", i+1), "")
		if i >= 2 {
			if err := b.Delete(ctx, fmt.Sprintf("%05d", i-2), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if next != 2*n {
		t.Errorf("the listing ended at %05d", next)
	}
}

func Example() {
	bucket, err := blob.Open(ctx, "mem://example")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()
	o, err := bucket.Put(ctx, "greeting", strings.NewReader("hello"), &blob.PutOptions{If: blob.IfAbsent})
	fmt.Println(o.Size, err)
	_, err = bucket.Put(ctx, "greeting", strings.NewReader("again"), &blob.PutOptions{If: blob.IfAbsent})
	fmt.Println(errors.Is(err, fs.ErrExist), errors.Is(err, blob.ErrPrecondition))
	// Output:
	// 5 <nil>
	// true true
}

// A section that says it is longer than anything can be is an error, and no panic.
func TestPutOfAHugeSection(t *testing.T) {
	b := mem.New(nil)
	defer b.Close()
	if _, err := b.Put(ctx, "k", io.NewSectionReader(strings.NewReader("abc"), 0, math.MaxInt64), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a section that ends early: %v", err)
	}
}

// What a Reader reads is a copy: a wrapper, which sees the body, has no way to the memory of the store.
func TestBodyOfAReader(t *testing.T) {
	b := mem.New(nil)
	defer b.Close()
	put(t, b, "k", "content")
	r, err := b.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.WithBody(func(body io.ReadCloser) io.ReadCloser {
		switch body.(type) {
		case io.WriterTo, io.Seeker, io.ReaderAt:
			t.Errorf("a %T has more methods than Read and Close", body)
		}
		return body
	})
}
