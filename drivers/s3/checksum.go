package s3

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
)

// sums are the checksum headers of an answer.
type sums struct {
	kind                                   types.ChecksumType
	crc32c, crc32, crc64nvme, sha1, sha256 *string
}

// read returns those that are digests of the whole content. A composite one is a digest of the digests of parts.
func (s sums) read() (c blob.Checksums) {
	if s.kind == types.ChecksumTypeComposite {
		return c
	}
	for _, h := range [...]struct {
		name  blob.Algorithm
		size  int
		value *string
	}{{blob.CRC32C, 4, s.crc32c}, {blob.CRC32, 4, s.crc32}, {blob.CRC64NVME, 8, s.crc64nvme}, {blob.SHA1, 20, s.sha1}, {blob.SHA256, 32, s.sha256}} {
		if h.value == nil {
			continue
		}
		if sum, err := base64.StdEncoding.DecodeString(*h.value); err == nil && len(sum) == h.size {
			c = c.With(h.name, sum)
		}
	}
	return c
}

// whole returns the checksums of an object: those that the server has, else the one that we left with its metadata.
func (b *bucket) whole(s sums, metadata map[string]string) blob.Checksums {
	c := s.read()
	if _, ok := c.CRC32C(); ok {
		return c
	}
	if sum, err := hex.DecodeString(metadata[metaCRC32C]); err == nil && len(sum) == 4 {
		return c.With(blob.CRC32C, sum)
	}
	return c
}

// base64CRC writes a CRC-32C as the header has it.
func base64CRC(sum uint32) *string {
	s := base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return &s
}

// hexCRC writes a CRC-32C as our metadata has it.
func hexCRC(sum uint32) string {
	return hex.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
