package b2front

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
)

// An Account makes calls with one application key. Its token is never renewed.
type Account struct {
	ID       string // of the account
	Endpoint *url.URL
	Token    string
	Allowed  Allowed // what the key may do
}

// Allowed is what a key is restricted to, as b2_authorize_account of version 3 tells it.
type Allowed struct {
	Capabilities            []string
	BucketID, BucketName    string
	NamePrefix              string
	AbsoluteMinimumPartSize int
	APIURL                  string `json:"apiUrl"`
	DownloadURL             string `json:"downloadUrl"`
}

// Authorize begins with the id of a key and the key itself.
func Authorize(ctx context.Context, endpoint *url.URL, id, key string) (*Account, error) {
	var answer struct {
		AccountID, AuthorizationToken string
		APIInfo                       struct{ StorageAPI Allowed }
	}
	req := &http.Request{Header: http.Header{}}
	req.SetBasicAuth(id, key)
	u := endpoint.JoinPath("b2api/v3/b2_authorize_account")
	if err := do(ctx, http.MethodGet, u.String(), req.Header, nil, &answer); err != nil {
		return nil, err
	}
	return &Account{ID: answer.AccountID, Endpoint: endpoint, Token: answer.AuthorizationToken, Allowed: answer.APIInfo.StorageAPI}, nil
}

// Params are the parameters of a call, such as {"bucketId": …}.
type Params map[string]any

// Call makes a call, such as b2_hide_file, and decodes the answer into out, unless that is nil.
func (a *Account) Call(ctx context.Context, name string, params Params, out any) error {
	u := a.Endpoint.JoinPath("b2api/v3", name)
	return do(ctx, http.MethodPost, u.String(), http.Header{"Authorization": {a.Token}}, params, out)
}

// A Bucket is one that MakeBucket has made.
type Bucket struct {
	ID   string `json:"bucketId"`
	Name string `json:"bucketName"`
}

// A File is a version of a file, as listings and uploads tell it.
type File struct {
	ID              string `json:"fileId"`
	Name            string `json:"fileName"`
	Action          string // upload, start, hide, folder or copy
	ContentLength   int64
	ContentSHA1     string
	ContentType     string
	FileInfo        map[string]string
	UploadTimestamp int64 // milliseconds since 1970
}

// MakeBucket makes a private bucket.
func (a *Account) MakeBucket(ctx context.Context, name string) (Bucket, error) {
	var b Bucket
	err := a.Call(ctx, "b2_create_bucket", Params{"accountId": a.ID, "bucketName": name, "bucketType": "allPrivate"}, &b)
	return b, err
}

// RemoveBucket removes a bucket and all that is in it: versions, markers, and unfinished uploads.
func (a *Account) RemoveBucket(ctx context.Context, b Bucket) error {
	for {
		var page struct{ Files []File }
		if err := a.Call(ctx, "b2_list_file_versions", Params{"bucketId": b.ID, "maxFileCount": 1000}, &page); err != nil {
			return err
		}
		if len(page.Files) == 0 {
			return a.Call(ctx, "b2_delete_bucket", Params{"accountId": a.ID, "bucketId": b.ID}, nil)
		}
		for _, f := range page.Files {
			err := a.Call(ctx, "b2_delete_file_version", Params{"fileId": f.ID, "fileName": f.Name}, nil)
			// It may be gone: what an interrupted client began can be carried out, or be cleaned up, meanwhile.
			if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.Code != "file_not_present") {
				return err
			}
		}
	}
}

// MakeKey makes a key with capabilities, restricted to a bucket unless bucketID is "", and in that to names with a prefix
// unless prefix is "".
func (a *Account) MakeKey(ctx context.Context, bucketID, prefix string, capabilities ...string) (id, key string, err error) {
	params := Params{"accountId": a.ID, "keyName": "test", "capabilities": capabilities}
	if bucketID != "" {
		params["bucketId"] = bucketID
	}
	if prefix != "" {
		params["namePrefix"] = prefix
	}
	var answer struct{ ApplicationKeyID, ApplicationKey string }
	err = a.Call(ctx, "b2_create_key", params, &answer)
	return answer.ApplicationKeyID, answer.ApplicationKey, err
}

// An UploadURL is where to send uploads, one at a time.
type UploadURL struct {
	URL   string `json:"uploadUrl"`
	Token string `json:"authorizationToken"`
}

// UploadURL gets one for a bucket.
func (a *Account) UploadURL(ctx context.Context, bucketID string) (UploadURL, error) {
	var u UploadURL
	err := a.Call(ctx, "b2_get_upload_url", Params{"bucketId": bucketID}, &u)
	return u, err
}

// Put uploads a file. The headers are those of b2_upload_file beside Authorization; X-Bz-Content-Sha1 is computed, and
// Content-Type is application/octet-stream, unless they are there.
func (u UploadURL) Put(ctx context.Context, name string, content []byte, headers map[string]string) (File, error) {
	sum := sha1.Sum(content)
	header := http.Header{
		"Authorization":     {u.Token},
		"X-Bz-File-Name":    {url.QueryEscape(name)},
		"X-Bz-Content-Sha1": {hex.EncodeToString(sum[:])},
		"Content-Type":      {"application/octet-stream"},
	}
	for name, value := range headers {
		header.Set(name, value)
	}
	var f File
	resp, err := send(ctx, http.MethodPost, u.URL, header, bytes.NewReader(content))
	if err != nil {
		return f, err
	}
	return f, decode(resp, &f)
}

// Put uploads a file to a bucket.
func (a *Account) Put(ctx context.Context, bucketID, name string, content []byte) (File, error) {
	u, err := a.UploadURL(ctx, bucketID)
	if err != nil {
		return File{}, err
	}
	return u.Put(ctx, name, content, nil)
}

// Get downloads the newest version of a file. The answer's body must be closed.
func (a *Account) Get(ctx context.Context, bucket, name string, header http.Header) (*http.Response, error) {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Authorization", a.Token)
	return send(ctx, http.MethodGet, a.Endpoint.String()+"/file/"+bucket+"/"+url.QueryEscape(name), header, nil)
}
