package providers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/drivers/gocdk"
	"github.com/holdall-go/holdall/drivers/s3"
)

// keysToMove are keys that s3blob escapes, that hold what looks like an escape, or that try a server otherwise.
var keysToMove = []string{
	"plain", "a/b", "v//w", "t/", "/u", "../a", "c/../d", "c/..", "e../f", "e../g/h", "...", ".h", "日本/語", "日本/../語",
	"\x00", "i\x01j", "i\nj", "\x7f", "\u0085", "k\\l", "%", "%2E%2E", "m%01", "m%2Fn", "100%", "?#\"%:@=", "o p", "o+p",
	"__0x2f__", "__0x2f", "q__0x2f__r", "__", "_", "__0x", "__0x2f__0x2f__", "___0x2f__", "__0x+2f__", "s/../__0x2e__/\x1f",
}

// TestKeysAsWritten lets s3blob fill a bucket. Whoever moves from it to drivers/s3 sees every object that it wrote, and it
// sees those that holdall writes.
func TestKeysAsWritten(t *testing.T) {
	notEveryDay(t)
	if *writeMatrix {
		t.Skip("not run: the matrix is about holdall's own suite")
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Provider == providers.Swift { // it takes as long as all the others
			inTheLongRun(t)
		}
		// Ceph and Swift make "-" of "_" in the names of metadata, so there not even s3blob reads all that it wrote.
		names := s.Provider == providers.MinIO || s.Provider == providers.Versitygw
		bucket := s.Harness(false).Bucket(t).(*s3.Bucket)
		defer bucket.Close()
		theirs, err := s3blob.OpenBucket(t.Context(), s.Client(s.Provider.Holders[0]), bucket.Name(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		ours := gocdk.Open(bucket, &gocdk.OpenOptions{Keys: gocdk.KeysAsWritten(gocdk.S3blob)})
		defer ours.Close()

		var keys []string
		for _, key := range keysToMove {
			metadata := map[string]string{"plain": "a value: " + key}
			if names {
				metadata[strings.ToLower(key)] = "x"
			}
			err := theirs.WriteAll(t.Context(), key, []byte("by s3blob: "+key), &gcblob.WriterOptions{ContentType: "text/x-them", Metadata: metadata})
			if err != nil {
				t.Logf("s3blob cannot write %q here: %v", key, err)
				continue
			}
			if _, err := ours.Exists(t.Context(), key); gcerrors.Code(err) == gcerrors.InvalidArgument {
				t.Logf("drivers/s3 takes no such key here: %v", err)
				if err := theirs.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				continue
			}
			keys = append(keys, key)
			sees(t, ours, key, "by s3blob: "+key, metadata)
		}
		if len(keys) < len(keysToMove)*3/4 {
			t.Fatalf("%d of %d keys can be moved", len(keys), len(keysToMove))
		}
		for _, prefix := range prefixes(keys) {
			lists(t, ours, keys, prefix, "")
			lists(t, ours, keys, prefix, "/")
		}
		for _, key := range keys {
			metadata := map[string]string{"plain": "another value: " + key}
			if names {
				metadata["at@mail:x=y"] = "y"
			}
			if err := ours.WriteAll(t.Context(), key, []byte("by holdall: "+key), &gcblob.WriterOptions{ContentType: "text/x-us", Metadata: metadata}); err != nil {
				t.Errorf("holdall does not write %q: %v", key, err)
				continue
			}
			sees(t, theirs, key, "by holdall: "+key, metadata)
		}
		lists(t, theirs, keys, "", "")
	})
}

// sees reports what of an object is not as it was written. What drivers/s3 adds to the metadata, where a server keeps no
// checksums, s3blob sees too.
func sees(t *testing.T, b *gcblob.Bucket, key, content string, metadata map[string]string) {
	t.Helper()
	got, err := b.ReadAll(t.Context(), key)
	if err != nil || string(got) != content {
		t.Errorf("%q is read as %q, %v, want %q", key, got, err, content)
	}
	a, err := b.Attributes(t.Context(), key)
	if err != nil {
		t.Errorf("the attributes of %q: %v", key, err)
		return
	}
	maps.DeleteFunc(a.Metadata, func(name, _ string) bool { return strings.HasPrefix(name, "holdall-") })
	if !maps.Equal(a.Metadata, metadata) || !strings.HasPrefix(a.ContentType, "text/x-") || a.Size != int64(len(content)) {
		t.Errorf("%q has %d bytes of %s and %q, want %d and %q", key, a.Size, a.ContentType, a.Metadata, len(content), metadata)
	}
}

// lists reports what is missing in a listing of these keys, or too much.
func lists(t *testing.T, b *gcblob.Bucket, keys []string, prefix, delimiter string) {
	t.Helper()
	var want, got []string
	folders := map[string]bool{}
	for _, key := range keys {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if dir, _, within := strings.Cut(rest, delimiter); within && delimiter != "" {
				key = prefix + dir + delimiter
				folders[key] = true
			}
			want = append(want, key)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	entries, failure := b.List(&gcblob.ListOptions{Prefix: prefix, Delimiter: delimiter}).All(t.Context())
	for entry := range entries {
		if entry.IsDir != folders[entry.Key] {
			t.Errorf("below %q by %q, %q is folder: %t", prefix, delimiter, entry.Key, entry.IsDir)
		}
		got = append(got, entry.Key)
	}
	slices.Sort(got) // the order is that of what the keys are written as
	if err := failure(); err != nil || !slices.Equal(got, want) {
		t.Errorf("below %q by %q are\n%q, %v, want\n%q", prefix, delimiter, got, err, want)
	}
}

// prefixes are what keys begin with, character by character, each once.
func prefixes(keys []string) []string {
	seen := map[string]bool{}
	for _, key := range keys {
		for i := range key {
			seen[key[:i]] = true
		}
		seen[key] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
