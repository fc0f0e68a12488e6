package b2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// Errors are of the class that their code means, whatever Blazer's base makes of them.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		call              string
		status            int
		code, text        string
		want              error
		transient, badURL bool
	}{
		{"b2_list_file_names", 400, "bad_request", "no", blob.ErrInvalid, false, false},
		{"b2_list_file_names", 400, "bad_bucket_id", "", blob.ErrNotExist, false, false},
		{"b2_list_file_names", 401, "unauthorized", "", fs.ErrPermission, false, false},
		{"b2_list_file_names", 401, "expired_auth_token", "", fs.ErrPermission, true, false},
		{"b2_list_file_names", 401, "bad_auth_token", "", fs.ErrPermission, true, false},
		{"b2_list_file_names", 403, "transaction_cap_exceeded", "", ErrCapExceeded, false, false},
		{"b2_download_file_by_name", 403, "download_cap_exceeded", "", ErrCapExceeded, false, false},
		{"b2_download_file_by_name", 403, "access_denied", "", fs.ErrPermission, false, false},
		{"b2_download_file_by_name", 404, "not_found", "", blob.ErrNotExist, false, false},
		{"b2_download_file_by_name", 404, "", "", blob.ErrNotExist, false, false},
		{"b2_download_file_by_name", 416, "range_not_satisfiable", "", blob.ErrRange, false, false},
		{"b2_delete_file_version", 404, "", "", nil, false, false},
		{"b2_delete_file_version", 400, "file_not_present", "", blob.ErrNotExist, false, false},
		{"b2_finish_large_file", 400, "bad_request", "No active upload for: x", blob.ErrNotExist, false, false},
		{"b2_upload_file", 401, "expired_auth_token", "", fs.ErrPermission, true, true},
		{"b2_upload_file", 401, "unauthorized", "", fs.ErrPermission, false, false},
		{"b2_upload_file", 403, "cap_exceeded", "", ErrCapExceeded, false, false},
		{"b2_upload_file", 400, "bad_request", "Checksum did not match data received", blob.ErrChecksum, true, false},
		{"b2_upload_file", 400, "bad_request", "Sha1 did not match data received", blob.ErrChecksum, true, false},
		{"b2_upload_file", 400, "bad_request", "more than one upload using auth token x", nil, true, true},
		{"b2_upload_file", 503, "service_unavailable", "", nil, true, true},
		{"b2_upload_part", 500, "internal_error", "", nil, true, true},
		{"b2_upload_part", 408, "request_timeout", "", nil, true, true},
		{"b2_upload_part", 429, "too_many_requests", "", nil, true, false},
		{"b2_list_file_names", 429, "too_many_requests", "", nil, true, false},
		{"b2_list_file_names", 502, "", "", nil, true, false},
		{"b2_list_file_names", 503, "service_unavailable", "", nil, true, false},
		{"b2_list_file_names", 301, "", "", nil, false, false},
	} {
		f := &remote.Failure{Call: test.call, Status: test.status, Code: test.code, Message: test.text}
		_, badURL := classify(f)
		if test.want != nil && !errors.Is(f, test.want) || test.want == nil && f.Is != nil {
			t.Errorf("%v is not %v", f, test.want)
		}
		if f.Transient != test.transient || badURL != test.badURL {
			t.Errorf("%v: transient %t, another upload URL %t", f, f.Transient, badURL)
		}
	}
}

// A provider's own error is reached, and names what happened.
func TestErrorIsReached(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_upload_file" {
			answerError(w, http.StatusForbidden, "storage_cap_exceeded", "Cannot upload files, storage cap exceeded.")
		}
		return r.call == "b2_upload_file"
	})
	_, err := f.open(t).Put(context.Background(), "k", strings.NewReader("x"), nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != "storage_cap_exceeded" || !errors.Is(err, ErrCapExceeded) || errors.Is(err, fs.ErrPermission) {
		t.Fatalf("a cap answers %v", err)
	}
	const want = `put "k" in b2://bucket: a cap of the account is exceeded: b2_upload_file: 403 Forbidden, storage_cap_exceeded: Cannot upload files, storage cap exceeded`
	if err.Error() != want {
		t.Errorf("it reads %q", err)
	}
}

// A HEAD is refused without a reason, and a Stat tells it all the same.
func TestStatTellsWhy(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   error
	}{
		{403, "download_cap_exceeded", ErrCapExceeded},
		{403, "access_denied", fs.ErrPermission},
		{416, "range_not_satisfiable", fs.ErrPermission},
		{200, "", fs.ErrPermission},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			switch {
			case r.call == "b2_download_file_by_name" && r.method == http.MethodHead:
				w.WriteHeader(http.StatusForbidden)
			case r.call == "b2_download_file_by_name" && test.code != "":
				answerError(w, test.status, test.code, "")
			default:
				return false
			}
			return true
		})
		if _, err := f.open(t).Stat(context.Background(), "k", nil); !errors.Is(err, test.want) {
			t.Errorf("%+v: stat answers %v", test, err)
		}
	}
}

// An upload URL serves one upload at a time and many one after the other. After an answer that speaks against it
// another is taken, at once.
func TestUploadURLs(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		spoil   func(w http.ResponseWriter)
		another bool
	}{
		"503": {func(w http.ResponseWriter) { answerError(w, 503, "service_unavailable", "") }, true},
		"500": {func(w http.ResponseWriter) { answerError(w, 500, "internal_error", "") }, true},
		"408": {func(w http.ResponseWriter) { answerError(w, 408, "request_timeout", "") }, true},
		"401": {func(w http.ResponseWriter) { answerError(w, 401, "expired_auth_token", "") }, true},
		"two at once": {func(w http.ResponseWriter) {
			answerError(w, 400, "bad_request", "more than one upload using auth token x")
		}, true},
		"broken": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"wrong SHA-1": {func(w http.ResponseWriter) {
			answerError(w, 400, "bad_request", "Checksum did not match data received")
		}, false},
		"429, no wait": {func(w http.ResponseWriter) { answerError(w, 429, "too_many_requests", "") }, false},
	} {
		var spoiled atomic.Int32
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_upload_file" && spoiled.Add(1) == 2 {
				test.spoil(w)
				return true
			}
			return false
		})
		b := f.open(t)
		for range 3 {
			if _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		var paths, fetched []string
		for _, r := range f.requests() {
			if r.call == "b2_upload_file" {
				paths = append(paths, r.path)
			} else {
				fetched = append(fetched, r.call)
			}
		}
		if len(paths) != 4 || paths[0] != paths[1] || (paths[1] != paths[2]) != test.another || paths[2] != paths[3] {
			t.Errorf("%s: uploads went to %q", name, paths)
		}
		if want := map[bool]int{false: 1, true: 2}[test.another]; len(fetched) != want {
			t.Errorf("%s: besides there were %q", name, fetched)
		}
	}
}

func TestUploadURLsAreNotShared(t *testing.T) {
	const clients = 16
	var mu sync.Mutex
	busy := map[string]bool{}
	var waiting sync.WaitGroup
	waiting.Add(clients)
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_upload_file" {
			mu.Lock()
			if busy[r.path] {
				t.Errorf("%s is used by two", r.path)
			}
			busy[r.path] = true
			mu.Unlock()
			waiting.Done()
			waiting.Wait() // all are under way at once
		}
		return false
	})
	b := f.open(t)
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() {
			if _, err := b.Put(context.Background(), fmt.Sprint(i), strings.NewReader("x"), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// Many calls that find their token expired get one new one, and the addresses that come with it.
func TestTokenIsRenewedOnce(t *testing.T) {
	const clients = 20
	var renewals atomic.Int32
	var f, moved *fake
	moved = newFake(t, nil)
	f = newFake(t, func(w http.ResponseWriter, r request) bool {
		switch {
		case r.call == "b2_authorize_account":
			n := renewals.Add(1)
			at := f.URL
			if n > 1 {
				at = moved.URL
				time.Sleep(20 * time.Millisecond) // so that the others come meanwhile
			}
			answerJSON(w, map[string]any{"authorizationToken": fmt.Sprint("token-", n), "apiInfo": map[string]any{"storageApi": map[string]any{
				"apiUrl": at, "downloadUrl": at, "capabilities": allCapabilities}}})
			return true
		case r.call == "b2_list_buckets":
			return false
		}
		answerError(w, http.StatusUnauthorized, "expired_auth_token", "")
		return true
	})
	b := f.open(t)
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for _, err := range b.List(context.Background(), nil) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if n := renewals.Load(); n != 2 {
		t.Errorf("%d calls got %d tokens", clients, n-1)
	}
	for _, r := range moved.requests() {
		if r.header.Get("Authorization") != "token-2" {
			t.Errorf("after the renewal a call goes with %q", r.header.Get("Authorization"))
		}
	}
}

// A token that stays bad, and a key that is refused, is no reason to go on trying.
func TestTokenStaysBad(t *testing.T) {
	var refused atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_list_file_names" || refused.Load() {
			answerError(w, http.StatusUnauthorized, "bad_auth_token", "")
			return true
		}
		return false
	})
	b := f.open(t)
	for _, want := range [][]string{
		{"b2_list_file_names", "b2_authorize_account", "b2_list_file_names"},
		{"b2_list_file_names", "b2_authorize_account"},
	} {
		for _, err := range b.List(context.Background(), nil) {
			var e *blob.Error
			if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &e) || e.Retryable() {
				t.Errorf("it answers %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), "token-")) {
				t.Errorf("it shows a secret: %v", err)
			}
		}
		wantCalls(t, "a bad token", f.calls(), want...)
		refused.Store(true)
	}
}

// Whoever waits for a token and gives up does not take the others' along.
func TestRenewalOutlivesWhoBeganIt(t *testing.T) {
	release := make(chan struct{})
	asked := make(chan struct{}, 10)
	var opened atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if opened.Load() && r.call == "b2_authorize_account" {
			asked <- struct{}{}
			<-release
		}
		return false
	})
	b := f.open(t)
	opened.Store(true)
	a := b.raw.account
	stale := a.current().Token
	ctx, cancel := context.WithCancel(context.Background())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- a.renew(ctx, stale) }()
	<-asked
	go func() { second <- a.renew(context.Background(), stale) }()
	for waiting := 0; waiting < 2; time.Sleep(time.Millisecond) {
		a.mu.Lock()
		waiting = a.renewal.waiting
		a.mu.Unlock()
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up hears %v", err)
	}
	close(release)
	if err := <-second; err != nil || a.current().Token == stale {
		t.Errorf("who waited hears %v", err)
	}
	if len(asked) > 0 {
		t.Error("it was asked for twice")
	}
}

// A server that asks for more patience than a call has is not waited for.
func TestRetryAfter(t *testing.T) {
	for _, value := range []string{"3600", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)} {
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_list_file_names" {
				w.Header().Set("Retry-After", value)
				answerError(w, http.StatusServiceUnavailable, "service_unavailable", "")
			}
			return r.call == "b2_list_file_names"
		})
		for _, err := range f.open(t).List(context.Background(), nil) {
			f := remote.AsFailure(err)
			if f == nil || !f.Retryable() || f.RetryAfter < 59*time.Minute {
				t.Errorf("Retry-After: %s answers %v", value, err)
			}
		}
		wantCalls(t, "an hour's wait", f.calls(), "b2_list_file_names")
	}
}

// B2 repeats tokens in its messages, and nobody else does.
func TestTokensAreNotShown(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_upload_file" {
			answerError(w, http.StatusBadRequest, "bad_request", "more than one upload using auth token "+r.header.Get("Authorization"))
		}
		return r.call == "b2_upload_file"
	})
	_, err := f.open(t, func(c *Config) { c.MaxAttempts = 2 }).Put(context.Background(), "k", strings.NewReader("x"), nil)
	if err == nil || strings.Contains(err.Error(), "upload-token-") || !strings.Contains(err.Error(), "using auth token …") {
		t.Errorf("it answers %v", err)
	}
}
