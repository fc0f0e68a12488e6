package ceph

// buffers are kept to be used again, up to idleBuffers of each size. A garbage collection does not take them, since to
// make a large one anew takes as long as to fill it.
var buffers = [...]struct {
	size int64
	idle chan []byte
}{
	{64 << 10, make(chan []byte, idleBuffers)},
	{firstRead, make(chan []byte, idleBuffers)},
	{nextRead, make(chan []byte, idleBuffers)},
	{chunkSize, make(chan []byte, idleBuffers)},
}

const idleBuffers = 8

// takeBuffer returns a buffer of n bytes, up to chunkSize.
func takeBuffer(n int64) []byte {
	for _, b := range buffers {
		if n <= b.size {
			select {
			case buffer := <-b.idle:
				return buffer[:n]
			default:
				return make([]byte, n, b.size)
			}
		}
	}
	panic("no object has so many bytes")
}

// giveBuffer takes a buffer back that nobody uses any longer.
func giveBuffer(buffer []byte) {
	for _, b := range buffers {
		if int64(cap(buffer)) == b.size {
			select {
			case b.idle <- buffer:
			default:
			}
		}
	}
}
