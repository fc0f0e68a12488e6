package blob

import (
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
	"sync"
)

// A crc is a cyclic redundancy check, which can be put together: that of a whole follows from those of its parts, so
// parts may arrive in any order. A digest such as SHA-256 has no such property.
type crc struct {
	name   Algorithm
	bits   uint
	poly   uint64 // with its bits reversed, as all of these are computed
	update func(sum uint64, p []byte) uint64
}

var crcs = [...]crc{
	{CRC32C, 32, crc32.Castagnoli, func(sum uint64, p []byte) uint64 {
		return uint64(crc32.Update(uint32(sum), castagnoli, p))
	}},
	{CRC32, 32, crc32.IEEE, func(sum uint64, p []byte) uint64 {
		return uint64(crc32.Update(uint32(sum), crc32.IEEETable, p))
	}},
	{CRC64NVME, 64, 0x9a6c9329ac4bc9b5, func(sum uint64, p []byte) uint64 {
		return crc64.Update(sum, nvmeTable(), p)
	}},
}

var nvmeTable = sync.OnceValue(nvme)

// crcOf returns the quickest crc in a set of digests with its value there, or nil if there is none.
func crcOf(c Checksums) (*crc, uint64) {
	for i := range crcs {
		if sum, ok := c.Get(crcs[i].name); ok {
			if len(sum) == 4 {
				return &crcs[i], uint64(binary.BigEndian.Uint32(sum))
			}
			return &crcs[i], binary.BigEndian.Uint64(sum)
		}
	}
	return nil, 0
}

// append returns the sum of a content of sum a with one of sum b after it; shift is that of b's length.
func (c *crc) append(a, b, shift uint64) uint64 { return c.multiply(a, shift) ^ b }

// shift returns what n bytes do to the sum of what is before them: x^8n, modulo the polynomial.
func (c *crc) shift(n int64) uint64 {
	product := uint64(1) << (c.bits - 1) // 1, whose coefficient is the highest bit
	for square := uint64(1) << (c.bits - 9); n > 0; n >>= 1 {
		if n&1 != 0 {
			product = c.multiply(product, square)
		}
		square = c.multiply(square, square)
	}
	return product
}

// multiply multiplies two polynomials over GF(2), modulo that of c.
func (c *crc) multiply(a, b uint64) uint64 {
	var product uint64
	for bit := uint64(1) << (c.bits - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		b = b>>1 ^ b&1*c.poly
	}
	return product
}
