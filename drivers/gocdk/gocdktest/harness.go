package gocdktest

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/gocdk"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

// Memblob is the harness of gocloud.dev's buckets in memory.
func Memblob() conformance.Harness {
	h := harnessOf("memblob", gocdk.Options{AtomicIfNotExist: true, MD5: true},
		func(string) (*gcblob.Bucket, error) { return memblob.OpenBucket(nil), nil })
	h.Expected = map[string]conformance.KnownFailure{"E09": formatted}
	return h
}

// Fileblob is the harness of gocloud.dev's buckets of files.
func Fileblob() conformance.Harness {
	h := harnessOf("fileblob", gocdk.Options{MD5: true},
		func(dir string) (*gcblob.Bucket, error) { return fileblob.OpenBucket(dir, nil) })
	h.Expected = map[string]conformance.KnownFailure{
		"E09": formatted, "H29": folders,
		"E18": apart, "I13": apart, "J11": apart, "N03": apart, "N04": apart, "N08": apart, "N10": apart,
		"G02": ticks,
	}
	return h
}

const source = "https://github.com/google/go-cloud/blob/v0.47.0/blob/"

// How and why cases fail.
var (
	formatted = conformance.KnownFailure{
		Reason: "gocloud.dev parses and formats the content type again: " + source + "blob.go#L1216",
		Texts:  []string{"has the attributes {ContentType:text/html; charset="},
	}
	folders = conformance.KnownFailure{
		Reason: "fileblob leaves empty folders behind, and no object can be put in the place of one: " + source + "fileblob/fileblob.go#L868",
		Texts:  []string{": file exists"},
	}
	apart = conformance.KnownFailure{
		Reason:    "fileblob writes attributes and content one after the other: " + source + "fileblob/fileblob.go#L861",
		Texts:     []string{blob.ErrChecksum.Error(), "mixes versions", "fileblob is writing its attributes", ": EOF", io.ErrUnexpectedEOF.Error(), "unexpected end of JSON input"},
		Sometimes: true,
	}
	ticks = conformance.KnownFailure{
		Reason:    "two writes of one size within a tick of the file system's clock have the same ETag: " + source + "fileblob/fileblob.go#L617",
		Texts:     []string{"of the old one"},
		Sometimes: true,
	}
)

// made makes the names of buckets different.
var made atomic.Int64

// harnessOf is that of gocdk.New over buckets that open makes, in a folder of their own.
func harnessOf(driver string, opts gocdk.Options, open func(dir string) (*gcblob.Bucket, error)) conformance.Harness {
	within := map[blob.Bucket]*gcblob.Bucket{}
	of := func(b *gcblob.Bucket, name string) blob.Bucket {
		opts := opts
		opts.Name = name
		outer := gocdk.New(b, &opts)
		within[outer] = b
		return outer
	}
	return conformance.Harness{
		Name: "gocdk:" + driver,
		Open: func(t *conformance.T) blob.Bucket {
			b, err := open(t.TempDir())
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			t.Cleanup(func() { _ = b.Close() })
			return of(b, fmt.Sprintf("%s-%d", driver, made.Add(1)))
		},
		Foreign: func(t *conformance.T, b blob.Bucket, key, content string) {
			if err := within[b].WriteAll(context.Background(), key, []byte(content), nil); err != nil {
				t.Fatalf("write %q: %v", key, err)
			}
		},
		Reopen: func(_ *conformance.T, b blob.Bucket) blob.Bucket { return of(within[b], fmt.Sprint(b)) },
		Impossible: map[conformance.Hook]string{
			conformance.HookURL:         "the bucket is handed in",
			conformance.HookNonexistent: "the bucket is handed in",
			conformance.HookCorrupt:     "it would go past gocloud.dev",
			conformance.HookEndpoint:    "there is no server",
			conformance.HookProxied:     "there are no requests",
			conformance.HookDenied:      "there are no credentials",
			conformance.HookRestart:     "the bucket is handed in",
			conformance.HookPause:       "there is no server",
		},
	}
}
