// Package b2front speaks to the B2 server of the tests, images/b2/front.py: it scripts faults and reads what was counted
// ([Front]), and makes the calls of B2's Native API that tests need beside the client that they test ([Account]).
package b2front

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// A Front steers a server.
type Front struct {
	URL *url.URL
}

// A Fault happens to the next calls that match it; each call takes at most one, of those that match the oldest. What Do
// can be, and what the other fields mean for it, is said at the beginning of front.py.
type Fault struct {
	Call   string `json:"call"`             // such as "b2_upload_file"; "*" is all
	Bucket string `json:"bucket,omitempty"` // name of the bucket that the call is about; "" is any
	Key    string `json:"key,omitempty"`    // id of the application key that it is made with; "" is any
	Times  int    `json:"times,omitempty"`  // to how many calls it happens; 0 is 1
	Skip   int    `json:"skip,omitempty"`   // how many calls it lets pass before
	Do     Action `json:"do"`

	Status     int    `json:"status,omitempty"` // of Answer, 400 to 599; 0 is 503
	Code       string `json:"code,omitempty"`   // "" is a usual one for the status, such as expired_auth_token for 401
	Message    string `json:"message,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds; 0 is no such header
	RetryDate  int    `json:"retryDate,omitempty"`  // seconds from now, told as a date; 0 is no such header
	Body       string `json:"body,omitempty"`       // in place of the JSON, as a gateway answers

	After int     `json:"after,omitempty"` // bytes of the body, of Drop, Cut and Corrupt
	Delay float64 `json:"delay,omitempty"` // seconds, of Slow
	Rate  int     `json:"rate,omitempty"`  // bytes per second, of Slow
}

// An Action is what a fault does.
type Action string

// What faults do.
const (
	Answer  Action = "answer"  // an error, and the call is not made
	Drop    Action = "drop"    // a reset connection, and the call is not made
	Lose    Action = "lose"    // a reset connection in place of the answer to a call that was made
	Cut     Action = "cut"     // an answer that ends early
	Corrupt Action = "corrupt" // an answer with a bit flipped
	Slow    Action = "slow"    // a late or a slow answer
)

// Add adds a fault.
func (f Front) Add(ctx context.Context, fault Fault) error {
	return f.steer(ctx, http.MethodPost, "_faults", nil, fault, nil)
}

// Pending returns the faults that have not happened yet, with the times that are left of them.
func (f Front) Pending(ctx context.Context) ([]Fault, error) {
	var answer struct{ Faults []Fault }
	err := f.steer(ctx, http.MethodGet, "_faults", nil, nil, &answer)
	return answer.Faults, err
}

// Clear forgets all faults.
func (f Front) Clear(ctx context.Context) error {
	return f.steer(ctx, http.MethodDelete, "_faults", nil, nil, nil)
}

// Counts are how often what happened.
type Counts struct {
	Calls        map[string]int // by name
	Transactions map[string]int // by class, "A" to "C", as Backblaze bills them: a listing for each thousand of files
	Answers      map[string]int // by status, such as "200", and "reset"

	// UploadURLs are the misuses of upload URLs: "shared" with an upload that was under way, "refused" because the URL is
	// not known, or not any more since an upload to it failed.
	UploadURLs map[string]int
}

// Counts returns what was counted for a key, by its id, and a bucket, by its name; "" is all. A call is counted before it
// is answered.
func (f Front) Counts(ctx context.Context, key, bucket string) (Counts, error) {
	var c Counts
	err := f.steer(ctx, http.MethodGet, "_calls", url.Values{"key": {key}, "bucket": {bucket}}, nil, &c)
	return c, err
}

// Reset sets all counts to 0.
func (f Front) Reset(ctx context.Context) error {
	return f.steer(ctx, http.MethodDelete, "_calls", nil, nil, nil)
}

// Expire lets the tokens that were handed out expire: those of "account" (b2_authorize_account) or "upload"
// (b2_get_upload_url, b2_get_upload_part_url), of a key or, with "", of all keys. It returns how many.
func (f Front) Expire(ctx context.Context, tokens, key string) (int, error) {
	var answer struct{ Expired int }
	err := f.steer(ctx, http.MethodPost, "_expire", nil, map[string]string{"tokens": tokens, "key": key}, &answer)
	return answer.Expired, err
}

// Relax lets the names of a bucket's files have what only some of Backblaze's pages forbid: backslashes, segments of any
// length, and slashes at the ends or doubled.
func (f Front) Relax(ctx context.Context, bucket string) error {
	return f.steer(ctx, http.MethodPost, "_relax", nil, map[string]string{"bucket": bucket}, nil)
}

// Version returns that of Backblaze's simulator, such as "1.17.3".
func (f Front) Version(ctx context.Context) (string, error) {
	var answer struct{ B2SDK string }
	err := f.steer(ctx, http.MethodGet, "_about", nil, nil, &answer)
	return answer.B2SDK, err
}

func (f Front) steer(ctx context.Context, method, path string, query url.Values, in, out any) error {
	u := f.URL.JoinPath(path)
	u.RawQuery = query.Encode()
	return do(ctx, method, u.String(), nil, in, out)
}

// An Error is an answer that is none of success.
type Error struct {
	Status  int    // of HTTP
	Code    string // such as "bad_request"
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("B2 answers %d %s: %s", e.Status, e.Code, e.Message)
}

// do makes a request with JSON in its body and in that of the answer.
func do(ctx context.Context, method, url string, header http.Header, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	resp, err := send(ctx, method, url, header, body)
	if err != nil {
		return err
	}
	return decode(resp, out)
}

// decode decodes the answer into out, unless that is nil.
func decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// client makes each request once, and leaves no connection behind: where a connection that was used before breaks, Go's
// transport repeats requests by itself.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// send makes a request. An answer that is none of success is an *Error.
func send(ctx context.Context, method, url string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode < 300 {
		return resp, err
	}
	defer resp.Body.Close()
	failed := &Error{Status: resp.StatusCode}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, failed) != nil {
		failed.Message = string(b)
	}
	return nil, failed
}
