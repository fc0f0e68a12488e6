//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
)

// bare is the floor: net/http alone, without signatures, checksums, conditions or parsing. It works against the null
// server only, which asks for none of them.
type bare struct {
	client *http.Client
	base   string
}

const (
	barePart     = 8 << 20
	bareParallel = 5
)

func newBare(t *target) *bare {
	return &bare{
		client: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, DisableCompression: true, TLSClientConfig: &tls.Config{}, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
		}},
		base: t.url + "/" + t.bucket + "/",
	}
}

// do sends a request and returns its answer, which must be a success.
func (b *bare) do(method, key string, body io.Reader, size int64, byteRange string) *http.Response {
	req, err := http.NewRequest(method, b.base+key, body)
	must(err)
	req.ContentLength = size
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	resp, err := b.client.Do(req)
	must(err)
	if resp.StatusCode/100 != 2 {
		fatal(fmt.Errorf("bare %s: %s", method, resp.Status))
	}
	return resp
}

func (b *bare) send(key string, body io.Reader, size int64) {
	resp := b.do(http.MethodPut, key, body, size, "")
	_, err := io.Copy(io.Discard, resp.Body)
	must(err)
	must(resp.Body.Close())
}

func (b *bare) put(key string, content []byte) {
	b.send(key, bytes.NewReader(content), int64(len(content)))
}

func (b *bare) get(key string, buf []byte) {
	readWhole(b.do(http.MethodGet, key, nil, 0, "").Body, buf)
}

func (b *bare) stat(key string) { must(b.do(http.MethodHead, key, nil, 0, "").Body.Close()) }

// list reads every page and looks for nothing but the token and the keys.
func (b *bare) list(prefix string, n int) {
	got, token := 0, ""
	for {
		resp := b.do(http.MethodGet, "?list-type=2&prefix="+url.QueryEscape(prefix)+token, nil, 0, "")
		page, err := io.ReadAll(resp.Body)
		must(err)
		must(resp.Body.Close())
		got += bytes.Count(page, []byte("<Key>"))
		_, after, more := bytes.Cut(page, []byte("<NextContinuationToken>"))
		if !more {
			break
		}
		next, _, _ := bytes.Cut(after, []byte("<"))
		token = "&continuation-token=" + url.QueryEscape(string(next))
	}
	counted(got, n)
}

// upload sends parts of 8 MiB, five at a time, as the transfer manager does; on two processors one stream is no quicker.
func (b *bare) upload(key string, body *bytes.Reader) {
	inParts(body.Size(), func(part, off, n int64) {
		b.send(fmt.Sprintf("%s?uploadId=upload-0&partNumber=%d", key, part+1), io.NewSectionReader(body, off, n), n)
	})
}

// inParts spans parts over a size and works on several at once.
func inParts(size int64, work func(part, off, n int64)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range bareParallel {
		workers.Go(func() {
			for {
				part := next.Add(1) - 1
				off := part * barePart
				if off >= size {
					return
				}
				work(part, off, min(barePart, size-off))
			}
		})
	}
	workers.Wait()
}

// fetch downloads a size in parts.
func (b *bare) fetch(key string, size int64, w io.WriterAt) {
	inParts(size, func(_, off, n int64) {
		resp := b.do(http.MethodGet, key, nil, 0, fmt.Sprintf("bytes=%d-%d", off, off+n-1))
		_, err := io.CopyBuffer(onlyWriter{io.NewOffsetWriter(w, off)}, resp.Body, make([]byte, 256<<10))
		must(err)
		must(resp.Body.Close())
	})
}

type onlyWriter struct{ io.Writer }
