package b2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/internal/remote"
)

const (
	testKeyID = "0012345"
	testKey   = "s3cr3t-of-the-tests"
	bucketID  = "bucket-id"
)

var allCapabilities = []string{"listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles"}

// A request is what a fake heard.
type request struct {
	call   string // such as "b2_hide_file"; "b2_download_file_by_name" is for every path below /file/
	method string
	path   string
	header http.Header
	body   string
}

// param returns a field of the request's JSON.
func (r request) param(name string) any {
	var all map[string]any
	_ = json.Unmarshal([]byte(r.body), &all)
	return all[name]
}

// A fake is a B2 that hears requests and answers as a test tells it, but for those that open a bucket and hand out
// upload URLs, unless the test answers them too.
type fake struct {
	*httptest.Server
	capabilities           []string
	bucketName, namePrefix string // to which the key is restricted

	mu     sync.Mutex
	heard  []request
	handed int // tokens and upload URLs
}

// newFake starts a server. Answer returns false for what it leaves to the fake.
func newFake(t *testing.T, answer func(w http.ResponseWriter, r request) bool) *fake {
	t.Helper()
	f := &fake{capabilities: allCapabilities}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		req := request{"b2_download_file_by_name", r.Method, r.URL.EscapedPath(), r.Header.Clone(), string(body)}
		if rest, ok := strings.CutPrefix(r.URL.Path, "/b2api/v3/"); ok {
			req.call, _, _ = strings.Cut(rest, "/")
		}
		f.mu.Lock()
		f.heard = append(f.heard, req)
		f.mu.Unlock()
		if answer == nil || !answer(w, req) {
			f.ordinary(w, req)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// hand returns a number that was not handed out before.
func (f *fake) hand() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handed++
	return f.handed
}

// ordinary answers as a B2 does that has one file, "k", whose content is "content".
func (f *fake) ordinary(w http.ResponseWriter, r request) {
	switch r.call {
	case "b2_authorize_account":
		storage := map[string]any{"apiUrl": f.URL, "downloadUrl": f.URL, "capabilities": f.capabilities, "namePrefix": f.namePrefix}
		if f.bucketName != "" {
			storage["bucketId"], storage["bucketName"] = bucketID, f.bucketName
		}
		answerJSON(w, map[string]any{"accountId": "a", "authorizationToken": fmt.Sprint("token-", f.hand()), "apiInfo": map[string]any{"storageApi": storage}})
	case "b2_list_buckets":
		answerJSON(w, map[string]any{"buckets": []any{map[string]any{"bucketId": bucketID, "bucketName": "bucket"}}})
	case "b2_get_upload_url", "b2_get_upload_part_url":
		n := f.hand()
		call := strings.TrimSuffix(strings.TrimPrefix(r.call, "b2_get_upload_"), "_url")
		if call == "" || call == "url" {
			call = "file"
		}
		answerJSON(w, map[string]any{"uploadUrl": fmt.Sprintf("%s/b2api/v3/b2_upload_%s/%d", f.URL, call, n), "authorizationToken": fmt.Sprint("upload-token-", n)})
	case "b2_upload_file":
		answerJSON(w, version("new", r.header.Get("X-Bz-File-Name"), "upload"))
	case "b2_upload_part":
		answerJSON(w, map[string]any{"fileId": "large", "partNumber": 1})
	case "b2_start_large_file":
		answerJSON(w, version("large", "k", "start"))
	case "b2_finish_large_file":
		answerJSON(w, version("large", "k", "upload"))
	case "b2_hide_file":
		answerJSON(w, version("marker", "k", "hide"))
	case "b2_list_file_versions":
		answerJSON(w, map[string]any{"files": []any{version("marker", "k", "hide"), version("old", "k", "upload")}})
	case "b2_list_file_names":
		answerJSON(w, map[string]any{"files": []any{version("old", "k", "upload")}})
	case "b2_list_unfinished_large_files":
		answerJSON(w, map[string]any{"files": []any{version("large", "k", "start")}})
	case "b2_list_parts":
		answerJSON(w, map[string]any{"parts": []any{}})
	case "b2_delete_file_version", "b2_cancel_large_file", "b2_get_file_info", "b2_copy_file":
		answerJSON(w, version("old", "k", "upload"))
	case "b2_download_file_by_name", "b2_download_file_by_id":
		answerFile(w, r, "content", "040f06fd774092478d450774f5ba30c5da78acc8", nil)
	default:
		answerError(w, http.StatusBadRequest, "bad_request", "unexpected "+r.call)
	}
}

// requests returns the calls that were heard, and forgets them.
func (f *fake) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := f.heard
	f.heard = nil
	return heard
}

// calls returns their names.
func (f *fake) calls() []string {
	names := []string{}
	for _, r := range f.requests() {
		names = append(names, r.call)
	}
	return names
}

// open opens the bucket of the fake, and forgets the calls of that.
func (f *fake) open(t *testing.T, change ...func(*Config)) *Bucket {
	t.Helper()
	transport := remote.NewTransport(nil)
	t.Cleanup(transport.CloseIdleConnections)
	cfg := &Config{KeyID: testKeyID, Key: testKey, Endpoint: f.URL, Transport: transport}
	for _, c := range change {
		c(cfg)
	}
	b, err := Open(context.Background(), "bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.requests()
	return b
}

// version is a version of a file as B2 tells of it.
func version(id, name, action string) map[string]any {
	return map[string]any{"fileId": id, "fileName": name, "action": action, "contentLength": 7, "contentType": "text/plain",
		"contentSha1": "040f06fd774092478d450774f5ba30c5da78acc8", "fileInfo": map[string]string{}, "uploadTimestamp": 1_700_000_000_123}
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v)
}

func answerError(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	answerJSON(w, map[string]any{"status": status, "code": code, "message": message})
}

// answerFile answers a download.
func answerFile(w http.ResponseWriter, r request, content, sha1 string, header map[string]string) {
	w.Header().Set("X-Bz-File-Id", "old")
	w.Header().Set("X-Bz-File-Name", "k")
	w.Header().Set("X-Bz-Upload-Timestamp", "1700000000123")
	w.Header().Set("X-Bz-Content-Sha1", sha1)
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	for name, value := range header {
		w.Header().Set(name, value)
	}
	if r.method != http.MethodHead {
		_, _ = io.WriteString(w, content)
	}
}

func wantCalls(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s makes the calls %q, not %q", what, got, want)
	}
}
