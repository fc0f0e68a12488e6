package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// readyBucket is the bucket that tries are made in. One of a try that failed is as good as a new one.
var readyBucket = fmt.Sprintf("ready-%d", time.Now().UnixNano())

// wait returns when the server works: an open port is no proof of that, so an object is put, got and listed.
func (s *Server) wait(ctx context.Context) error {
	ready := s.Provider.ready
	if ready == nil {
		ready = s3Ready
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := ready(attempt, s)
		cancel()
		if err == nil {
			return nil
		}
		if dead := s.process.gone(); dead != nil {
			return fmt.Errorf("%s ended before it worked: %w\n%s", s.Provider.Name, dead, s.process.output())
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s does not work in time: %w\n%s", s.Provider.Name, err, s.process.output())
		}
	}
}

// s3Ready puts, gets and lists one object, in a bucket that it makes and removes.
func s3Ready(ctx context.Context, s *Server) error {
	client, bucket := s.Client(s.Provider.Holders[0]), readyBucket
	once := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
	if err := makeBucket(ctx, client, bucket, once); err != nil {
		return err
	}
	const key, content = "key", "content"
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(key), Body: bytes.NewReader([]byte(content))}, once)
	if err != nil {
		return err
	}
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(key)}, once)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if b, err := io.ReadAll(got.Body); err != nil || string(b) != content {
		return fmt.Errorf("get answers %q: %w", b, err)
	}
	listed, err := client.ListObjects(ctx, &s3.ListObjectsInput{Bucket: &bucket}, once)
	if err != nil {
		return err
	}
	if len(listed.Contents) != 1 || aws.ToString(listed.Contents[0].Key) != key {
		return errors.New("the object is not listed yet")
	}
	return removeBucket(ctx, client, bucket)
}
