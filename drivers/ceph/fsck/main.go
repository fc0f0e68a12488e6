// Command fsck checks a bucket of RADOS, and prints what it finds, a problem a line:
//
//	go run -tags ceph github.com/holdall-go/holdall/drivers/ceph/fsck 'ceph://pool/namespace/?conf=/etc/ceph/ceph.conf'
//
// It changes nothing unless -sweep is given, and may run beside readers and writers. The exit status is 0 if the bucket
// is sound, 1 if there is a problem or the check could not be finished, 2 for a wrong argument.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/ceph"
)

func main() { os.Exit(fsck(os.Args[1:], os.Stdout, os.Stderr)) }

func fsck(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fsck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: fsck [flags] ceph://pool/namespace/?conf=/etc/ceph/ceph.conf")
		flags.PrintDefaults()
	}
	content := flags.Bool("content", false, "read all content, and compare it with its checksums")
	sweep := flags.Bool("sweep", false, fmt.Sprintf("then remove the orphans, which are older than %v", ceph.MinSweepAge))
	uploads := flags.Duration("uploads", 0, "with -sweep, also abort unfinished uploads of this `age`, such as 168h; 0 leaves them")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	case flags.NArg() != 1:
		fmt.Fprintf(stderr, "fsck: %d buckets are named; it checks one\n", flags.NArg())
		return 2
	case *uploads < 0 || *uploads > 0 && !*sweep:
		fmt.Fprintln(stderr, "fsck: -uploads is an age, and goes with -sweep")
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opened, err := blob.Open(ctx, flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, "fsck:", err)
		return 1
	}
	defer opened.Close()
	bucket, whole := opened.(*ceph.Bucket)
	if !whole {
		fmt.Fprintln(stderr, "fsck: the URL has a prefix; it checks whole buckets, ceph://pool/namespace/")
		return 2
	}

	checked, err := bucket.Fsck(ctx, &ceph.FsckOptions{Content: *content}, func(p ceph.Problem) { fmt.Fprintln(stdout, p) })
	fmt.Fprintf(stdout, "%d objects of %d bytes, %d unfinished uploads: %d problems\n", checked.Objects, checked.Bytes, checked.Uploads, checked.Problems)
	if err == nil && *sweep {
		var swept ceph.Swept
		swept, err = bucket.Sweep(ctx, &ceph.SweepOptions{Uploads: *uploads})
		fmt.Fprintf(stdout, "removed %d objects of RADOS, %d records of parts and %d uploads\n", swept.Objects, swept.Records, swept.Uploads)
	}
	if err != nil {
		fmt.Fprintln(stderr, "fsck:", err)
	}
	if err != nil || checked.Problems > 0 {
		return 1
	}
	return 0
}
