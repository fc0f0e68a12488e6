// Package crc joins cyclic redundancy checks: the sum of a content follows from the sums of its parts and their lengths,
// so parts can be read in any order, and none is read twice. A digest such as SHA-256 has no such property.
package crc

import (
	"hash/crc32"
	"hash/crc64"
	"sync"
)

// A CRC is one cyclic redundancy check. Its sums are the values of hash/crc32 and hash/crc64.
type CRC struct {
	Bits int // of a sum: 32 or 64

	polynomial uint64 // with its bits reversed, as those of sums are
	update     func(sum uint64, p []byte) uint64
	squares    func() *[63]uint64
}

// The checks that stores use.
var (
	Castagnoli = newCRC(32, crc32.Castagnoli, of32(crc32.MakeTable(crc32.Castagnoli)))
	IEEE       = newCRC(32, crc32.IEEE, of32(crc32.IEEETable))
	NVME       = newCRC(64, 0x9a6c9329ac4bc9b5, ofNVME)
)

func of32(table *crc32.Table) func(uint64, []byte) uint64 {
	return func(sum uint64, p []byte) uint64 { return uint64(crc32.Update(uint32(sum), table, p)) }
}

var nvmeTable = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })

func ofNVME(sum uint64, p []byte) uint64 { return crc64.Update(sum, nvmeTable(), p) }

func newCRC(bits int, polynomial uint64, update func(uint64, []byte) uint64) *CRC {
	c := &CRC{Bits: bits, polynomial: polynomial, update: update}
	c.squares = sync.OnceValue(func() *[63]uint64 {
		var s [63]uint64
		s[0] = 1 << (bits - 9) // x^8; the highest bit is the coefficient of 1
		for i := 1; i < len(s); i++ {
			s[i] = c.multiply(s[i-1], s[i-1])
		}
		return &s
	})
	return c
}

// Update returns the sum of a content of that sum with p after it.
func (c *CRC) Update(sum uint64, p []byte) uint64 { return c.update(sum, p) }

// Join returns the sum of a content of sum a with one of sum b and n bytes after it.
func (c *CRC) Join(a, b uint64, n int64) uint64 { return c.Append(a, b, c.Shift(n)) }

// Append is Join for a Shift that is already known, as that of parts of one length is.
func (c *CRC) Append(a, b, shift uint64) uint64 { return c.multiply(a, shift) ^ b }

// Shift returns what n bytes do to the sum of the bytes before them: x^8n, modulo the polynomial (as in crc32_combine of
// zlib). It is the product of the squares x^(8·2^i) for the bits i of n.
func (c *CRC) Shift(n int64) uint64 {
	product, squares := uint64(1)<<(c.Bits-1), c.squares() // 1
	for i := 0; n > 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			product = c.multiply(product, squares[i])
		}
	}
	return product
}

// multiply multiplies two polynomials over GF(2), modulo that of c.
func (c *CRC) multiply(a, b uint64) uint64 {
	var product uint64
	for bit := uint64(1) << (c.Bits - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		b = b>>1 ^ b&1*c.polynomial
	}
	return product
}

// JoinCastagnoli is [CRC.Join] of [Castagnoli], for sums of hash/crc32.
func JoinCastagnoli(a, b uint32, n int64) uint32 {
	return uint32(Castagnoli.Join(uint64(a), uint64(b), n))
}
