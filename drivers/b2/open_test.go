package b2

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func TestConfigIsChecked(t *testing.T) {
	f := newFake(t, nil)
	good := Config{KeyID: testKeyID, Key: testKey, Endpoint: f.URL}
	for name, test := range map[string]struct {
		bucket, text string
		change       func(*Config)
	}{
		"a short name":             {"short", "6 to 63", func(*Config) {}},
		"a name of other letters":  {"under_score", "6 to 63", func(*Config) {}},
		"no key":                   {"bucket", "B2_APPLICATION_KEY", func(c *Config) { c.KeyID, c.Key = "", "" }},
		"half a key":               {"bucket", "B2_APPLICATION_KEY", func(c *Config) { c.Key = "" }},
		"negative attempts":        {"bucket", "MaxAttempts is -1", func(c *Config) { c.MaxAttempts = -1 }},
		"an endpoint without http": {"bucket", "https://api.backblazeb2.com", func(c *Config) { c.Endpoint = "api.example.org" }},
		"an endpoint with a user":  {"bucket", "has a user", func(c *Config) { c.Endpoint = "https://u:hidden@example.org" }},
		"an endpoint with a path":  {"bucket", "has a path", func(c *Config) { c.Endpoint += "/b2api" }},
		"an endpoint with a query": {"bucket", "query", func(c *Config) { c.Endpoint += "?a=hidden" }},
		"an endpoint of no URL":    {"bucket", "not a URL", func(c *Config) { c.Endpoint = "http://[hidden" }},
	} {
		t.Setenv("B2_APPLICATION_KEY_ID", "")
		t.Setenv("B2_APPLICATION_KEY", "")
		cfg := good
		test.change(&cfg)
		_, err := Open(context.Background(), test.bucket, &cfg)
		if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s answers %v", name, err)
		}
	}
	if got := f.calls(); len(got) > 0 {
		t.Errorf("they made the calls %q", got)
	}
}

// The application key comes from where Backblaze's own tools find it, and never from a URL.
func TestURL(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	t.Setenv("B2_APPLICATION_KEY_ID", testKeyID)
	t.Setenv("B2_APPLICATION_KEY", testKey)
	at := "?endpoint=" + f.URL
	b, err := blob.Open(ctx, "b2://bucket/in/"+at+"&versions=keep&any_keys=true")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(ctx, `a\b//`, nil); err != nil {
		t.Error(err)
	}
	all := f.requests()
	if last := all[len(all)-1]; last.path != "/file/bucket/in/a%5Cb//" {
		t.Errorf("stat asked for %s", last.path)
	}
	if caps := b.Capabilities(); !caps.Versions || caps.Keys.Canonical {
		t.Errorf("versions %t, canonical keys %t", caps.Versions, caps.Keys.Canonical)
	}
	for u, text := range map[string]string{
		"b2://id:hidden@bucket/" + at:           "credentials do not belong into a URL",
		"b2:///prefix/" + at:                    "names no bucket",
		"b2://bucket/prefix" + at:               "does not end in",
		"b2://bucket/" + at + "&versions=all":   "neither keep nor remove",
		"b2://bucket/" + at + "&any_keys=maybe": "neither true nor false",
		"b2://bucket/" + at + "&key=hidden":     `parameter "key" is not known`,
		"b2://bucket/" + at + "/path":           "has a path",
		"b2://bucket/?endpoint=":                `parameter "endpoint" has no value`, // and not Backblaze's
	} {
		_, err := blob.Open(ctx, u)
		if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s answers %v", u, err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	refusing := func(status int, code string) func(http.ResponseWriter, request) bool {
		return func(w http.ResponseWriter, r request) bool { answerError(w, status, code, ""); return true }
	}
	for name, test := range map[string]struct {
		bucket string
		answer func(w http.ResponseWriter, r request) bool
		want   error
		text   string
	}{
		"a bad key":       {"bucket", refusing(401, "unauthorized"), fs.ErrPermission, "the application key is not accepted"},
		"no such bucket":  {"missing", nil, blob.ErrNotExist, "the account has no bucket of that name"},
		"another server":  {"bucket", refusing(404, ""), nil, "the endpoint is not of B2"},
		"an empty answer": {"bucket", func(w http.ResponseWriter, r request) bool { answerJSON(w, map[string]any{}); return true }, nil, "so it was not sent by the store"},
		"one without an API": {"bucket", func(w http.ResponseWriter, r request) bool {
			answerJSON(w, map[string]any{"authorizationToken": "t"})
			return true
		}, nil, "so it was not sent by the store"},
	} {
		f := newFake(t, test.answer)
		_, err := Open(context.Background(), test.bucket, &Config{KeyID: testKeyID, Key: testKey, Endpoint: f.URL, MaxAttempts: 1})
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s answers %v", name, err)
		}
	}
}

// A key that is restricted to the bucket and to names in it opens it without the right to list buckets.
func TestRestrictedKey(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	f.capabilities, f.bucketName, f.namePrefix = []string{"listFiles", "readFiles", "writeFiles"}, "bucket", "mine/"
	b := f.open(t)
	if got := b.Calls(); got != (Calls{C: 1}) {
		t.Errorf("opening is counted as %+v", got)
	}
	if _, err := b.Put(ctx, "mine/k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
	for _, err := range b.List(ctx, &blob.ListOptions{Prefix: "mine/"}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	f.requests()
	first := func(seq func(yield func(*blob.Object, error) bool)) (err error) {
		for _, err = range seq {
			break
		}
		return err
	}
	for name, test := range map[string]struct {
		err  error
		text string
	}{
		"stat elsewhere":   {second(b.Stat(ctx, "k", nil)), `names that begin with "mine/"`},
		"put elsewhere":    {second(b.Put(ctx, "min", strings.NewReader("x"), nil)), `names that begin with "mine/"`},
		"delete elsewhere": {b.Delete(ctx, "mine", nil), `names that begin with "mine/"`},
		"upload elsewhere": {second(b.Upload(ctx, "other/k", nil)), `names that begin with "mine/"`},
		"list elsewhere":   {first(b.List(ctx, nil)), `names that begin with "mine/"`},
		"a delete":         {b.Delete(ctx, "mine/k", nil), "lacks the capability deleteFiles; with versions=keep"},
	} {
		if !errors.Is(test.err, fs.ErrPermission) || !strings.Contains(test.err.Error(), test.text) {
			t.Errorf("%s answers %v", name, test.err)
		}
	}
	if got := f.calls(); len(got) > 0 {
		t.Errorf("what is refused made the calls %q", got)
	}
	if err := f.open(t, func(c *Config) { c.KeepVersions = true }).Delete(ctx, "mine/k", nil); err != nil {
		t.Errorf("a delete that keeps versions: %v", err)
	}
	_, err := Open(ctx, "another", &Config{KeyID: testKeyID, Key: testKey, Endpoint: f.URL})
	if !errors.Is(err, blob.ErrNotExist) || !strings.Contains(err.Error(), `restricted to the bucket "bucket"`) {
		t.Errorf("another bucket answers %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// A capability that the key lacks is named before any request: B2 does not say which it is.
func TestCapabilitiesAreNamed(t *testing.T) {
	ctx := context.Background()
	for capability, call := range map[string]func(b *Bucket) error{
		"readFiles":  func(b *Bucket) error { return second(b.Stat(ctx, "k", nil)) },
		"writeFiles": func(b *Bucket) error { return second(b.Put(ctx, "k", strings.NewReader("x"), nil)) },
		"listFiles": func(b *Bucket) error {
			for _, err := range b.List(ctx, nil) {
				return err
			}
			return nil
		},
		"deleteFiles": func(b *Bucket) error { return b.Delete(ctx, "k", nil) },
	} {
		f := newFake(t, nil)
		f.capabilities = nil
		for _, c := range allCapabilities {
			if c != capability {
				f.capabilities = append(f.capabilities, c)
			}
		}
		err := call(f.open(t))
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "the application key lacks the capability "+capability) {
			t.Errorf("without %s: %v", capability, err)
		}
		if got := f.calls(); len(got) > 0 {
			t.Errorf("without %s there were the calls %q", capability, got)
		}
	}
	f := newFake(t, nil)
	f.capabilities = []string{"listBuckets", "writeFiles"}
	_, err := f.open(t).Upload(ctx, "k", nil) // it would not be known in the end whether it is the newest
	if got := f.calls(); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "listFiles") || len(got) > 0 {
		t.Errorf("an upload without listFiles answers %v, after the calls %q", err, got)
	}
	f = newFake(t, nil)
	f.capabilities = []string{"readFiles"}
	_, err = Open(ctx, "bucket", &Config{KeyID: testKeyID, Key: testKey, Endpoint: f.URL})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "listBuckets") {
		t.Errorf("a key for all buckets that may not list them answers %v", err)
	}
}

// A copy needs readFiles in a private bucket, and not in a public one. So an upload that is to be copied above what was
// written meanwhile is tried without, and the answer that denies it names what is lacking.
func TestUploadWithoutReadFiles(t *testing.T) {
	for _, public := range []bool{false, true} {
		s := &largeStore{versions: []map[string]any{version("newer", "k", "upload"), version("large", "k", "upload")}}
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_copy_file" && !public {
				answerError(w, http.StatusUnauthorized, "unauthorized", "")
				return true
			}
			return s.answer(w, r)
		})
		f.capabilities = []string{"listBuckets", "listFiles", "writeFiles"}
		_, err := f.open(t).Put(context.Background(), "k", bytes.NewReader(make([]byte, minPart+1)), &blob.PutOptions{PartSize: minPart})
		if public && err != nil {
			t.Errorf("in a public bucket: %v", err)
		}
		if !public && (!errors.Is(err, blob.ErrAmbiguous) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "lacks the capability readFiles")) {
			t.Errorf("in a private bucket: %v", err)
		}
	}
}
