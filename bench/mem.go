//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/holdall-go/holdall/blob"
	memdriver "github.com/holdall-go/holdall/drivers/mem"
)

var ctx = context.Background()

const smallKeys = 10_000

var oneKiB = bytes.Repeat([]byte("holdall "), 128)

func keys(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("dir%03d/object-%06d", i%100, i/100)
	}
	return names
}

// mem is G1a.
func mem(r *results) {
	names := keys(smallKeys)
	ours, peer := memdriver.New(nil), memblob.OpenBucket(nil)
	defer peer.Close()
	fill(ours, names, oneKiB)
	fillPeer(peer, names, oneKiB)
	buf := make([]byte, len(oneKiB))

	put := alternate(ourPuts(ours, names), peerPuts(peer, names))
	get := alternate(ourGets(ours, names, buf), peerGets(peer, names, buf))
	stat := alternate(ourStats(ours, names), peerStats(peer, names))

	for _, x := range []struct {
		what   string
		c      []cost
		most   time.Duration
		allocs float64
	}{
		{"put 1 KiB", put, 1500 * time.Nanosecond, 8},
		{"get 1 KiB", get, 800 * time.Nanosecond, 6},
		{"stat", stat, 250 * time.Nanosecond, 2},
	} {
		o, p := x.c[0], x.c[1]
		r.add("mem "+x.what, o.perCall(), "memblob "+p.perCall(), times(p.cpu, o.cpu),
			fmt.Sprintf("≤ %s, ≤ %.0f allocs, ≥ 4× quicker", short(x.most), x.allocs),
			o.cpu <= x.most && o.allocs < x.allocs+0.5 && ratio(p.cpu, o.cpu) >= 4)
	}
}

func fill(b blob.Bucket, names []string, content []byte) {
	for _, name := range names {
		_, err := b.Put(ctx, name, bytes.NewReader(content), nil)
		must(err)
	}
}

func fillPeer(b *gcblob.Bucket, names []string, content []byte) {
	for _, name := range names {
		must(b.WriteAll(ctx, name, content, nil))
	}
}

func ourPuts(b blob.Bucket, names []string) side {
	body := &bytes.Reader{}
	return calls(len(names), func(i int) {
		body.Reset(oneKiB)
		_, err := b.Put(ctx, names[i], body, nil)
		must(err)
	})
}

func peerPuts(b *gcblob.Bucket, names []string) side {
	return calls(len(names), func(i int) { must(b.WriteAll(ctx, names[i], oneKiB, nil)) })
}

func ourGets(b blob.Bucket, names []string, buf []byte) side {
	return calls(len(names), func(i int) {
		rd, err := b.Get(ctx, names[i], nil)
		must(err)
		_, err = io.ReadFull(rd, buf)
		must(err)
		must(rd.Close())
	})
}

func peerGets(b *gcblob.Bucket, names []string, buf []byte) side {
	return calls(len(names), func(i int) {
		rd, err := b.NewReader(ctx, names[i], nil)
		must(err)
		_, err = io.ReadFull(rd, buf)
		must(err)
		must(rd.Close())
	})
}

func ourStats(b blob.Bucket, names []string) side {
	return calls(len(names), func(i int) {
		_, err := b.Stat(ctx, names[i], nil)
		must(err)
	})
}

func peerStats(b *gcblob.Bucket, names []string) side {
	return calls(len(names), func(i int) {
		_, err := b.Attributes(ctx, names[i])
		must(err)
	})
}

// check is G1b. The floor is the same driver without Check; a driver is never nil-safe, so it is given options. It is called
// through the interface, as Check calls it: a direct call would be inlined, and the Object that the driver allocates would
// count as an allocation of Check.
func check(r *results) {
	raw := driverAlone()
	checked := blob.Check(raw)
	noStat, noGet, noPut := &blob.StatOptions{}, &blob.GetOptions{}, &blob.PutOptions{}
	const n = 1_000_000
	stat := alternate(
		calls(n, func(int) { _, _ = checked.Stat(ctx, "photos/2015/a.jpg", nil) }),
		calls(n, func(int) { _, _ = raw.Stat(ctx, "photos/2015/a.jpg", noStat) }))
	get := alternate(
		calls(n, func(int) { rd, _ := checked.Get(ctx, "photos/2015/a.jpg", nil); _ = rd.Close() }),
		calls(n, func(int) { rd, _ := raw.Get(ctx, "photos/2015/a.jpg", noGet); _ = rd.Close() }))
	body := bytes.NewReader(oneKiB)
	put := alternate(
		calls(n, func(int) { _, _ = checked.Put(ctx, "photos/2015/a.jpg", body, nil) }),
		calls(n, func(int) { _, _ = raw.Put(ctx, "photos/2015/a.jpg", body, noPut) }))
	for _, x := range []struct {
		what   string
		c      []cost
		most   time.Duration
		allocs float64
	}{{"stat", stat, 150, 1}, {"get", get, 300, 3}, {"put", put, 300, 3}} {
		o, p := x.c[0], x.c[1]
		r.add("Check: "+x.what, o.perCall(), "driver alone "+p.perCall(), fmt.Sprintf("+%s, +%.0f allocs", short(max(0, o.cpu-p.cpu)), o.allocs-p.allocs),
			fmt.Sprintf("≤ +%s, ≤ +%.0f allocs", short(x.most), x.allocs), o.cpu-p.cpu <= x.most && o.allocs-p.allocs < x.allocs+0.5)
	}
}

// driverAlone returns the driver that does nothing as an interface whose type the compiler does not see.
//
//go:noinline
func driverAlone() blob.Bucket { return noop{} }

// noop is a driver that does nothing.
type noop struct{ blob.Unsupported }

func (noop) Stat(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
	return &blob.Object{}, nil
}

func (noop) Get(ctx context.Context, _ string, _ *blob.GetOptions) (*blob.Reader, error) {
	return blob.NewReader(ctx, empty{}, &blob.Object{}, 0, 0), nil
}

func (noop) Put(context.Context, string, io.Reader, *blob.PutOptions) (*blob.Object, error) {
	return &blob.Object{}, nil
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }
func (empty) Close() error             { return nil }

// memListing is G4b. The peer is quadratic, so it lists fewer keys and its time is measured at 20,000, beside ours at
// 100,000; the ratio is per key.
func memListing(r *results) {
	const n, m, peerN = 100_000, 10_000, 20_000
	many, few, peer := memdriver.New(nil), memdriver.New(nil), memblob.OpenBucket(nil)
	defer peer.Close()
	fill(many, keys(n), nil)
	fill(few, keys(m), nil)
	fillPeer(peer, keys(peerN), nil)
	c := alternate(
		calls(1, func(int) { count(many.List(ctx, nil), n) }),
		calls(1, func(int) { count(few.List(ctx, nil), m) }),
		calls(1, func(int) { countPeer(peer, peerN) }))
	perKey := func(c cost, n int) time.Duration { return c.wall / time.Duration(n) }
	r.add("mem list 100,000", short(c[0].wall), "memblob, 20,000: "+short(c[2].wall),
		times(perKey(c[2], peerN), perKey(c[0], n))+" a key", "≤ 60 ms", c[0].wall <= 60*time.Millisecond)
	grow := ratio(perKey(c[0], n), perKey(c[1], m))
	r.add("mem list, a key at 100,000 and 10,000", short(perKey(c[0], n)), "ours "+short(perKey(c[1], m)), fmt.Sprintf("%.2f×", grow),
		"linear: ≤ 2×", grow <= 2)
}

// count ranges over a listing that must have n entries.
// count lists, and reads what it lists, as whoever wants a listing does: its keys must ascend.
func count(list iter.Seq2[*blob.Object, error], n int) {
	got, last := 0, ""
	for o, err := range list {
		must(err)
		if o.Key <= last {
			fatal(fmt.Errorf("%q is listed after %q", o.Key, last))
		}
		last = o.Key
		got++
	}
	if got != n {
		fatal(fmt.Errorf("%d entries listed, not %d", got, n))
	}
}

func countPeer(b *gcblob.Bucket, n int) {
	it := b.List(nil)
	got, last := 0, ""
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
		if o.Key <= last {
			fatal(fmt.Errorf("the peer lists %q after %q", o.Key, last))
		}
		last = o.Key
		got++
	}
	if got != n {
		fatal(fmt.Errorf("the peer listed %d entries, not %d", got, n))
	}
}
