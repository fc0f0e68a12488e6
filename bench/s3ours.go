//go:build linux

package main

import (
	"bytes"
	"io"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/holdall-go/holdall/blob"
	s3driver "github.com/holdall-go/holdall/drivers/s3"
)

// ours is holdall.
type ours struct{ bucket blob.Bucket }

func newOurs(t *target) *ours {
	pathStyle := true
	cfg := &s3driver.Config{
		Region: region, Endpoint: t.url, PathStyle: &pathStyle,
		Credentials: credentials.NewStaticCredentialsProvider(t.key, t.secret, ""),
	}
	if t.null {
		cfg.Flavour = "aws" // which it imitates; a real server is asked for its flavour
	}
	b, err := s3driver.Open(ctx, t.bucket, cfg)
	must(err)
	return &ours{b}
}

func (o *ours) close() { must(o.bucket.Close()) }

func (o *ours) put(key string, content []byte) {
	_, err := o.bucket.Put(ctx, key, bytes.NewReader(content), nil)
	must(err)
}

func (o *ours) get(key string, buf []byte) {
	r, err := o.bucket.Get(ctx, key, nil)
	must(err)
	readWhole(r, buf)
}

func (o *ours) stat(key string) {
	_, err := o.bucket.Stat(ctx, key, nil)
	must(err)
}

func (o *ours) list(prefix string, n int) {
	count(o.bucket.List(ctx, &blob.ListOptions{Prefix: prefix}), n)
}

func (o *ours) upload(key string, body *bytes.Reader) {
	_, err := o.bucket.Put(ctx, key, body, &blob.PutOptions{Size: body.Size()})
	must(err)
}

func (o *ours) stream(key string, body io.Reader) {
	_, err := o.bucket.Put(ctx, key, body, nil)
	must(err)
}

func (o *ours) download(key string, w io.WriterAt) {
	_, err := blob.Download(ctx, o.bucket, key, w, nil)
	must(err)
}

func (o *ours) read(key string, buf []byte) {
	r, err := o.bucket.Get(ctx, key, nil)
	must(err)
	drain(r, buf)
}
