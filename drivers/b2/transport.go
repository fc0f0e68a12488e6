package b2

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// userAgent tells B2 who calls, as its integration checklist wishes. Blazer adds itself.
const userAgent = "holdall"

// sharedTransport is that of every bucket that brings none, so that connections are shared.
var sharedTransport = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ExpectContinueTimeout: time.Second,
	MaxIdleConnsPerHost:   128,
	IdleConnTimeout:       90 * time.Second,
	WriteBufferSize:       64 << 10,
	ReadBufferSize:        16 << 10,
	DisableCompression:    true,
}

// A transport is what blazer's base sends its requests through, and we our own. It puts the token in, which base would
// keep as it was at first, takes from the answers what base drops, counts, and keeps bodies as they are stored.
type transport struct {
	account *account
	next    http.RoundTripper
	counts  [3]atomic.Int64
}

// An exchange is what passed the transport for one call. Base does not return it, so it goes with the ctx.
type exchange struct {
	call  string
	token string // of the account, with which the call went
	grant *grant // that b2_authorize_account returned
	err   *Error
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// A class is what B2 charges a call as.
// https://www.backblaze.com/cloud-storage/transaction-pricing
type class int

const (
	classA class = iota // free: those that upload, finish and remove
	classB              // those that download
	classC              // those that list, copy and manage
)

var classes = map[string]class{
	"b2_cancel_large_file": classA, "b2_delete_file_version": classA, "b2_finish_large_file": classA, "b2_get_upload_part_url": classA,
	"b2_get_upload_url": classA, "b2_hide_file": classA, "b2_start_large_file": classA, "b2_upload_file": classA, "b2_upload_part": classA,
	"b2_download_file_by_id": classB, "b2_download_file_by_name": classB, "b2_get_file_info": classB,
	"b2_authorize_account": classC, "b2_copy_file": classC, "b2_copy_part": classC, "b2_list_buckets": classC, "b2_list_file_names": classC,
	"b2_list_file_versions": classC, "b2_list_parts": classC, "b2_list_unfinished_large_files": classC,
}

// proof is a field that every answer to a call has, so that what is none is found out.
var proof = map[string]string{
	"b2_cancel_large_file": "fileId", "b2_copy_file": "fileId", "b2_copy_part": "partNumber", "b2_delete_file_version": "fileId",
	"b2_finish_large_file": "fileId", "b2_get_file_info": "fileId", "b2_get_upload_part_url": "uploadUrl", "b2_get_upload_url": "uploadUrl",
	"b2_hide_file": "fileId", "b2_list_buckets": "buckets", "b2_list_file_names": "files", "b2_list_file_versions": "files",
	"b2_list_parts": "parts", "b2_list_unfinished_large_files": "files", "b2_start_large_file": "fileId", "b2_upload_file": "fileId",
	"b2_upload_part": "partNumber", "b2_authorize_account": "authorizationToken",
}

// RoundTrip implements http.RoundTripper. An answer that is no success is an error.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	x.err = nil
	req, err := t.prepare(req, x)
	if err == nil && x.call == "b2_list_buckets" {
		if answer := t.restricted(req); answer != nil {
			return answer, nil
		}
	}
	if err != nil {
		return nil, x.fail(err)
	}
	if err := t.permits(x.call); err != nil {
		return nil, x.fail(err)
	}
	t.counts[classes[x.call]].Add(1)
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, x.fail(unanswered(x.call, err))
	}
	resp.Request = req // a transport need not say so
	if err := t.judge(x, resp); err != nil {
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
		return nil, unreadable("b2_authorize_account", http.StatusOK, "has no URL to send calls to")
	}
	req.URL.Scheme, req.URL.Host, req.Host = u.Scheme, u.Host, u.Host
	return req, nil
}

func (t *transport) permits(call string) error {
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

// mostAnswer bounds what is read of an answer, in bytes. A listing of 1,000 names with all their info has less.
const mostAnswer = 64 << 20

// judge turns an answer that is no success, or none of B2's, into an error. It reads answers whole, but for downloads.
func (t *transport) judge(x *exchange, resp *http.Response) error {
	ok := resp.StatusCode == http.StatusOK
	if downloads[x.call] && (ok || resp.StatusCode == http.StatusPartialContent) {
		if resp.Header.Get("X-Bz-File-Id") == "" {
			return x.fail(unreadable(x.call, resp.StatusCode, "lacks the ID of a file"))
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	if !ok {
		e := answered(x.call, resp, body)
		t.account.current().blame(e)
		return x.fail(e)
	}
	if ctx := resp.Request.Context(); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return x.fail(unanswered(x.call, err))
	}
	if want := proof[x.call]; len(body) > mostAnswer || !bytes.Contains(body, []byte(`"`+want+`"`)) {
		return x.fail(unreadable(x.call, resp.StatusCode, "lacks "+want))
	}
	if x.call == "b2_authorize_account" {
		if x.grant, err = parseGrant(body); err != nil {
			return x.fail(unreadable(x.call, resp.StatusCode, err.Error()))
		}
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func (x *exchange) fail(err error) error {
	if e := failed(err); e != nil {
		x.err = e
	}
	return err
}
