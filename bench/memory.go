//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/bench/nulls3"
)

// memoryMiB is the size of the objects of G10.
var memoryMiB = 10 << 10

// memoryTurns is how often each side of G10 runs; the largest figure counts.
const memoryTurns = 3

// memoryUse is G10 for transfers. Each figure is the peak of a process of its own, this program's, so that all bear the
// same weight of code; the row of a process that does nothing tells how much that is.
func memoryUse(r *results) {
	size := fmt.Sprintf("%d MiB", memoryMiB)
	idle := peaks("idle", "")
	r.note("memory: a process that does nothing", mebibytes(idle), "—", "—")
	for _, x := range []struct {
		what, do string
		limit    float64
	}{{"s3 put a stream of " + size + ", size unknown", "up", 96}, {"s3 download " + size, "down", 48}} {
		ours, manager, mc := peaks(x.do, "holdall"), peaks(x.do, "transfermanager"), peaks(x.do, "minio-go")
		r.add("memory: "+x.what, mebibytes(ours), "transfermanager "+mebibytes(manager), fmt.Sprintf("%.2f×", ours/manager),
			fmt.Sprintf("≤ %.0f MiB", x.limit), ours <= x.limit*(1<<20))
		r.note("memory: "+x.what, mebibytes(ours), "minio-go "+mebibytes(mc), fmt.Sprintf("%.2f×", ours/mc))
	}
}

// peaks runs a child some times and returns the largest peak, in bytes.
func peaks(do, side string) float64 {
	self, err := os.Executable()
	must(err)
	most := 0.0
	for range memoryTurns {
		cmd := exec.Command(self, "-child", strings.Join([]string{do, side, nullServer().HTTP}, " "), "-memory-mib", strconv.Itoa(memoryMiB))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		must(err)
		peak, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		must(err)
		most = max(most, peak)
	}
	return most
}

// child does one transfer against the null server and prints the peak of its own resident memory in bytes. It reads
// VmHWM, and not the ru_maxrss that its parent gets from wait4, because Linux begins the latter with the peak of the
// process that forked it.
func child(arguments string) {
	words := strings.Split(arguments, " ")
	if len(words) != 3 {
		fatal(errors.New("-child is for the program itself"))
	}
	t := &target{url: words[2], bucket: nulls3.Bucket, key: "key", secret: "secret", null: true}
	size := int64(memoryMiB) << 20
	key := t.object(words[0], int(size))
	switch words[0] {
	case "up":
		moverOf(words[1], t).stream(key, io.LimitReader(content{}, size))
	case "down":
		var d discard
		moverOf(words[1], t).download(key, &d)
		if got := d.n.Load(); got != size {
			fatal(fmt.Errorf("%s downloaded %d bytes, not %d", words[1], got, size))
		}
	}
	fmt.Println(peakMemory())
}

func moverOf(side string, t *target) mover {
	switch side {
	case "holdall":
		return newOurs(t)
	case "transfermanager":
		return newSDK(t)
	}
	return newMinio(t)
}

// peakMemory is the peak of the resident memory of this process in bytes (proc_pid_status(5)).
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(after, []byte(" kB"))
	kilobytes, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	must(err)
	return kilobytes << 10
}

// content is an endless stream.
type content struct{}

func (content) Read(p []byte) (int, error) { return len(p), nil }

// discard counts what is written to it.
type discard struct{ n atomic.Int64 }

func (d *discard) WriteAt(p []byte, _ int64) (int, error) {
	d.n.Add(int64(len(p)))
	return len(p), nil
}
