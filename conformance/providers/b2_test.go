package providers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/conformance/providers/b2front"
)

// A b2 is a bucket of its own on the B2 server, and the right to everything in its account.
type b2 struct {
	*testing.T
	*b2front.Account
	server *providers.Server
	front  b2front.Front
	bucket b2front.Bucket
}

// newB2 makes a bucket, which goes with the test.
func newB2(t *testing.T) *b2 {
	t.Helper()
	s := started(t, providers.B2)
	account, err := s.B2Account(t.Context(), s.Provider.Holders[0])
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := account.MakeBucket(t.Context(), "test-"+strings.ToLower(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := account.RemoveBucket(context.Background(), bucket); err != nil {
			t.Errorf("removing the bucket: %v", err)
		}
	})
	return &b2{t, account, s, s.B2Front(), bucket}
}

// uploadURL gets an upload URL for the bucket.
func (b *b2) uploadURL() b2front.UploadURL {
	b.Helper()
	u, err := b.UploadURL(b.Context(), b.bucket.ID)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// put uploads a file.
func (b *b2) put(name, content string) b2front.File {
	b.Helper()
	f, err := b.Put(b.Context(), b.bucket.ID, name, []byte(content))
	if err != nil {
		b.Fatalf("put %q: %v", name, err)
	}
	return f
}

// get downloads a file, and returns the headers too.
func (b *b2) get(name string) (string, http.Header, error) {
	resp, err := b.Get(b.Context(), b.bucket.Name, name, nil)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return string(content), resp.Header, err
}

// call makes a call about the bucket that must succeed.
func (b *b2) call(name string, params b2front.Params, out any) {
	b.Helper()
	if err := b.inBucket(name, params, out); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
}

// inBucket makes a call about the bucket.
func (b *b2) inBucket(name string, params b2front.Params, out any) error {
	all := b2front.Params{"bucketId": b.bucket.ID}
	for name, value := range params {
		all[name] = value
	}
	return b.Call(b.Context(), name, all, out)
}

// counts returns what was counted for the bucket.
func (b *b2) counts() b2front.Counts {
	b.Helper()
	c, err := b.front.Counts(b.Context(), "", b.bucket.Name)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// answer returns the status and the code of an answer.
func answer(err error) string {
	var failed *b2front.Error
	switch {
	case err == nil:
		return "200"
	case errors.As(err, &failed):
		return fmt.Sprintf("%d %s", failed.Status, failed.Code)
	}
	return "broken"
}

func sha1Of(content string) string {
	sum := sha1.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestB2Names(t *testing.T) {
	b := newB2(t)
	segment := strings.Repeat("s", 250)
	for _, c := range []struct {
		name string
		want string
	}{
		{"a", "200"},
		{"a b+c%20&ü/自由.txt", "200"},
		{strings.Repeat(segment+"/", 4) + strings.Repeat("x", 20), "200"},
		{strings.Repeat(segment+"/", 4) + strings.Repeat("x", 21), "400 bad_request"},
		{segment, "200"},
		{segment + "s", "400 bad_request"},
		{strings.Repeat("ü", 125), "200"},
		{strings.Repeat("ü", 126), "400 bad_request"},
		{"", "400 bad_request"},
		{"a\x1fb", "400 bad_request"},
		{"a\x7fb", "400 bad_request"},
		{"a\u0080b", "200"},
		{"a\\b", "400 bad_request"},
		{"/a", "400 bad_request"},
		{"a/", "400 bad_request"},
		{"a//b", "400 bad_request"},
		{"a\xff", "400 bad_request"},
	} {
		f, err := b.Put(t.Context(), b.bucket.ID, c.name, []byte("content"))
		if answer(err) != c.want {
			t.Errorf("put %.50q: %v, want %s", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if got, header, err := b.get(c.name); err != nil || got != "content" || header.Get("X-Bz-File-Id") != f.ID {
			t.Errorf("get %.50q: %q %v %v", c.name, got, header, err)
		}
	}
	start := b2front.Params{"fileName": "/a", "contentType": "text/plain"}
	if err := b.inBucket("b2_start_large_file", start, nil); answer(err) != "400 bad_request" {
		t.Errorf("starting /a: %v", err)
	}

	// Some of Backblaze's pages forbid less.
	if err := b.front.Relax(t.Context(), b.bucket.Name); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/a": "200", "a/": "200", "a//b": "200", "a\\b": "200", strings.Repeat("s", 1024): "200",
		strings.Repeat("s", 1025): "400 bad_request", "a\x1fb": "400 bad_request", "a\x7fb": "400 bad_request",
	} {
		_, err := b.Put(t.Context(), b.bucket.ID, name, []byte("content"))
		if answer(err) != want {
			t.Errorf("put %.50q, relaxed: %v, want %s", name, err, want)
		}
		if got, _, err := b.get(name); want == "200" && got != "content" {
			t.Errorf("get %.50q: %q %v", name, got, err)
		}
	}
}

func TestB2Buckets(t *testing.T) {
	b := newB2(t)
	for _, name := range []string{"short", strings.Repeat("x", 64), "b2-reserved", "under_score", "dotted.name"} {
		if _, err := b.MakeBucket(t.Context(), name); answer(err) != "400 bad_request" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.MakeBucket(t.Context(), b.bucket.Name); answer(err) != "400 duplicate_bucket_name" {
		t.Errorf("again: %v", err)
	}
	var updated struct {
		Revision   int
		BucketInfo map[string]string
	}
	update := b2front.Params{"accountId": b.ID, "ifRevisionIs": 1, "bucketInfo": map[string]string{"a": "1"}}
	b.call("b2_update_bucket", update, &updated)
	if updated.Revision != 2 || updated.BucketInfo["a"] != "1" {
		t.Errorf("updated: %v", updated)
	}
	if err := b.inBucket("b2_update_bucket", update, nil); answer(err) != "409 conflict" {
		t.Errorf("updating an older revision: %v", err)
	}
	b.put("a", "")
	if err := b.inBucket("b2_delete_bucket", b2front.Params{"accountId": b.ID}, nil); answer(err) != "400 cannot_delete_non_empty_bucket" {
		t.Errorf("removing one with a file: %v", err)
	}
	gone := b2front.Params{"bucketId": "none"}
	if err := b.Call(t.Context(), "b2_list_file_names", gone, nil); answer(err) != "400 bad_bucket_id" {
		t.Errorf("listing what is not there: %v", err)
	}
}

func TestB2Info(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	entries := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprintf("X-Bz-Info-n%d", i)] = "v"
		}
		return m
	}
	// "X-Bz-File-Name: f\r\n" and "X-Bz-Info-v: …\r\n" are 19 and 15 bytes without the value.
	fill := func(total int) map[string]string {
		return map[string]string{"X-Bz-Info-v": strings.Repeat("x", total-19-15)}
	}
	encrypted := func(m map[string]string) map[string]string {
		m["X-Bz-Server-Side-Encryption"] = "AES256"
		return m
	}
	for _, c := range []struct {
		what    string
		headers map[string]string
		want    string
	}{
		{"ten entries", entries(10), "200"},
		{"eleven entries", entries(11), "400 bad_request"},
		{"a name of 50 bytes", map[string]string{"X-Bz-Info-" + strings.Repeat("n", 50): "v"}, "200"},
		{"a name of 51 bytes", map[string]string{"X-Bz-Info-" + strings.Repeat("n", 51): "v"}, "400 bad_request"},
		{"7000 bytes", fill(7000), "200"},
		{"7001 bytes", fill(7001), "400 bad_request"},
		{"2048 bytes, encrypted", encrypted(fill(2048)), "200"},
		{"2049 bytes, encrypted", encrypted(fill(2049)), "400 bad_request"},
		{"encrypted otherwise", map[string]string{"X-Bz-Server-Side-Encryption": "DES"}, "400 bad_request"},
		{"a reserved name", map[string]string{"X-Bz-Info-b2-else": "v"}, "400 bad_request"},
		{"a header that cannot be", map[string]string{"X-Bz-Info-b2-expires": "%C3%BC"}, "400 bad_request"},
		{"half an escape", map[string]string{"X-Bz-Info-v": "100%"}, "400 bad_request"},
		{"an escape of no UTF-8", map[string]string{"X-Bz-Info-v": "%FF"}, "400 bad_request"},
		{"no type", map[string]string{"Content-Type": ""}, "400 bad_request"},
		{"a wrong checksum", map[string]string{"X-Bz-Content-Sha1": sha1Of("other")}, "400 bad_request"},
		{"no checksum", map[string]string{"X-Bz-Content-Sha1": ""}, "400 bad_request"},
	} {
		if _, err := u.Put(t.Context(), "f", []byte("content"), c.headers); answer(err) != c.want {
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
	// In JSON, it is the same.
	start := b2front.Params{"fileName": "f", "contentType": "text/plain", "fileInfo": map[string]string{"v": strings.Repeat("ü", 1161)}}
	if err := b.inBucket("b2_start_large_file", start, nil); err != nil {
		t.Errorf("7000 bytes in JSON: %v", err)
	}
	start["fileInfo"] = map[string]string{"v": strings.Repeat("ü", 1161) + "x"}
	if err := b.inBucket("b2_start_large_file", start, nil); answer(err) != "400 bad_request" {
		t.Errorf("7001 bytes in JSON: %v", err)
	}
}

func TestB2Headers(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	before := time.Now().Add(-time.Second)
	f, err := u.Put(t.Context(), "ä b", []byte("content"), map[string]string{
		"Content-Type":                       "text/plain; charset=utf-8",
		"X-Bz-Info-Src_Last_Modified_Millis": "1700000000123",
		"X-Bz-Info-Any":                      "%C3%BC%20%2B+%25",
		"X-Bz-Info-b2-content-disposition":   "attachment%3B%20filename%3D%22x%22",
		"X-Bz-Info-b2-content-language":      "de",
		"X-Bz-Info-b2-expires":               "Thu,%2001%20Dec%202050%2016:00:00%20GMT",
		"X-Bz-Info-b2-cache-control":         "max-age=60",
		"X-Bz-Info-b2-content-encoding":      "identity",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.FileInfo["any"]; got != "ü + %" {
		t.Errorf("the info is %q", got)
	}
	if at := time.UnixMilli(f.UploadTimestamp); at.Before(before) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("uploaded at %v", at)
	}
	_, got, err := b.get("ä b")
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Content-Type":                       "text/plain; charset=utf-8",
		"Content-Length":                     "7",
		"Accept-Ranges":                      "bytes",
		"X-Bz-File-Id":                       f.ID,
		"X-Bz-File-Name":                     "%C3%A4%20b",
		"X-Bz-Content-Sha1":                  sha1Of("content"),
		"X-Bz-Upload-Timestamp":              fmt.Sprint(f.UploadTimestamp),
		"X-Bz-Info-Src_last_modified_millis": "1700000000123",
		"X-Bz-Info-Any":                      "%C3%BC%20%2B%20%25",
		"Content-Disposition":                `attachment; filename="x"`,
		"Content-Language":                   "de",
		"Expires":                            "Thu, 01 Dec 2050 16:00:00 GMT",
		"Cache-Control":                      "max-age=60",
		"Content-Encoding":                   "identity",
		"X-Bz-Info-B2-Cache-Control":         "",
	} {
		if got.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got.Get(header), want)
		}
	}
}

func TestB2Checksums(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	for _, c := range []struct{ given, body, want string }{
		{sha1Of("content"), "content", sha1Of("content")},
		{strings.ToUpper(sha1Of("content")), "content", sha1Of("content")},
		{"hex_digits_at_end", "content" + sha1Of("content"), sha1Of("content")},
		{"do_not_verify", "content", "unverified:" + sha1Of("content")},
	} {
		f, err := u.Put(t.Context(), "f", []byte(c.body), map[string]string{"X-Bz-Content-Sha1": c.given})
		if err != nil || f.ContentSHA1 != c.want || f.ContentLength != 7 {
			t.Errorf("%s: %v %v", c.given, f, err)
		}
		if got, header, err := b.get("f"); err != nil || got != "content" || header.Get("X-Bz-Content-Sha1") != c.want {
			t.Errorf("%s: got %q, %v, %v", c.given, got, header, err)
		}
	}
	for _, body := range []string{"content" + sha1Of("other"), "short"} {
		_, err := u.Put(t.Context(), "f", []byte(body), map[string]string{"X-Bz-Content-Sha1": "hex_digits_at_end"})
		if answer(err) != "400 bad_request" {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestB2Ranges(t *testing.T) {
	b := newB2(t)
	f := b.put("f", "0123456789")
	b.put("empty", "")
	for _, c := range []struct {
		asked, body, contentRange string
		status                    int
	}{
		{"", "0123456789", "", 200},
		{"bytes=0-0", "0", "bytes 0-0/10", 206},
		{"bytes=3-5", "345", "bytes 3-5/10", 206},
		{"bytes=3-", "3456789", "bytes 3-9/10", 206},
		{"bytes=3-99", "3456789", "bytes 3-9/10", 206},
		{"bytes=-4", "6789", "bytes 6-9/10", 206},
		{"bytes=-40", "0123456789", "bytes 0-9/10", 206},
		{"bytes=9-", "9", "bytes 9-9/10", 206},
		{"bytes=10-", "", "bytes */10", 416},
		{"bytes=-0", "", "bytes */10", 416},
		{"bytes=5-3", "0123456789", "", 200},
		{"pages=1-2", "0123456789", "", 200},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, at := range []string{"/file/" + b.bucket.Name + "/f", "/b2api/v3/b2_download_file_by_id?fileId=" + f.ID} {
				status, header, body := b.raw(method, at, b.Token, http.Header{"Range": {c.asked}}, "")
				if status != c.status || header.Get("Content-Range") != c.contentRange {
					t.Errorf("%s %s %q: %d %v", method, at, c.asked, status, header)
				}
				if method == http.MethodGet && status != 416 && body != c.body || method == http.MethodHead && body != "" {
					t.Errorf("%s %s %q: %q", method, at, c.asked, body)
				}
				if status != 416 && header.Get("Content-Length") != fmt.Sprint(len(c.body)) {
					t.Errorf("%s %s %q: length %s", method, at, c.asked, header.Get("Content-Length"))
				}
			}
		}
	}
	if status, _, _ := b.raw("GET", "/file/"+b.bucket.Name+"/empty", b.Token, http.Header{"Range": {"bytes=0-"}}, ""); status != 416 {
		t.Errorf("a range of an empty file: %d", status)
	}
}

// raw makes a request, and returns status, headers and body of the answer.
func (b *b2) raw(method, path, token string, header http.Header, body string) (int, http.Header, string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.Endpoint.String()+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(content)
}

// names returns those of a listing, with the actions where they are no uploads, and where the next page begins.
func (b *b2) names(call string, params b2front.Params) (names []string, next b2front.Params) {
	b.Helper()
	var page struct {
		Files                    []b2front.File
		NextFileName, NextFileID *string
	}
	b.call(call, params, &page)
	for _, f := range page.Files {
		name := f.Name
		if f.Action != "upload" {
			name = f.Action + " " + name
		}
		names = append(names, name)
	}
	if page.NextFileName != nil {
		next = b2front.Params{"startFileName": *page.NextFileName}
	}
	if page.NextFileID != nil {
		next["startFileId"] = *page.NextFileID
	}
	return names, next
}

func TestB2Versions(t *testing.T) {
	b := newB2(t)
	if err := b.inBucket("b2_hide_file", b2front.Params{"fileName": "f"}, nil); answer(err) != "400 no_such_file" {
		t.Errorf("hiding what is not there: %v", err)
	}
	first := b.put("f", "first")
	second := b.put("f", "second")
	// An upload that is under way neither shows nor hides anything, but is a version.
	b.call("b2_start_large_file", b2front.Params{"fileName": "f", "contentType": "text/plain"}, nil)
	if got, _, err := b.get("f"); got != "second" {
		t.Errorf("get: %q %v", got, err)
	}
	if got, _ := b.names("b2_list_file_names", nil); !slices.Equal(got, []string{"f"}) {
		t.Errorf("names: %q", got)
	}
	if got, _ := b.names("b2_list_file_versions", nil); !slices.Equal(got, []string{"start f", "f", "f"}) {
		t.Errorf("versions: %q", got)
	}

	var marker b2front.File
	b.call("b2_hide_file", b2front.Params{"fileName": "f"}, &marker)
	if marker.Action != "hide" || marker.ContentType != "application/x-bz-hide-marker" {
		t.Errorf("the marker is %v", marker)
	}
	if err := b.inBucket("b2_hide_file", b2front.Params{"fileName": "f"}, nil); answer(err) != "400 already_hidden" {
		t.Errorf("hiding again: %v", err)
	}
	if _, _, err := b.get("f"); answer(err) != "404 not_found" {
		t.Errorf("get what is hidden: %v", err)
	}
	if got, _ := b.names("b2_list_file_names", nil); len(got) > 0 {
		t.Errorf("names: %q", got)
	}
	remove := func(name, id string) error {
		return b.inBucket("b2_delete_file_version", b2front.Params{"fileName": name, "fileId": id}, nil)
	}
	if err := remove("other", second.ID); answer(err) != "400 file_not_present" {
		t.Errorf("removing by a wrong name: %v", err)
	}
	for _, id := range []string{marker.ID, second.ID} {
		if err := remove("f", id); err != nil {
			t.Error(err)
		}
	}
	// What is older comes back.
	if got, _, err := b.get("f"); got != "first" {
		t.Errorf("get: %q %v", got, err)
	}
	if status, _, got := b.raw("GET", "/b2api/v3/b2_download_file_by_id?fileId="+first.ID, b.Token, nil, ""); status != 200 || got != "first" {
		t.Errorf("get by id: %d %q", status, got)
	}
	if err := remove("f", second.ID); answer(err) != "400 file_not_present" {
		t.Errorf("removing again: %v", err)
	}
}

func TestB2Listings(t *testing.T) {
	b := newB2(t)
	for _, name := range []string{"a", "d/1", "d/2", "d/e/3", "d0", "z/4"} {
		b.put(name, "old")
		b.put(name, "")
	}
	for _, c := range []struct {
		params b2front.Params
		want   []string
	}{
		{nil, []string{"a", "d/1", "d/2", "d/e/3", "d0", "z/4"}},
		{b2front.Params{"delimiter": "/"}, []string{"a", "folder d/", "d0", "folder z/"}},
		{b2front.Params{"prefix": "d"}, []string{"d/1", "d/2", "d/e/3", "d0"}},
		{b2front.Params{"prefix": "d/", "delimiter": "/"}, []string{"d/1", "d/2", "folder d/e/"}},
		{b2front.Params{"prefix": "d/", "startFileName": "d/1 "}, []string{"d/2", "d/e/3"}},
		{b2front.Params{"prefix": "d/", "startFileName": "a"}, []string{"d/1", "d/2", "d/e/3"}},
		{b2front.Params{"prefix": "d/", "startFileName": "e"}, nil},
		{b2front.Params{"startFileName": "d/2"}, []string{"d/2", "d/e/3", "d0", "z/4"}},
	} {
		for _, count := range []int{1, 2, 3, 100} {
			pages, want := 0, max(1, (len(c.want)+count-1)/count)
			var got []string
			for next := c.params; pages == 0 || next != nil; pages++ {
				params := b2front.Params{"maxFileCount": count}
				for _, p := range []b2front.Params{c.params, next} {
					for name, value := range p {
						params[name] = value
					}
				}
				var page []string
				page, next = b.names("b2_list_file_names", params)
				got = append(got, page...)
			}
			if !slices.Equal(got, c.want) || pages != want {
				t.Errorf("%v by %d: %q on %d pages, want %q on %d", c.params, count, got, pages, c.want, want)
			}
		}
	}
	// Versions page by name and id.
	var got []string
	pages := 0
	for next := (b2front.Params{}); next != nil; pages++ {
		next["maxFileCount"] = 5
		var page []string
		page, next = b.names("b2_list_file_versions", next)
		got = append(got, page...)
	}
	if want := []string{"a", "a", "d/1", "d/1", "d/2", "d/2", "d/e/3", "d/e/3", "d0", "d0", "z/4", "z/4"}; pages != 3 || !slices.Equal(got, want) {
		t.Errorf("versions on %d pages: %q", pages, got)
	}
	for _, count := range []int{-1, 10_001} {
		if err := b.inBucket("b2_list_file_names", b2front.Params{"maxFileCount": count}, nil); answer(err) != "400 out_of_range" {
			t.Errorf("%d names: %v", count, err)
		}
	}
}

func TestB2LargeFiles(t *testing.T) {
	b := newB2(t)
	part := strings.Repeat("p", 5_000_000)
	start := func() string {
		b.Helper()
		var f b2front.File
		b.call("b2_start_large_file", b2front.Params{"fileName": "large", "contentType": "text/plain", "fileInfo": map[string]string{"large_file_sha1": "x"}}, &f)
		return f.ID
	}
	upload := func(id, number, content string) error {
		b.Helper()
		var u b2front.UploadURL
		b.call("b2_get_upload_part_url", b2front.Params{"fileId": id}, &u)
		at, err := url.Parse(u.URL)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{"X-Bz-Part-Number": {number}, "X-Bz-Content-Sha1": {sha1Of(content)}}
		status, _, body := b.raw("POST", at.Path, u.Token, header, content)
		if status != 200 {
			return &b2front.Error{Status: status, Message: body}
		}
		return nil
	}
	finish := func(id string, parts ...string) error {
		var sums []string
		for _, p := range parts {
			sums = append(sums, sha1Of(p))
		}
		return b.Call(t.Context(), "b2_finish_large_file", b2front.Params{"fileId": id, "partSha1Array": sums}, nil)
	}

	id := start()
	for _, number := range []string{"0", "10001", "x"} {
		if err := upload(id, number, part); err == nil {
			t.Errorf("part %s was accepted", number)
		}
	}
	if err := errors.Join(upload(id, "2", "end"), upload(id, "1", part)); err != nil {
		t.Fatal(err)
	}
	var listed struct {
		Parts []struct {
			PartNumber    int
			ContentLength int
			ContentSHA1   string
		}
		NextPartNumber *int
	}
	b.call("b2_list_parts", b2front.Params{"fileId": id, "maxPartCount": 1}, &listed)
	if len(listed.Parts) != 1 || listed.Parts[0].ContentLength != len(part) || listed.NextPartNumber == nil || *listed.NextPartNumber != 2 {
		t.Errorf("parts: %v", listed)
	}
	between := b.put("large", "newer than its start")
	for _, parts := range [][]string{{part}, {"end", part}, {part, "end", "end"}, nil} {
		if err := finish(id, parts...); answer(err) != "400 bad_request" {
			t.Errorf("finishing with %d parts: %v", len(parts), err)
		}
	}
	if err := finish(id, part, "end"); err != nil {
		t.Fatal(err)
	}
	// It counts as uploaded when it was started.
	if got, _, _ := b.get("large"); got != "newer than its start" {
		t.Errorf("get: %.20q", got)
	}
	b.call("b2_delete_file_version", b2front.Params{"fileName": "large", "fileId": between.ID}, nil)
	got, header, err := b.get("large")
	if err != nil || got != part+"end" || header.Get("X-Bz-Content-Sha1") != "none" || header.Get("X-Bz-Info-Large_file_sha1") != "x" {
		t.Errorf("get: %d bytes, %v, %v", len(got), header, err)
	}
	if err := finish(id, part, "end"); answer(err) != "400 bad_request" {
		t.Errorf("finishing again: %v", err)
	}

	small := start()
	if err := errors.Join(upload(small, "1", part[1:]), upload(small, "2", "end")); err != nil {
		t.Fatal(err)
	}
	if err := finish(small, part[1:], "end"); answer(err) != "400 bad_request" {
		t.Errorf("a first part that is too small: %v", err)
	}
	another := start()
	var unfinished struct {
		Files      []b2front.File
		NextFileID *string
	}
	b.call("b2_list_unfinished_large_files", b2front.Params{"maxFileCount": 1, "namePrefix": "lar"}, &unfinished)
	if len(unfinished.Files) != 1 || unfinished.Files[0].ID != small || unfinished.NextFileID == nil {
		t.Fatalf("unfinished: %v", unfinished)
	}
	b.call("b2_list_unfinished_large_files", b2front.Params{"maxFileCount": 1, "startFileId": *unfinished.NextFileID}, &unfinished)
	if len(unfinished.Files) != 1 || unfinished.Files[0].ID != another || unfinished.NextFileID != nil {
		t.Errorf("unfinished: %v", unfinished)
	}
	b.call("b2_cancel_large_file", b2front.Params{"fileId": small}, nil)
	if err := b.Call(t.Context(), "b2_list_parts", b2front.Params{"fileId": small}, nil); answer(err) != "400 bad_request" {
		t.Errorf("parts of what was cancelled: %v", err)
	}
}

func TestB2Copies(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	source, err := u.Put(t.Context(), "source", []byte("0123456789"), map[string]string{"X-Bz-Info-a": "1", "Content-Type": "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		params  b2front.Params
		content string
		info    map[string]string
		kind    string
	}{
		{nil, "0123456789", map[string]string{"a": "1"}, "text/plain"},
		{b2front.Params{"range": "bytes=2-4"}, "234", map[string]string{"a": "1"}, "text/plain"},
		{b2front.Params{"metadataDirective": "REPLACE", "contentType": "x/y"}, "0123456789", map[string]string{}, "x/y"},
		{b2front.Params{"metadataDirective": "REPLACE", "contentType": "x/y", "fileInfo": map[string]string{"B": "2"}}, "0123456789", map[string]string{"b": "2"}, "x/y"},
	} {
		params := b2front.Params{"sourceFileId": source.ID, "fileName": "target"}
		for name, value := range c.params {
			params[name] = value
		}
		var f b2front.File
		b.call("b2_copy_file", params, &f)
		if fmt.Sprint(f.FileInfo) != fmt.Sprint(c.info) || f.ContentType != c.kind || f.ContentSHA1 != sha1Of(c.content) {
			t.Errorf("%v: %v", c.params, f)
		}
		if got, header, err := b.get("target"); got != c.content || header.Get("X-Bz-File-Id") != f.ID {
			t.Errorf("%v: %q, %v", c.params, got, err)
		}
	}
	for _, params := range []b2front.Params{
		{"sourceFileId": source.ID, "fileName": "/target"},
		{"sourceFileId": source.ID, "fileName": "target", "metadataDirective": "REPLACE"},
		{"sourceFileId": source.ID, "fileName": "target", "metadataDirective": "OTHER"},
		{"sourceFileId": source.ID, "fileName": "target", "contentType": "x/y"},
		{"sourceFileId": source.ID, "fileName": "target", "range": "bytes"},
	} {
		if err := b.Call(t.Context(), "b2_copy_file", params, nil); answer(err) != "400 bad_request" {
			t.Errorf("%v: %v", params, err)
		}
	}
	if err := b.Call(t.Context(), "b2_copy_file", b2front.Params{"sourceFileId": "1", "fileName": "target"}, nil); answer(err) != "404 not_found" {
		t.Errorf("a source that is not there: %v", err)
	}
}

// Many clients at a time do not disturb each other, each with an upload URL of its own.
func TestB2InParallel(t *testing.T) {
	b := newB2(t)
	const clients, files = 16, 20
	var working sync.WaitGroup
	for c := range clients {
		working.Go(func() {
			u, err := b.UploadURL(t.Context(), b.bucket.ID)
			for i := 0; err == nil && i < files; i++ {
				name := fmt.Sprintf("%02d/%02d", c, i)
				if _, err = u.Put(t.Context(), name, []byte(name), nil); err == nil {
					var got string
					if got, _, err = b.get(name); got != name {
						t.Errorf("get %s: %q", name, got)
					}
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	working.Wait()
	if got, _ := b.names("b2_list_file_names", b2front.Params{"maxFileCount": 1000}); len(got) != clients*files {
		t.Errorf("there are %d files", len(got))
	}
	if got := b.counts().UploadURLs; len(got) > 0 {
		t.Errorf("upload URLs were misused: %v", got)
	}
}

// Large contents go up and down whole.
func TestB2Megabytes(t *testing.T) {
	b := newB2(t)
	content := make([]byte, 64<<20)
	rand.Read(content)
	if _, err := b.Put(t.Context(), b.bucket.ID, "f", content); err != nil {
		t.Fatal(err)
	}
	if got, _, err := b.get("f"); err != nil || !bytes.Equal([]byte(got), content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
