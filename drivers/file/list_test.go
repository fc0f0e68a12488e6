package file

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// TestAwkwardKeys stores every awkward key beside all the others, in an order of chance, and compares every way to look
// at them with the driver for memory. Then it deletes them one by one.
func TestAwkwardKeys(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for round := range 3 {
			seed := uint64(round) + 1
			chance := rand.New(rand.NewPCG(seed, 0))
			keys := slices.Clone(awkward)
			if m.portable { // goes name by name, and the testing package takes a note of each
				keys = slices.DeleteFunc(keys, func(key string) bool { return strings.Count(key, "/") > 20 })
			}
			chance.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			dir := t.TempDir()
			b, model := openMode(t, dir, m), mem.New(nil)
			for _, key := range keys {
				wantMissing(t, b, key)
				put(t, b, key, "body of "+key)
				put(t, model, key, "body of "+key)
			}
			for _, key := range keys {
				wantBody(t, b, key, "body of "+key)
				o, err := b.Stat(t.Context(), key, nil)
				if err != nil || o.Size != int64(len("body of "+key)) || o.Checksums.IsZero() {
					t.Fatalf("Stat of %q: %+v, %v", key, o, err)
				}
			}
			compareListings(t, b, model, chance, 150)
			for _, key := range keys {
				if err := b.Delete(t.Context(), key, nil); err != nil {
					t.Fatal(err)
				}
				model.Delete(t.Context(), key, nil)
				wantMissing(t, b, key)
				if chance.IntN(8) == 0 {
					compareListings(t, b, model, chance, 3)
				}
			}
			b.Close()
			if left := onDisk(t, dir); left != nil {
				t.Fatalf("after all is deleted and closed, there are: %q", left)
			}
		}
	})
}

// compareListings lists in ways of chance, with prefixes and starts near the keys.
func compareListings(t *testing.T, b, model blob.Bucket, chance *rand.Rand, rounds int) {
	t.Helper()
	near := func() string {
		key := awkward[chance.IntN(len(awkward))]
		switch chance.IntN(5) {
		case 0:
			return ""
		case 1:
			return key
		case 2:
			return strings.ToValidUTF8(key[:chance.IntN(len(key)+1)], "")
		case 3:
			return key + string(rune('!'+chance.IntN(90)))
		}
		return strings.ToValidUTF8(key[:len(key)-1], "") + string(rune('!'+chance.IntN(90)))
	}
	for range rounds {
		o := &blob.ListOptions{}
		if chance.IntN(2) == 0 {
			o.Prefix = near()
		}
		switch chance.IntN(3) {
		case 0:
			o.StartAfter = near()
		case 1:
			o.StartAt = near()
		}
		o.Delimiter = []string{"", "/", "/", "b", "l", "//", "/x"}[chance.IntN(7)]
		o.Limit = []int{0, 0, 1, 3}[chance.IntN(4)]
		if got, want := list(t, b, o), list(t, model, o); !slices.Equal(got, want) {
			t.Fatalf("%+v\nlists %q\n want %q", *o, got, want)
		}
		for e, err := range b.List(t.Context(), o) {
			if err != nil {
				t.Fatal(err)
			}
			if e.IsPrefix {
				continue
			}
			s, err := b.Stat(t.Context(), e.Key, nil)
			if err != nil || s.ETag != e.ETag || s.Size != e.Size || !s.ModTime.Equal(e.ModTime) {
				t.Fatalf("listed %+v, but Stat says %+v, %v", e, s, err)
			}
		}
	}
}

// TestDeepKeys has keys of 500 directories and more, whose paths no system call takes in one piece.
func TestDeepKeys(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		b := openMode(t, dir, m)
		keys := []string{strings.Repeat("d/", 511) + "d"}
		if !m.portable {
			keys = []string{strings.Repeat("/", 1024), keys[0], strings.Repeat("d/", 500) + "e"}
		}
		for _, key := range keys {
			put(t, b, key, "deep")
		}
		if got := list(t, b, nil); !slices.Equal(got, keys) {
			t.Errorf("listed %q", got)
		}
		for _, key := range keys {
			wantBody(t, b, key, "deep")
			if err := b.Delete(t.Context(), key, nil); err != nil {
				t.Fatal(err)
			}
			wantMissing(t, b, key)
		}
		b.Close()
		if left := onDisk(t, dir); left != nil {
			t.Errorf("left: %d files and directories", len(left))
		}
	})
}

// TestPages goes through a listing page by page, as a caller with a Limit does.
func TestPages(t *testing.T) {
	b, model := openMode(t, t.TempDir(), mode{}), mem.New(nil)
	for _, key := range awkward {
		put(t, b, key, "")
		put(t, model, key, "")
	}
	for _, delimiter := range []string{"", "/", "b"} {
		want := list(t, model, &blob.ListOptions{Delimiter: delimiter})
		for _, size := range []int{1, 2, 7} {
			var got []string
			for after := ""; ; {
				page := list(t, b, &blob.ListOptions{Delimiter: delimiter, StartAfter: after, Limit: size})
				got = append(got, page...)
				if len(page) < size {
					break
				}
				after = strings.TrimSuffix(page[size-1], " …")
			}
			if !slices.Equal(got, want) {
				t.Fatalf("delimiter %q, pages of %d: %q, want %q", delimiter, size, got, want)
			}
		}
	}
}

func TestForeignTree(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir, outside := t.TempDir(), t.TempDir()
		write := func(path string) {
			t.Helper()
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("foreign"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		write("a")
		write("d/e/f")
		write("d/100%")
		write(".holdall~=plain")
		write("odd/.holdall~nothing")
		write("odd/.holdall~+short/.holdall~=x")
		os.MkdirAll(filepath.Join(dir, "empty/er"), 0o777)
		os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o666)
		for _, link := range []struct{ to, from string }{{outside, "out"}, {filepath.Join(outside, "secret"), "file"}, {"nowhere", "links/dangling"}, {"a", "alias"}, {"d", "dir"}} {
			os.MkdirAll(filepath.Join(dir, filepath.Dir(link.from)), 0o777)
			if err := os.Symlink(link.to, filepath.Join(dir, link.from)); err != nil {
				t.Skip(err)
			}
		}
		b := openMode(t, dir, m)
		if got, want := list(t, b, nil), []string{"a", "d/100%", "d/e/f"}; !slices.Equal(got, want) {
			t.Errorf("listed %q, want %q", got, want)
		}
		if got, want := list(t, b, &blob.ListOptions{Delimiter: "/"}), []string{"a", "d/ …"}; !slices.Equal(got, want) {
			t.Errorf("listed %q, want %q", got, want)
		}
		if got := b.Skipped(); got.Links != 5+4 || got.Names < 3 {
			t.Errorf("skipped %+v", got)
		}
		o, err := b.Stat(t.Context(), "d/e/f", nil)
		if err != nil || o.Size != 7 || o.ETag == "" || !o.Checksums.IsZero() || !o.Attributes.IsZero() {
			t.Errorf("Stat of a foreign file: %+v, %v", o, err)
		}
		wantBody(t, b, "a", "foreign")
		for _, key := range []string{"out", "out/secret", "file", "links/dangling", "alias", "dir/e/f", "empty", "empty/", "empty/er", "plain", "a/b", "a/", "d", "d/", "odd"} {
			wantMissing(t, b, key)
			if err := b.Delete(t.Context(), key, nil); err != nil {
				t.Errorf("Delete of %q: %v", key, err)
			}
		}
		for _, key := range []string{"out", "out/secret", "file", "alias", "dir/e/f", "links/dangling/x"} {
			if _, err := b.Put(t.Context(), key, strings.NewReader("x"), nil); err == nil {
				t.Errorf("Put of %q went through a link", key)
			}
			if _, err := b.Put(t.Context(), key, strings.NewReader("x"), &blob.PutOptions{If: blob.IfAbsent}); err == nil {
				t.Errorf("Put of %q if absent went through a link", key)
			}
		}
		if body, _ := os.ReadFile(filepath.Join(outside, "secret")); string(body) != "secret" {
			t.Errorf("the file outside holds %q", body)
		}
		if entries, _ := os.ReadDir(outside); len(entries) != 1 {
			t.Errorf("files outside: %v", entries)
		}
		if left := drafts(t, dir); left != nil {
			t.Errorf("left in the work directory: %q", left)
		}
	})
}

// A tree that is only read is left as it was found.
func TestReadingWritesNothing(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "a"), nil, 0o666)
	b := openMode(t, dir, mode{})
	list(t, b, nil)
	wantBody(t, b, "a", "")
	if got := onDisk(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("there are %q", got)
	}
}

func BenchmarkList(b *testing.B) {
	for _, shape := range []struct {
		name string
		key  func(i int) string
	}{
		{"flat", func(i int) string { return fmt.Sprintf("%06d", i) }},
		{"nested", func(i int) string { return fmt.Sprintf("%03d/%03d", i/100, i%100) }},
	} {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", shape.name, n), func(b *testing.B) {
				dir := benchDir(b)
				bucket := openMode(b, dir, mode{})
				for i := range n {
					path := filepath.Join(dir, shape.key(i))
					os.MkdirAll(filepath.Dir(path), 0o777)
					os.WriteFile(path, nil, 0o666)
				}
				b.Run("holdall", func(b *testing.B) {
					b.ReportAllocs()
					for range b.N {
						if got := len(list(b, bucket, nil)); got != n {
							b.Fatal(got)
						}
					}
				})
				b.Run("walkdir", func(b *testing.B) {
					for range b.N {
						filepath.WalkDir(dir, func(_ string, d os.DirEntry, _ error) error { _, err := d.Info(); return err })
					}
				})
			})
		}
	}
}
