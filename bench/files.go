//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"golang.org/x/sys/unix"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
)

// openFile opens a fresh bucket of ours; relaxed does not wait for the disk, as fileblob never does.
func openFile(dir string, sync file.Sync) blob.Bucket {
	b, err := file.Open(dir, &file.Options{Sync: sync})
	must(err)
	return b
}

func openFileblob(dir string) *gcblob.Bucket {
	b, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true})
	must(err)
	return b
}

// smallFiles is G2. Each turn of puts writes into a directory that is filled already, as an overwrite, so no turn pays
// for an earlier turn's deletions.
func smallFiles(r *results) {
	names := keys(smallKeys)
	ourDir, clean1 := tempDir(memoryDir())
	defer clean1()
	peerDir, clean2 := tempDir(memoryDir())
	defer clean2()
	floorDir, clean3 := tempDir(memoryDir())
	defer clean3()
	ours, peer := openFile(ourDir, file.SyncNone), openFileblob(peerDir)
	defer ours.Close()
	defer peer.Close()
	fill(ours, names, oneKiB)
	fillPeer(peer, names, oneKiB)
	for _, name := range names {
		must(os.MkdirAll(filepath.Join(floorDir, filepath.Dir(name)), 0o777))
		plainPut(floorDir, name, false)
	}
	buf := make([]byte, len(oneKiB))

	put := alternate(ourPuts(ours, names), calls(len(names), func(i int) { plainPut(floorDir, names[i], false) }), peerPuts(peer, names))
	get := alternate(ourGets(ours, names, buf), calls(len(names), func(i int) {
		_, err := os.ReadFile(filepath.Join(floorDir, names[i]))
		must(err)
	}), peerGets(peer, names, buf))
	stat := alternate(ourStats(ours, names), calls(len(names), func(i int) {
		_, err := os.Stat(filepath.Join(floorDir, names[i]))
		must(err)
	}), peerStats(peer, names))

	for _, x := range []struct {
		what, floor        string
		c                  []cost
		most, least, most2 float64
	}{
		{"put 1 KiB", "temp+xattr+rename", put, 1.4, 1.8, 20},
		{"get 1 KiB", "ReadFile", get, 1.4, 2, 20},
		{"stat", "os.Stat", stat, 2.5, 2.7, 8},
	} {
		o, floor, p := x.c[0], x.c[1], x.c[2]
		r.add("file "+x.what, o.perCall(), x.floor+" "+floor.perCall(), of(o.cpu, floor.cpu),
			fmt.Sprintf("≤ %.1f×, ≤ %.0f allocs", x.most, x.most2), ratio(o.cpu, floor.cpu) <= x.most && o.allocs < x.most2+0.5)
		r.add("file "+x.what, short(o.cpu), "fileblob "+p.perCall(), times(p.cpu, o.cpu),
			fmt.Sprintf("≥ %.1f× quicker", x.least), ratio(p.cpu, o.cpu) >= x.least)
	}
	durable(r)
}

// durable compares puts that wait for the disk, alone and sixteen at a time, by wall time.
func durable(r *results) {
	const n = 320
	for _, workers := range []int{1, 16} {
		ourDir, clean1 := tempDir(diskDir())
		floorDir, clean2 := tempDir(diskDir())
		ours := openFile(ourDir, file.SyncAll)
		must(os.Mkdir(filepath.Join(floorDir, "d"), 0o777))
		_, err := ours.Put(ctx, "d/first", nil, nil)
		must(err)
		var serial atomic.Int64
		c := alternate(
			func() cost {
				return spread(n, workers, func() {
					fill(ours, []string{fmt.Sprintf("d/%08d", serial.Add(1))}, oneKiB)
				})
			},
			func() cost {
				return spread(n, workers, func() { plainPut(floorDir, fmt.Sprintf("d/%08d", serial.Add(1)), true) })
			})
		must(ours.Close())
		clean1()
		clean2()
		rate := ratio(c[1].wall, c[0].wall)
		r.add(fmt.Sprintf("file put 1 KiB, durable, %d at once", workers), short(c[0].wall), "temp+fsync+rename+fsync "+short(c[1].wall),
			fmt.Sprintf("%.0f %%", 100*rate), "≥ 85 %", rate >= 0.85)
	}
}

// spread runs f n times from some goroutines and returns what one time cost.
func spread(n, workers int, f func()) cost {
	begin := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				f()
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin) / time.Duration(n)
	return cost{cpu: elapsed, wall: elapsed}
}

// plainPut is the floor: a temporary file, its metadata in an extended attribute, and a rename; durably also a sync of
// the file and of its directory.
func plainPut(dir, name string, durably bool) {
	path := filepath.Join(dir, name)
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	must(err)
	_, err = f.Write(oneKiB)
	must(err)
	must(unix.Fsetxattr(int(f.Fd()), "user.bench", oneKiB[:64], 0))
	if durably {
		must(f.Sync())
	}
	must(os.Rename(f.Name(), path))
	must(f.Close())
	if durably {
		d, err := os.Open(filepath.Dir(path))
		must(err)
		must(d.Sync())
		must(d.Close())
	}
}

// largeFile is G3.
func largeFile(r *results) {
	const size = 256 << 20
	dir, clean := tempDir(memoryDir())
	defer clean()
	for _, d := range []string{"ours", "peer", "plain"} {
		must(os.Mkdir(filepath.Join(dir, d), 0o777))
	}
	ours, peer := openFile(filepath.Join(dir, "ours"), file.SyncNone), openFileblob(filepath.Join(dir, "peer"))
	defer ours.Close()
	defer peer.Close()
	plain := filepath.Join(dir, "plain")
	source := filepath.Join(plain, "source")
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7)
	}
	f, err := os.Create(source)
	must(err)
	for range size / len(block) {
		_, err := f.Write(block)
		must(err)
	}
	must(f.Close())
	once := func(f func()) side { return calls(1, func(int) { f() }) }

	write := alternate(
		once(func() {
			f := open(source)
			_, err := ours.Put(ctx, "big", f, nil)
			must(err)
			must(f.Close())
		}),
		once(func() { copyPlain(filepath.Join(plain, "big"), source) }),
		once(func() {
			f := open(source)
			must(peer.Upload(ctx, "big", f, &gcblob.WriterOptions{ContentType: "application/octet-stream"}))
			must(f.Close())
		}))
	r.add("file write 256 MiB, with checksum", short(write[0].wall), "plain copy "+short(write[1].wall), fmt.Sprintf("%.2f× its speed", ratio(write[1].wall, write[0].wall)),
		"≥ 0.9×", ratio(write[1].wall, write[0].wall) >= 0.9)
	r.add("file write 256 MiB", short(write[0].wall), "fileblob "+short(write[2].wall), times(write[2].wall, write[0].wall),
		"≥ 3× quicker", ratio(write[2].wall, write[0].wall) >= 3)

	read := alternate(
		once(func() {
			rd, err := ours.Get(ctx, "big", nil)
			must(err)
			drain(rd, block)
		}),
		once(func() { drain(open(source), block) }))
	r.add("file read 256 MiB, verified", short(read[0].wall), "plain read "+short(read[1].wall), fmt.Sprintf("%.2f× its speed", ratio(read[1].wall, read[0].wall)),
		"≥ 0.9×", ratio(read[1].wall, read[0].wall) >= 0.9)

	copied := alternate(
		once(func() {
			_, err := blob.Copy(ctx, ours, "copy", ours, "big", nil)
			must(err)
		}),
		once(func() { copyRange(filepath.Join(plain, "copy"), source) }))
	r.add("file copy 256 MiB inside the bucket", short(copied[0].wall), "copy_file_range "+short(copied[1].wall), fmt.Sprintf("%.2f× its speed", ratio(copied[1].wall, copied[0].wall)),
		"≥ 0.95×", ratio(copied[1].wall, copied[0].wall) >= 0.95)
}

func open(path string) *os.File {
	f, err := os.Open(path)
	must(err)
	return f
}

// copyPlain copies through a buffer of this process, as a writer of a stream must. Each turn makes a new file, as Put
// does.
func copyPlain(to, from string) {
	in := open(from)
	out, err := os.Create(to + ".tmp")
	must(err)
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 256<<10))
	must(err)
	must(out.Close())
	must(in.Close())
	must(os.Rename(to+".tmp", to))
}

func copyRange(to, from string) {
	in := open(from)
	out, err := os.Create(to + ".tmp")
	must(err)
	_, err = out.ReadFrom(in)
	must(err)
	must(out.Close())
	must(in.Close())
	must(os.Rename(to+".tmp", to))
}

func drain(r io.ReadCloser, buf []byte) {
	for {
		_, err := r.Read(buf)
		if err == io.EOF {
			break
		}
		must(err)
	}
	must(r.Close())
}
