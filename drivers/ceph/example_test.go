package ceph_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/ceph"
)

// A bucket is made once. Large content goes to an erasure-coded pool.
func Example() {
	ctx := context.Background()
	bucket, err := ceph.Open(ctx, "index", "photos", &ceph.Config{Create: true, DataPool: "coded", Shards: 64})
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()

	o, err := bucket.Put(ctx, "2015/beach.txt", strings.NewReader("sand"), &blob.PutOptions{If: blob.IfAbsent})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(o.ETag)
}

func ExampleOpen_url() {
	ctx := context.Background()
	bucket, err := blob.Open(ctx, "ceph://index/photos/2015/?conf=/etc/ceph/ceph.conf&user=photos&timeout=10s")
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	for o, err := range bucket.List(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(o.Key) // without 2015/
	}
}

// Once a day, what interrupted writes have left is removed, and uploads that nobody finished in a week.
func ExampleBucket_Sweep() {
	ctx := context.Background()
	bucket, err := ceph.Open(ctx, "index", "photos", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	swept, err := bucket.Sweep(ctx, &ceph.SweepOptions{Uploads: 7 * 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d objects and %d uploads were left over\n", swept.Objects, swept.Uploads)
}

func ExampleBucket_Fsck() {
	ctx := context.Background()
	bucket, err := ceph.Open(ctx, "index", "photos", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	checked, err := bucket.Fsck(ctx, &ceph.FsckOptions{Content: true}, func(p ceph.Problem) { fmt.Println(p) })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d objects of %d bytes, %d problems\n", checked.Objects, checked.Bytes, checked.Problems)
}
