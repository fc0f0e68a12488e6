package parts

import (
	"context"
	"io"
)

// Ranges returns the parts of an object of size bytes that is copied: numbers, without content.
func Ranges(size, part int64) Source { return &ranges{size: size, part: part} }

type ranges struct {
	size, part, at int64
	n              int
}

func (r *ranges) Next(context.Context) (*Part, error) {
	if r.at >= r.size {
		return nil, io.EOF
	}
	r.n++
	p := &Part{Number: r.n, Offset: r.at, Size: min(r.part, r.size-r.at)}
	r.at += p.Size
	return p, nil
}
