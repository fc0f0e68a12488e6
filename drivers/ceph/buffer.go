package ceph

import "sync"

// A pool of buffers of one size. Small ones are made anew each time, which costs less than a large one.
type bufferPool struct {
	size int64
	pool sync.Pool
}

const smallBuffer = 256 << 10

var (
	buffers     = &bufferPool{size: chunkSize} // hold an object while it is written
	readBuffers = &bufferPool{size: nextRead}  // hold what has been read of one
)

// take returns a buffer of n bytes, which is at most the size of the pool.
func (p *bufferPool) take(n int64) []byte {
	if n <= smallBuffer {
		return make([]byte, n)
	}
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:n]
	}
	return make([]byte, n, p.size)
}

// give takes a buffer back that nobody uses any longer.
func (p *bufferPool) give(b []byte) {
	if int64(cap(b)) == p.size {
		p.pool.Put(&b)
	}
}
