package b2

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

var fullAttributes = blob.Attributes{ContentType: "text/plain", ContentEncoding: "gzip", ContentLanguage: "de", ContentDisposition: `attachment; filename="a"`,
	CacheControl: "no-store", Metadata: map[string]string{"a": "b", "utf-8": "ü / + % &\n", "empty": "", "x_y.z-0": "1", "five": "5"}}

// Attributes go as file info, in headers, and come back from a listing and from the headers of a download.
func TestAttributes(t *testing.T) {
	ctx := context.Background()
	var stored http.Header
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		switch {
		case r.call == "b2_upload_file":
			stored = r.header
		case r.call == "b2_download_file_by_name" && stored != nil:
			back := map[string]string{"Content-Type": stored.Get("Content-Type")}
			for name, header := range map[string]string{"Cache-Control": "cache-control", "Content-Disposition": "content-disposition",
				"Content-Encoding": "content-encoding", "Content-Language": "content-language"} {
				if value := stored.Get("X-Bz-Info-b2-" + header); value != "" {
					back[name] = unescaped(t, value)
				}
			}
			for name, values := range stored {
				if strings.HasPrefix(name, "X-Bz-Info-") && !strings.HasPrefix(name, "X-Bz-Info-B2-") {
					back[name] = values[0]
				}
			}
			answerFile(w, r, "content", "none", back)
			return true
		}
		return false
	})
	b := f.open(t)
	for _, with := range []blob.Attributes{fullAttributes, {}} {
		if _, err := b.Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{Attributes: with}); err != nil {
			t.Fatal(err)
		}
		o, err := b.Stat(ctx, "k", nil)
		if err != nil || !sameAttributes(&o.Attributes, &with) {
			t.Errorf("%+v comes back as %+v, %v", with, o, err)
		}
		contentType, info, err := encodeInfo("k", &with, extra{})
		if err != nil {
			t.Fatal(err)
		}
		var listed blob.Object
		decodeInfo(&listed, contentType, "none", info)
		if !sameAttributes(&listed.Attributes, &with) {
			t.Errorf("%+v is listed as %+v", with, listed)
		}
	}
}

func unescaped(t *testing.T, s string) string {
	t.Helper()
	info, err := infoOfHeaders(http.Header{"X-Bz-Info-X": {s}})
	if err != nil {
		t.Fatal(err)
	}
	return info["x"]
}

func TestInfoIsLimited(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	b := f.open(t)
	caps := b.Capabilities()
	many := map[string]string{}
	for _, c := range "abcdef" {
		many[string(c)] = "x"
	}
	for name, test := range map[string]struct {
		with blob.Attributes
		text string
	}{
		"entries":        {blob.Attributes{Metadata: many}, "at most 5"},
		"a long name":    {blob.Attributes{Metadata: map[string]string{strings.Repeat("n", 51): ""}}, "at most 50"},
		"bytes":          {blob.Attributes{Metadata: map[string]string{"n": strings.Repeat("v", caps.Objects.MaxMetadataBytes)}}, "at most 4096"},
		"encoded bytes":  {blob.Attributes{Metadata: map[string]string{"n": strings.Repeat("é", 1200)}}, "B2 takes 7000"},
		"a name of B2's": {blob.Attributes{Metadata: map[string]string{"b2-expires": "x"}}, "reserved by B2"},
		"ours":           {blob.Attributes{Metadata: map[string]string{"Large_File_SHA1": "x"}}, "reserved by B2"},
		"a tab":          {blob.Attributes{CacheControl: "a\tb"}, "holds a tab"},
	} {
		for call, err := range map[string]error{
			"put":    second(b.Put(ctx, "k", strings.NewReader("x"), &blob.PutOptions{Attributes: test.with})),
			"upload": second(b.Upload(ctx, "k", &blob.UploadOptions{Attributes: test.with})),
		} {
			if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: %s answers %v", name, call, err)
			}
		}
	}
	if got := f.calls(); len(got) > 0 {
		t.Errorf("what is refused made the calls %q", got)
	}
	// What is declared fits beside everything else that an object may have.
	all := fullAttributes
	all.Metadata = map[string]string{"1": "", "2": "", "3": "", "4": "", "n": strings.Repeat("v", caps.Objects.MaxMetadataBytes-5)}
	_, info, err := encodeInfo(strings.Repeat("k", caps.Keys.MaxBytes), &all, largeSHA1(make([]byte, 20)))
	if err != nil || len(info) > maxInfo {
		t.Errorf("%d entries, %v", len(info), err)
	}
}

func TestForeignInfo(t *testing.T) {
	var o blob.Object
	decodeInfo(&o, "application/x-thing", "", map[string]string{"src_last_modified_millis": "12", "b2-expires": "never", infoSHA1: "no digest"})
	if !maps.Equal(o.Metadata, map[string]string{"src_last_modified_millis": "12"}) || !o.Checksums.IsZero() || o.ContentType != "application/x-thing" {
		t.Errorf("what another program has stored reads as %+v", o)
	}
	if _, err := infoOfHeaders(http.Header{"X-Bz-Info-X": {"%zz"}}); err == nil {
		t.Error("a header that is not encoded is read")
	}
}

// Keys are held to the stricter of what Backblaze publishes, unless asked otherwise; what none of its pages allows, and
// what a URL would not keep, is refused in any case.
func TestKeys(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, nil)
	strict, relaxed := f.open(t), f.open(t, func(c *Config) { c.AnyKeys = true })
	for key, want := range map[string]struct{ strict, relaxed bool }{
		"a/b c+d%20é/\U0001F600": {true, true},
		"a.b/..c/...":            {true, true},
		strings.Repeat("s", 250): {true, true},
		strings.Repeat("s", 251): {false, true},
		`a\b`:                    {false, true},
		"/a":                     {false, true},
		"a/":                     {false, true},
		"a//b":                   {false, true},
		"a\u0085":                {false, true},
		"a\x1f":                  {false, false},
		"a\x7f":                  {false, false},
		"a/./b":                  {false, false},
		"../a":                   {false, false},
	} {
		for _, test := range []struct {
			b    *Bucket
			want bool
		}{{strict, want.strict}, {relaxed, want.relaxed}} {
			f.requests()
			_, err := test.b.Put(ctx, key, strings.NewReader("x"), nil)
			if test.want && err != nil || !test.want && !errors.Is(err, blob.ErrInvalid) {
				t.Errorf("put %.30q answers %v", key, err)
			}
			if got := f.calls(); !test.want && len(got) > 0 {
				t.Errorf("put %.30q makes the calls %q", key, got)
			}
		}
	}
}
