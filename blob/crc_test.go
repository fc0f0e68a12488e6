package blob

import (
	"bytes"
	"testing"
)

// The joinable algorithms compute the digests that they are named after.
func TestJoinableSums(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef!"), 500)
	for i := range joinableSums {
		c := &joinableSums[i]
		h, err := c.name.New()
		if err != nil {
			t.Fatal(err)
		}
		h.Write(content)
		if found, sum := joinable(Checksums{}.With(c.name, h.Sum(nil))); found != c || sum != c.Update(0, content) {
			t.Errorf("%s is found as %v, %x", c.name, found, sum)
		}
	}
	if c, _ := joinable(Checksums{}.With(MD5, make([]byte, 16))); c != nil {
		t.Error("MD5 is not joinable")
	}
}
