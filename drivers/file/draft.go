package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"sync"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
)

// A draft is a file that is being written. Nobody sees it until it is published, with everything that belongs to it. It
// has no name until then, so that nothing is left if the process dies, or, where a file needs one, a name in the work
// directory.
type draft struct {
	t    *tree
	file file
	name string // in the tmp folder, or ""
	side *info  // which side file goes with it, until it is published

	size   int64
	crc    uint32
	hasCRC bool

	sink sink
}

func (t *tree) newDraft() (*draft, error) {
	err := errors.ErrUnsupported
	var f file
	if !t.mode.noUnnamed {
		f, err = t.root.unnamed()
	}
	if err == nil {
		return &draft{t: t, file: f}, nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	d := &draft{t: t, name: freshName()}
	return d, t.inWork(tmpFolder, func(tmp folder) (err error) {
		d.file, err = tmp.create(d.name)
		return err
	})
}

// discard drops the draft. After it is published there is nothing to drop but the descriptor.
func (d *draft) discard() {
	if d.file != nil {
		d.file.Close()
	}
	if d.name != "" {
		_ = d.t.inWork(tmpFolder, func(tmp folder) error { return tmp.unlink(d.name) })
	}
	if d.side != nil {
		d.t.dropAside(*d.side)
	}
}

// publish gives the draft its name in the tree. Without replace there must be nothing of that name: fs.ErrExist.
func (d *draft) publish(to folder, as string, replace bool) error {
	err := d.rename(to, as, replace)
	if err == nil {
		d.side = nil
	}
	return err
}

func (d *draft) rename(to folder, as string, replace bool) error {
	if d.name == "" && !replace {
		return d.file.linkTo(to, as)
	}
	return d.t.inWork(tmpFolder, func(tmp folder) error {
		if d.name == "" {
			fresh := freshName()
			if err := d.file.linkTo(tmp, fresh); err != nil {
				return err
			}
			d.name = fresh
		}
		publish := tmp.move
		if replace {
			publish = tmp.rename
		}
		if err := publish(d.name, to, as); err != nil {
			return err
		}
		d.name = ""
		return nil
	})
}

// chunk is how much is written between two looks at the context.
const chunk = 256 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// fill writes the content, tells the hook of it, and verifies the digests that it should have.
func (d *draft) fill(ctx context.Context, content io.Reader, want blob.Checksums, hook *blob.Hook) error {
	d.sink = sink{ctx: ctx, file: d.file, hook: hook}
	s := &d.sink
	for algorithm := range want.All() {
		if algorithm == blob.CRC32C {
			continue
		}
		h, err := algorithm.New()
		if err != nil {
			return err
		}
		s.hashes = append(s.hashes, h)
	}
	if err := s.drain(content); err != nil {
		return err
	}
	d.size, d.crc, d.hasCRC = s.size, s.crc, true
	return s.verify(want)
}

// A sink writes to a file what is written to it, and computes digests on the way.
type sink struct {
	ctx    context.Context
	file   file
	hook   *blob.Hook
	size   int64
	crc    uint32
	hashes []hash.Hash
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *sink) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if err := s.ctx.Err(); err != nil {
			return written, err
		}
		part := p[written:min(len(p), written+chunk)]
		if err := s.hook.Sending(s.ctx, int64(len(part))); err != nil {
			return written, err
		}
		s.crc = crc32.Update(s.crc, castagnoli, part)
		for _, h := range s.hashes {
			h.Write(part)
		}
		n, err := s.file.Write(part)
		written += n
		s.size += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// drain reads the content to its end. A body that lies in memory hands its bytes over without a copy.
func (s *sink) drain(content io.Reader) error {
	if b, ok := content.(*body.Body); ok {
		if memory := b.Memory(); memory != nil {
			_, err := memory.WriteTo(s)
			return err
		}
	}
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for held, idle := 0, 0; ; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := content.Read(buf[held:])
		held += n
		if idle++; n > 0 {
			idle = 0
		}
		if err != nil || held == len(buf) {
			if _, werr := s.Write(buf[:held]); werr != nil {
				return werr
			}
			held = 0
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case idle == 100:
			return io.ErrNoProgress
		}
	}
}

func (s *sink) verify(want blob.Checksums) error {
	hashes := s.hashes
	for algorithm, sum := range want.All() {
		var got []byte
		if algorithm == blob.CRC32C {
			got = []byte{byte(s.crc >> 24), byte(s.crc >> 16), byte(s.crc >> 8), byte(s.crc)}
		} else {
			got, hashes = hashes[0].Sum(nil), hashes[1:]
		}
		if !bytes.Equal(got, sum) {
			return fmt.Errorf("%w: the body has %s %x, not %x", blob.ErrChecksum, algorithm, got, sum)
		}
	}
	return nil
}

// seal stamps the draft, attaches its record, and makes all of it durable if asked to. A failed sync is final: the
// kernel may have dropped what it could not write, and a second sync would not say so.
func (d *draft) seal(attrs *blob.Attributes, sync bool) (info, error) {
	for {
		stamp := d.t.clock.next()
		r := record{size: d.size, mtime: stamp, crc: d.crc, hasCRC: d.hasCRC, attrs: *attrs}
		aside, err := d.attach(&r)
		if err == nil {
			err = d.file.setTime(stamp)
		}
		if err != nil {
			return info{}, err
		}
		i, err := d.file.stat()
		if err != nil {
			return info{}, err
		}
		if i.size != d.size {
			return info{}, fmt.Errorf("%d bytes were written, but the file has %d: another program writes to it", d.size, i.size)
		}
		if i.mtime != stamp {
			if d.t.clock.coarsen(stamp, i.mtime) {
				continue
			}
			return info{}, errors.New("the file system does not keep the time that a file is given")
		}
		if aside {
			if err := d.t.putAside(&r, i, sync); err != nil {
				return info{}, err
			}
			side := i
			d.side = &side
		}
		if sync {
			err = d.t.sync(d.file)
		}
		return i, err
	}
}

// attach puts the record with the file. It reports whether it must go aside.
func (d *draft) attach(r *record) (aside bool, err error) {
	if d.t.mode.noXattr {
		return true, nil
	}
	err = d.file.setAttributes(r.encode())
	if err == nil {
		return false, nil
	}
	if errors.Is(err, errNoAttributes) {
		return true, nil
	}
	var noRoom *noRoomError
	if errors.As(err, &noRoom) {
		pointer := record{size: r.size, mtime: r.mtime, aside: true}
		return true, d.file.setAttributes(pointer.encode())
	}
	return false, err
}

// A side file holds the record of a file whose file system has no extended attributes, or no room in them. It bears
// the identity of the version that it belongs to, and is there before that version is, so the one rename that publishes
// the file publishes both.
func sideName(i info) string {
	return strconv.FormatInt(i.mtime, 16) + "-" + strconv.FormatInt(i.size, 16) + "-" + strconv.FormatUint(i.inode, 16)
}

func (t *tree) putAside(r *record, i info, sync bool) error {
	t.asides.Store(true)
	return t.inWork(asideFolder, func(asides folder) error {
		f, err := asides.create(sideName(i))
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err = f.Write(r.encode()); err == nil && sync {
			if err = t.sync(f); err == nil {
				if err = t.sync(asides); err == nil {
					err = t.settle(workName + "/" + asideFolder)
				}
			}
		}
		if err != nil {
			_ = asides.unlink(sideName(i))
		}
		return err
	})
}

// dropAside removes the side file of a version that is gone, if there is one.
func (t *tree) dropAside(i info) {
	if t.asides.Load() {
		_ = t.inWork(asideFolder, func(asides folder) error { return asides.unlink(sideName(i)) })
	}
}

// readAside returns the record of a version, nil if it has none.
func (t *tree) readAside(i info) ([]byte, error) {
	side, err := t.root.openFile(workName+"/"+asideFolder+"/"+sideName(i), false)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readAll(side.file, side.info.size)
}

// readAll reads a small file of the driver's own, and closes it.
func readAll(f file, size int64) ([]byte, error) {
	defer f.Close()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}
