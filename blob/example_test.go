package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/holdall-go/holdall/blob"
	_ "github.com/holdall-go/holdall/drivers/mem" // makes mem:// known
)

func Example() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://example")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()

	o, err := bucket.Put(ctx, "2026/hello.txt", strings.NewReader("Hello, bucket!"), &blob.PutOptions{
		Attributes: blob.Attributes{ContentType: "text/plain"},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(o.Key, o.Size)

	r, err := bucket.Get(ctx, "2026/hello.txt", &blob.GetOptions{Range: blob.Last(7)})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	end, err := io.ReadAll(r)
	fmt.Printf("%s of %d bytes of %s, %v\n", end, r.Size, r.ContentType, err)
	// Output:
	// 2026/hello.txt 14
	// bucket! of 14 bytes of text/plain, <nil>
}

// A counter that many may increase at once: whoever loses the race begins again.
func ExampleIfMatch() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()

	increase := func() error {
		cond, n := blob.IfAbsent, 0
		r, err := bucket.Get(ctx, "counter", nil)
		if err == nil {
			defer r.Close()
			if _, err := fmt.Fscan(r, &n); err != nil {
				return err
			}
			cond = blob.IfMatch(r.ETag)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, err = blob.WriteAll(ctx, bucket, "counter", fmt.Append(nil, n+1), &blob.PutOptions{If: cond})
		return err
	}
	for range 3 {
		err := increase()
		for errors.Is(err, blob.ErrPrecondition) {
			err = increase()
		}
		if err != nil {
			panic(err)
		}
	}
	n, err := blob.ReadAll(ctx, bucket, "counter")
	fmt.Println(string(n), err)
	// Output: 3 <nil>
}

func ExampleBucket_list() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()
	for _, key := range []string{"photos/2025/a.jpg", "photos/2026/b.jpg", "photos/2026/c.jpg", "photos/index.html", "readme"} {
		if _, err := blob.WriteAll(ctx, bucket, key, nil, nil); err != nil {
			panic(err)
		}
	}
	for o, err := range bucket.List(ctx, &blob.ListOptions{Prefix: "photos/", Delimiter: "/"}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(o.Key, o.IsPrefix)
	}
	// Output:
	// photos/2025/ true
	// photos/2026/ true
	// photos/index.html false
}

func ExampleWriter() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()

	w := blob.NewWriter(ctx, bucket, "report.csv", nil)
	defer w.Abort() // does nothing after Commit
	for i := range 3 {
		fmt.Fprintf(w, "%d;%d\n", i, i*i)
	}
	o, err := w.Commit() // until here nobody sees anything
	fmt.Println(o.Size, err)
	// Output: 12 <nil>
}

func ExampleFS() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()
	if _, err := blob.WriteAll(ctx, bucket, "pages/index.html", []byte("<h1>Hello</h1>"), nil); err != nil {
		panic(err)
	}
	err = fs.WalkDir(blob.FS(ctx, bucket), ".", func(path string, d fs.DirEntry, err error) error {
		fmt.Println(path)
		return err
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// .
	// pages
	// pages/index.html
}

func ExampleHandler() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer bucket.Close()
	if _, err := blob.WriteAll(ctx, bucket, "hello.txt", []byte("Hello, web!"), nil); err != nil {
		panic(err)
	}
	server := httptest.NewServer(blob.Handler(bucket, nil))
	defer server.Close()

	response, err := server.Client().Get(server.URL + "/hello.txt")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	io.Copy(os.Stdout, response.Body)
	// Output: Hello, web!
}
