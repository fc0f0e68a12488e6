package mem_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

const benchKeys = 10_000

func benchBucket(b *testing.B, keys int, size int) (blob.Bucket, []string) {
	ctx := context.Background()
	bucket := mem.New(nil)
	names := make([]string, keys)
	body := make([]byte, size)
	for i := range names {
		names[i] = fmt.Sprintf("photos/%03d/%06d.jpg", i%100, i)
		if _, err := bucket.Put(ctx, names[i], bytes.NewReader(body), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	return bucket, names
}

func BenchmarkPut(b *testing.B) {
	bucket, names := benchBucket(b, benchKeys, 1024)
	body := make([]byte, 1024)
	r := bytes.NewReader(body)
	for i := 0; b.Loop(); i++ {
		r.Reset(body)
		if _, err := bucket.Put(context.Background(), names[i%benchKeys], r, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	bucket, names := benchBucket(b, benchKeys, 1024)
	buf := make([]byte, 1024)
	for i := 0; b.Loop(); i++ {
		r, err := bucket.Get(context.Background(), names[i%benchKeys], nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(r, buf); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

func BenchmarkStat(b *testing.B) {
	bucket, names := benchBucket(b, benchKeys, 1024)
	for i := 0; b.Loop(); i++ {
		if _, err := bucket.Stat(context.Background(), names[i%benchKeys], nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bucket, _ := benchBucket(b, n, 0)
			for b.Loop() {
				listed := 0
				for _, err := range bucket.List(context.Background(), nil) {
					if err != nil {
						b.Fatal(err)
					}
					listed++
				}
				if listed != n {
					b.Fatalf("%d of %d keys listed", listed, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/key")
		})
	}
}
