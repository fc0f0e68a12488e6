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
	"cmp"
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
	for _, day := range []string{"monday", "tuesday"} {
		o, err := bucket.Put(ctx, day, strings.NewReader("a note of "+day), nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "put   %s, %d bytes\n", o.Key, o.Size)
	}
	_, err = bucket.Put(ctx, "monday", strings.NewReader("another"), &blob.PutOptions{If: blob.IfAbsent})
	switch {
	case errors.Is(err, fs.ErrExist):
		fmt.Fprintln(out, "put   monday, if absent: it is there already")
	case errors.Is(err, errors.ErrUnsupported):
		fmt.Fprintln(out, "put   monday, if absent: this store cannot")
	default:
		return fmt.Errorf("a put if-absent of what is there answered %w", cmp.Or(err, errors.New("success")))
	}
	if _, err := blob.Copy(ctx, bucket, "copy", bucket, "tuesday", nil); err != nil {
		return err
	}
	for o, err := range bucket.List(ctx, nil) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "list  %s, %d bytes\n", o.Key, o.Size)
	}
	r, err := bucket.Get(ctx, "copy", &blob.GetOptions{Range: blob.Last(7)})
	if err != nil {
		return err
	}
	defer r.Close()
	end, err := io.ReadAll(r)
	fmt.Fprintf(out, "get   the last 7 bytes of copy: %s\n", end)
	return err
}
