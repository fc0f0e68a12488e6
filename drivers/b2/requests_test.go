package b2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// Each operation costs the calls that it must, and no more; what they are charged as is counted.
func TestCallsAreCounted(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	b := f.open(t)
	if got := b.Calls(); got != (Calls{C: 2}) {
		t.Errorf("opening is counted as %+v", got)
	}
	copied := func() error {
		src, err := b.Source(ctx, "k", nil)
		if err == nil {
			_, err = b.Copy(ctx, "copy", src, nil)
		}
		return err
	}
	put := func() error {
		_, err := b.Put(ctx, "k", strings.NewReader("content"), nil)
		return err
	}
	for _, test := range []struct {
		name  string
		want  []string
		class Calls
		call  func() error
	}{
		{"the first put", []string{"b2_get_upload_url", "b2_upload_file"}, Calls{A: 2}, put},
		{"a put", []string{"b2_upload_file"}, Calls{A: 1}, put},
		{"a put of a stream", []string{"b2_upload_file"}, Calls{A: 1}, func() error {
			_, err := b.Put(ctx, "k", io.MultiReader(strings.NewReader("con"), strings.NewReader("tent")), nil)
			return err
		}},
		{"a get", []string{"b2_download_file_by_name"}, Calls{B: 1}, func() error { _, err := blob.ReadAll(ctx, b, "k"); return err }},
		{"a get on a condition", []string{"b2_download_file_by_name"}, Calls{B: 1}, func() error {
			r, err := b.Get(ctx, "k", &blob.GetOptions{If: blob.IfMatch("old")})
			if err == nil {
				err = r.Close()
			}
			return err
		}},
		{"a stat", []string{"b2_download_file_by_name"}, Calls{B: 1}, func() error { _, err := b.Stat(ctx, "k", nil); return err }},
		{"a copy", []string{"b2_download_file_by_name", "b2_copy_file"}, Calls{B: 1, C: 1}, copied},
		{"a delete", []string{"b2_hide_file", "b2_list_file_versions", "b2_delete_file_version", "b2_delete_file_version"}, Calls{A: 3, C: 1},
			func() error { return b.Delete(ctx, "k", nil) }},
		{"a list", []string{"b2_list_file_names"}, Calls{C: 1}, func() error {
			for _, err := range b.List(ctx, nil) {
				return err
			}
			return nil
		}},
		{"a list of uploads", []string{"b2_list_unfinished_large_files"}, Calls{C: 1}, func() error {
			for _, err := range b.Uploads(ctx, "") {
				return err
			}
			return nil
		}},
	} {
		before := b.Calls()
		if err := test.call(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		wantCalls(t, test.name, f.calls(), test.want...)
		after := b.Calls()
		if got := (Calls{after.A - before.A, after.B - before.B, after.C - before.C}); got != test.class {
			t.Errorf("%s is counted as %+v, not %+v", test.name, got, test.class)
		}
	}
	keeping := f.open(t, func(c *Config) { c.KeepVersions = true })
	if err := keeping.Delete(ctx, "k", nil); err != nil {
		t.Error(err)
	}
	wantCalls(t, "a delete that keeps versions", f.calls(), "b2_hide_file")
}

// namesOf answers listings as a bucket does that has files of these names, which are in order.
func namesOf(names ...string) func(w http.ResponseWriter, r request) bool {
	return func(w http.ResponseWriter, r request) bool {
		if r.call != "b2_list_file_names" {
			return false
		}
		from, _ := r.param("startFileName").(string)
		count := int(r.param("maxFileCount").(float64))
		files, next := []any{}, any(nil)
		for _, name := range names {
			if name < from {
				continue
			}
			if len(files) == count {
				next = name
				break
			}
			files = append(files, version("id-"+name, name, "upload"))
		}
		answerJSON(w, map[string]any{"files": files, "nextFileName": next})
		return true
	}
}

// A listing of n names takes ⌈n/1000⌉ calls.
func TestListInPages(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("%06d", i)
		}
		f := newFake(t, namesOf(names...))
		b := f.open(t)
		var got []string
		for o, err := range b.List(context.Background(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if len(got) != n || !slices.IsSorted(got) {
			t.Errorf("of %d names %d are listed", n, len(got))
		}
		if calls, want := len(f.requests()), max(1, (n+999)/1000); calls != want {
			t.Errorf("%d names take %d calls, not %d", n, calls, want)
		}
	}
}

// What follows a common prefix may be no text, and then B2 is asked for names before it. Those may fill pages.
func TestListPastWhatIsNoText(t *testing.T) {
	f := newFake(t, namesOf("a¿0", "a¿1", "a¿2", "a¿3", "a¿4", "b"))
	b := f.open(t)
	for after, want := range map[string][]string{"": {"a¿", "b"}, "a¿1": {"b"}, "a¿": {"b"}} {
		var got []string
		for o, err := range b.List(context.Background(), &blob.ListOptions{Delimiter: "¿", StartAfter: after, PageSize: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if calls := len(f.requests()); !slices.Equal(got, want) || calls > 3 {
			t.Errorf("after %q there are %q, by %d calls", after, got, calls)
		}
	}
}

// A start that no name is, or that is no text, is one from which B2 can list.
func TestListFrom(t *testing.T) {
	for start, want := range map[string]string{
		"": "", "a": "a", "a\x00": "a ", "a0": "a0", "\xc3\xc0": "", "a\xc3\xc0": "a", "é": "é",
		strings.Repeat("k", 1024) + "\x00": strings.Repeat("k", 1024),
	} {
		if got := from(start); got != want {
			t.Errorf("from %.20q is %.20q, not %.20q", start, got, want)
		}
	}
}

// What B2 cannot honour is refused before any request.
func TestConditionsAreRefused(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	b := f.open(t)
	for name, call := range map[string]func(cond blob.Condition) error{
		"put": func(cond blob.Condition) error {
			_, err := b.Put(ctx, "k", strings.NewReader("x"), &blob.PutOptions{If: cond})
			return err
		},
		"upload": func(cond blob.Condition) error {
			_, err := b.Upload(ctx, "k", &blob.UploadOptions{If: cond})
			return err
		},
		"copy": func(cond blob.Condition) error {
			_, err := b.Copy(ctx, "k", blob.Source{}, &blob.CopyOptions{If: cond})
			return err
		},
		"delete": func(cond blob.Condition) error {
			if cond.Kind() == blob.KindAbsent {
				return errors.ErrUnsupported // it makes no sense, which is another error
			}
			return b.Delete(ctx, "k", &blob.DeleteOptions{If: cond})
		},
	} {
		for _, cond := range []blob.Condition{blob.IfAbsent, blob.IfMatch("old")} {
			if err := call(cond); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s %v answers %v", name, cond, err)
			}
		}
	}
	_, err := b.Sign(ctx, "k", &blob.SignOptions{Method: http.MethodGet, Expires: 1})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("sign answers %v", err)
	}
	if got := f.calls(); len(got) > 0 {
		t.Errorf("they made the calls %q", got)
	}
}

// Content goes with its SHA-1, and is verified by it on its way back: by that of a large file too, where it is known.
func TestSHA1(t *testing.T) {
	ctx := context.Background()
	const sum = "040f06fd774092478d450774f5ba30c5da78acc8"
	f := newFake(t, nil)
	b := f.open(t)
	for _, body := range []io.Reader{strings.NewReader("content"), io.MultiReader(strings.NewReader("content"))} {
		o, err := b.Put(ctx, "k", body, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := o.Checksums.Get(blob.SHA1); !ok || fmt.Sprintf("%x", got) != sum {
			t.Errorf("the object made has the checksums %v", o.Checksums)
		}
		all := f.requests()
		if up := all[len(all)-1]; up.header.Get("X-Bz-Content-Sha1") != sum || up.header.Get("Content-Length") != "7" && up.body != "content" {
			t.Errorf("the upload goes with %v", up.header)
		}
	}
	const wrong = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	for name, test := range map[string]struct {
		sha1   string
		header map[string]string
		ok     bool
	}{
		"the right one":            {sum, nil, true},
		"a wrong one":              {wrong, nil, false},
		"one that nobody verified": {"unverified:" + sum, nil, true},
		"a wrong one, unverified":  {"unverified:" + wrong, nil, false},
		"none":                     {"none", nil, true},
		"that of a large file":     {"none", map[string]string{"X-Bz-Info-large_file_sha1": sum}, true},
		"a wrong one of such":      {"none", map[string]string{"X-Bz-Info-large_file_sha1": wrong}, false},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call != "b2_download_file_by_name" {
				return false
			}
			answerFile(w, r, "content", test.sha1, test.header)
			return true
		})
		got, err := blob.ReadAll(ctx, f.open(t), "k")
		if test.ok && (err != nil || string(got) != "content") || !test.ok && !errors.Is(err, blob.ErrChecksum) {
			t.Errorf("%s: get answers %q, %v", name, got, err)
		}
	}
}

// Headers that ask for compression would have Go unpack what is stored compressed.
func TestNothingIsUnpacked(t *testing.T) {
	f := newFake(t, nil)
	b := f.open(t, func(c *Config) { c.Transport = &http.Transport{} })
	if _, err := b.Stat(context.Background(), "k", nil); err != nil {
		t.Fatal(err)
	}
	r := f.requests()[0]
	if got := r.header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("a download asks for the encoding %q", got)
	}
	if r.header.Get("X-Blazer-Method") != "" || !strings.Contains(r.header.Get("User-Agent"), "holdall") {
		t.Errorf("the request goes with %v", r.header)
	}
}

// A transport of the caller's has to do what http.RoundTripper says, and no more.
type plain struct{ next http.RoundTripper }

func (p plain) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err == nil {
		resp.Request = nil
	}
	return resp, err
}

func TestTransport(t *testing.T) {
	b := newFake(t, nil).open(t, func(c *Config) { c.Transport = plain{c.Transport} })
	if got, err := blob.ReadAll(context.Background(), b, "k"); string(got) != "content" || err != nil {
		t.Errorf("get answers %q, %v", got, err)
	}
	if _, err := b.Put(context.Background(), "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
}

// What says 200 and is not of B2 is an error, and no empty listing or object.
func TestAnswersOfOthers(t *testing.T) {
	ctx := context.Background()
	for _, page := range []string{"<html>Welcome to our hotel</html>", "{}", `{"status":500,"code":"internal_error"}`, ""} {
		on := false
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if on {
				io.WriteString(w, page)
			}
			return on
		})
		b := f.open(t, func(c *Config) { c.MaxAttempts = 1 })
		on = true
		var list error
		for _, err := range b.List(ctx, nil) {
			list = err
		}
		_, stat := b.Stat(ctx, "k", nil)
		_, put := b.Put(ctx, "k", strings.NewReader("x"), nil)
		for name, err := range map[string]error{"list": list, "stat": stat, "put": put, "delete": b.Delete(ctx, "k", nil)} {
			var e *blob.Error
			if !errors.As(err, &e) || !e.Retryable() || errors.Is(err, blob.ErrNotExist) {
				t.Errorf("%s, answered with %q: %v", name, page, err)
			}
		}
	}
}

// What says 404 and is not of B2 does not tell that an object is missing. Neither does what a renewal of the token meets.
func TestNotFoundByOthers(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		renewal bool
		status  int
		code    string
	}{{false, 404, ""}, {true, 404, ""}, {true, 404, "not_found"}, {true, 400, "bad_request"}} {
		on := false
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			switch {
			case !on:
				return false
			case test.renewal && r.call != "b2_authorize_account":
				answerError(w, http.StatusUnauthorized, "expired_auth_token", "")
			default:
				answerError(w, test.status, test.code, "")
			}
			return true
		})
		b := f.open(t, func(c *Config) { c.KeepVersions = true })
		on = true
		_, resumed := b.Upload(ctx, "k", &blob.UploadOptions{ID: "large"})
		errs := map[string]error{"delete": b.Delete(ctx, "k", nil), "resume": resumed}
		if test.renewal {
			_, errs["stat"] = b.Stat(ctx, "k", nil)
			_, errs["stat of a version"] = b.Stat(ctx, "k", &blob.StatOptions{Version: "old"})
		}
		for name, err := range errs {
			if err == nil || errors.Is(err, blob.ErrNotExist) {
				t.Errorf("%+v: %s answers %v", test, name, err)
			}
		}
	}
}

// An object that grows while its end is asked for, and is overwritten again, is read as it is then.
func TestRangeOfWhatGrows(t *testing.T) {
	answers := 0
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call != "b2_download_file_by_name" {
			return false
		}
		switch answers++; answers {
		case 1:
			answerError(w, http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable", "")
		case 2: // the look at it
			return false
		default:
			w.Header().Set("X-Bz-File-Id", "newer")
			w.Header().Set("X-Bz-Upload-Timestamp", "1700000000456")
			w.Header().Set("Content-Range", "bytes 4-6/7")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "NEW")
		}
		return true
	})
	r, err := f.open(t).Get(context.Background(), "k", &blob.GetOptions{Range: blob.From(4)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); string(got) != "NEW" || r.ETag != `"newer"` || err != nil {
		t.Errorf("get answers %q of %s, %v", got, r.ETag, err)
	}
}
