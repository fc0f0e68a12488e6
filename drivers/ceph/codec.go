package ceph

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/holdall-go/holdall/blob"
)

// An entry is stored in this order: the format, one byte; the ID; whether the content is inline, one byte; size, time, and
// the size of parts, as varints; the CRC-32C, four bytes; the five headers, each with its length before it, in the order
// of attributes; the number of metadata, and for each its name and its value. JSON would take most of the time of a
// listing.

// encode returns the entry as it is stored, or an ErrInvalid for one that is too large.
func (e *entry) encode() ([]byte, error) {
	b := make([]byte, 0, 128)
	b = append(b, formatVersion)
	b = append(b, e.ID...)
	if e.Inline {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendVarint(b, e.Time)
	b = binary.AppendUvarint(b, uint64(e.PartSize))
	b = binary.BigEndian.AppendUint32(b, e.CRC32C)
	for _, s := range [...]string{e.Type, e.Encoding, e.Language, e.Disposition, e.Cache} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Metadata)))
	if len(e.Metadata) > 0 {
		for _, name := range slices.Sorted(maps.Keys(e.Metadata)) {
			b = appendText(appendText(b, name), e.Metadata[name])
		}
	}
	if len(b) > maxEntry {
		return nil, fmt.Errorf("%w: headers and metadata make an entry of %d bytes; at most %d are stored", blob.ErrInvalid, len(b), maxEntry)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func decodeEntry(raw []byte) (*entry, error) { return decode(raw, true) }

// decodeListed is decodeEntry without the metadata, which a listing does not give.
func decodeListed(raw []byte) (*entry, error) { return decode(raw, false) }

func decode(raw []byte, metadata bool) (*entry, error) {
	d := decoder{rest: raw}
	e := &entry{Format: int(d.byte()), ID: d.take(idLength)}
	if e.Format != formatVersion {
		return nil, damaged("the entry", fmt.Errorf("it has format %d, and this driver knows %d", e.Format, formatVersion))
	}
	e.Inline = d.byte() == 1
	e.Size, e.Time, e.PartSize = d.size(), d.varint(), d.size()
	if crc := d.take(4); d.err == nil {
		e.CRC32C = binary.BigEndian.Uint32([]byte(crc))
	}
	for _, s := range [...]*string{&e.Type, &e.Encoding, &e.Language, &e.Disposition, &e.Cache} {
		*s = d.take(d.size())
	}
	if n := d.size(); !metadata {
		for ; n > 0 && d.err == nil; n-- {
			d.skip(d.size())
			d.skip(d.size())
		}
	} else if n > 0 && d.err == nil {
		e.Metadata = make(map[string]string, min(n, int64(len(d.rest))))
		for ; n > 0 && d.err == nil; n-- {
			name := d.take(d.size())
			e.Metadata[name] = d.take(d.size())
		}
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%d bytes follow it", len(d.rest))
	}
	if d.err == nil {
		d.err = e.check()
	}
	if d.err != nil {
		return nil, damaged("the entry", d.err)
	}
	return e, nil
}

// A decoder takes values off a text, until the first error.
type decoder struct {
	rest []byte
	err  error
}

var errCutOff = errors.New("it ends too early")

func (d *decoder) take(n int64) string { return string(d.skip(n)) }

func (d *decoder) skip(n int64) []byte {
	if n > int64(len(d.rest)) || d.err != nil {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	return d.number(v, n)
}

// size takes a number that is not negative.
func (d *decoder) size() int64 {
	v, n := binary.Uvarint(d.rest)
	if v > math.MaxInt64 {
		n = 0
	}
	return d.number(int64(v), n)
}

func (d *decoder) number(v int64, n int) int64 {
	if n <= 0 || d.err != nil {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errCutOff
	}
}
