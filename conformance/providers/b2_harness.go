package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/faultproxy"
	"github.com/holdall-go/holdall/conformance/providers/b2front"
	"github.com/holdall-go/holdall/drivers/b2"
)

// B2Harness reaches the server, which must be one of B2, through drivers/b2. Each case gets a bucket of its own, whose
// old versions are kept if so wished. For opening by URL, the environment must have what B2Environment returns.
func (s *Server) B2Harness(versions bool) conformance.Harness {
	name := s.Name()
	if versions {
		name += "+versions"
	}
	return (&b2harness{server: s, keep: versions}).harness(name)
}

// B2AnyKeysHarness is B2Harness for buckets that take the keys of b2.Config.AnyKeys.
func (s *Server) B2AnyKeysHarness() conformance.Harness {
	return (&b2harness{server: s, anyKeys: true}).harness(s.Name() + "+any_keys")
}

func (h *b2harness) harness(name string) conformance.Harness {
	s := h.server
	return conformance.Harness{
		Name: name,
		Open: h.open,
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket {
			return h.handle(t, b.(*b2.Bucket).Name(), h.config())
		},
		URL: func(_ *conformance.T, b blob.Bucket) string {
			query := url.Values{"endpoint": {s.Endpoint.String()}}
			if h.keep {
				query.Set("versions", "keep")
			}
			if h.anyKeys {
				query.Set("any_keys", "true")
			}
			return (&url.URL{Scheme: "b2", Host: b.(*b2.Bucket).Name(), RawQuery: query.Encode()}).String()
		},
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) {
			b, err := b2.Open(t.Context(), h.newName(), h.config())
			if err != nil {
				return nil, err
			}
			return b, nil
		},
		Foreign: func(t *conformance.T, b blob.Bucket, key, content string) {
			if _, err := h.account(t).Put(t.Context(), b.(*b2.Bucket).ID(), key, []byte(content)); err != nil {
				t.Fatalf("put by the API: %v", err)
			}
		},
		Endpoint: func(*conformance.T, blob.Bucket) *url.URL { return s.Endpoint },
		Proxied: func(t *conformance.T, b blob.Bucket, via *url.URL) blob.Bucket {
			cfg := h.config()
			cfg.Endpoint = via.String()
			return h.handle(t, b.(*b2.Bucket).Name(), cfg)
		},
		Protocol: b2protocol,
		Denied:   h.denied,
		Pause: func(t *conformance.T, d time.Duration) {
			if err := s.Pause(t.Context(), d); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Secrets: []string{s.Provider.Holders[0].Secret},
		Impossible: map[conformance.Hook]string{
			conformance.HookCorrupt: "the simulator keeps its files to itself",
			conformance.HookRestart: "the simulator keeps nothing when it is restarted",
		},
		Expected: s.Provider.expected,
	}
}

// B2Environment is what a program needs to open the server's buckets by URL: the first identity's key.
func (s *Server) B2Environment() map[string]string {
	who := s.Provider.Holders[0]
	return map[string]string{"B2_APPLICATION_KEY_ID": who.Access, "B2_APPLICATION_KEY": who.Secret}
}

type b2harness struct {
	server        *Server
	keep, anyKeys bool
}

func (h *b2harness) newName() string { return fmt.Sprintf("hc-%d-%d", runID, opened.Add(1)) }

func (h *b2harness) config() *b2.Config {
	who := h.server.Provider.Holders[0]
	return &b2.Config{KeyID: who.Access, Key: who.Secret, Endpoint: h.server.Endpoint.String(), KeepVersions: h.keep, AnyKeys: h.anyKeys}
}

func (h *b2harness) account(t *conformance.T) *b2front.Account {
	a, err := h.server.B2Account(t.Context(), h.server.Provider.Holders[0])
	if err != nil {
		t.Fatalf("an account of the server: %v", err)
	}
	return a
}

// open makes a bucket, and has the case remove it.
func (h *b2harness) open(t *conformance.T) blob.Bucket {
	account := h.account(t)
	made, err := account.MakeBucket(t.Context(), h.newName())
	if err != nil {
		t.Fatalf("making a bucket: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := account.RemoveBucket(ctx, made); err != nil {
			t.Errorf("removing the bucket: %v", err)
		}
	})
	if h.anyKeys {
		if err := h.server.B2Front().Relax(t.Context(), made.Name); err != nil {
			t.Fatalf("relaxing the bucket: %v", err)
		}
	}
	return h.handle(t, made.Name, h.config())
}

func (h *b2harness) handle(t *conformance.T, name string, cfg *b2.Config) blob.Bucket {
	b, err := b2.Open(t.Context(), name, cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return b
}

// denied opens the bucket with an application key of its own, which is removed then. So neither is its token good any
// longer, nor is there another to be had.
func (h *b2harness) denied(t *conformance.T, b blob.Bucket) blob.Bucket {
	of, account := b.(*b2.Bucket), h.account(t)
	id, key, err := account.MakeKey(t.Context(), of.ID(), "", "listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles")
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	cfg := h.config()
	cfg.KeyID, cfg.Key = id, key
	denied := h.handle(t, of.Name(), cfg)
	if err := account.Call(t.Context(), "b2_delete_key", b2front.Params{"applicationKeyId": id}, nil); err != nil {
		t.Fatalf("removing the key: %v", err)
	}
	return denied
}

// b2protocol reads B2's calls: the URL of an upload differs from one attempt to the next, others have all one URL and
// are told apart by their bodies, and parts name their large file by its ID.
var b2protocol = &conformance.Protocol{
	Name: func(r *faultproxy.Request) string {
		call := b2call(r)
		if strings.HasPrefix(call, "b2_upload_") {
			return call + r.Header.Get("X-Bz-File-Name") + r.Header.Get("X-Bz-Part-Number") + r.Header.Get("X-Bz-Content-Sha1")
		}
		return r.Method + " " + r.URL + " " + r.Document
	},
	Writes: func(r *faultproxy.Request) bool {
		switch b2call(r) {
		case "b2_upload_file", "b2_upload_part", "b2_start_large_file", "b2_finish_large_file", "b2_cancel_large_file", "b2_copy_file",
			"b2_copy_part", "b2_hide_file", "b2_delete_file_version":
			return true
		}
		return false
	},
	Begins: func(r *faultproxy.Request, answer []byte) string {
		var large struct {
			FileID string `json:"fileId"`
		}
		if b2call(r) != "b2_start_large_file" || json.Unmarshal(answer, &large) != nil {
			return ""
		}
		return large.FileID
	},
}

// b2call is the name of a call, or "" for a download by name.
func b2call(r *faultproxy.Request) string {
	path, _, _ := strings.Cut(r.URL, "?")
	parts := strings.Split(path, "/") // "", "b2api", "v3", the call
	if len(parts) < 4 || parts[1] != "b2api" {
		return ""
	}
	return parts[3]
}
