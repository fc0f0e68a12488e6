package b2

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// An observer sees every call that goes over the wire, with its bytes, and why it is repeated; Calls counts the same.
func TestAttemptsAreObserved(t *testing.T) {
	ctx := context.Background()
	unavailable := func(w http.ResponseWriter, _ request) { answerError(w, 503, "service_unavailable", "busy") }
	expired := func(w http.ResponseWriter, _ request) { answerError(w, 401, "expired_auth_token", "") }
	lost := func(http.ResponseWriter, request) { panic(http.ErrAbortHandler) }
	for _, test := range []struct {
		name, failing string // the call that fails twice
		fail          func(http.ResponseWriter, request)
		call          func(*Bucket) error
		want          []string
		calls         Calls
	}{
		{"put to a busy upload URL", "b2_upload_file", unavailable,
			func(b *Bucket) error { _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); return err },
			[]string{"b2_get_upload_url 1 200 ok false", "b2_upload_file 1 503 7 service_unavailable true", "b2_get_upload_url 1 200 ok false",
				"b2_upload_file 2 503 7 service_unavailable true", "b2_get_upload_url 1 200 ok false", "b2_upload_file 3 200 7 ok false"}, Calls{A: 6}},
		{"delete whose responses are lost", "b2_hide_file", lost, func(b *Bucket) error { return b.Delete(ctx, "k", nil) },
			[]string{"b2_hide_file 1 0 no response true", "b2_hide_file 2 0 no response true", "b2_hide_file 3 200 ok false", "b2_list_file_versions 1 200 ok false",
				"b2_delete_file_version 1 200 ok false", "b2_delete_file_version 1 200 ok false"}, Calls{A: 5, C: 1}},
		{"get with an expired token", "b2_download_file_by_name", expired, func(b *Bucket) error { _, _ = blob.ReadAll(ctx, b, "k"); return nil },
			[]string{"b2_authorize_account 1 200 ok false", "b2_download_file_by_name 1 401 expired_auth_token true",
				"b2_download_file_by_name 2 401 expired_auth_token false"}, Calls{B: 2, C: 1}},
	} {
		var failed atomic.Int32
		var mu sync.Mutex
		var all []blob.Attempt
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call != test.failing || failed.Add(1) > 2 {
				return false
			}
			test.fail(w, r)
			return true
		})
		b := f.open(t, func(c *Config) {
			c.Observe = func(a blob.Attempt) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, a)
			}
		})
		all = nil
		before := b.Calls()
		if err := test.call(b); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, a := range all {
			seen := fmt.Sprintf("%s %d %d", a.Call, a.Number, a.Status)
			if uploads[a.Call] {
				seen += fmt.Sprint(" ", a.Sent)
			}
			switch f := remote.AsFailure(a.Err); {
			case f == nil:
				seen += " ok"
			case f.Status == 0:
				seen += " no response"
			default:
				seen += " " + f.Code
			}
			got = append(got, fmt.Sprint(seen, " ", a.Retried))
			if text := fmt.Sprintf("%+v", a); strings.Contains(text, testKey) || strings.Contains(text, "token-") || a.Duration <= 0 {
				t.Errorf("%s: an attempt reads %s", test.name, text)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s is observed as %q, want %q", test.name, got, test.want)
		}
		if after := b.Calls(); after.A-before.A != test.calls.A || after.B-before.B != test.calls.B || after.C-before.C != test.calls.C {
			t.Errorf("%s: Calls counts from %+v to %+v, want %+v more", test.name, before, after, test.calls)
		}
	}
}
