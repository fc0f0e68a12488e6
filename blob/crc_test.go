package blob

import (
	"bytes"
	"testing"
)

// Sums of parts of all sizes, put together, are the sum of the whole.
func TestSumsOfParts(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef!"), 500)
	for i := range crcs {
		c := &crcs[i]
		whole := c.update(0, content)
		for _, at := range []int{0, 1, 7, 8, 255, 4096, len(content) - 1, len(content)} {
			a, b := c.update(0, content[:at]), c.update(0, content[at:])
			if got := c.append(a, b, c.shift(int64(len(content)-at))); got != whole {
				t.Errorf("%s of parts at %d is %x, not %x", c.name, at, got, whole)
			}
		}
		h, err := c.name.New()
		if err != nil {
			t.Fatal(err)
		}
		h.Write(content)
		if found, sum := crcOf(Checksums{}.With(c.name, h.Sum(nil))); found != c || sum != whole {
			t.Errorf("%s is found as %v, %x", c.name, found, sum)
		}
	}
	if c, _ := crcOf(Checksums{}.With(MD5, make([]byte, 16))); c != nil {
		t.Error("MD5 is no crc")
	}
}
