package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/holdall-go/holdall/blob"
)

var errPermission = fs.ErrPermission

func isChecksum(err error) bool { return errors.Is(err, blob.ErrChecksum) }

var sentinels = []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, blob.ErrPrecondition, blob.ErrNotModified, blob.ErrChecksum,
	blob.ErrInvalid, blob.ErrRange, blob.ErrChanged, blob.ErrAmbiguous, errors.ErrUnsupported}

// The text of an error has no message where the server sent none: the placeholder of the SDK is left out.
func TestNoPlaceholder(t *testing.T) {
	for document, want := range map[string]string{
		"<Error><Code>SlowDown</Code></Error>":                           ": 503 Service Unavailable, SlowDown (request REQ1)",
		"<Error><Code>SlowDown</Code><Message></Message></Error>":        ": 503 Service Unavailable, SlowDown (request REQ1)",
		"<Error><Code>SlowDown</Code><Message>Slower.</Message></Error>": ": 503 Service Unavailable, SlowDown: Slower (request REQ1)",
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, document)
		})
		b := f.open(t, "aws", func(c *Config) { c.MaxAttempts = 1 })
		_, err := b.Put(context.Background(), "k", strings.NewReader("content"), nil)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: the error is %v; expected it to end in %q", document, err, want)
		}
	}
}

// What a server answers is told by what callers know, with its own words, and never with a secret.
func TestAnswersHaveTheirMeaning(t *testing.T) {
	for _, test := range []struct {
		status    int
		code      string
		is        []error
		retryable bool
	}{
		{404, "NoSuchKey", []error{fs.ErrNotExist}, false},
		{404, "NoSuchBucket", []error{fs.ErrNotExist}, false},
		{404, "NoSuchVersion", []error{fs.ErrNotExist}, false},
		{403, "AccessDenied", []error{fs.ErrPermission}, false},
		{403, "SignatureDoesNotMatch", []error{fs.ErrPermission}, false},
		{400, "ExpiredToken", []error{fs.ErrPermission}, false},
		{400, "InvalidToken", []error{fs.ErrPermission}, false},
		{403, "RequestTimeTooSkewed", []error{fs.ErrPermission}, false},
		{401, "Unauthorized", []error{fs.ErrPermission}, false},
		{412, "PreconditionFailed", []error{blob.ErrPrecondition}, false},
		{409, "ConditionalRequestConflict", nil, true},
		{409, "OperationAborted", nil, true},
		{409, "ObjectParentIsFile", nil, false},
		{405, "MethodNotAllowed", []error{fs.ErrNotExist}, false}, // the version is a delete marker
		{400, "InvalidArgument", []error{blob.ErrInvalid}, false},
		{400, "BadDigest", []error{blob.ErrChecksum}, false},
		{400, "RequestTimeout", nil, true},
		{429, "TooManyRequests", nil, true},
		{500, "InternalError", nil, true},
		{400, "AccessControlListNotSupported", []error{errors.ErrUnsupported}, false},
		{501, "NotImplemented", []error{errors.ErrUnsupported}, false},
		{503, "SlowDown", nil, true},
		{502, "", nil, true},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) {
			answerError(w, test.status, test.code, "Because of "+test.code+".")
		})
		b := f.open(t, "aws", func(c *Config) { c.MaxAttempts = 1 })
		_, err := b.Get(context.Background(), "the/key", nil)
		var e *blob.Error
		if !errors.As(err, &e) || e.Op != "get" || e.Key != "the/key" || e.Bucket != "s3://b" {
			t.Errorf("%d %s: %v is no Error of the call", test.status, test.code, err)
			continue
		}
		for _, s := range sentinels {
			want := false
			for _, is := range test.is {
				want = want || errors.Is(is, s)
			}
			if got := errors.Is(err, s); got != want {
				t.Errorf("%d %s is %v: %t, want %t: %v", test.status, test.code, s, got, want, err)
			}
		}
		if e.Retryable() != test.retryable {
			t.Errorf("%d %s is retryable: %t, want %t", test.status, test.code, e.Retryable(), test.retryable)
		}
		text := err.Error()
		for _, part := range []string{"the/key", "s3://b", "REQ1", test.code, fmt.Sprint(test.status)} {
			if !strings.Contains(text, part) {
				t.Errorf("%d %s: the error does not say %q: %s", test.status, test.code, part, text)
			}
		}
		if strings.Contains(text, testSecret) || strings.Contains(text, testKeyID) || strings.Contains(text, "Signature=") {
			t.Errorf("an error shows a secret: %s", text)
		}
		var api smithy.APIError
		if test.code != "" && (!errors.As(err, &api) || api.ErrorCode() != test.code) {
			t.Errorf("the SDK's error is out of reach in %v", err)
		}
	}
}

// The answers of HEAD have no body, and those of conditions no error code.
func TestAnswersWithoutABody(t *testing.T) {
	for status, want := range map[int]error{404: fs.ErrNotExist, 403: fs.ErrPermission, 412: blob.ErrPrecondition, 304: blob.ErrNotModified, 501: errors.ErrUnsupported} {
		f := newFake(t, func(w http.ResponseWriter, r request) { w.WriteHeader(status) })
		b := f.open(t, "aws")
		_, err := b.Stat(context.Background(), "k", &blob.StatOptions{If: blob.IfNoneMatch("e")})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "REQ1") {
			t.Errorf("a stat that is answered %d: %v", status, err)
		}
	}
}

// S3 answers 200 to some calls before it knows how they end.
func TestErrorsWithin200(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, func(w http.ResponseWriter, r request) {
		switch {
		case r.method == http.MethodHead:
			stored(w, r, "content", nil)
		case r.query == "delete=":
			answerXML(w, `<DeleteResult><Error><Key>locked</Key><Code>AccessDenied</Code><Message>no</Message></Error><Error><Key>gone</Key><Code>NoSuchKey</Code></Error></DeleteResult>`)
		case r.query == "uploads=":
			answerXML(w, `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case strings.Contains(r.query, "partNumber="):
			w.Header().Set("Etag", `"p"`)
		case r.method == http.MethodGet:
			answerXML(w, `<ListPartsResult><UploadId>u1</UploadId><Part><PartNumber>1</PartNumber><Size>3</Size><ETag>"p"</ETag></Part></ListPartsResult>`)
		default: // the copy and the completion
			answerError(w, http.StatusOK, "AccessDenied", "no")
		}
	})
	b := f.open(t, "aws")
	src, err := b.Source(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Copy(ctx, "to", src, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a copy that fails within a 200 answers %v", err)
	}
	u, err := b.Upload(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Complete(ctx); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a completion that fails within a 200 answers %v", err)
	}
	left := map[string]error{}
	err = b.DeleteEach(ctx, func(yield func(string) bool) { _ = yield("a") && yield("locked") && yield("gone") }, func(key string, err error) { left[key] = err })
	if len(left) != 1 || !errors.Is(left["locked"], fs.ErrPermission) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a bulk delete leaves %v, and answers %v", left, err)
	}
}
