package file

import (
	"encoding/binary"

	"github.com/holdall-go/holdall/blob"
)

// A record is what is kept about a file beside its content. It holds only for the very content that it was written
// with: size and time say which.
type record struct {
	size, mtime int64
	crc         uint32 // CRC-32C of the content
	hasCRC      bool
	aside       bool // what is attached is in the side file; this record is but a pointer
	attrs       blob.Attributes
}

// The first byte of a record is the version of its encoding; numbers are varints, texts follow their length.
const (
	recordVersion = 1
	flagCRC       = 1
	flagAside     = 2
)

func (r *record) encode() []byte {
	b := make([]byte, 0, 128)
	flags := byte(0)
	if r.hasCRC {
		flags |= flagCRC
	}
	if r.aside {
		flags |= flagAside
	}
	b = append(b, recordVersion, flags)
	b = binary.AppendVarint(b, r.size)
	b = binary.AppendVarint(b, r.mtime)
	b = binary.BigEndian.AppendUint32(b, r.crc)
	return appendAttributes(b, &r.attrs)
}

func appendAttributes(b []byte, a *blob.Attributes) []byte {
	if a.IsZero() {
		return b
	}
	for _, s := range headersOf(a) {
		b = appendText(b, *s)
	}
	for name, value := range a.Metadata {
		b = appendText(appendText(b, name), value)
	}
	return b
}

func headersOf(a *blob.Attributes) [5]*string {
	return [...]*string{&a.ContentType, &a.ContentEncoding, &a.ContentLanguage, &a.ContentDisposition, &a.CacheControl}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decodeRecord is not ok for anything that encode did not write.
func decodeRecord(b []byte) (r record, ok bool) {
	d := decoder{b}
	version, flags := d.byte(), d.byte()
	r.hasCRC, r.aside = flags&flagCRC != 0, flags&flagAside != 0
	r.size, r.mtime = d.varint(), d.varint()
	r.crc = d.uint32()
	if d.b == nil || version != recordVersion || flags&^(flagCRC|flagAside) != 0 {
		return record{}, false
	}
	if !d.attributes(&r.attrs) {
		return record{}, false
	}
	return r, true
}

// A decoder takes a record apart. Once something does not fit, b is nil, and stays so.
type decoder struct{ b []byte }

func (d *decoder) take(n uint64) []byte {
	if d.b == nil || n > uint64(len(d.b)) {
		d.b = nil
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	d.take(width(n))
	return v
}

func (d *decoder) text() string {
	v, n := binary.Uvarint(d.b)
	d.take(width(n))
	return string(d.take(v))
}

// width turns what package binary says of a number that does not fit into more than there can be.
func width(n int) uint64 {
	if n <= 0 {
		return 1 << 62
	}
	return uint64(n)
}

func (d *decoder) attributes(a *blob.Attributes) bool {
	if len(d.b) == 0 {
		return d.b != nil
	}
	for _, s := range headersOf(a) {
		*s = d.text()
	}
	for len(d.b) > 0 {
		name := d.text()
		value := d.text()
		if d.b == nil {
			return false
		}
		if a.Metadata == nil {
			a.Metadata = map[string]string{}
		}
		a.Metadata[name] = value
	}
	return d.b != nil
}

// of tells whether the record was written with the content that a file has now.
func (r *record) of(i info) bool { return r.size == i.size && r.mtime == i.mtime }

// describe adds to an object what the record says.
func (r *record) describe(o *blob.Object) {
	o.Attributes = r.attrs
	if r.hasCRC {
		o.Checksums = blob.CRC32CSum(r.crc)
	}
}
