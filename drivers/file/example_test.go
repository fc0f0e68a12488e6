package file_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	bucket, err := file.Open(filepath.Join(dir, "photos"), &file.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()

	_, err = bucket.Put(ctx, "2015/beach.txt", strings.NewReader("sand"), &blob.PutOptions{
		Attributes: blob.Attributes{ContentType: "text/plain", Metadata: map[string]string{"owner": "alice"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	r, err := bucket.Get(ctx, "2015/beach.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s by %s\n", body, r.Metadata["owner"])

	// Another program sees a plain file.
	plain, err := os.ReadFile(filepath.Join(bucket.Dir(), "2015", "beach.txt"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", plain)
	// Output:
	// sand by alice
	// sand
}

// Files that other programs make are objects, and links are never followed.
func ExampleBucket_Skipped() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"a", "a-b", "z"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "etc")); err != nil {
		log.Fatal(err)
	}

	bucket, err := file.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	for o, err := range bucket.List(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(o.Key)
	}
	fmt.Println("links skipped:", bucket.Skipped().Links)
	// Output:
	// a
	// a-b
	// z
	// links skipped: 1
}

func ExampleOpen_url() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// The same program over memory needs but another URL.
	bucket, err := blob.Open(context.Background(), "file://"+filepath.ToSlash(dir)+"/data?create=true&sync=none")
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	o, err := bucket.Put(context.Background(), "hello", strings.NewReader("world"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.Key, o.Size, o.Checksums)
	// Output: hello 5 crc32c:31aa814e
}
