package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func mustTime(s string) time.Time {
	t, err := http.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// ordinary answers as an S3 does that has one object.
func ordinary(w http.ResponseWriter, r request) {
	switch {
	case r.method == http.MethodGet && strings.Contains(r.query, "list-type=2"):
		answerXML(w, `<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size><ETag>"e"</ETag><LastModified>2026-11-25T10:00:00.123Z</LastModified></Contents></ListBucketResult>`)
	case r.method == http.MethodGet || r.method == http.MethodHead:
		stored(w, r, "content", nil)
	case r.method == http.MethodPut:
		w.Header().Set("Etag", `"e1"`)
	case r.method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case r.method == http.MethodPost && r.query == "delete=":
		answerXML(w, `<DeleteResult></DeleteResult>`)
	default:
		answerError(w, http.StatusNotImplemented, "NotImplemented", "unexpected "+r.String())
	}
}

// Each small call costs the requests that it must, and no more: nothing is looked up first.
func TestRequestsAreCounted(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, ordinary)
	b := f.open(t, "aws")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		want []string
		call func() error
	}{
		{"open", nil, func() error { f.open(t, "aws"); return nil }},
		{"put", []string{"PUT"}, func() error {
			_, err := b.Put(ctx, "k", strings.NewReader("content"), nil)
			return err
		}},
		{"put of a stream", []string{"PUT"}, func() error {
			_, err := b.Put(ctx, "k", io.MultiReader(strings.NewReader("con"), strings.NewReader("tent")), nil)
			return err
		}},
		{"put if-absent", []string{"PUT"}, func() error {
			_, err := b.Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{If: blob.IfAbsent})
			return err
		}},
		{"put of a file", []string{"PUT"}, func() error {
			r, err := os.Open(file)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = b.Put(ctx, "k", r, nil)
			return err
		}},
		{"get", []string{"GET"}, func() error { _, err := blob.ReadAll(ctx, b, "k"); return err }},
		{"get of a range on a condition", []string{"GET"}, func() error {
			r, err := b.Get(ctx, "k", &blob.GetOptions{Range: blob.Bytes(1, 3), If: blob.IfMatch("e1")})
			if err != nil {
				return err
			}
			return r.Close()
		}},
		{"stat", []string{"HEAD"}, func() error { _, err := b.Stat(ctx, "k", nil); return err }},
		{"delete", []string{"DELETE"}, func() error { return b.Delete(ctx, "k", nil) }},
		{"list", []string{"GET"}, func() error {
			for _, err := range b.List(ctx, nil) {
				return err
			}
			return nil
		}},
		{"delete of none", nil, func() error { return b.DeleteEach(ctx, slices.Values([]string{}), nil) }},
		{"delete of one", []string{"DELETE"}, func() error { return b.DeleteEach(ctx, slices.Values([]string{"k"}), nil) }},
		{"delete of 2,500", []string{"POST", "POST", "POST"}, func() error {
			return b.DeleteEach(ctx, func(yield func(string) bool) {
				for i := range 2500 {
					if !yield(fmt.Sprint(i)) {
						return
					}
				}
			}, nil)
		}},
		{"delete of what XML cannot say", []string{"DELETE", "POST"}, func() error {
			return b.DeleteEach(ctx, slices.Values([]string{"a", "\x01", "b"}), nil)
		}},
		{"sign", nil, func() error {
			_, err := b.Sign(ctx, "k", &blob.SignOptions{Method: http.MethodGet, Expires: time.Minute})
			return err
		}},
	} {
		f.requests()
		if err := test.call(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, r := range f.requests() {
			got = append(got, r.method)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s costs the requests %q, not %q", test.name, got, test.want)
		}
	}
}

// A body goes with its CRC-32C in the signature where the server verifies that, and with its SHA-256 where it does not;
// then the CRC is kept among the metadata.
func TestBodiesAreVerified(t *testing.T) {
	const crc, hexed, sha = "Ya91Mw==", "61af7533", "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
	for _, test := range []struct {
		flavour    string
		sign       bool
		sum, sha   string
		inMetadata string
	}{
		{"aws", false, crc, "UNSIGNED-PAYLOAD", ""},
		{"aws", true, crc, sha, ""},
		{"minio", false, crc, "UNSIGNED-PAYLOAD", ""},
		{"ceph", false, "", sha, hexed},
		{"swift", false, "", sha, hexed},
		{"generic", false, "", sha, hexed},
	} {
		f := newFake(t, ordinary)
		b := f.open(t, test.flavour, func(c *Config) { c.SignPayload = test.sign })
		for _, body := range []io.Reader{strings.NewReader("content"), bytes.NewBufferString("content")} {
			o, err := b.Put(context.Background(), "k", body, nil)
			if err != nil {
				t.Fatal(err)
			}
			if sum, ok := o.Checksums.CRC32C(); !ok || fmt.Sprintf("%08x", sum) != hexed {
				t.Errorf("%s: the object made has the checksums %v", test.flavour, o.Checksums)
			}
			h := f.requests()[0].header
			if got := h.Get("X-Amz-Checksum-Crc32c"); got != test.sum {
				t.Errorf("%s: a body goes with the CRC-32C %q, not %q", test.flavour, got, test.sum)
			}
			if got := h.Get("X-Amz-Content-Sha256"); got != test.sha {
				t.Errorf("%s, signed %t: a body goes with the SHA-256 %q, not %q", test.flavour, test.sign, got, test.sha)
			}
			if got := h.Get("X-Amz-Meta-Holdall-Crc32c"); got != test.inMetadata {
				t.Errorf("%s: the CRC-32C among the metadata is %q, not %q", test.flavour, got, test.inMetadata)
			}
			if signed := h.Get("Authorization"); test.sum != "" && !strings.Contains(signed, "x-amz-checksum-crc32c") {
				t.Errorf("%s: the CRC-32C is not signed: %s", test.flavour, signed)
			}
		}
	}
}

// Content is verified on its way back by what the server says, or by what we have left with it.
func TestDownloadsAreVerified(t *testing.T) {
	for name, header := range map[string]map[string]string{
		"by the server's checksum": {"X-Amz-Checksum-Crc32c": "AAAAAA=="},
		"by ours":                  {"X-Amz-Meta-Holdall-Crc32c": "00000000"},
		"by its SHA-256":           {"X-Amz-Checksum-Sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) { stored(w, r, "content", header) })
		for _, flavour := range []string{"aws", "ceph"} {
			if _, err := blob.ReadAll(context.Background(), f.open(t, flavour), "k"); !isChecksum(err) {
				t.Errorf("%s, %s: damaged content answers %v", flavour, name, err)
			}
		}
	}
	// A composite digest is none of the content, and a wrong one of a part is no harm to a range.
	f := newFake(t, func(w http.ResponseWriter, r request) {
		stored(w, r, "content", map[string]string{"X-Amz-Checksum-Crc32c": "AAAAAA==-2", "X-Amz-Checksum-Type": "COMPOSITE"})
	})
	if got, err := blob.ReadAll(context.Background(), f.open(t, "aws"), "k"); err != nil || string(got) != "content" {
		t.Errorf("with a composite checksum, get answers %q, %v", got, err)
	}
}
