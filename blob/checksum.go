package blob

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"iter"
	"strings"
)

// An Algorithm is a way to compute a digest of content.
type Algorithm string

// The algorithms that stores use. A CRC is given as its big-endian bytes.
const (
	CRC32C    Algorithm = "crc32c"    // Castagnoli, 4 bytes
	CRC64NVME Algorithm = "crc64nvme" // 8 bytes
	CRC32     Algorithm = "crc32"     // IEEE, 4 bytes
	SHA1      Algorithm = "sha1"      // 20 bytes
	SHA256    Algorithm = "sha256"    // 32 bytes
	MD5       Algorithm = "md5"       // 16 bytes
)

// algorithms are all that are known, in the order in which they are preferred to verify a download: the quick ones
// first.
var algorithms = []struct {
	name Algorithm
	size int
	new  func() hash.Hash
}{
	{CRC32C, 4, func() hash.Hash { return crc32.New(castagnoli) }},
	{CRC32, 4, func() hash.Hash { return crc32.NewIEEE() }},
	{CRC64NVME, 8, func() hash.Hash { return crc64.New(nvme()) }},
	{SHA1, 20, sha1.New},
	{SHA256, 32, sha256.New},
	{MD5, 16, md5.New},
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// nvme makes the table of the CRC-64 of the NVMe specification, reflected.
func nvme() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) }

// New returns a hash that computes a, or an ErrInvalid for an algorithm that is not known.
func (a Algorithm) New() (hash.Hash, error) {
	for _, k := range algorithms {
		if k.name == a {
			return k.new(), nil
		}
	}
	return nil, fmt.Errorf("%w: checksum algorithm %q is not known; known are crc32c, crc64nvme, crc32, sha1, sha256 and md5", ErrInvalid, string(a))
}

// Checksums is an immutable set of digests of one content, at most one for each algorithm. The zero value is empty. Two
// equal sets compare equal with ==.
type Checksums struct {
	// Each digest as the byte of its algorithm's index followed by its bytes, in the order of algorithms. A string, so
	// that a set is copied without allocating and cannot be changed by who received it.
	set string
}

// Get returns the digest by an algorithm, and whether the set has it.
func (c Checksums) Get(a Algorithm) (sum []byte, ok bool) {
	for name, sum := range c.All() {
		if name == a {
			return sum, true
		}
	}
	return nil, false
}

// With returns the set with one digest added or replaced. It panics if sum has not the length of the algorithm, which
// is a mistake of the program and not of its input.
func (c Checksums) With(a Algorithm, sum []byte) Checksums {
	var b strings.Builder
	found := false
	for i, k := range algorithms {
		digest, ok := c.Get(k.name)
		if k.name == a {
			if len(sum) != k.size {
				panic(fmt.Sprintf("blob: a %s digest has %d bytes, not %d", a, k.size, len(sum)))
			}
			digest, ok, found = sum, true, true
		}
		if ok {
			b.WriteByte(byte(i))
			b.Write(digest)
		}
	}
	if !found {
		panic(fmt.Sprintf("blob: checksum algorithm %q is not known", a))
	}
	return Checksums{b.String()}
}

// All yields the digests of the set.
func (c Checksums) All() iter.Seq2[Algorithm, []byte] {
	return func(yield func(Algorithm, []byte) bool) {
		for rest := c.set; rest != ""; {
			k := algorithms[rest[0]]
			if !yield(k.name, []byte(rest[1:1+k.size])) {
				return
			}
			rest = rest[1+k.size:]
		}
	}
}

// IsZero tells whether the set is empty.
func (c Checksums) IsZero() bool { return c.set == "" }

// CRC32C returns the set's CRC-32C, the checksum of our own drivers, without allocating.
func (c Checksums) CRC32C() (sum uint32, ok bool) {
	if s := c.set; len(s) >= 5 && s[0] == 0 {
		return uint32(s[1])<<24 | uint32(s[2])<<16 | uint32(s[3])<<8 | uint32(s[4]), true
	}
	return 0, false
}

// CRC32CSum makes the set that holds one CRC-32C.
func CRC32CSum(sum uint32) Checksums {
	return Checksums{string([]byte{0, byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})}
}

// String lists the digests in hexadecimal.
func (c Checksums) String() string {
	var parts []string
	for a, sum := range c.All() {
		parts = append(parts, string(a)+":"+hex.EncodeToString(sum))
	}
	return strings.Join(parts, " ")
}

// An AlgorithmSet is a set of checksum algorithms. The zero value is empty, and sets with the same algorithms are equal.
type AlgorithmSet uint8

// AllAlgorithms has every algorithm that this package knows.
const AllAlgorithms AlgorithmSet = 1<<6 - 1

// Algorithms returns the set of these algorithms. It panics if one of them is not known, which is a mistake of the program
// and not of its input.
func Algorithms(all ...Algorithm) AlgorithmSet {
	var s AlgorithmSet
	for _, a := range all {
		bit := algorithmBit(a)
		if bit == 0 {
			panic(fmt.Sprintf("blob: checksum algorithm %q is not known", a))
		}
		s |= bit
	}
	return s
}

func algorithmBit(a Algorithm) AlgorithmSet {
	for i := range algorithms {
		if algorithms[i].name == a {
			return 1 << i
		}
	}
	return 0
}

// Has reports whether the set has the algorithm.
func (s AlgorithmSet) Has(a Algorithm) bool { return s&algorithmBit(a) != 0 }

// All yields the algorithms of the set, the quick ones first.
func (s AlgorithmSet) All() iter.Seq[Algorithm] {
	return func(yield func(Algorithm) bool) {
		for i := range algorithms {
			if s&(1<<i) != 0 && !yield(algorithms[i].name) {
				return
			}
		}
	}
}

// String lists the algorithms of the set.
func (s AlgorithmSet) String() string { return listed(s.All()) }
