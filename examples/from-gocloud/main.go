// Command from-gocloud takes a program that was written for gocloud.dev (album.go), moves it to holdall by changing the
// one line that opens its bucket, and then gives each of its users a view of his own:
//
//	go -C examples/from-gocloud run .
//
// The photos lie in a folder, where fileblob wrote them, and are not moved. The program is not changed.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/gocdk"
	"github.com/holdall-go/holdall/drivers/mem"

	_ "github.com/holdall-go/holdall/drivers/file" // for holdall:file:///…
	gcblob "gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // for file:///…
)

func main() {
	dir, err := os.MkdirTemp("", "album")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), os.Stdout, dir)
	if rerr := os.RemoveAll(dir); err == nil {
		err = rerr
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, dir string) error {
	// As it was: gocloud.dev and its file store.
	bucket, err := gcblob.OpenBucket(ctx, address(dir, "file", "no_tmp_dir=true"))
	if err != nil {
		return err
	}
	defer bucket.Close()
	fmt.Fprintln(w, "As it was, over gocloud.dev's file store:")
	if err := begin(ctx, w, &album{bucket}); err != nil {
		return err
	}

	// The move: another URL. keys=fileblob says who wrote what is there.
	bucket, err = gcblob.OpenBucket(ctx, "holdall:"+address(dir, "file", "keys=fileblob"))
	if err != nil {
		return err
	}
	defer bucket.Close()
	fmt.Fprintln(w, "\nThe same program over holdall, on the same folder:")
	if err := (&album{bucket}).show(ctx, w, "2026/"); err != nil {
		return err
	}

	// And what it is for: a view for each user.
	return share(ctx, w, bucket)
}

// begin fills the album.
func begin(ctx context.Context, w io.Writer, a *album) error {
	for _, photo := range [...]struct{ key, caption string }{
		{"2026/beach.jpg", "The sea"}, {"2026/party/cake.jpg", "Before"}, {"2026/party/crumbs.jpg", "After"}, {"private/diary.jpg", "Mine"},
	} {
		if err := a.add(ctx, photo.key, photo.caption, strings.NewReader("not really a photo")); err != nil {
			return err
		}
	}
	return a.show(ctx, w, "2026/")
}

// share lets alice write all of 2026/, and bob see the party.
func share(ctx context.Context, w io.Writer, bucket *gcblob.Bucket) error {
	var under blob.Bucket
	bucket.As(&under)      // the Bucket that the URL opened
	policy := mem.New(nil) // a file bucket of its own, in earnest: it must outlive the process
	defer policy.Close()
	guard, err := acl.Create(ctx, under, &acl.Options{Store: policy}, acl.User("root"))
	if err != nil {
		return err
	}
	root := guard.As(acl.Identity{User: "root"})
	if _, err := root.Grant(ctx, "2026/", acl.User("alice"), acl.Writer); err != nil {
		return err
	}
	if _, err := root.Grant(ctx, "2026/party/", acl.User("bob"), acl.Reader); err != nil {
		return err
	}
	for _, user := range [...]string{"alice", "bob"} {
		view := guard.As(acl.Identity{User: user})
		mine := gocdk.Open(view, &gocdk.OpenOptions{Keys: gocdk.KeysAsWritten(gocdk.Fileblob)})
		a := &album{mine}
		fmt.Fprintf(w, "\nWhat %s sees:\n", user)
		err := a.show(ctx, w, "2026/")
		for _, key := range [...]string{"2026/party/cake.jpg", "2026/beach.jpg", "private/diary.jpg"} {
			if err == nil {
				err = a.look(ctx, w, key)
			}
		}
		if cerr := mine.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// address is the URL of a folder.
func address(dir, scheme, query string) string {
	path := filepath.ToSlash(dir)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: scheme, Path: path, RawQuery: query}).String()
}
