package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var someAttributes = blob.Attributes{ContentType: "text/plain", CacheControl: "no-store", Metadata: map[string]string{"owner": "alice", "empty": ""}}

func sameAttributes(a, b blob.Attributes) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestAttributes(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		b := openMode(t, dir, m)
		for _, key := range []string{"a", "a/b", "long"} { // "a" moves when "a/b" comes
			attrs := someAttributes
			if key == "long" { // more than an inode of ext4 holds
				attrs.Metadata = map[string]string{"long": strings.Repeat("x", 60<<10)}
			}
			o, err := b.Put(t.Context(), key, strings.NewReader("content"), &blob.PutOptions{Attributes: attrs})
			if err != nil || !sameAttributes(o.Attributes, attrs) || o.Size != 7 || o.Checksums.IsZero() {
				t.Fatalf("Put returned %+v, %v", o, err)
			}
			s, err := b.Stat(t.Context(), key, nil)
			if err != nil || !sameAttributes(s.Attributes, attrs) || s.ETag != o.ETag || s.Checksums != o.Checksums {
				t.Fatalf("Stat: %+v, %v; Put returned %+v", s, err, o)
			}
		}
		s, _ := b.Stat(t.Context(), "a", nil)
		if !sameAttributes(s.Attributes, someAttributes) {
			t.Errorf("after it moved, a has %+v", s)
		}
		// An overwrite replaces all of them.
		put(t, b, "a", "other")
		if s, err := b.Stat(t.Context(), "a", nil); err != nil || !s.Attributes.IsZero() {
			t.Errorf("after an overwrite without attributes: %+v, %v", s, err)
		}
		for _, key := range []string{"a", "a/b", "long"} {
			b.Delete(t.Context(), key, nil)
		}
		b.Close()
		if left := onDisk(t, dir); left != nil {
			t.Errorf("left behind: %q", left)
		}
	})
}

// What another program wrote has not our checksum and metadata.
func TestForeignChange(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		b := openMode(t, dir, m)
		o, err := b.Put(t.Context(), "a", strings.NewReader("content"), &blob.PutOptions{Attributes: someAttributes})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte("foreign"), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := b.Stat(t.Context(), "a", nil)
		if err != nil || s.ETag == o.ETag || !s.Attributes.IsZero() || !s.Checksums.IsZero() {
			t.Errorf("Stat: %+v, %v", s, err)
		}
		wantBody(t, b, "a", "foreign")
		if err := b.Delete(t.Context(), "a", &blob.DeleteOptions{If: blob.IfMatch(o.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
			t.Errorf("Delete of what was: %v", err)
		}
	})
}

// A changed byte is noticed when time and size tell nothing.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	b := openMode(t, dir, mode{})
	o := put(t, b, "a", "content")
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("c0ntent"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, o.ModTime); err != nil {
		t.Fatal(err)
	}
	if _, err := get(b, "a"); !errors.Is(err, blob.ErrChecksum) {
		t.Errorf("Get of damaged content: %v", err)
	}
}

func TestConditions(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		b := openMode(t, t.TempDir(), m)
		for _, key := range []string{"k", "k/inside"} {
			put(t, b, key+"/x", "") // so that key is a directory
			if _, err := b.Put(t.Context(), key, strings.NewReader("1"), &blob.PutOptions{If: blob.IfMatch(`"1"`)}); !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("if-match of what is not: %v", err)
			}
			o, err := b.Put(t.Context(), key, strings.NewReader("1"), &blob.PutOptions{If: blob.IfAbsent})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Put(t.Context(), key, strings.NewReader("2"), &blob.PutOptions{If: blob.IfAbsent}); !errors.Is(err, fs.ErrExist) || !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("if-absent of what is: %v", err)
			}
			o2, err := b.Put(t.Context(), key, strings.NewReader("2"), &blob.PutOptions{If: blob.IfMatch(o.ETag)})
			if err != nil || o2.ETag == o.ETag {
				t.Fatal(o2, err)
			}
			if _, err := b.Put(t.Context(), key, strings.NewReader("3"), &blob.PutOptions{If: blob.IfMatch(o.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("if-match of what was: %v", err)
			}
			if _, err := b.Stat(t.Context(), key, &blob.StatOptions{If: blob.IfNoneMatch(o2.ETag)}); !errors.Is(err, blob.ErrNotModified) {
				t.Errorf("if-none-match: %v", err)
			}
			if _, err := b.Get(t.Context(), key, &blob.GetOptions{If: blob.IfMatch(o.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("Get if-match of what was: %v", err)
			}
			if err := b.Delete(t.Context(), key, &blob.DeleteOptions{If: blob.IfMatch(o.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("Delete if-match of what was: %v", err)
			}
			wantBody(t, b, key, "2")
			if err := b.Delete(t.Context(), key, &blob.DeleteOptions{If: blob.IfMatch(o2.ETag)}); err != nil {
				t.Error(err)
			}
			if err := b.Delete(t.Context(), key, &blob.DeleteOptions{If: blob.IfMatch(o2.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
				t.Errorf("Delete if-match of what is gone: %v", err)
			}
			wantMissing(t, b, key)
			wantBody(t, b, key+"/x", "")
		}
	})
}

// TestDisplace puts an object where a directory must be, in either order, while others read and list it.
func TestDisplace(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		b := openMode(t, t.TempDir(), m)
		for round := range 30 {
			key := fmt.Sprintf("%d/a", round)
			want := put(t, b, key, "object").ETag
			stop := make(chan struct{})
			var readers sync.WaitGroup
			for range 2 {
				readers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if body, err := get(b, key); err != nil || body != "object" {
							t.Errorf("Get while it moves: %q, %v", body, err)
							return
						}
						if o, err := b.Stat(context.Background(), key, nil); err != nil || o.ETag != want {
							t.Errorf("Stat while it moves: %+v, %v", o, err)
							return
						}
						if keys := list(t, b, &blob.ListOptions{Prefix: key, Limit: 1}); len(keys) != 1 || keys[0] != key {
							t.Errorf("List while it moves: %q", keys)
							return
						}
					}
				})
			}
			var writers sync.WaitGroup
			for i := range 4 {
				writers.Go(func() { put(t, b, fmt.Sprintf("%s/%d/x", key, i%2), "") })
			}
			writers.Wait()
			close(stop)
			readers.Wait()
			if keys := list(t, b, &blob.ListOptions{Prefix: key}); !slices.Equal(keys, []string{key, key + "/0/x", key + "/1/x"}) {
				t.Fatalf("listed %q", keys)
			}
		}
		if left := drafts(t, b.Dir()); left != nil {
			t.Errorf("left in the work directory: %q", left)
		}
	})
}

// TestRaces has 16 creators in two handles, of a key and of one beneath it.
func TestRaces(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		rounds := 200
		if testing.Short() {
			rounds = 20
		}
		dir := t.TempDir()
		handles := []*Bucket{openMode(t, dir, m), openMode(t, dir+"/.", m)}
		for round := range rounds {
			key := fmt.Sprintf("d%d/k", round)
			var mu sync.Mutex
			var winners []string
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					b := handles[i%2]
					if i%4 == 3 {
						put(t, b, fmt.Sprintf("%s/%d", key, i), "beneath")
						return
					}
					body := fmt.Sprint("body of ", i)
					_, err := b.Put(context.Background(), key, strings.NewReader(body), &blob.PutOptions{If: blob.IfAbsent})
					switch {
					case err == nil:
						mu.Lock()
						winners = append(winners, body)
						mu.Unlock()
					case !errors.Is(err, fs.ErrExist):
						t.Error(err)
					}
				})
			}
			all.Wait()
			if len(winners) != 1 {
				t.Fatalf("round %d: %d creators won: %q", round, len(winners), winners)
			}
			wantBody(t, handles[0], key, winners[0])
		}
	})
}

// TestCounter counts by if-match from many goroutines in two handles. No step is lost.
func TestCounter(t *testing.T) {
	dir := t.TempDir()
	handles := []*Bucket{openMode(t, dir, mode{}), openMode(t, dir, mode{})}
	put(t, handles[0], "counter", "")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b := handles[i%2]
			for range 25 {
				for {
					r, err := b.Get(context.Background(), "counter", nil)
					if err != nil {
						t.Error(err)
						return
					}
					body, err := io.ReadAll(r)
					r.Close()
					if err != nil {
						t.Error(err)
						return
					}
					_, err = b.Put(context.Background(), "counter", strings.NewReader(string(body)+"x"), &blob.PutOptions{If: blob.IfMatch(r.ETag)})
					if err == nil {
						break
					}
					if !errors.Is(err, blob.ErrPrecondition) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	wantBody(t, handles[1], "counter", strings.Repeat("x", 200))
}

// TestPairing overwrites one object from four sides. Body, size and metadata that a reader gets are of one version.
func TestPairing(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		b := openMode(t, t.TempDir(), m)
		write := func(n int) {
			body := strings.Repeat(fmt.Sprint(n%10), 1+n*37%5000)
			attrs := blob.Attributes{Metadata: map[string]string{"n": fmt.Sprint(n)}}
			if _, err := b.Put(context.Background(), "k", strings.NewReader(body), &blob.PutOptions{Attributes: attrs}); err != nil {
				t.Error(err)
			}
		}
		write(0)
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for n := w; ; n += 4 {
					select {
					case <-stop:
						return
					default:
						write(n)
					}
				}
			})
		}
		for range 1000 {
			r, err := b.Get(t.Context(), "k", nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r)
			r.Close()
			var n int
			fmt.Sscan(r.Metadata["n"], &n)
			if want := strings.Repeat(fmt.Sprint(n%10), 1+n*37%5000); err != nil || string(body) != want || r.Size != int64(len(body)) {
				t.Fatalf("version %q has %d bytes of %.1q, %v", r.Metadata["n"], len(body), body, err)
			}
		}
		close(stop)
		writers.Wait()
	})
}

// TestSharedDirectory puts and deletes in one directory at the same time, so that it comes and goes.
func TestSharedDirectory(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		b := openMode(t, t.TempDir(), m)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				key := fmt.Sprintf("a/b/c/%d", i)
				for range 100 {
					put(t, b, key, "x")
					wantBody(t, b, key, "x")
					if err := b.Delete(context.Background(), key, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if keys := list(t, b, nil); len(keys) != 0 {
			t.Errorf("listed %q", keys)
		}
	})
}

func TestOpenReaderKeepsItsVersion(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	put(t, b, "a", strings.Repeat("old", 100_000))
	r, err := b.Get(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put(t, b, "a", "new")
	b.Delete(t.Context(), "a", nil)
	if body, err := io.ReadAll(r); err != nil || string(body) != strings.Repeat("old", 100_000) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestRanges(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	put(t, b, "a", "0123456789")
	for _, c := range []struct {
		r    blob.Range
		want string
	}{{blob.Bytes(2, 3), "234"}, {blob.From(8), "89"}, {blob.Last(2), "89"}, {blob.Bytes(10, 5), ""}, {blob.Bytes(5, 0), ""}, {blob.Last(99), "0123456789"}} {
		r, err := b.Get(t.Context(), "a", &blob.GetOptions{Range: c.r})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r); err != nil || string(body) != c.want {
			t.Errorf("%v: %q, %v", c.r, body, err)
		}
		r.Close()
	}
	if _, err := b.Get(t.Context(), "a", &blob.GetOptions{Range: blob.From(11)}); !errors.Is(err, blob.ErrRange) {
		t.Error(err)
	}
}

// brokenReader fails after it has delivered its text.
type brokenReader struct {
	io.Reader
	err error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

// A Put that fails leaves the old object, and nothing else: no file, no directory.
func TestFailedPut(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		b := openMode(t, dir, m)
		put(t, b, "old", "old")
		broken := errors.New("broken")
		ctx, cancel := context.WithCancel(t.Context())
		for name, c := range map[string]struct {
			body io.Reader
			opts *blob.PutOptions
			want error
		}{
			"body":      {&brokenReader{strings.NewReader(strings.Repeat("x", 1<<20)), broken}, nil, broken},
			"short":     {io.MultiReader(strings.NewReader("x")), &blob.PutOptions{Size: 2}, blob.ErrInvalid},
			"checksum":  {strings.NewReader("x"), &blob.PutOptions{Checksums: blob.CRC32CSum(1)}, blob.ErrChecksum},
			"sha256":    {strings.NewReader("x"), &blob.PutOptions{Checksums: blob.Checksums{}.With(blob.SHA256, make([]byte, 32))}, blob.ErrChecksum},
			"condition": {strings.NewReader("x"), &blob.PutOptions{If: blob.IfMatch(`"no"`)}, blob.ErrPrecondition},
			"context":   {&brokenReader{&cancelReader{cancel, 3}, broken}, nil, context.Canceled},
		} {
			for _, key := range []string{"old", "new/directory/key"} {
				callCtx := t.Context()
				if name == "context" {
					callCtx = ctx
				}
				if _, err := b.Put(callCtx, key, c.body, c.opts); !errors.Is(err, c.want) && !(key != "old" && (name == "body" || name == "short")) {
					t.Errorf("%s, %s: %v, want %v", name, key, err, c.want)
				}
			}
			wantBody(t, b, "old", "old")
			b.Delete(t.Context(), "new/directory/key", nil)
		}
		b.Close()
		if got := onDisk(t, dir); !slices.Equal(got, []string{"old"}) && !m.portable && !m.noXattr {
			t.Errorf("there are %q", got)
		}
		if left := drafts(t, dir); left != nil {
			t.Errorf("left in the work directory: %q", left)
		}
	})
}

// cancelReader delivers for ever, and cancels after a while.
type cancelReader struct {
	cancel func()
	reads  int
}

func (r *cancelReader) Read(p []byte) (int, error) {
	if r.reads--; r.reads == 0 {
		r.cancel()
	}
	return len(p), nil
}

func TestChecksumsIn(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	var sums blob.Checksums
	for a := range b.Capabilities().Checksums.In.All() {
		h, err := a.New()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(h, "content")
		sums = sums.With(a, h.Sum(nil))
	}
	if _, err := b.Put(t.Context(), "a", strings.NewReader("content"), &blob.PutOptions{Checksums: sums}); err != nil {
		t.Error(err)
	}
}

func TestCopy(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		a, other := openMode(t, t.TempDir(), m), openMode(t, t.TempDir(), mode{})
		body := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // 3 MiB
		o, err := a.Put(t.Context(), "from", bytes.NewReader(body), &blob.PutOptions{Attributes: someAttributes})
		if err != nil {
			t.Fatal(err)
		}
		for i, to := range []blob.Bucket{a, other, a} {
			key := []string{"to/here", "to/there", "from"}[i]
			c, err := copyObject(t.Context(), to, key, a, "from", nil)
			if err != nil || c.Checksums != o.Checksums || !sameAttributes(c.Attributes, someAttributes) || c.Size != o.Size {
				t.Fatalf("Copy: %+v, %v", c, err)
			}
			wantBody(t, to, key, string(body))
		}
		c, err := copyObject(t.Context(), a, "plain", a, "from", &blob.CopyOptions{If: blob.IfAbsent, Attributes: &blob.Attributes{ContentType: "a/b"}})
		if err != nil || c.ContentType != "a/b" || c.Metadata != nil {
			t.Errorf("Copy with attributes: %+v, %v", c, err)
		}
		if _, err := copyObject(t.Context(), a, "plain", a, "from", &blob.CopyOptions{If: blob.IfAbsent}); !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
		if _, err := copyObject(t.Context(), a, "x/y", a, "missing", nil); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		os.WriteFile(filepath.Join(a.Dir(), "foreign"), body, 0o666)
		if c, err := copyObject(t.Context(), a, "copy of foreign", a, "foreign", nil); err != nil || c.Size != o.Size {
			t.Errorf("Copy of a foreign file: %+v, %v", c, err)
		}
		wantBody(t, a, "copy of foreign", string(body))
	})
}

// TestAllocations holds small calls to what performance needs.
func TestAllocations(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	put(t, b, "d/k", "")
	body := make([]byte, 1<<10)
	n := 0
	for _, c := range []struct {
		what string
		most float64
		call func()
	}{
		{"stat", 8, func() { b.Stat(context.Background(), "d/k", nil) }},
		{"get", 20, func() { get(b, "d/k") }},
		{"put", 20, func() { n++; b.Put(context.Background(), fmt.Sprintf("d/%d", n), bytes.NewReader(body), nil) }},
		{"overwrite", 25, func() { b.Put(context.Background(), "d/k", bytes.NewReader(body), nil) }},
	} {
		if got := testing.AllocsPerRun(100, c.call); got > c.most {
			t.Errorf("%s allocates %v times, more than %v", c.what, got, c.most)
		} else {
			t.Logf("%s: %v", c.what, got)
		}
	}
}
