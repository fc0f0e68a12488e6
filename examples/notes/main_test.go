package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/drivers/mem"
)

// visitor is a browser with cookies of its own.
type visitor struct {
	t   *testing.T
	url string
	*http.Client
}

func newVisitor(t *testing.T, url string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, url, &http.Client{Jar: jar}}
}

func (v *visitor) do(method, path, body string) (status int, content string) {
	req, err := http.NewRequest(method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestEveryoneSeesHisOwn(t *testing.T) {
	guard, err := openGuard(context.Background(), mem.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newService(guard))
	defer server.Close()
	alice, bob, nobody := newVisitor(t, server.URL), newVisitor(t, server.URL), newVisitor(t, server.URL)
	alice.do("GET", "/?user=alice", "")
	bob.do("GET", "/?user=bob", "")

	if status, _ := alice.do("PUT", "/notes/alice/shopping", "milk"); status != http.StatusNoContent {
		t.Fatalf("alice writes: %d", status)
	}
	if _, content := alice.do("GET", "/notes/alice/shopping", ""); content != "milk" {
		t.Errorf("alice reads %q", content)
	}
	if _, list := alice.do("GET", "/", ""); !strings.Contains(list, "/notes/alice/shopping\t4 bytes") {
		t.Errorf("alice lists %q", list)
	}
	for who, v := range map[string]*visitor{"bob": bob, "nobody": nobody} {
		for _, path := range []string{"/notes/alice/shopping", "/notes/alice/no-such-note"} {
			if status, content := v.do("GET", path, ""); status != http.StatusForbidden || strings.Contains(content, "alice") {
				t.Errorf("%s gets %s: %d %q", who, path, status, content)
			}
		}
		if status, _ := v.do("PUT", "/notes/alice/shopping", "wine"); status != http.StatusForbidden {
			t.Errorf("%s overwrites: %d", who, status)
		}
		if _, list := v.do("GET", "/", ""); list != "" {
			t.Errorf("%s lists %q", who, list)
		}
	}
}

func TestForgedSessions(t *testing.T) {
	guard, err := openGuard(context.Background(), mem.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newService(guard))
	defer server.Close()
	v := newVisitor(t, server.URL)
	if status, _ := v.do("GET", "/?user="+owner, ""); status != http.StatusForbidden {
		t.Errorf("signing in as the service: %d", status)
	}
	for _, cookie := range []string{"YWxpY2U", "YWxpY2U.", "YWxpY2U.AAAA", "%%%.x", "."} {
		req, _ := http.NewRequest("PUT", server.URL+"/notes/alice/x", strings.NewReader("x"))
		req.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		res, err := v.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("the cookie %q writes: %d", cookie, res.StatusCode)
		}
	}
	for _, user := range []string{"../escape", "alice/drafts", ".."} {
		if status, _ := v.do("GET", "/?user="+user, ""); status != http.StatusBadRequest {
			t.Errorf("a user %q, who has no folder of his own: %d", user, status)
		}
	}
	if status, _ := v.do("PUT", "/notes/x", strings.Repeat("x", 1<<20+1)); status != http.StatusForbidden {
		t.Errorf("a large note of nobody's: %d", status)
	}
	v.do("GET", "/?user=mallory", "")
	if status, _ := v.do("PUT", "/notes/mallory/x", strings.Repeat("x", 1<<20+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a note that is too large: %d", status)
	}
}
