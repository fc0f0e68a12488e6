package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// cephUpload opens an upload of two parts on a server that answers its completion so. When gone, so are its parts.
func cephUpload(t *testing.T, complete func(w http.ResponseWriter), gone *bool) (*fake, blob.Upload) {
	t.Helper()
	f := newFake(t, func(w http.ResponseWriter, r request) {
		switch {
		case r.method == http.MethodPost && r.query == "uploads=":
			answerXML(w, `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case r.method == http.MethodPost:
			complete(w)
		case r.method == http.MethodGet && *gone:
			answerError(w, 404, "NoSuchUpload", "")
		case r.method == http.MethodGet:
			answerXML(w, `<ListPartsResult><Bucket>b</Bucket><UploadId>u1</UploadId><IsTruncated>false</IsTruncated>`+
				`<Part><PartNumber>1</PartNumber><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag><Size>5242880</Size></Part>`+
				`<Part><PartNumber>2</PartNumber><ETag>"92eb5ffee6ae2fec3ad71c777531578f"</ETag><Size>1</Size></Part></ListPartsResult>`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	u, err := f.open(t, "ceph", func(c *Config) { c.MaxAttempts = 2 }).Upload(context.Background(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, u
}

// Ceph answers the first completion with an empty ETag. It is known all the same, and nothing is sent twice.
func TestCephsSilentETag(t *testing.T) {
	f, u := cephUpload(t, func(w http.ResponseWriter) {
		answerXML(w, `<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag></ETag></CompleteMultipartUploadResult>`)
	}, new(bool))
	f.requests()
	o, err := u.Complete(context.Background())
	// The MD5 of the MD5s of "a" and "b", and their number.
	if want := `"96e024ba2074fe77e8e965ba43a704be-2"`; err != nil || o.ETag != want {
		t.Errorf("a completion answers %+v, %v, not %s", o, err, want)
	}
	if heard := f.requests(); len(heard) != 2 {
		t.Errorf("a completion takes %v, not a list of the parts and the completion", heard)
	}
}

// Ceph has one answer for an upload that is being completed and for one that is gone.
func TestCephsUploadIsGone(t *testing.T) {
	for _, gone := range []bool{false, true} {
		after := false
		_, u := cephUpload(t, func(w http.ResponseWriter) {
			after = gone
			answerError(w, 500, "InternalError", "This multipart completion is already in progress")
		}, &after)
		if _, err := u.Complete(context.Background()); err == nil || errors.Is(err, blob.ErrNotExist) != gone || errors.Is(err, blob.ErrAmbiguous) {
			t.Errorf("a completion of an upload that is gone (%t) answers %v", gone, err)
		}
	}
}

// Ceph repeats what a listing was asked for without the encoding that the keys have.
func TestCephsEchoes(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) {
		answerXML(w, "<ListBucketResult><Name>b</Name><Prefix>&#x01;\x02a</Prefix><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"+
			`<Contents><Key>%01%02a%0B</Key><Size>1</Size><ETag>"e"</ETag><LastModified>2026-11-25T10:00:00.123Z</LastModified></Contents></ListBucketResult>`)
	})
	b := f.open(t, "ceph")
	var keys []string
	for o, err := range b.List(context.Background(), &blob.ListOptions{Prefix: "\x01\x02a"}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	if len(keys) != 1 || keys[0] != "\x01\x02a\v" {
		t.Errorf("the listing is %q", keys)
	}
}

// What XML cannot say is found in both ways to write it, and nothing else is.
func TestUnsaid(t *testing.T) {
	for r := range rune(0x10000) {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		for _, text := range []string{string(r), fmt.Sprintf("&#x%02x;", r), fmt.Sprintf("&#%d;", r), fmt.Sprintf("&#x%04X;", r)} {
			if got := invalidXML.MatchString(text); got != invalidInXML(r) {
				t.Fatalf("%q is invalid in XML: %t, and not %t", text, got, invalidInXML(r))
			}
		}
	}
}

// An unknown outcome answers to nothing else, whatever the second attempt was told.
func TestLostCompletion(t *testing.T) {
	n := 0
	f := newFake(t, func(w http.ResponseWriter, r request) {
		switch {
		case r.method == http.MethodPost && r.query == "uploads=":
			answerXML(w, `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case r.method == http.MethodPut:
			w.Header().Set("Etag", `"p1"`)
		case r.method == http.MethodGet:
			answerXML(w, `<ListPartsResult><Bucket>b</Bucket><UploadId>u1</UploadId><Part><PartNumber>1</PartNumber><ETag>"p1"</ETag><Size>7</Size></Part></ListPartsResult>`)
		default:
			if n++; n == 1 {
				breakOff(w)
			} else {
				answerError(w, 404, "NoSuchUpload", "")
			}
		}
	})
	u, err := f.open(t, "minio").Upload(context.Background(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(context.Background(), 1, io.NewSectionReader(strings.NewReader("content"), 0, 7)); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Complete(context.Background()); !errors.Is(err, blob.ErrAmbiguous) || errors.Is(err, blob.ErrNotExist) || !strings.Contains(err.Error(), "NoSuchUpload") {
		t.Errorf("a completion whose answer was lost: %v", err)
	}
}

// A put into a directory that versitygw is removing is refused as if a directory were in its place, and sent again.
func TestVersitygwsVanishingDirectory(t *testing.T) {
	n := 0
	f := newFake(t, func(w http.ResponseWriter, r request) {
		if n++; n == 1 {
			answerError(w, 409, "ExistingObjectIsDirectory", "Existing Object is a directory")
			return
		}
		w.Header().Set("Etag", `"e1"`)
	})
	if _, err := f.open(t, "versitygw").Put(context.Background(), "d/k", strings.NewReader("x"), nil); err != nil || n != 2 {
		t.Errorf("after %d requests: %v", n, err)
	}
}

// MinIO refuses dots amid white space as it does dots, and versitygw holds them.
func TestMinIOsDots(t *testing.T) {
	f := newFake(t, ordinary)
	minio, versitygw := f.open(t, "minio"), f.open(t, "versitygw")
	for key, held := range map[string]bool{
		" ..": false, "a/. ": false, "a/ . /b": false,
		" ": true, " .a": true, "... ": true, ". .": true, "a/ b/.c": true, "a. /b": true, "\u00a0.": true,
	} {
		if _, err := minio.Stat(context.Background(), key, nil); held && err != nil || !held && !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("the key %q: %v", key, err)
		}
		if _, err := versitygw.Stat(context.Background(), key, nil); err != nil {
			t.Errorf("the key %q in versitygw: %v", key, err)
		}
	}
}
