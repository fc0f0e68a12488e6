//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// A caller makes small calls; each fails the run if the call fails. Every side is set up as its documentation says,
// with its own defaults.
type caller interface {
	put(key string, content []byte)
	get(key string, buf []byte) // the object fills buf
	stat(key string)
	list(prefix string, n int) // there are n keys
}

// A mover moves large objects.
type mover interface {
	upload(key string, body *bytes.Reader)
	stream(key string, body io.Reader) // of unknown size
	download(key string, w io.WriterAt)
	read(key string, buf []byte) // through one reader, by buf
}

const region = "us-east-1"

// sdk is the AWS SDK for Go, and its transfer manager.
type sdk struct {
	client  *s3.Client
	manager *transfermanager.Client
	bucket  *string
}

func newSDK(t *target) *sdk {
	client := s3.New(s3.Options{
		Region: region, BaseEndpoint: &t.url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(t.key, t.secret, ""),
		// The defaults of who loads his configuration from the environment, as most do:
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
	return &sdk{client, transfermanager.New(client), &t.bucket}
}

func (s *sdk) put(key string, content []byte) {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: s.bucket, Key: &key, Body: bytes.NewReader(content)})
	must(err)
}

func (s *sdk) get(key string, buf []byte) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: s.bucket, Key: &key})
	must(err)
	readWhole(out.Body, buf)
}

// readWhole reads to the end, where a checksum is verified.
func readWhole(r io.ReadCloser, buf []byte) {
	_, err := io.ReadFull(r, buf)
	must(err)
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		fatal(fmt.Errorf("an object does not end where it should: %d bytes, %v", n, err))
	}
	must(r.Close())
}

// stat asks for the checksum too, as a stat of ours does, and as the SDK's get does by itself.
func (s *sdk) stat(key string) { s.head(key, types.ChecksumModeEnabled) }

func (s *sdk) size(key string) int64 { return s.head(key, "") }

func (s *sdk) head(key string, mode types.ChecksumMode) int64 {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: s.bucket, Key: &key, ChecksumMode: mode})
	must(err)
	return aws.ToInt64(out.ContentLength)
}

// withoutSums is the SDK whose stat asks for no checksum.
type withoutSums struct{ *sdk }

func (s withoutSums) stat(key string) { s.size(key) }

func (s *sdk) list(prefix string, n int) {
	got := 0
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(err)
		got += len(page.Contents)
	}
	counted(got, n)
}

func counted(got, n int) {
	if got != n {
		fatal(fmt.Errorf("a peer listed %d entries, not %d", got, n))
	}
}

func (s *sdk) removeAll(prefix string) {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(err)
		for _, o := range page.Contents {
			_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: s.bucket, Key: o.Key})
			must(err)
		}
	}
}

func (s *sdk) upload(key string, body *bytes.Reader) { s.stream(key, body) } // the manager asks for the size itself

func (s *sdk) stream(key string, body io.Reader) {
	_, err := s.manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: s.bucket, Key: &key, Body: body})
	must(err)
}

func (s *sdk) download(key string, w io.WriterAt) {
	_, err := s.manager.DownloadObject(ctx, &transfermanager.DownloadObjectInput{Bucket: s.bucket, Key: &key, WriterAt: w})
	must(err)
}

func (s *sdk) read(key string, buf []byte) {
	out, err := s.manager.GetObject(ctx, &transfermanager.GetObjectInput{Bucket: s.bucket, Key: &key})
	must(err)
	drain(io.NopCloser(out.Body), buf)
}

// mc is minio-go.
type mc struct {
	client *minio.Client
	bucket string
}

func newMinio(t *target) *mc {
	u, err := url.Parse(t.url)
	must(err)
	client, err := minio.New(u.Host, &minio.Options{
		Creds: miniocredentials.NewStaticV4(t.key, t.secret, ""), Secure: u.Scheme == "https", Region: region, BucketLookup: minio.BucketLookupPath,
	})
	must(err)
	return &mc{client, t.bucket}
}

func (m *mc) put(key string, content []byte) {
	_, err := m.client.PutObject(ctx, m.bucket, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	must(err)
}

func (m *mc) get(key string, buf []byte) {
	o, err := m.client.GetObject(ctx, m.bucket, key, minio.GetObjectOptions{})
	must(err)
	readWhole(o, buf)
}

func (m *mc) stat(key string) {
	_, err := m.client.StatObject(ctx, m.bucket, key, minio.StatObjectOptions{})
	must(err)
}

func (m *mc) list(prefix string, n int) {
	got := 0
	for o := range m.client.ListObjectsIter(ctx, m.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		must(o.Err)
		got++
	}
	counted(got, n)
}

func (m *mc) upload(key string, body *bytes.Reader) {
	_, err := m.client.PutObject(ctx, m.bucket, key, body, body.Size(), minio.PutObjectOptions{})
	must(err)
}

func (m *mc) stream(key string, body io.Reader) {
	_, err := m.client.PutObject(ctx, m.bucket, key, body, -1, minio.PutObjectOptions{})
	must(err)
}

// download has no parallel form in minio-go: its FGetObject copies from the same reader.
func (m *mc) download(key string, w io.WriterAt) {
	o, err := m.client.GetObject(ctx, m.bucket, key, minio.GetObjectOptions{})
	must(err)
	_, err = io.Copy(io.NewOffsetWriter(w, 0), o)
	must(err)
	must(o.Close())
}

func (m *mc) read(key string, buf []byte) {
	o, err := m.client.GetObject(ctx, m.bucket, key, minio.GetObjectOptions{})
	must(err)
	drain(o, buf)
}

// gocloud is gocloud.dev's s3blob, over the SDK's client.
type gocloud struct{ bucket *gcblob.Bucket }

func newGocloud(t *target) *gocloud {
	b, err := s3blob.OpenBucket(ctx, newSDK(t).client, t.bucket, nil)
	must(err)
	return &gocloud{b}
}

func (g *gocloud) put(key string, content []byte) { must(g.bucket.WriteAll(ctx, key, content, nil)) }

func (g *gocloud) get(key string, buf []byte) {
	r, err := g.bucket.NewReader(ctx, key, nil)
	must(err)
	readWhole(r, buf)
}

func (g *gocloud) stat(key string) {
	_, err := g.bucket.Attributes(ctx, key)
	must(err)
}

func (g *gocloud) list(prefix string, n int) {
	got := 0
	for it := g.bucket.List(&gcblob.ListOptions{Prefix: prefix}); ; got++ {
		_, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
	}
	counted(got, n)
}
