package b2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

// ErrCapExceeded: a cap of the account, on storage, downloads or transactions, is reached. Its owner can raise it.
var ErrCapExceeded = errors.New("a cap of the account is exceeded")

// An Error is a call of B2's that did not succeed. It answers to what its code means: [fs.ErrPermission],
// [blob.ErrNotExist], [ErrCapExceeded] and others.
type Error struct {
	Call    string // such as "b2_upload_file"
	Status  int    // of HTTP; zero: there was no answer
	Code    string // of B2, such as "bad_request"; empty: it gave none
	Message string // on one line

	is    error         // what it means to the callers of blob, or nil
	after time.Duration // Retry-After
	again bool          // the same call may succeed later
	lost  bool          // the call may have been carried out all the same
	token bool          // the token is no longer good
	place bool          // the upload URL is no longer good
	cause error
}

// Error reads like a sentence.
func (e *Error) Error() string {
	var b strings.Builder
	if e.is != nil {
		b.WriteString(e.is.Error() + ": ")
	}
	if e.Status == 0 {
		b.WriteString(e.Message)
		return b.String()
	}
	fmt.Fprintf(&b, "%s was answered %d %s", e.Call, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		b.WriteString(", " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + strings.TrimSuffix(e.Message, "."))
	}
	return b.String()
}

// Unwrap returns what the error means, and its cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range [...]error{e.is, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Retryable tells whether the same call may succeed later.
func (e *Error) Retryable() bool { return e.again }

// failed returns the Error in err, or nil.
func failed(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}

var downloads = map[string]bool{"b2_download_file_by_name": true, "b2_download_file_by_id": true}

// uploads are the calls that go to an address which the server handed out, with a token of its own.
var uploads = map[string]bool{"b2_upload_file": true, "b2_upload_part": true}

// answered reads an answer that is no success.
func answered(call string, resp *http.Response, body []byte) *Error {
	e := &Error{Call: call, Status: resp.StatusCode, after: remote.RetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	var m struct{ Code, Message string }
	if json.Unmarshal(body, &m) == nil {
		if token := resp.Request.Header.Get("Authorization"); token != "" { // B2 repeats that of an upload
			m.Message = strings.ReplaceAll(m.Message, token, "…")
		}
		e.Code, e.Message = text.Printable(m.Code), text.Printable(m.Message)
	}
	e.mean()
	return e
}

// The messages that alone tell an error from others of its code. B2 gives "bad_request" to them all.
const (
	otherUpload = "more than one upload using auth token" // https://github.com/restic/restic/issues/1207
	wrongSHA1   = "did not match"                         // "Sha1 did not match data received", "Checksum did not match …"
	noUpload    = "No active upload for"                  // of a large file that is finished or was cancelled
	badFileID   = "fileId"                                // "Bad fileId", "Invalid fileId"
)

// mean finds out what the answer means, by its code, and where there is none by its status.
// https://www.backblaze.com/docs/cloud-storage-native-api-error-handling lists both.
func (e *Error) mean() {
	upload := uploads[e.Call]
	switch e.Code {
	case "bad_auth_token", "expired_auth_token":
		e.is, e.token, e.place = fs.ErrPermission, !upload, upload
	case "unauthorized", "missing_auth_token", "access_denied", "unsupported":
		e.is = fs.ErrPermission
	case "cap_exceeded", "storage_cap_exceeded", "transaction_cap_exceeded", "download_cap_exceeded":
		e.is = ErrCapExceeded
	case "no_such_file", "file_not_present", "not_found", "bad_bucket_id", "invalid_bucket_id", "invalid_file_id":
		e.is = blob.ErrNotExist
	case "range_not_satisfiable":
		e.is = blob.ErrRange
	case "bad_request":
		e.meanBadRequest()
	default:
		e.meanStatus()
	}
	if upload && (e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Status == http.StatusUnauthorized && e.Code == "") {
		e.place = true
	}
	e.again = e.again || e.token || e.place
}

func (e *Error) meanBadRequest() {
	switch {
	case strings.Contains(e.Message, otherUpload):
		e.place = true
	case uploads[e.Call] && strings.Contains(e.Message, wrongSHA1): // something on the way has changed it
		e.is, e.again = blob.ErrChecksum, true
	case strings.Contains(e.Message, noUpload), strings.Contains(e.Message, badFileID):
		e.is = blob.ErrNotExist
	default:
		e.is = blob.ErrInvalid
	}
}

func (e *Error) meanStatus() {
	switch s := e.Status; {
	case s == http.StatusUnauthorized: // a HEAD has no code: what the key may not was refused before
		e.is, e.token = fs.ErrPermission, !uploads[e.Call]
	case s == http.StatusForbidden:
		e.is = fs.ErrPermission
	case s == http.StatusNotFound && downloads[e.Call]: // one of another call is not of B2
		e.is = blob.ErrNotExist
	case s == http.StatusPreconditionFailed: // B2 has no conditions; who is on the way may
		e.is = blob.ErrPrecondition
	case s == http.StatusRequestedRangeNotSatisfiable:
		e.is = blob.ErrRange
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests:
		e.again = true
	case s >= 500:
		e.again, e.lost = true, true
	case s == http.StatusBadRequest:
		e.is = blob.ErrInvalid
	}
}

// unanswered is the Error of a call to which no answer came.
func unanswered(call string, cause error) *Error {
	return &Error{Call: call, Message: call + " was not answered: " + text.Printable(cause.Error()), again: true, lost: true, place: uploads[call], cause: cause}
}

// unreadable is the Error of an answer that says success and is not what every such answer of B2 is. It comes from
// somebody on the way, as the login page of a hotel does.
func unreadable(call string, status int, why string) *Error {
	return &Error{Call: call, Status: status, Message: "the answer " + why + ", and so is not of B2", again: true, lost: true, place: uploads[call]}
}

// asFailure gives an error of a call its meaning. An ended ctx is returned as it is.
func asFailure(ctx context.Context, call string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case failed(err) != nil:
		return err
	}
	return unanswered(call, err)
}
