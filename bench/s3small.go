//go:build linux

package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/bench/nulls3"
)

// smallCalls is G1c. Keys repeat, as in an application; every call opens or reuses a connection as the side chooses.
func smallCalls(r *results) {
	for _, t := range targets("http", "https") {
		ours, peer := newOurs(t), newSDK(t)
		peer.put(t.object("get", len(oneKiB)), oneKiB)
		for _, op := range smallOps(t) {
			for _, workers := range []int{1, 16} {
				c := alternateSmall(op.side(ours, workers), op.side(peer, workers))
				o, p := c[0], c[1]
				r.add(fmt.Sprintf("s3 %s, %d at once, %s", op.name, workers, t.name), o.perCall(), "SDK "+p.perCall(),
					fmt.Sprintf("%+.1f %%, %+.0f allocs", 100*(ratio(o.cpu, p.cpu)-1), o.allocs-p.allocs),
					"≤ +5 %, ≤ +20 allocs", ratio(o.cpu, p.cpu) <= 1.05 && o.allocs-p.allocs < 20.5)
			}
		}
		if t.name == "null http" {
			besideOthers(r, t, ours)
		}
		ours.close()
		t.clean()
	}
}

// besideOthers shows for the small calls what the floor and the other libraries take.
func besideOthers(r *results, t *target, ours caller) {
	for _, op := range smallOps(t) {
		names, sides := []string{"bare net/http", "minio-go", "s3blob"}, []side{op.side(ours, 1), op.side(newBare(t), 1), op.side(newMinio(t), 1), op.side(newGocloud(t), 1)}
		if op.name == "stat" {
			names, sides = append(names, "SDK, no checksum"), append(sides, op.side(withoutSums{newSDK(t)}, 1))
		}
		c := alternateSmall(sides...)
		for i, name := range names {
			o, p := c[0], c[1+i]
			r.note(fmt.Sprintf("s3 %s, 1 at once, %s", op.name, t.name), o.perCall(), name+" "+p.perCall(),
				fmt.Sprintf("%.2f×, %+.0f allocs", ratio(o.cpu, p.cpu), o.allocs-p.allocs))
		}
	}
}

// A smallOp is one kind of call. Each worker has a buffer of its own.
type smallOp struct {
	name string
	run  func(c caller, worker, i int)
}

// smallTurn is how many calls a side makes in its turn. The limits of G1c are narrow, so the turns are short and the
// sides take four times as many.
const smallTurn = 400

func alternateSmall(sides ...side) []cost { return alternateOften(4*turns, sides...) }

func smallOps(t *target) []smallOp {
	put := make([]string, 100)
	for i := range put {
		put[i] = t.object(fmt.Sprintf("put/%02d", i), len(oneKiB))
	}
	key := t.object("get", len(oneKiB))
	var bufs [16][1024]byte
	return []smallOp{
		{"put 1 KiB", func(c caller, _, i int) { c.put(put[i%len(put)], oneKiB) }},
		{"get 1 KiB", func(c caller, worker, _ int) { c.get(key, bufs[worker][:]) }},
		{"stat", func(c caller, _, _ int) { c.stat(key) }},
	}
}

// side makes the calls of a turn, from some goroutines.
func (op smallOp) side(c caller, workers int) side {
	return func() cost {
		all := measure(1, func(int) {
			var next atomic.Int64
			var wg sync.WaitGroup
			for worker := range workers {
				wg.Go(func() {
					for i := next.Add(1); i <= smallTurn; i = next.Add(1) {
						op.run(c, worker, int(i))
					}
				})
			}
			wg.Wait()
		})
		return all.by(smallTurn)
	}
}

// s3Listing is G4c. A real server is given fewer keys, since they must be put there first.
func s3Listing(r *results) {
	for _, t := range targets("http") {
		n, prefix := nulls3.Keys, ""
		if !t.null {
			n, prefix = 10_000, t.place+"list/"
			fillS3(newSDK(t), prefix, n)
		}
		ours := newOurs(t)
		sides := []side{calls(1, func(int) { ours.list(prefix, n) })}
		names := []string{"SDK", "minio-go", "s3blob", "bare net/http"}
		peers := []caller{newSDK(t), newMinio(t), newGocloud(t), newBare(t)}
		if !t.null {
			peers = peers[:3] // the last one signs nothing
		}
		for _, p := range peers {
			sides = append(sides, calls(1, func(int) { p.list(prefix, n) }))
		}
		c := alternate(sides...)
		o := c[0].by(n)
		what := fmt.Sprintf("s3 list %d keys, a key, %s", n, t.name)
		for i := range peers {
			p := c[1+i].by(n)
			if i == 0 {
				r.add(what, o.perKey(), names[i]+" "+p.perKey(), of(o.cpu, p.cpu), "≤ 1.05×", ratio(o.cpu, p.cpu) <= 1.05)
				continue
			}
			r.note(what, o.perKey(), names[i]+" "+p.perKey(), of(o.cpu, p.cpu))
		}
		r.add(what, o.perKey(), "—", "—", "≤ 4 µs, ≤ 6 allocs", o.cpu <= 4*time.Microsecond && o.allocs < 6.05)
		ours.close()
		t.clean()
	}
}

func fillS3(s *sdk, prefix string, n int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				s.put(prefix+nulls3.Key(int(i)), nil)
			}
		})
	}
	wg.Wait()
}

func (c cost) perKey() string { return fmt.Sprintf("%s, %.1f allocs", short(c.cpu), c.allocs) }
