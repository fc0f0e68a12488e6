package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
)

// The shortcuts are what is wanted most often of an object that fits in memory.

// readAhead is how much ReadAll allocates on the word of the store alone, in bytes.
const readAhead = 64 << 20

// ReadAll returns the content of an object, verified where its digest is known. It allocates the object's size at once.
// Beyond 64 MiB it allocates no more than four times what has arrived, so that a wrong size cannot exhaust the memory.
func ReadAll(ctx context.Context, b Bucket, key string) ([]byte, error) {
	r, err := b.Get(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(r)
}

func readAll(r *Reader) ([]byte, error) {
	size := r.Length()
	if size > math.MaxInt {
		return nil, r.fail(fmt.Errorf("%w: %d bytes do not fit into the memory of this machine", ErrInvalid, size))
	}
	content := make([]byte, 0, min(size, readAhead))
	for {
		if n := len(content); n == cap(content) && int64(n) < size {
			content = slices.Grow(content, int(min(size, 4*int64(n)))-n)
		}
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err == io.EOF {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// WriteAll stores data under key and returns what it made.
func WriteAll(ctx context.Context, b Bucket, key string, data []byte, opts *PutOptions) (*Object, error) {
	return b.Put(ctx, key, bytes.NewReader(data), opts)
}

// Exists tells whether there is an object under key. Any error but its absence, such as a denial, is returned: who may
// not know is not told no.
func Exists(ctx context.Context, b Bucket, key string) (bool, error) {
	_, err := b.Stat(ctx, key, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// bucketName is how the driver of b names it in errors, if it does.
func bucketName(b Bucket) string {
	if s, ok := b.(fmt.Stringer); ok {
		return s.String()
	}
	return ""
}
