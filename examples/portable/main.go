// Command portable writes, lists, reads, copies and deletes in whatever store a URL names. Nothing but the URL changes.
//
//	go -C examples/portable run . mem://demo
//	go -C examples/portable run . 'file:///tmp/demo?create=true'
//	go -C examples/portable run . 's3://bucket/demo/?endpoint=http://127.0.0.1:9000&region=us-east-1'
//
// Credentials of S3 come from where the AWS command line finds them, such as AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY. All that it writes is in a folder of its own, which it removes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	_ "github.com/holdall-go/holdall/drivers/file"
	_ "github.com/holdall-go/holdall/drivers/mem"
	_ "github.com/holdall-go/holdall/drivers/s3"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "portable: name one store by its URL, such as mem://demo")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "portable:", err)
		os.Exit(1)
	}
}

// run is the program that is the same over every store.
func run(ctx context.Context, out io.Writer, url string) error {
	store, err := blob.Open(ctx, url)
	if err != nil {
		return err
	}
	defer store.Close()
	bucket := blob.Sub(store, fmt.Sprintf("portable-%x/", time.Now().UnixNano()))
	defer blob.DeletePrefix(ctx, bucket, "")
	if _, err := bucket.Put(ctx, "monday", strings.NewReader("a note of monday"), nil); err != nil {
		return err
	}
	_, err = bucket.Put(ctx, "monday", strings.NewReader("another"), &blob.PutOptions{If: blob.IfAbsent})
	if !errors.Is(err, fs.ErrExist) && !errors.Is(err, errors.ErrUnsupported) { // not every store has conditions
		return fmt.Errorf("a put if-absent of what is there: %v", err)
	}
	if _, err := blob.Copy(ctx, bucket, "tuesday", bucket, "monday", nil); err != nil {
		return err
	}
	for o, err := range bucket.List(ctx, nil) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "list  %s, %d bytes\n", o.Key, o.Size)
	}
	note, err := blob.ReadAll(ctx, bucket, "tuesday")
	fmt.Fprintf(out, "get   tuesday: %s\n", note)
	return err
}
