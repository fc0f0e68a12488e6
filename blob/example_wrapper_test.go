package blob_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Counts are the calls of a bucket so far.
type Counts struct{ Gets, Puts atomic.Int64 }

type counting struct {
	blob.Wrapper
	counts *Counts
}

// Counting returns b with its calls counted.
func Counting(b blob.Bucket, counts *Counts) blob.Bucket {
	return blob.Check(&counting{blob.Wrap(b), counts})
}

func (c *counting) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	c.counts.Gets.Add(1)
	return c.Wrapper.Get(ctx, key, opts)
}

func (c *counting) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	c.counts.Puts.Add(1)
	return c.Wrapper.Put(ctx, key, body, opts)
}

// A wrapper that counts. All else stays what it is in the bucket that is wrapped.
func ExampleWrapper() {
	ctx := context.Background()
	var counts Counts
	b := Counting(mem.New(nil), &counts)

	_, _ = blob.WriteAll(ctx, b, "k", []byte("content"), nil)
	_, _ = blob.ReadAll(ctx, b, "k")
	_, err := blob.ReadAll(ctx, b, "another")
	fmt.Println(counts.Gets.Load(), counts.Puts.Load())
	fmt.Println(err)
	// Output:
	// 2 1
	// get "another" in mem://: object does not exist
}
