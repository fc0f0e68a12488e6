package parts

import (
	"errors"
	"fmt"

	"github.com/holdall-go/holdall/blob"
)

// Limits are what a store says about the parts of one object.
type Limits struct {
	MinSize int64 // of every part but the last, in bytes
	MaxSize int64 // of a part
	Parts   int   // most parts
	Uniform bool  // all parts but the last must have one size
}

// A Cut says how large each part is.
type Cut struct {
	First  int64 // the size of the first parts
	Step   int   // after so many parts the size doubles; zero: never
	Most   int64 // but not beyond this
	limits Limits
}

const (
	defaultSize = 8 << 20

	// stepParts is after how many parts of a stream of unknown length their size doubles. With parts from 8 to 64 MiB
	// and 10,000 parts at most, as on S3, a stream may have 492 GiB.
	stepParts = 1000

	// MaxBuffered is the largest part that is held in memory.
	MaxBuffered = 64 << 20
)

// Uniform returns the cut into parts of one size for an object of size bytes, or of unknown size if that is not more
// than zero: the hint, if there is one, else 8 MiB, raised to what the largest number of parts makes necessary, in whole
// MiB.
func Uniform(size, hint int64, l Limits) (Cut, error) {
	part := hint
	if part <= 0 {
		part = max(defaultSize, l.MinSize)
	}
	part = max(part, l.MinSize)
	if l.MaxSize > 0 {
		part = min(part, l.MaxSize)
	}
	if need := ceil(size, int64(l.Parts)); l.Parts > 0 && need > part {
		part = ceil(need, 1<<20) << 20
	}
	if l.MaxSize > 0 && part > l.MaxSize {
		return Cut{}, fmt.Errorf("%w: %d bytes do not fit into %d parts of at most %d bytes", blob.ErrInvalid, size, l.Parts, l.MaxSize)
	}
	return Cut{First: part, Most: part, limits: l}, nil
}

// Streamed returns the cut of a stream, whose parts are held in memory. One of known size, more than zero, has parts of
// one size. Those of another begin at the hint or 8 MiB, and double after every 1,000 up to 64 MiB where the store allows
// it: so a short stream takes little memory and a long one does not run out of parts. A hint of more than MaxBuffered is
// taken for that; a size that needs larger parts is ErrUnsupported.
func Streamed(size, hint int64, l Limits) (Cut, error) {
	c, err := Uniform(size, min(hint, MaxBuffered), l)
	if err != nil {
		return Cut{}, err
	}
	if c.First > MaxBuffered {
		return Cut{}, fmt.Errorf("%w: a stream of %d bytes takes parts of %d; those that are held in memory have at most %d: give a file",
			errors.ErrUnsupported, size, c.First, MaxBuffered)
	}
	if size <= 0 && !l.Uniform {
		c.Step, c.Most = stepParts, MaxBuffered
		if l.MaxSize > 0 {
			c.Most = min(c.Most, l.MaxSize)
		}
	}
	return c, nil
}

// Whole returns the cut of a stream that must not be cut: one part of up to [MaxBuffered].
func Whole() Cut {
	return Cut{First: MaxBuffered, Most: MaxBuffered, limits: Limits{Parts: 1}}
}

func (c *Cut) size(n int) (int64, error) {
	if c.limits.Parts > 0 && n > c.limits.Parts {
		return 0, fmt.Errorf("%w: the body is longer than the %d bytes that a stream of unknown length may have here; declare its Size",
			blob.ErrInvalid, c.total())
	}
	size := c.First
	if c.Step > 0 {
		for i := (n - 1) / c.Step; i > 0 && size < c.Most; i-- {
			size *= 2
		}
	}
	return min(size, c.Most), nil
}

// total is how many bytes fit into all parts.
func (c *Cut) total() int64 {
	var sum int64
	for n := 1; n <= c.limits.Parts; n++ {
		size, _ := c.size(n)
		sum += size
	}
	return sum
}

func ceil(n, d int64) int64 {
	if d == 0 {
		return 0
	}
	return (n + d - 1) / d
}
