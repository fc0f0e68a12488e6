//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// turns is how often each side of a comparison runs.
var turns = 7

// scratch and disk are directories for files: in memory, and on a disk that must be waited for.
var scratch, disk string

// A cost is what one call took.
type cost struct {
	cpu, wall time.Duration
	allocs    float64
	bytes     float64 // allocated
}

// measure runs f n times and returns what one time cost.
func measure(n int, f func(i int)) cost {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, wall := processorTime(), time.Now()
	for i := range n {
		f(i)
	}
	elapsed, used := time.Since(wall), processorTime()-cpu
	runtime.ReadMemStats(&after)
	return cost{used, elapsed, float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)}.by(n)
}

// processorTime is what this process used so far, in user and system mode.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A side is one of those that are compared: it measures itself once.
type side func() cost

// alternate lets the sides take turns and returns the medians of each.
func alternate(sides ...side) []cost { return alternateOften(turns, sides...) }

func alternateOften(turns int, sides ...side) []cost {
	all := make([][]cost, len(sides))
	for range turns {
		for i, s := range sides {
			all[i] = append(all[i], s())
		}
	}
	medians := make([]cost, len(sides))
	for i, costs := range all {
		medians[i] = median(costs)
	}
	return medians
}

func median(costs []cost) cost {
	mid := func(of func(c cost) float64) float64 {
		v := make([]float64, len(costs))
		for i, c := range costs {
			v[i] = of(c)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return cost{
		cpu:    time.Duration(mid(func(c cost) float64 { return float64(c.cpu) })),
		wall:   time.Duration(mid(func(c cost) float64 { return float64(c.wall) })),
		allocs: mid(func(c cost) float64 { return c.allocs }),
		bytes:  mid(func(c cost) float64 { return c.bytes }),
	}
}

// by divides a cost among the n things that were done for it.
func (c cost) by(n int) cost {
	return cost{c.cpu / time.Duration(n), c.wall / time.Duration(n), c.allocs / float64(n), c.bytes / float64(n)}
}

// calls makes a side of n calls of f.
func calls(n int, f func(i int)) side { return func() cost { return measure(n, f) } }

func (c cost) perCall() string { return fmt.Sprintf("%s, %.0f allocs", short(c.cpu), c.allocs) }

// short prints a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// times prints how many times quicker ours is than the peer.
func times(peer, ours time.Duration) string { return fmt.Sprintf("%.1f× quicker", ratio(peer, ours)) }

// of prints ours as a multiple of the peer.
func of(ours, peer time.Duration) string { return fmt.Sprintf("%.2f×", ratio(ours, peer)) }

// tempDir makes a fresh directory below parent, which is removed by the function that it returns.
func tempDir(parent string) (string, func()) {
	dir, err := os.MkdirTemp(parent, "holdall-bench-")
	must(err)
	return dir, func() { must(os.RemoveAll(dir)) }
}

// memoryDir is where files lie in memory.
func memoryDir() string {
	if scratch != "" {
		return scratch
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

func diskDir() string {
	if disk != "" {
		return disk
	}
	return os.TempDir()
}

func must(err error) {
	if err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
