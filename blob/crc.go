package blob

import (
	"encoding/binary"

	"github.com/holdall-go/holdall/internal/crc"
)

// A joinableSum is an algorithm whose sum of a whole follows from those of its parts, so that parts may arrive in any
// order.
type joinableSum struct {
	name Algorithm
	*crc.CRC
}

var joinableSums = [...]joinableSum{{CRC32C, crc.Castagnoli}, {CRC32, crc.IEEE}, {CRC64NVME, crc.NVME}}

// joinable returns the quickest joinable algorithm in a set of digests with its value there, or nil if there is none.
func joinable(c Checksums) (*joinableSum, uint64) {
	for i := range joinableSums {
		if sum, ok := c.Get(joinableSums[i].name); ok {
			if len(sum) == 4 {
				return &joinableSums[i], uint64(binary.BigEndian.Uint32(sum))
			}
			return &joinableSums[i], binary.BigEndian.Uint64(sum)
		}
	}
	return nil, 0
}
