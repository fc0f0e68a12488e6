//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/holdall-go/holdall/bench/nulls3"
)

// large is the size of an object in G5a and G5b.
const large = 256 << 20

// upload is G5a. The body lies in memory: it can be sought, and its size is known. A second series hides both.
func uploads(r *results) {
	body := make([]byte, large)
	nulls3.Content(body, 0)
	for _, t := range targets("http", "https") {
		key := t.object("up", large)
		ours, manager, mc := newOurs(t), newSDK(t), newMinio(t)
		turn := func(send func(string, *bytes.Reader)) side {
			t.received(key, large, func() { send(key, bytes.NewReader(body)) })
			return calls(1, func(int) { send(key, bytes.NewReader(body)) })
		}
		sides := []side{turn(ours.upload), turn(manager.upload), turn(mc.upload)}
		if t.null {
			sides = append(sides, turn(newBare(t).upload))
		}
		c := alternate(sides...)
		uploadRows(r, t, c)

		stream := func(send func(string, io.Reader)) side {
			return turn(func(key string, body *bytes.Reader) { send(key, onlyReader{body}) })
		}
		if !t.null || t.name == "null http" {
			c = alternate(stream(ours.stream), stream(manager.stream), stream(mc.stream))
			what := "s3 put a stream of 256 MiB, " + t.name
			r.add(what, speed(c[0]), "transfermanager "+speed(c[1]), times(c[1].wall, c[0].wall), "≥ 1.25× quicker", ratio(c[1].wall, c[0].wall) >= 1.25)
			r.note(what, speed(c[0]), "minio-go "+speed(c[2]), times(c[2].wall, c[0].wall))
		}
		ours.close()
		t.clean()
	}
}

type onlyReader struct{ io.Reader }

func uploadRows(r *results, t *target, c []cost) {
	what := "s3 put 256 MiB, " + t.name
	o, manager, mc := c[0], c[1], c[2]
	if t.name == "null https" {
		r.add(what, speed(o), "bare net/http "+speed(c[3]), fmt.Sprintf("%.2f× its speed", ratio(c[3].wall, o.wall)), "≥ 0.9×", ratio(c[3].wall, o.wall) >= 0.9)
		r.note(what, speed(o), "transfermanager "+speed(manager), times(manager.wall, o.wall))
		r.note(what, speed(o), "minio-go "+speed(mc), times(mc.wall, o.wall))
		return
	}
	r.add(what, speed(o), "transfermanager "+speed(manager), times(manager.wall, o.wall), "≥ 1.25× quicker", ratio(manager.wall, o.wall) >= 1.25)
	r.add(what, speed(o), "minio-go "+speed(mc), fmt.Sprintf("%.2f× its speed", ratio(mc.wall, o.wall)), "≥ 0.95×", ratio(mc.wall, o.wall) >= 0.95)
	if len(c) > 3 {
		r.note(what, speed(o), "bare net/http "+speed(c[3]), fmt.Sprintf("%.2f× its speed", ratio(c[3].wall, o.wall)))
	}
	r.add(what+": processor", short(o.cpu), "transfermanager "+short(manager.cpu), of(o.cpu, manager.cpu), "≤ 0.85×", ratio(o.cpu, manager.cpu) <= 0.85)
	r.add(what+": allocated", mebibytes(o.bytes), "transfermanager "+mebibytes(manager.bytes), fmt.Sprintf("%.1f %%", 100*o.bytes/manager.bytes), "≤ 10 %", o.bytes <= 0.1*manager.bytes)
}

// downloads is G5b.
func downloads(r *results) {
	for _, t := range targets("http") {
		key := t.object("down", large)
		ours, manager, mc := newOurs(t), newSDK(t), newMinio(t)
		if !t.null {
			body := make([]byte, large)
			nulls3.Content(body, 0)
			manager.upload(key, bytes.NewReader(body))
		}
		w := make(window, large)
		turn := func(fetch func(string, io.WriterAt)) side {
			w.clear()
			fetch(key, w)
			w.check()
			return calls(1, func(int) { fetch(key, w) })
		}
		sides := []side{turn(ours.download), turn(manager.download), turn(mc.download)}
		if t.null {
			b := newBare(t)
			sides = append(sides, turn(func(key string, w io.WriterAt) { b.fetch(key, large, w) }))
		}
		c := alternate(sides...)
		what := "s3 download 256 MiB, " + t.name
		r.add(what, speed(c[0]), "transfermanager "+speed(c[1]), times(c[1].wall, c[0].wall), "≥ 1× quicker", ratio(c[1].wall, c[0].wall) >= 1)
		r.add(what, speed(c[0]), "minio-go "+speed(c[2]), times(c[2].wall, c[0].wall), "≥ 1.4× quicker", ratio(c[2].wall, c[0].wall) >= 1.4)
		if len(c) > 3 {
			r.note(what, speed(c[0]), "bare net/http "+speed(c[3]), fmt.Sprintf("%.2f× its speed", ratio(c[3].wall, c[0].wall)))
		}
		readers(r, t, key, ours, manager)
		ours.close()
		t.clean()
	}
}

// readers reads in small pieces, and in large ones. The transfer manager's reader does so once, and reads less: while
// it waits, it keeps a processor busy, which the server lacks.
func readers(r *results, t *target, key string, ours, manager mover) {
	const small, big, less = 8 << 10, 1 << 20, 16 << 20
	by := func(m mover, n int) side {
		buf := make([]byte, n)
		return calls(1, func(int) { m.read(key, buf) })
	}
	c := alternate(by(ours, small), by(ours, big))
	what := "s3 read 256 MiB 8 KiB at a time, " + t.name
	r.add(what, speed(c[0]), "1 MiB at a time "+speed(c[1]), fmt.Sprintf("%.2f× its speed", ratio(c[1].wall, c[0].wall)), "≥ 0.9×", ratio(c[1].wall, c[0].wall) >= 0.9)
	key = t.object("down", less)
	if !t.null {
		manager.upload(key, bytes.NewReader(make([]byte, less)))
	}
	slow := by(manager, small)()
	r.note(what, speed(c[0]), "transfermanager, 16 MiB once, "+rate(slow, less), fmt.Sprintf("%.0f× its speed", slow.wall.Seconds()/less/(c[0].wall.Seconds()/large)))
}

// A window is memory to download to.
type window []byte

func (w window) WriteAt(p []byte, off int64) (int, error) {
	n := copy(w[off:], p)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func (w window) clear() { clear(w) }

// check makes sure that what arrived is the object.
func (w window) check() {
	want := make([]byte, 1<<20)
	for off := 0; off < len(w); off += len(want) {
		nulls3.Content(want, int64(off))
		if !bytes.Equal(w[off:off+len(want)], want) {
			fatal(fmt.Errorf("a download differs from the object between %d and %d", off, off+len(want)))
		}
	}
}

// speed prints how long a large object took, and its bytes a second.
func speed(c cost) string { return short(c.wall) + ", " + rate(c, large) }

func rate(c cost, size float64) string { return fmt.Sprintf("%.0f MB/s", size/1e6/c.wall.Seconds()) }

func mebibytes(n float64) string { return fmt.Sprintf("%.3g MiB", n/(1<<20)) }
