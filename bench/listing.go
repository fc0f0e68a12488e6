//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
)

// flat and nested are the two shapes of a bucket: everything in one directory, or a hundred in each.
func flat(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("object-%06d", i)
	}
	return names
}

func nested(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%04d/%02d/object", i/100, i%100)
	}
	return names
}

// fileListing is G4a. The files are made by plain system calls, as those of another program.
func fileListing(r *results) {
	for _, shape := range []struct {
		name string
		keys func(n int) []string
	}{{"flat", flat}, {"nested", nested}} {
		var perKey [2]time.Duration
		for i, n := range []int{10_000, 100_000} {
			dir, clean := tempDir(memoryDir())
			makeFiles(dir, shape.keys(n))
			b := openFile(dir, file.SyncNone)
			sides := []side{
				calls(1, func(int) { count(b.List(ctx, nil), n) }),
				calls(1, func(int) { walkDir(dir, n) }),
			}
			c := alternate(sides...)
			perKey[i] = c[0].wall / time.Duration(n)
			r.add(fmt.Sprintf("file list %d keys, %s", n, shape.name), short(c[0].wall), "WalkDir+Info "+short(c[1].wall), of(c[0].wall, c[1].wall),
				"≤ 2×", ratio(c[0].wall, c[1].wall) <= 2)
			if n == 100_000 && shape.name == "flat" {
				besideFileblob(r, dir, n, c[0])
			}
			must(b.Close())
			clean()
		}
		grow := ratio(perKey[1], perKey[0])
		r.add("file list, a key at 100,000 and 10,000, "+shape.name, short(perKey[1]), "ours "+short(perKey[0]), fmt.Sprintf("%.2f×", grow), "≤ 1.25×", grow <= 1.25)
	}
	fromTheMiddle(r)
}

// besideFileblob lists once: the peer takes minutes.
func besideFileblob(r *results, dir string, n int, ours cost) {
	peer := openFileblob(dir)
	defer peer.Close()
	begin := time.Now()
	countPeer(peer, n)
	took := time.Since(begin)
	r.add(fmt.Sprintf("file list %d keys", n), short(ours.wall), "fileblob, once: "+short(took), times(took, ours.wall), "≥ 60× quicker", ratio(took, ours.wall) >= 60)
}

// fromTheMiddle starts a listing at a key in the middle of 1,000 directories, and takes ten entries.
func fromTheMiddle(r *results) {
	const n = 100_000
	dir, clean := tempDir(memoryDir())
	defer clean()
	makeFiles(dir, nested(n))
	b := openFile(dir, file.SyncNone)
	defer b.Close()
	c := alternate(
		calls(20, func(int) {
			count(b.List(ctx, &blob.ListOptions{StartAfter: "0500/50/object", Limit: 10}), 10)
		}),
		calls(20, func(int) { // what two directory reads a level cost
			for range 2 {
				for _, d := range []string{".", "0500", "0500/51"} {
					_, err := os.ReadDir(filepath.Join(dir, d))
					must(err)
				}
			}
		}))
	r.add("file list, ten keys from the middle", short(c[0].wall), "two directory reads a level "+short(c[1].wall), of(c[0].wall, c[1].wall), "≤ 1.5×", ratio(c[0].wall, c[1].wall) <= 1.5)
}

func makeFiles(dir string, names []string) {
	last := ""
	for _, name := range names {
		path := filepath.Join(dir, name)
		if d := filepath.Dir(path); d != last {
			must(os.MkdirAll(d, 0o777))
			last = d
		}
		must(os.WriteFile(path, nil, 0o666))
	}
}

func walkDir(dir string, n int) {
	got := 0
	must(filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = d.Info()
		got++
		return err
	}))
	if got < n {
		fatal(fmt.Errorf("WalkDir found %d files, not %d", got, n))
	}
}
