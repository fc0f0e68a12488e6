package s3_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/s3"
)

// server stands in for a real one, so that the examples run anywhere.
func server() *httptest.Server {
	content := ""
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"9a0364b9e99bb480dd25e1f0284c8555"`)
		if r.Method == http.MethodPut {
			b, _ := io.ReadAll(r.Body)
			content = string(b)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
}

// A bucket of any server of the family is opened, written and read. With AWS no Endpoint is needed, and where the AWS
// command line finds credentials, no Credentials are.
func ExampleOpen() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b, err := s3.Open(ctx, "photos", &s3.Config{
		Endpoint:    srv.URL,
		Flavour:     "minio",
		Credentials: credentials.NewStaticCredentialsProvider("access-key", "secret-key", ""),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	if _, err := blob.WriteAll(ctx, b, "2026/cat.txt", []byte("a cat"), nil); err != nil {
		log.Fatal(err)
	}
	content, err := blob.ReadAll(ctx, b, "2026/cat.txt")
	fmt.Printf("%s, %v, in %s, a %s\n", content, err, b, b.Flavour())
	// Output: a cat, <nil>, in s3://photos, a minio
}

// A bearer of a signed request stores one object, if it is not there yet, without credentials of his own.
func ExampleBucket_sign() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b, err := s3.Open(ctx, "photos", &s3.Config{Endpoint: srv.URL, Flavour: "minio", Credentials: credentials.NewStaticCredentialsProvider("access-key", "secret-key", "")})
	if err != nil {
		log.Fatal(err)
	}
	signed, err := b.Sign(ctx, "inbox/1", &blob.SignOptions{Method: http.MethodPut, Expires: time.Hour, If: blob.IfAbsent})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signed.Method, signed.Header)
	// Output: PUT map[If-None-Match:[*]]
}

// What S3 alone knows goes with a write as a Provider option. Other drivers refuse it.
func ExampleProvider() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b, err := s3.Open(ctx, "backup", &s3.Config{Endpoint: srv.URL, Flavour: "aws", PathStyle: new(true),
		Credentials: credentials.NewStaticCredentialsProvider("access-key", "secret-key", "")})
	if err != nil {
		log.Fatal(err)
	}
	o, err := b.Put(ctx, "2026.tar", strings.NewReader("much"), &blob.PutOptions{
		Provider: &s3.Provider{StorageClass: "DEEP_ARCHIVE", Tags: map[string]string{"team": "docs"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.Size, o.ETag)
	// Output: 4 "9a0364b9e99bb480dd25e1f0284c8555"
}
