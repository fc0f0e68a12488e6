package b2

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/put"
)

// post makes a call that blazer's base does not have, or not whole. In and out are its parameters and its response, in
// JSON.
func (a *account) post(ctx context.Context, call string, in, out any) error {
	return a.postPublishing(ctx, call, in, out, nil)
}

// postPublishing is post for a call that publishes. The hook is called before each attempt.
func (a *account) postPublishing(ctx context.Context, call string, in, out any, hook *blob.Hook) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ambiguous, err := a.try(ctx, call, func(ctx context.Context) error {
		if err := put.Publishing(ctx, hook); err != nil {
			return err
		}
		u := a.current().APIInfo.StorageAPI.APIURL + "/b2api/v3/" + call
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("User-Agent", userAgent)
		resp, err := a.transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(out)
	})
	return put.Stopped(ambiguous, err)
}

// A file is what B2 answers about one version of a file.
// https://www.backblaze.com/apidocs/b2-get-file-info
type file struct {
	ID          string            `json:"fileId"`
	Name        string            `json:"fileName"`
	Action      string            `json:"action"` // start, upload, copy, hide, folder
	Size        int64             `json:"contentLength"`
	ContentType string            `json:"contentType"`
	SHA1        string            `json:"contentSha1"`
	Info        map[string]string `json:"fileInfo"`
	Time        int64             `json:"uploadTimestamp"` // milliseconds since 1970
}
