package providers_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/conformance/providers/b2front"
)

// fault adds one for the bucket.
func (b *b2) fault(f b2front.Fault) {
	b.Helper()
	f.Bucket = b.bucket.Name
	if err := b.front.Add(b.Context(), f); err != nil {
		b.Fatal(err)
	}
}

// used fails the test if a fault of the bucket has not happened.
func (b *b2) used() {
	b.Helper()
	pending, err := b.front.Pending(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range pending {
		if f.Bucket == b.bucket.Name {
			b.Errorf("a fault has not happened: %+v", f)
		}
	}
}

func TestB2AnswersAsScripted(t *testing.T) {
	b := newB2(t)
	b.put("f", "content")
	path := "/file/" + b.bucket.Name + "/f"
	for _, c := range []struct {
		fault b2front.Fault
		want  string
	}{
		{b2front.Fault{}, "503 service_unavailable"},
		{b2front.Fault{Status: 401}, "401 expired_auth_token"},
		{b2front.Fault{Status: 401, Code: "bad_auth_token"}, "401 bad_auth_token"},
		{b2front.Fault{Status: 403}, "403 cap_exceeded"},
		{b2front.Fault{Status: 408}, "408 request_timeout"},
		{b2front.Fault{Status: 429}, "429 too_many_requests"},
		{b2front.Fault{Status: 500}, "500 internal_error"},
		{b2front.Fault{Status: 502, Body: "<html>bad gateway</html>"}, "502 "},
	} {
		c.fault.Call, c.fault.Do = "b2_download_file_by_name", b2front.Answer
		b.fault(c.fault)
		if _, _, err := b.get("f"); answer(err) != c.want {
			t.Errorf("%+v: %v", c.fault, err)
		}
		if got, _, err := b.get("f"); got != "content" {
			t.Errorf("%+v, afterwards: %v", c.fault, err)
		}
	}

	b.fault(b2front.Fault{Call: "*", Do: b2front.Answer, RetryAfter: 7, Times: 2, Skip: 1})
	var after []string
	for range 4 {
		_, header, _ := b.raw("GET", path, b.Token, nil, "")
		after = append(after, header.Get("Retry-After"))
	}
	if got := strings.Join(after, ","); got != ",7,7," {
		t.Errorf("Retry-After, after one and twice: %s", got)
	}
	b.fault(b2front.Fault{Call: "*", Do: b2front.Answer, RetryDate: 60})
	_, header, _ := b.raw("GET", path, b.Token, nil, "")
	at, err := http.ParseTime(header.Get("Retry-After"))
	if d := time.Until(at); err != nil || d < 30*time.Second || d > 90*time.Second {
		t.Errorf("Retry-After is %v", header)
	}

	// Faults of other keys, buckets and calls do not happen here.
	_, id := b.key("", "", "listFiles")
	if err := b.front.Add(t.Context(), b2front.Fault{Call: "*", Key: id, Do: b2front.Answer, Status: 500}); err != nil {
		t.Fatal(err)
	}
	b.fault(b2front.Fault{Call: "b2_hide_file", Do: b2front.Answer})
	if _, _, err := b.get("f"); err != nil {
		t.Error(err)
	}
	if err := b.inBucket("b2_hide_file", b2front.Params{"fileName": "f"}, nil); answer(err) != "503 service_unavailable" {
		t.Error(err)
	}
	b.used()
	if err := b.front.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pending, err := b.front.Pending(t.Context()); err != nil || len(pending) > 0 {
		t.Errorf("pending: %v %v", pending, err)
	}

	for _, f := range []b2front.Fault{
		{Do: b2front.Drop},
		{Call: "*"},
		{Call: "*", Do: "explode"},
		{Call: "*", Do: b2front.Answer, Status: 200},
		{Call: "*", Do: b2front.Slow},
		{Call: "*", Do: b2front.Drop, Times: -1},
	} {
		if err := b.front.Add(t.Context(), f); answer(err) != "400 bad_request" {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestB2BreaksConnections(t *testing.T) {
	b := newB2(t)
	content := strings.Repeat("c", 1<<20)
	b.put("f", content)
	list := func() string {
		names, _ := b.names("b2_list_file_names", nil)
		return fmt.Sprint(names)
	}

	// Before the call is made, and after.
	for _, c := range []struct {
		do   b2front.Action
		want string
	}{{b2front.Drop, "[f]"}, {b2front.Lose, "[f g]"}} {
		u := b.uploadURL()
		b.fault(b2front.Fault{Call: "b2_upload_file", Do: c.do, After: 1000})
		if _, err := u.Put(t.Context(), "g", []byte(content), nil); answer(err) != "broken" {
			t.Errorf("%s: %v", c.do, err)
		}
		if got := list(); got != c.want {
			t.Errorf("%s: there are %s", c.do, got)
		}
		if _, err := u.Put(t.Context(), "h", nil, nil); answer(err) != "401 bad_auth_token" {
			t.Errorf("%s: the same upload URL again: %v", c.do, err)
		}
	}
	b.fault(b2front.Fault{Call: "b2_hide_file", Do: b2front.Lose})
	if err := b.inBucket("b2_hide_file", b2front.Params{"fileName": "g"}, nil); answer(err) != "broken" {
		t.Error(err)
	}
	if got := list(); got != "[f]" {
		t.Errorf("there are %s", got)
	}

	b.fault(b2front.Fault{Call: "b2_download_file_by_name", Do: b2front.Cut, After: 1000})
	got, header, err := b.get("f")
	if err == nil || len(got) > 1000 || header.Get("Content-Length") != fmt.Sprint(len(content)) {
		t.Errorf("cut: %d bytes, %v, %v", len(got), header, err)
	}
	b.fault(b2front.Fault{Call: "b2_download_file_by_name", Do: b2front.Corrupt, After: 1000})
	if got, _, err := b.get("f"); err != nil || got != content[:1000]+"b"+content[1001:] {
		t.Errorf("corrupted: %d bytes, %v", len(got), err)
	}
	if got, _, err := b.get("f"); err != nil || got != content {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	b.used()
}

func TestB2IsSlow(t *testing.T) {
	b := newB2(t)
	content := strings.Repeat("c", 1000)
	for call, try := range map[string]func() error{
		"b2_upload_file":           func() error { _, err := b.Put(t.Context(), b.bucket.ID, "f", []byte(content)); return err },
		"b2_download_file_by_name": func() error { _, _, err := b.get("g"); return err },
	} {
		b.put("g", content)
		for _, f := range []b2front.Fault{{Delay: 0.3}, {Rate: 3000}} {
			f.Call, f.Do = call, b2front.Slow
			b.fault(f)
			began := time.Now()
			if err := try(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took < 250*time.Millisecond {
				t.Errorf("%+v took %v", f, took)
			}
		}
	}
	b.used()
	// It answers others meanwhile, and a client that gives up leaves nothing behind.
	b.fault(b2front.Fault{Call: "b2_upload_file", Do: b2front.Slow, Rate: 100})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	u := b.uploadURL()
	done := make(chan error)
	go func() {
		_, err := u.Put(ctx, "abandoned", []byte(content), nil)
		done <- err
	}()
	if got, _, err := b.get("g"); err != nil || got != content {
		t.Errorf("meanwhile: %v", err)
	}
	if err := <-done; answer(err) != "broken" {
		t.Errorf("given up: %v", err)
	}
	if _, _, err := b.get("abandoned"); answer(err) != "404 not_found" {
		t.Errorf("what was given up: %v", err)
	}
}

func TestB2UploadURLs(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	// One upload after the other, but not two at a time.
	for range 2 {
		if _, err := u.Put(t.Context(), "f", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	body, writer := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 2
	req.Header = http.Header{"Authorization": {u.Token}, "X-Bz-File-Name": {"g"}, "Content-Type": {"x/y"}, "X-Bz-Content-Sha1": {sha1Of("ab")}}
	done := make(chan error)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	writer.Write([]byte("a"))
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, err := u.Put(t.Context(), "h", nil, nil)
		if answer(err) == "400 bad_request" && strings.Contains(err.Error(), "more than one upload using auth token") {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("two uploads at a time: %v", err)
		}
	}
	writer.Write([]byte("b"))
	writer.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, _, err := b.get("g"); got != "ab" {
		t.Errorf("get: %q %v", got, err)
	}

	// An answer of 429 or 403 leaves the URL as it is, one of 401, 408 or 5xx does not.
	for status, want := range map[int]string{403: "200", 429: "200", 401: "401 bad_auth_token", 408: "401 bad_auth_token", 500: "401 bad_auth_token", 503: "401 bad_auth_token"} {
		u := b.uploadURL()
		b.fault(b2front.Fault{Call: "b2_upload_file", Do: b2front.Answer, Status: status})
		if _, err := u.Put(t.Context(), "f", []byte("content"), nil); !strings.HasPrefix(answer(err), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
		if _, err := u.Put(t.Context(), "f", []byte("content"), nil); answer(err) != want {
			t.Errorf("after %d: %v", status, err)
		}
	}
	if got := b.counts().UploadURLs; got["shared"] != 1 || got["refused"] != 0 {
		t.Errorf("counted: %v", got)
	}
	b.used()
}

func TestB2Expires(t *testing.T) {
	b := newB2(t)
	account, id := b.key("", "", "writeFiles", "readFiles")
	u, err := account.UploadURL(t.Context(), b.bucket.ID)
	if err != nil {
		t.Fatal(err)
	}
	put := func() string {
		_, err := u.Put(t.Context(), "f", nil, nil)
		return answer(err)
	}
	info := func(a *b2front.Account) string {
		_, err := a.UploadURL(t.Context(), b.bucket.ID)
		return answer(err)
	}
	if n, err := b.front.Expire(t.Context(), "upload", id); n != 1 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	if got := put(); got != "401 expired_auth_token" {
		t.Errorf("put: %s", got)
	}
	if got := info(account); got != "200" {
		t.Errorf("a call: %s", got)
	}
	if n, err := b.front.Expire(t.Context(), "account", id); n != 1 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	if got := info(account); got != "401 expired_auth_token" {
		t.Errorf("a call: %s", got)
	}
	if _, err := account.Get(t.Context(), b.bucket.Name, "f", nil); answer(err) != "401 expired_auth_token" {
		t.Errorf("a download: %v", err)
	}
	if got := info(b.Account); got != "200" {
		t.Errorf("a call with another key: %s", got)
	}
	if _, err := b.front.Expire(t.Context(), "all", ""); answer(err) != "400 bad_request" {
		t.Errorf("tokens of another kind: %v", err)
	}
}

func TestB2Counts(t *testing.T) {
	b := newB2(t)
	u := b.uploadURL()
	for i := range 1001 {
		if _, err := u.Put(t.Context(), fmt.Sprintf("%04d", i), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	b.names("b2_list_file_names", b2front.Params{"maxFileCount": 1000})
	b.names("b2_list_file_names", b2front.Params{"maxFileCount": 1001}) // two transactions
	b.get("0000")
	b.get("none")
	b.fault(b2front.Fault{Call: "b2_download_file_by_name", Do: b2front.Drop})
	b.get("0000")
	got := b.counts()
	for _, c := range []struct {
		what      string
		got, want map[string]int
	}{
		{"calls", got.Calls, map[string]int{"b2_get_upload_url": 1, "b2_upload_file": 1001, "b2_list_file_names": 2, "b2_download_file_by_name": 3}},
		{"transactions", got.Transactions, map[string]int{"A": 1002, "B": 3, "C": 3}},
		{"answers", got.Answers, map[string]int{"200": 1005, "404": 1, "reset": 1}},
	} {
		if !maps.Equal(c.got, c.want) {
			t.Errorf("%s are %v, want %v", c.what, c.got, c.want)
		}
	}
	account, id := b.key(b.bucket.ID, "", "listFiles")
	if err := account.Call(t.Context(), "b2_list_file_names", b2front.Params{"bucketId": b.bucket.ID}, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := b.front.Counts(t.Context(), id, ""); err != nil || !maps.Equal(got.Calls, map[string]int{"b2_authorize_account": 1, "b2_list_file_names": 1}) {
		t.Errorf("of a key: %v %v", got, err)
	}
	if got, err := b.front.Counts(t.Context(), "", ""); err != nil || got.Calls["b2_create_bucket"] == 0 {
		t.Errorf("of all: %v %v", got, err)
	}
	if err := b.front.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.counts(); len(got.Calls) > 0 {
		t.Errorf("after a reset: %v", got)
	}
}
