package file

import "hash/crc32"

// joinCRC returns the CRC-32C of two texts one after the other, from that of each and the length of the second. A CRC is
// the remainder of a polynomial, so what follows multiplies the first one by x^8 for each byte (as in crc32_combine of
// zlib).
func joinCRC(first, second uint32, length int64) uint32 {
	return multiply(power(uint64(length)), first) ^ second
}

// squares[i] is x^(2^i) modulo the polynomial. The highest bit is the coefficient of 1.
var squares = func() (s [67]uint32) {
	s[0] = 1 << 30
	for i := 1; i < len(s); i++ {
		s[i] = multiply(s[i-1], s[i-1])
	}
	return s
}()

// power returns x^(8n) modulo the polynomial.
func power(n uint64) uint32 {
	p := uint32(1 << 31)
	for i := 3; n > 0; i, n = i+1, n>>1 {
		if n&1 == 1 {
			p = multiply(squares[i], p)
		}
	}
	return p
}

func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for bit := uint32(1 << 31); bit > 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		if b >>= 1; carry == 1 {
			b ^= crc32.Castagnoli
		}
	}
	return product
}
