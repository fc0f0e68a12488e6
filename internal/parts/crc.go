package parts

import "hash/crc32"

// CombineCRC32C returns the CRC-32C of a content of sum a with one of sum b and size bytes after it, without reading
// either: appending n bytes multiplies the polynomial before them by x^8n.
func CombineCRC32C(a, b uint32, size int64) uint32 {
	product := uint32(1) << 31 // 1: bits are reversed
	for square := uint32(1) << 23; size > 0; size >>= 1 {
		if size&1 != 0 {
			product = multiply(product, square)
		}
		square = multiply(square, square)
	}
	return multiply(a, product) ^ b
}

// multiply multiplies two polynomials over GF(2), modulo that of CRC-32C.
func multiply(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		b = b>>1 ^ b&1*crc32.Castagnoli
	}
	return product
}
