package b2

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/holdall-go/holdall/internal/remote"
)

// userAgent tells B2 who calls, as its integration checklist wishes. Blazer adds itself.
const userAgent = "holdall"

// A transport is what blazer's base and this driver send their requests through. It puts the token in, which base would
// keep as it was at first, takes from the responses what base drops, and keeps bodies as they are stored.
type transport struct {
	account *account
	next    http.RoundTripper
}

// proof is a field that every response to a call has, so that one which B2 did not send is recognised.
var proof = map[string]string{
	"b2_cancel_large_file": "fileId", "b2_copy_file": "fileId", "b2_copy_part": "partNumber", "b2_delete_file_version": "fileId",
	"b2_finish_large_file": "fileId", "b2_get_file_info": "fileId", "b2_get_upload_part_url": "uploadUrl", "b2_get_upload_url": "uploadUrl",
	"b2_hide_file": "fileId", "b2_list_buckets": "buckets", "b2_list_file_names": "files", "b2_list_file_versions": "files",
	"b2_list_parts": "parts", "b2_list_unfinished_large_files": "files", "b2_start_large_file": "fileId", "b2_upload_file": "fileId",
	"b2_upload_part": "partNumber", "b2_authorize_account": "authorizationToken",
}

// RoundTrip implements http.RoundTripper. A response that is not a success is an error.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	x.failure = nil
	req, err := t.prepare(req, x)
	if err == nil && x.call == "b2_list_buckets" {
		if answer := t.restricted(req); answer != nil {
			return answer, nil
		}
	}
	if err != nil {
		return nil, x.unproven(http.StatusOK, "a URL to send calls to")
	}
	if f := t.permits(x.call); f != nil {
		return nil, x.fail(f)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, x.noResponse(err)
	}
	resp.Request = req // a transport need not say so
	if err := t.check(x, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// prepare makes the request that is sent out of the one that base has made.
func (t *transport) prepare(req *http.Request, x *exchange) (*http.Request, error) {
	req = req.Clone(req.Context())
	req.Header.Del("X-Blazer-Method")
	req.Header.Del("X-Blazer-Request-Id")
	req.Header.Set("Accept-Encoding", "identity")
	if x.call == "b2_authorize_account" || uploads[x.call] {
		return req, nil
	}
	g := t.account.current()
	x.token = g.Token
	req.Header.Set("Authorization", g.Token)
	if downloads[x.call] {
		return req, nil
	}
	u, err := url.Parse(g.APIInfo.StorageAPI.APIURL) // it may have changed with the token
	if err != nil {
		return nil, err
	}
	req.URL.Scheme, req.URL.Host, req.Host = u.Scheme, u.Host, u.Host
	return req, nil
}

func (t *transport) permits(call string) *remote.Failure {
	if g := t.account.current(); g != nil {
		return g.permits(call)
	}
	return nil
}

// restricted answers which buckets there are for a key that is restricted to one, whose name and ID came with the
// token: such a key need not be allowed to list buckets.
func (t *transport) restricted(req *http.Request) *http.Response {
	api := t.account.current().APIInfo.StorageAPI
	if api.BucketID == "" || api.BucketName == "" {
		return nil
	}
	body, err := json.Marshal(map[string]any{"buckets": []map[string]string{{"bucketId": api.BucketID, "bucketName": api.BucketName}}})
	if err != nil {
		panic(err) // maps of strings have no error
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: req}
}

// maxResponse bounds what is read of a response, in bytes. A listing of 1,000 names with all their info has less.
const maxResponse = 64 << 20

// check turns a response that is not a success, or was not sent by B2, into an error. It reads responses whole, except
// downloads.
func (t *transport) check(x *exchange, resp *http.Response) error {
	ok := resp.StatusCode == http.StatusOK
	if downloads[x.call] && (ok || resp.StatusCode == http.StatusPartialContent) {
		if resp.Header.Get("X-Bz-File-Id") == "" {
			return x.unproven(resp.StatusCode, "the ID of a file")
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if !ok {
		f := fromResponse(x.call, resp, body)
		x.badToken, x.badURL = classify(f)
		t.account.current().nameMissingCapability(f)
		return x.fail(f)
	}
	if ctx := resp.Request.Context(); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return x.noResponse(err)
	}
	if want := proof[x.call]; len(body) > maxResponse || !bytes.Contains(body, []byte(`"`+want+`"`)) {
		return x.unproven(resp.StatusCode, want)
	}
	if x.call == "b2_authorize_account" {
		if x.grant, err = parseGrant(body); err != nil {
			return x.unproven(resp.StatusCode, "a token, or where to send calls")
		}
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
