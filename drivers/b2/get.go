package b2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

func (b *bucket) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	o, resp, err := b.download(ctx, http.MethodHead, key, opts.Version, "", opts.If)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return o, nil
}

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return remote.OpenRange(ctx, opts.Range, func(header string) (*blob.Reader, error) {
		o, resp, err := b.download(ctx, http.MethodGet, key, opts.Version, header, opts.If)
		if err != nil {
			return nil, err
		}
		return remote.NewReader(ctx, "download", opts.Range, o, resp)
	}, func() (*blob.Object, error) {
		return b.Stat(ctx, key, &blob.StatOptions{If: opts.If, Version: opts.Version})
	})
}

// download asks for an object: its current version, or the one that is named. The condition is judged on the answer,
// which is about one version as a whole; B2 has none of its own. (Blazer's base returns neither the time nor the
// standard headers nor the range of an answer, and downloads nothing by ID.) A HEAD that is refused has no body to say
// whether by a cap or for lack of rights, so a GET asks why.
func (b *bucket) download(ctx context.Context, method, key, version, asked string, cond blob.Condition) (*blob.Object, *http.Response, error) {
	if err := b.account.current().covers(key); err != nil {
		return nil, nil, err
	}
	call, path := "b2_download_file_by_name", "/file/"+b.base.Name+"/"+escape(key)
	if version != "" {
		call, path = "b2_download_file_by_id", "/b2api/v3/b2_download_file_by_id?fileId="+url.QueryEscape(version)
	}
	var resp *http.Response
	_, err := b.account.try(ctx, call, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, method, b.account.current().APIInfo.StorageAPI.DownloadURL+path, nil)
		if err != nil {
			return err
		}
		req.Header.Set("User-Agent", userAgent)
		if asked != "" {
			req.Header.Set("Range", asked)
		}
		resp, err = b.account.transport.RoundTrip(req)
		return err
	})
	if f := remote.AsFailure(err); f != nil && method == http.MethodHead && f.Status == http.StatusForbidden {
		_, resp, why := b.download(ctx, http.MethodGet, key, version, "bytes=0-0", cond)
		if why == nil {
			resp.Body.Close()
		} else if f := remote.AsFailure(why); f != nil && f.Status == http.StatusForbidden { // and not 416, as of what is empty
			err = why
		}
	}
	if err != nil {
		return nil, nil, readError(err, cond, version)
	}
	o, err := b.describe(key, resp)
	if err == nil && version != "" {
		var name string
		if name, err = url.QueryUnescape(resp.Header.Get("X-Bz-File-Name")); err == nil && name != key {
			err = fmt.Errorf("%w: the version is one of another key", blob.ErrNotExist)
		}
	}
	if err == nil {
		err = cond.Eval(o)
	}
	if err != nil {
		resp.Body.Close()
		return nil, nil, err
	}
	return o, resp, nil
}

// readError gives the failures of reads that a condition or a version explains their meaning.
func readError(err error, cond blob.Condition, version string) error {
	f := remote.AsFailure(err)
	switch {
	case f == nil:
	case version != "" && f.Is == blob.ErrInvalid: // it has not the form of an ID
		f.Is = blob.ErrNotExist
	case f.Is == blob.ErrNotExist && cond.Kind() == blob.KindMatch:
		f.Is = fmt.Errorf("%w, as there is no object", blob.ErrPrecondition)
	}
	return err
}

// describe reads the attributes of an object from the headers of a download. Its size is that of the answer so far.
func (b *bucket) describe(key string, resp *http.Response) (*blob.Object, error) {
	h := resp.Header
	info, err := infoOfHeaders(h)
	if err != nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(h.Get("X-Bz-Upload-Timestamp"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the answer to a download says of its time %q", text.Printable(h.Get("X-Bz-Upload-Timestamp")))
	}
	if resp.ContentLength < 0 {
		return nil, errors.New("the answer to a download does not say how long it is")
	}
	id := h.Get("X-Bz-File-Id")
	o := &blob.Object{Key: key, Size: resp.ContentLength, ModTime: time.UnixMilli(ms).UTC(), ETag: etag(id), Version: b.version(id)}
	decodeInfo(o, h.Get("Content-Type"), h.Get("X-Bz-Content-Sha1"), info)
	return o, nil
}
