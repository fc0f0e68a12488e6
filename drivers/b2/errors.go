package b2

import (
	"encoding/json"
	"errors"
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

// An Error is a call of B2's native API that failed. [errors.As] finds it in the errors of a bucket, which are also, by
// [errors.Is], what its code means: [fs.ErrPermission], [blob.ErrNotExist], [ErrCapExceeded] and others.
type Error struct {
	Call    string // such as "b2_upload_file"
	Status  int    // of HTTP; zero: there was no response
	Code    string // of B2, such as "bad_request"; empty: it gave none
	Message string // on one line

	cause error
}

// Error reads like a sentence.
func (e *Error) Error() string {
	return (&remote.Failure{Call: e.Call, Status: e.Status, Code: e.Code, Message: e.Message}).Error()
}

// Unwrap returns why there was no response.
func (e *Error) Unwrap() error { return e.cause }

// withError makes an [Error] the cause of f.
func withError(f *remote.Failure) *remote.Failure {
	f.Cause = &Error{f.Call, f.Status, f.Code, f.Message, f.Cause}
	return f
}

var downloads = map[string]bool{"b2_download_file_by_name": true, "b2_download_file_by_id": true}

// uploads are the calls that go to an address which the server handed out, with a token of its own.
var uploads = map[string]bool{"b2_upload_file": true, "b2_upload_part": true}

// fromResponse returns the failure that a response to a call is.
func fromResponse(call string, resp *http.Response, body []byte) *remote.Failure {
	f := &remote.Failure{Call: call, Status: resp.StatusCode, RetryAfter: remote.RetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	var m struct{ Code, Message string }
	if json.Unmarshal(body, &m) == nil {
		if token := resp.Request.Header.Get("Authorization"); token != "" { // B2 repeats that of an upload
			m.Message = strings.ReplaceAll(m.Message, token, "…")
		}
		f.Code, f.Message = text.Printable(m.Code), text.Printable(m.Message)
	}
	return f
}

// codes are the error codes whose meaning their HTTP status does not tell, except bad_request.
// https://www.backblaze.com/docs/cloud-storage-native-api-error-handling
var codes = map[string]remote.Meaning{
	"bad_auth_token":           {Is: fs.ErrPermission},
	"expired_auth_token":       {Is: fs.ErrPermission},
	"unauthorized":             {Is: fs.ErrPermission},
	"missing_auth_token":       {Is: fs.ErrPermission},
	"access_denied":            {Is: fs.ErrPermission},
	"unsupported":              {Is: fs.ErrPermission},
	"cap_exceeded":             {Is: ErrCapExceeded},
	"storage_cap_exceeded":     {Is: ErrCapExceeded},
	"transaction_cap_exceeded": {Is: ErrCapExceeded},
	"download_cap_exceeded":    {Is: ErrCapExceeded},
	"no_such_file":             {Is: blob.ErrNotExist},
	"file_not_present":         {Is: blob.ErrNotExist},
	"not_found":                {Is: blob.ErrNotExist},
	"bad_bucket_id":            {Is: blob.ErrNotExist},
	"invalid_bucket_id":        {Is: blob.ErrNotExist},
	"invalid_file_id":          {Is: blob.ErrNotExist},
	"range_not_satisfiable":    {Is: blob.ErrRange},
}

// The messages that alone tell an error from others of its code. B2 gives "bad_request" to them all.
const (
	otherUpload = "more than one upload using auth token" // https://github.com/restic/restic/issues/1207
	wrongSHA1   = "did not match"                         // "Sha1 did not match data received", "Checksum did not match …"
	noUpload    = "No active upload for"                  // of a large file that is finished or was cancelled
	badFileID   = "fileId"                                // "Bad fileId", "Invalid fileId"
)

// classify sets the meaning of a response, and reports whether the token of the account, or the upload URL, is no longer
// valid: the call can be repeated with another.
func classify(f *remote.Failure) (badToken, badURL bool) {
	upload := uploads[f.Call]
	_, known := codes[f.Code]
	f.Meaning = remote.Classify(codes, f.Code, f.Status)
	switch s := f.Status; {
	case f.Code == "bad_auth_token", f.Code == "expired_auth_token":
		badToken, badURL = !upload, upload
	case f.Code == "bad_request":
		f.Meaning, badURL = classifyBadRequest(f)
	case known:
	case s == http.StatusUnauthorized: // a HEAD has no code: what the key may not do was refused before
		badToken, badURL = !upload, upload && f.Code == ""
	case s == http.StatusNotFound && !downloads[f.Call]: // it was not sent by B2
		f.Is = nil
	case s == http.StatusBadRequest:
		f.Is = blob.ErrInvalid
	case s >= 500:
		f.Meaning = remote.Meaning{Transient: true, Ambiguous: true}
	}
	badURL = badURL || upload && (f.Status >= 500 || f.Status == http.StatusRequestTimeout)
	f.Transient = f.Transient || badToken || badURL
	return badToken, badURL
}

func classifyBadRequest(f *remote.Failure) (m remote.Meaning, badURL bool) {
	switch {
	case strings.Contains(f.Message, otherUpload):
		return m, true
	case uploads[f.Call] && strings.Contains(f.Message, wrongSHA1): // the content was changed on the way
		return remote.Meaning{Is: blob.ErrChecksum, Transient: true}, false
	case strings.Contains(f.Message, noUpload), strings.Contains(f.Message, badFileID):
		return remote.Meaning{Is: blob.ErrNotExist}, false
	}
	return remote.Meaning{Is: blob.ErrInvalid}, false
}
