package conformance_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/mem"
)

var opened atomic.Uint64

// memory is the harness of the reference driver.
func memory(opts *mem.Options) conformance.Harness {
	names := map[blob.Bucket]string{}
	open := func(t *conformance.T, name string) blob.Bucket {
		b, err := mem.Open(name, opts)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		names[b] = name
		return b
	}
	return conformance.Harness{
		Name: "mem",
		Open: func(t *conformance.T) blob.Bucket {
			return open(t, fmt.Sprintf("conformance-%d", opened.Add(1)))
		},
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return open(t, names[b]) },
		URL: func(t *conformance.T, b blob.Bucket) string {
			url := "mem://" + names[b]
			if opts != nil && opts.Versions {
				url += "?versions=true"
			}
			return url
		},
		Impossible: map[conformance.Hook]string{
			conformance.HookNonexistent: "a bucket in memory is made when it is opened",
			conformance.HookForeign:     "no other program reaches this memory",
			conformance.HookCorrupt:     "no other program reaches this memory",
			conformance.HookEndpoint:    "there is no server",
			conformance.HookProxied:     "there are no requests",
			conformance.HookDenied:      "there are no credentials",
			conformance.HookRestart:     "what is in memory ends with the process",
			conformance.HookPause:       "there is no server",
		},
	}
}

// The reference passes all that applies to it, and nothing is merely not run.
func TestMemory(t *testing.T) {
	report := conformance.Run(t, memory(nil))
	if n := report.Count(conformance.NotRun); n > 0 {
		t.Errorf("%d cases were not run on the reference", n)
	}
}

func TestMemoryWithVersions(t *testing.T) {
	conformance.Run(t, memory(&mem.Options{Versions: true}), conformance.InTier(conformance.Short))
}
