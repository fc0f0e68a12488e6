package blob_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/mem"
)

var opened atomic.Int64

// inMemory is the harness of buckets in memory.
func inMemory(opts *mem.Options) conformance.Harness {
	open := func(t *conformance.T, name string) blob.Bucket {
		b, err := mem.Open(name, opts)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	return conformance.Harness{
		Name:   "mem",
		Open:   func(t *conformance.T) blob.Bucket { return open(t, fmt.Sprintf("wrapped-%d", opened.Add(1))) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return open(t, fmt.Sprint(b)[len("mem://"):]) },
	}
}

// The wrappers of the examples are Buckets as good as the one that they wrap: whatever the suite runs on memory, it runs
// on them, and they pass it.
func TestExampleWrappersConform(t *testing.T) {
	counted := func(_ *conformance.T, b blob.Bucket) blob.Bucket { return Counting(b, &Counts{}) }
	cached := func(_ *conformance.T, b blob.Bucket) blob.Bucket { return Cached(b, 8<<20) }
	memory, versions := inMemory(nil), inMemory(&mem.Options{Versions: true})
	t.Run("counting", func(t *testing.T) {
		conformance.Run(t, memory.Wrapped("counting", counted), conformance.InTier(conformance.Short))
	})
	t.Run("cached", func(t *testing.T) {
		conformance.Run(t, memory.Wrapped("cached", cached), conformance.InTier(conformance.Short))
	})
	t.Run("both", func(t *testing.T) {
		both := versions.Wrapped("counting", counted).Wrapped("cached", cached)
		conformance.Run(t, both, conformance.InTier(conformance.Short))
	})
}
