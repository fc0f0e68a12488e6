package b2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func copyOf(b *Bucket, from, to string, opts *blob.CopyOptions) (*blob.Object, error) {
	src, err := b.Source(context.Background(), from, nil)
	if err != nil {
		return nil, err
	}
	return b.Copy(context.Background(), to, src, opts)
}

// A copy is of the very version that was seen, by its ID. It keeps the attributes or replaces them all.
func TestCopy(t *testing.T) {
	for name, with := range map[string]*blob.Attributes{"kept": nil, "replaced": {Metadata: map[string]string{"a": "b"}}, "removed": {}} {
		var sent request
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_copy_file" {
				sent = r
			}
			return false
		})
		o, err := copyOf(f.open(t), "k", "copy", &blob.CopyOptions{Attributes: with})
		if err != nil {
			t.Fatal(err)
		}
		if sent.param("sourceFileId") != "old" || sent.param("destinationBucketId") != bucketID || sent.param("fileName") != "copy" {
			t.Errorf("%s: the copy is asked for by %s", name, sent.body)
		}
		directive, info, contentType := sent.param("metadataDirective"), sent.param("fileInfo"), sent.param("contentType")
		if with == nil && (directive != "COPY" || info != nil || contentType != nil) || with != nil && (directive != "REPLACE" || len(info.(map[string]any)) != len(with.Metadata)) {
			t.Errorf("%s: %v with %v of %v", name, directive, info, contentType)
		}
		if _, ok := o.Checksums.Get(blob.SHA1); !ok || o.Size != 7 {
			t.Errorf("%s: it makes %+v", name, o)
		}
	}
}

// A version that is removed between the look and the copy is looked for again, a few times.
func TestCopyOfWhatGoes(t *testing.T) {
	tries := 0
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_copy_file" {
			if tries++; tries < 3 {
				answerError(w, http.StatusNotFound, "not_found", "")
				return true
			}
		}
		return false
	})
	b := f.open(t)
	if _, err := copyOf(b, "k", "copy", nil); err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	tries = -3
	if _, err := copyOf(b, "k", "copy", nil); !errors.Is(err, blob.ErrChanged) || !strings.Contains(err.Error(), `source "k"`) {
		t.Errorf("one that goes each time answers %v", err)
	}
}

// Only who was opened with the same application key is a source: a copy reads with the key of its destination.
func TestCopyFromOthers(t *testing.T) {
	f := newFake(t, nil)
	b, same, other := f.open(t), f.open(t), f.open(t, func(c *Config) { c.Key = "another" })
	for from, want := range map[*Bucket]error{same: nil, other: errors.ErrUnsupported} {
		src, err := from.Source(context.Background(), "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Copy(context.Background(), "copy", src, nil); !errors.Is(err, want) {
			t.Errorf("it answers %v, not %v", err, want)
		}
	}
}

// What one call does not copy is copied in ranges, with the SHA-1 of the whole among its info, under a check for each.
func TestLargeCopy(t *testing.T) {
	const size = 6_000_000_001
	const sum = "040f06fd774092478d450774f5ba30c5da78acc8"
	var mu sync.Mutex
	var ranges []string
	var started, finished request
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		mu.Lock()
		defer mu.Unlock()
		switch r.call {
		case "b2_download_file_by_name":
			answerFile(w, r, "", "none", map[string]string{"Content-Length": fmt.Sprint(size), "X-Bz-Info-large_file_sha1": sum, "X-Bz-Info-a": "b"})
		case "b2_start_large_file":
			started = r
			return false
		case "b2_copy_part":
			ranges = append(ranges, fmt.Sprint(r.param("partNumber"), " ", r.param("range"), " of ", r.param("sourceFileId")))
			answerJSON(w, map[string]any{"partNumber": r.param("partNumber"), "contentSha1": fmt.Sprint("sum", r.param("partNumber"))})
		case "b2_finish_large_file":
			finished = r
			return false
		case "b2_list_file_versions":
			answerJSON(w, map[string]any{"files": []any{version("large", "copy", "upload")}})
		default:
			return false
		}
		return true
	})
	b := f.open(t)
	src, err := b.Source(context.Background(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	src = src.Checked(func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		checks++
		return nil
	})
	o, err := b.Copy(context.Background(), "copy", src, nil)
	if err != nil || o.Size != size || o.ETag != `"large"` {
		t.Fatalf("%+v, %v", o, err)
	}
	slices.Sort(ranges)
	if len(ranges) != 7 || ranges[0] != "1 bytes=0-999999999 of old" || ranges[6] != "7 bytes=6000000000-6000000000 of old" {
		t.Errorf("the ranges are %q", ranges)
	}
	if info := started.param("fileInfo").(map[string]any); info[infoSHA1] != sum || info["a"] != "b" {
		t.Errorf("it begins with the info %v", info)
	}
	if sums := finished.param("partSha1Array").([]any); len(sums) != 7 || sums[0] != "sum1" || sums[6] != "sum7" {
		t.Errorf("it is finished with %v", sums)
	}
	if checks < 8 { // the look, and each part
		t.Errorf("the source was checked %d times", checks)
	}
}
