package nulls3_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/bench/nulls3"
)

var bucket = aws.String(nulls3.Bucket)

// open returns the SDK's client, which checks what a server answers.
func open(t *testing.T, start func(http.Handler) *httptest.Server) *s3.Client {
	t.Helper()
	server := start(nulls3.NewHandler())
	t.Cleanup(server.Close)
	return s3.New(s3.Options{
		HTTPClient: server.Client(),
		Region:     "us-east-1", BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider("key", "secret", ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

func content(off, n int64) []byte {
	p := make([]byte, n)
	nulls3.Content(p, off)
	return p
}

func TestReads(t *testing.T) {
	client := open(t, httptest.NewServer)
	const size = 2*nulls3.PartSize + 1000
	key := aws.String(fmt.Sprint("a/", size))
	for _, test := range []struct {
		name      string
		in        s3.GetObjectInput
		off, n    int64
		byteRange string
	}{
		{"everything", s3.GetObjectInput{}, 0, size, ""},
		{"a range", s3.GetObjectInput{Range: aws.String("bytes=1048000-1049999")}, 1048000, 2000, fmt.Sprintf("bytes 1048000-1049999/%d", size)},
		{"to the end", s3.GetObjectInput{Range: aws.String(fmt.Sprintf("bytes=%d-", size-10))}, size - 10, 10, fmt.Sprintf("bytes %d-%d/%d", size-10, size-1, size)},
		{"beyond the end", s3.GetObjectInput{Range: aws.String(fmt.Sprintf("bytes=%d-%d", size-10, size+10))}, size - 10, 10, fmt.Sprintf("bytes %d-%d/%d", size-10, size-1, size)},
		{"the last bytes", s3.GetObjectInput{Range: aws.String("bytes=-5")}, size - 5, 5, fmt.Sprintf("bytes %d-%d/%d", size-5, size-1, size)},
		{"the first part", s3.GetObjectInput{PartNumber: aws.Int32(1)}, 0, nulls3.PartSize, fmt.Sprintf("bytes 0-%d/%d", nulls3.PartSize-1, size)},
		{"the last part", s3.GetObjectInput{PartNumber: aws.Int32(3)}, 2 * nulls3.PartSize, 1000, fmt.Sprintf("bytes %d-%d/%d", 2*nulls3.PartSize, size-1, size)},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.in.Bucket, test.in.Key = bucket, key
			out, err := client.GetObject(context.Background(), &test.in)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Body.Close()
			got, err := io.ReadAll(out.Body) // verified by the SDK where a checksum came
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, content(test.off, test.n)) {
				t.Errorf("%d bytes, and not those from %d on", len(got), test.off)
			}
			if r := aws.ToString(out.ContentRange); r != test.byteRange {
				t.Errorf("Content-Range %q, want %q", r, test.byteRange)
			}
			if whole := test.byteRange == ""; whole != (out.ChecksumCRC32C != nil) {
				t.Errorf("checksum %v", out.ChecksumCRC32C)
			}
			if (test.in.PartNumber != nil) != (aws.ToInt32(out.PartsCount) == 3) {
				t.Errorf("%d parts", aws.ToInt32(out.PartsCount))
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	client := open(t, httptest.NewServer)
	for _, test := range []struct {
		in     s3.GetObjectInput
		status int
	}{
		{s3.GetObjectInput{Key: aws.String("a/none")}, 404},
		{s3.GetObjectInput{Key: aws.String("a/10"), Range: aws.String("bytes=10-")}, 416},
		{s3.GetObjectInput{Key: aws.String("a/10"), PartNumber: aws.Int32(2)}, 416},
		{s3.GetObjectInput{Key: aws.String("a/10"), IfMatch: aws.String(`"other"`)}, 412},
	} {
		test.in.Bucket = bucket
		_, err := client.GetObject(context.Background(), &test.in)
		var status interface{ HTTPStatusCode() int }
		if !errors.As(err, &status) || status.HTTPStatusCode() != test.status {
			t.Errorf("%s: %v, want %d", *test.in.Key, err, test.status)
		}
	}
}

// TestWrites also shows that the server reads all of a body, since it says the checksum back: over http that is a
// header, over https a trailer of the framed body.
func TestWrites(t *testing.T) {
	t.Run("http", func(t *testing.T) { testWrites(t, open(t, httptest.NewServer)) })
	t.Run("https", func(t *testing.T) { testWrites(t, open(t, httptest.NewTLSServer)) })
}

func testWrites(t *testing.T, client *s3.Client) {
	ctx := context.Background()
	body := content(0, 3000)
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	put, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("a/b"), Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	if put.ETag == nil || aws.ToString(put.ChecksumCRC32) != sum {
		t.Errorf("ETag %q, CRC-32 %q, want %q", aws.ToString(put.ETag), aws.ToString(put.ChecksumCRC32), sum)
	}
	up, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("a/<b>")})
	if err != nil {
		t.Fatal(err)
	}
	part, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: up.Key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	done, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: up.Key, UploadId: up.UploadId, ChecksumCRC32: part.ChecksumCRC32,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *done.Key != "a/<b>" || aws.ToString(part.ChecksumCRC32) != sum || aws.ToString(done.ChecksumCRC32) != sum {
		t.Errorf("key %q, CRC-32 %q of the part and %q of the whole, want %q", *done.Key, aws.ToString(part.ChecksumCRC32), aws.ToString(done.ChecksumCRC32), sum)
	}
	if _, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: up.Key, UploadId: up.UploadId}); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: up.Key}); err != nil {
		t.Error(err)
	}
}

func TestListing(t *testing.T) {
	client := open(t, httptest.NewServer)
	for _, test := range []struct {
		prefix, after string
		first, n      int
	}{
		{"", "", 0, nulls3.Keys},
		{"", "0007/41/object", 742, nulls3.Keys - 742},
		{"", "0007/41/objec", 741, nulls3.Keys - 741},
		{"00", "", 0, 10_000},
		{"0999/", "0999/50/object", 99_951, 49},
		{"0999/99/object", "", 99_999, 1},
		{"", "x", 0, 0},
		{"x", "", 0, 0},
	} {
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &test.prefix, StartAfter: &test.after})
		n, requests := 0, 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			requests++
			for _, o := range page.Contents {
				if want := nulls3.Key(test.first + n); *o.Key != want {
					t.Fatalf("prefix %q after %q: entry %d is %q, want %q", test.prefix, test.after, n, *o.Key, want)
				}
				n++
			}
		}
		if n != test.n || requests != max(1, (test.n+999)/1000) {
			t.Errorf("prefix %q after %q: %d keys in %d requests, want %d", test.prefix, test.after, n, requests, test.n)
		}
	}
}
