package b2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

func sections(content string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(content), 0, int64(len(content)))
}

// A bucketful of large files, kept by a fake.
type largeStore struct {
	mu       sync.Mutex
	parts    map[int]string // SHA-1s
	sizes    map[int]int
	versions []map[string]any // of the key, newest first
	started  request
	finished []any
}

func (s *largeStore) answer(w http.ResponseWriter, r request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.call {
	case "b2_start_large_file":
		s.started, s.parts, s.sizes = r, map[int]string{}, map[int]int{}
		return false
	case "b2_upload_part":
		var n int
		fmt.Sscan(r.header.Get("X-Bz-Part-Number"), &n)
		s.parts[n], s.sizes[n] = r.header.Get("X-Bz-Content-Sha1"), len(r.body)
		return false
	case "b2_list_parts":
		all := []any{}
		for n := 1; n <= maxParts; n++ {
			if sum, ok := s.parts[n]; ok {
				all = append(all, map[string]any{"partNumber": n, "contentSha1": sum, "contentLength": s.sizes[n]})
			}
		}
		answerJSON(w, map[string]any{"parts": all})
		return true
	case "b2_list_file_versions":
		answerJSON(w, map[string]any{"files": append([]map[string]any{}, s.versions...)})
		return true
	case "b2_finish_large_file":
		s.finished = r.param("partSha1Array").([]any)
		return false
	}
	return false
}

// A large Put goes in parts with their SHA-1s, with that of the whole where it is known, and the file that is made is
// looked for among the versions.
func TestLargePut(t *testing.T) {
	ctx := context.Background()
	content := bytes.Repeat([]byte("0123456789"), 1_100_000) // 11 MB, in parts of 5
	for name, test := range map[string]struct {
		body  io.Reader
		opts  blob.PutOptions
		known bool
	}{
		"at hand":                     {bytes.NewReader(content), blob.PutOptions{PartSize: minPart}, true},
		"a stream":                    {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart}, false},
		"a stream with its SHA-1":     {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart, Checksums: sha1Sum(t, content)}, true},
		"a stream of a declared size": {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart, Size: int64(len(content))}, false},
	} {
		s := &largeStore{versions: []map[string]any{version("unfinished", "k", "start"), version("large", "k", "upload"), version("old", "k", "upload")}}
		f := newFake(t, s.answer)
		o, err := f.open(t).Put(ctx, "k", test.body, &test.opts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if o.Size != int64(len(content)) || o.ETag != `"large"` || o.Checksums != sha1Sum(t, content) {
			t.Errorf("%s: it makes %+v", name, o)
		}
		info, _ := s.started.param("fileInfo").(map[string]any)
		if _, known := info[infoSHA1]; known != test.known {
			t.Errorf("%s: the upload begins with the info %v", name, info)
		}
		if len(s.finished) != 3 || s.finished[0] != s.parts[1] || s.finished[2] != s.parts[3] || s.sizes[3] != 1_000_000 {
			t.Errorf("%s: parts %v are finished as %v", name, s.parts, s.finished)
		}
		calls := f.calls()
		if got := calls[len(calls)-2:]; !slices.Equal(got, []string{"b2_finish_large_file", "b2_list_file_versions"}) {
			t.Errorf("%s: it ends with the calls %q", name, got)
		}
	}
}

func sha1Sum(t *testing.T, content []byte) (c blob.Checksums) {
	t.Helper()
	h, err := blob.SHA1.New()
	if err != nil {
		t.Fatal(err)
	}
	h.Write(content)
	return c.With(blob.SHA1, h.Sum(nil))
}

// A body that fails, or is not what its caller said, leaves no upload behind.
func TestLargePutFails(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 2*minPart+1)
	broken := errors.New("the reader is broken")
	for name, test := range map[string]struct {
		body io.Reader
		opts blob.PutOptions
		want error
	}{
		"it breaks off":   {io.MultiReader(bytes.NewReader(content), failing{broken}), blob.PutOptions{PartSize: minPart}, broken},
		"a wrong digest":  {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart, Checksums: blob.CRC32CSum(1)}, blob.ErrChecksum},
		"it is too long":  {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart, Size: int64(len(content)) - 1}, blob.ErrInvalid},
		"it is too short": {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{PartSize: minPart, Size: int64(len(content)) + 1}, blob.ErrInvalid},
	} {
		f := newFake(t, (&largeStore{}).answer)
		_, err := f.open(t).Put(context.Background(), "k", test.body, &test.opts)
		calls := f.calls()
		if !errors.Is(err, test.want) || slices.Contains(calls, "b2_finish_large_file") || slices.Contains(calls, "b2_start_large_file") != slices.Contains(calls, "b2_cancel_large_file") {
			t.Errorf("%s: %v, and the calls %q", name, err, calls)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// What was written, or hidden, since a large file was started lies above it. It is copied there, and removed from
// below.
func TestCompletionIsTheNewest(t *testing.T) {
	for name, above := range map[string]map[string]any{"another's put": version("newer", "k", "upload"), "a marker": version("newer", "k", "hide")} {
		s := &largeStore{versions: []map[string]any{version("unfinished", "k", "start"), above, version("large", "k", "upload")}}
		var copied, removed []any
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			switch r.call {
			case "b2_copy_file":
				copied = append(copied, r.param("sourceFileId"), r.param("fileName"), r.param("metadataDirective"))
				answerJSON(w, version("copy", "k", "upload"))
				return true
			case "b2_delete_file_version":
				removed = append(removed, r.param("fileId"))
				return false
			}
			return s.answer(w, r)
		})
		b := f.open(t)
		before := b.Calls()
		o, err := b.Put(context.Background(), "k", bytes.NewReader(make([]byte, minPart+1)), &blob.PutOptions{PartSize: minPart})
		if err != nil || o.ETag != `"copy"` {
			t.Errorf("below %s: %+v, %v", name, o, err)
		}
		if !slices.Equal(copied, []any{"large", "k", "COPY"}) || !slices.Equal(removed, []any{"large"}) {
			t.Errorf("below %s: copies %v, removes %v", name, copied, removed)
		}
		if got := b.Calls().C - before.C; got != 2 { // the look, and the copy
			t.Errorf("below %s: %d calls of class C", name, got)
		}
	}
}

// A large file that is gone when it is to be copied above a marker was deleted after it had been completed.
func TestCompletionBesideADelete(t *testing.T) {
	s := &largeStore{versions: []map[string]any{version("marker", "k", "hide")}}
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_copy_file" {
			answerError(w, http.StatusNotFound, "not_found", "")
			return true
		}
		return s.answer(w, r)
	})
	o, err := f.open(t).Put(context.Background(), "k", bytes.NewReader(make([]byte, minPart+1)), &blob.PutOptions{PartSize: minPart})
	if err != nil || o.ETag != `"large"` {
		t.Errorf("%+v, %v", o, err)
	}
}

// A completion whose answer is lost is looked up by its ID.
func TestCompletionIsLost(t *testing.T) {
	for state, want := range map[string]error{"upload": nil, "start": blob.ErrNotExist, "": blob.ErrAmbiguous} {
		s := &largeStore{versions: []map[string]any{version("large", "k", "upload")}}
		lost := false
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			switch {
			case r.call == "b2_finish_large_file" && !lost:
				lost = true
				panic(http.ErrAbortHandler)
			case r.call == "b2_finish_large_file":
				answerError(w, http.StatusBadRequest, "bad_request", "No active upload for: large")
				return true
			case r.call == "b2_get_file_info" && state == "":
				answerError(w, http.StatusNotFound, "not_found", "")
				return true
			case r.call == "b2_get_file_info":
				answerJSON(w, version("large", "k", state))
				return true
			}
			return s.answer(w, r)
		})
		_, err := f.open(t).Put(context.Background(), "k", bytes.NewReader(make([]byte, minPart+1)), &blob.PutOptions{PartSize: minPart})
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("state %q: %v", state, err)
		}
	}
}

// B2 makes no large file of a single part, nor of none, and takes no empty part.
func TestLoneParts(t *testing.T) {
	ctx := context.Background()
	full := strings.Repeat("f", minPart)
	for name, test := range map[string]struct {
		parts []string
		alone bool
		want  string
	}{
		"none":               {nil, true, ""},
		"an empty one":       {[]string{""}, true, ""},
		"a short one":        {[]string{"short"}, true, "short"},
		"a full one":         {[]string{full}, true, full},
		"a full and nothing": {[]string{full, ""}, true, full},
		"two":                {[]string{full, "last"}, false, ""},
		"two and nothing":    {[]string{full, full, ""}, false, ""},
	} {
		s := &largeStore{versions: []map[string]any{version("large", "k", "upload")}}
		var stored *request
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_upload_file" {
				stored = &r
			}
			return s.answer(w, r)
		})
		u, err := f.open(t).Upload(ctx, "k", &blob.UploadOptions{PartSize: minPart, Attributes: blob.Attributes{Metadata: map[string]string{"a": "b"}}})
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range test.parts {
			if _, err := u.Put(ctx, i+1, sections(part)); err != nil {
				t.Fatalf("%s: part %d: %v", name, i+1, err)
			}
		}
		n := 0
		for p, err := range u.Parts(ctx) {
			if n++; err != nil || p.Number != n || p.Size != int64(len(test.parts[n-1])) {
				t.Errorf("%s: part %d is %+v, %v", name, n, p, err)
			}
		}
		o, err := u.Complete(ctx)
		if err != nil || n != len(test.parts) || o.Size != int64(len(strings.Join(test.parts, ""))) {
			t.Errorf("%s: %d parts make %+v, %v", name, n, o, err)
		}
		calls := f.calls()
		if test.alone != (stored != nil) || test.alone != slices.Contains(calls, "b2_cancel_large_file") || test.alone == slices.Contains(calls, "b2_finish_large_file") {
			t.Errorf("%s: the calls are %q", name, calls)
		}
		if stored != nil && (stored.body != test.want || stored.header.Get("X-Bz-Info-A") != "b") {
			t.Errorf("%s: %d bytes are stored with %v", name, len(stored.body), stored.header)
		}
		if _, err := u.Complete(ctx); !errors.Is(err, blob.ErrNotExist) {
			t.Errorf("%s: a second completion answers %v", name, err)
		}
	}
}

// The content of part 1 is held while it may remain alone, and no longer.
func TestLonePartIsHeld(t *testing.T) {
	ctx := context.Background()
	for size, held := range map[int64]bool{0: true, minPart: true, minPart + 1: false} {
		s := &largeStore{}
		u, err := newFake(t, s.answer).open(t).raw.Upload(ctx, "k", &blob.UploadOptions{PartSize: minPart, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Put(ctx, 1, sections(strings.Repeat("f", minPart))); err != nil {
			t.Fatal(err)
		}
		if got := u.(*upload).held != nil; got != held {
			t.Errorf("of %d bytes in all, part 1 is held: %t", size, got)
		}
		if _, err := u.Complete(ctx); held && err != nil || !held && (!errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), "Size was 5000001")) {
			t.Errorf("of %d bytes in all: completed with part 1, it answers %v", size, err)
		}
	}
}

// Who resumes an upload of a single part has not its content, says so, and completes it when it has been sent again.
func TestLonePartElsewhere(t *testing.T) {
	ctx := context.Background()
	s := &largeStore{}
	f := newFake(t, s.answer)
	b := f.open(t)
	u, err := b.Upload(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(ctx, 1, sections("alone")); err != nil {
		t.Fatal(err)
	}
	again, err := f.open(t).Upload(ctx, "k", &blob.UploadOptions{ID: u.ID()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Complete(ctx); !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), "send part 1 again") {
		t.Errorf("completion answers %v", err)
	}
	if got := f.calls(); slices.Contains(got, "b2_upload_file") || slices.Contains(got, "b2_cancel_large_file") {
		t.Errorf("it made the calls %q", got)
	}
	if _, err := again.Put(ctx, 1, sections("alone")); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Complete(ctx); err != nil {
		t.Errorf("then it answers %v", err)
	}
	if _, err := b.Upload(ctx, "k", &blob.UploadOptions{Size: mostHeld + 1, PartSize: mostHeld + 1}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("a single part that is too large to be held answers %v", err)
	}
}

// What was started by a call whose answer is lost is cancelled, and nothing else is: neither what the last answer is
// about, nor an upload of another's.
func TestStartIsLost(t *testing.T) {
	full := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}
	headers := blob.Attributes{Metadata: full, CacheControl: "no-store", ContentLanguage: "en", ContentEncoding: "gzip", ContentDisposition: "inline"}
	for name, test := range map[string]struct {
		lost       int // answers
		hang       bool
		attributes blob.Attributes
		want       []string
	}{
		"none":                       {0, false, blob.Attributes{}, []string{"theirs", "1"}},
		"twice":                      {2, false, blob.Attributes{Metadata: full}, []string{"theirs", "3"}},
		"always":                     {3, false, blob.Attributes{}, []string{"theirs"}},
		"none comes":                 {3, true, blob.Attributes{}, []string{"theirs"}},
		"there is no room to see it": {1, false, headers, []string{"theirs", "1", "2"}},
	} {
		var mu sync.Mutex
		unfinished := []map[string]any{version("theirs", "k", "start")}
		ctx, cancel := context.WithCancel(context.Background())
		over := make(chan struct{})
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			mu.Lock()
			defer mu.Unlock()
			switch r.call {
			case "b2_start_large_file":
				n := len(unfinished)
				v := version(fmt.Sprint(n), "k", "start")
				v["fileInfo"] = r.param("fileInfo")
				unfinished = append(unfinished, v)
				if n > test.lost {
					answerJSON(w, v)
					return true
				}
				if test.hang {
					cancel()
					mu.Unlock()
					<-over
					mu.Lock()
				}
				panic(http.ErrAbortHandler)
			case "b2_list_unfinished_large_files":
				answerJSON(w, map[string]any{"files": unfinished})
				return true
			case "b2_cancel_large_file":
				unfinished = slices.DeleteFunc(unfinished, func(v map[string]any) bool { return v["fileId"] == r.param("fileId") })
			}
			return false
		})
		u, err := f.open(t, func(c *Config) { c.MaxAttempts = 3 }).Upload(ctx, "k", &blob.UploadOptions{PartSize: minPart, Attributes: test.attributes})
		if (err == nil) != (test.lost < 3) {
			t.Errorf("%s: %v", name, err)
		}
		var left []string
		for deadline := time.Now().Add(remote.CleanUpTime); ; time.Sleep(10 * time.Millisecond) { // they are not waited for long
			left = nil
			mu.Lock()
			for _, v := range unfinished {
				left = append(left, v["fileId"].(string))
			}
			mu.Unlock()
			if slices.Equal(left, test.want) || time.Now().After(deadline) {
				break
			}
		}
		if !slices.Equal(left, test.want) || err == nil && u.ID() != left[len(left)-1] {
			t.Errorf("%s: there are the uploads %q", name, left)
		}
		close(over)
		cancel()
	}
}

// Sweep cancels what began before, where the key may look, and nothing else.
func TestSweep(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	for _, prefix := range []string{"", "mine/"} {
		for before, want := range map[time.Time]int{at: 0, at.Add(time.Millisecond): 1} {
			f := newFake(t, nil)
			f.bucketName, f.namePrefix = "bucket", prefix
			n, err := f.open(t).Sweep(context.Background(), before)
			if err != nil || n != want || slices.Contains(f.calls(), "b2_cancel_large_file") != (want == 1) {
				t.Errorf("under %q, before %v: %d, %v", prefix, before, n, err)
			}
		}
	}
}
