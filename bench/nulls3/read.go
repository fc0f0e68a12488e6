package nulls3

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// block is what the content of every object repeats.
var block = func() []byte {
	b := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(b) // never fails
	return b
}()

// Content fills p with what an object has from off on.
func Content(p []byte, off int64) {
	for len(p) > 0 {
		n := copy(p, block[off%int64(len(block)):])
		p, off = p[n:], off+int64(n)
	}
}

// PartSize is what the parts of an object have that is at least two of them large: it counts as uploaded in parts of
// that size. A client may ask for one by its number.
const PartSize = 8 << 20

// A span is what a GET answers with.
type span struct {
	off, n, size int64
	partial      bool
	parts        int64 // of the whole object, if one was asked for
}

// get answers GET and HEAD.
func get(w http.ResponseWriter, r *http.Request, key string, q url.Values) {
	size, err := strconv.ParseInt(key[strings.LastIndexByte(key, '/')+1:], 10, 64)
	if err != nil || size < 0 {
		fail(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	tag := etag(size)
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && match != tag[0] {
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	part, ok := rangeOf(r.Header.Get("Range"), q.Get("partNumber"), size)
	if !ok {
		fail(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
		return
	}
	h := w.Header()
	h["Accept-Ranges"] = acceptRanges
	h["Content-Type"] = contentType
	h["Etag"] = tag
	h["Last-Modified"] = lastModified
	h["Content-Length"] = []string{strconv.FormatInt(part.n, 10)}
	if !part.partial && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		h["X-Amz-Checksum-Crc32c"] = []string{checksum(size)}
		h["X-Amz-Checksum-Type"] = fullObject
	}
	if part.parts > 0 {
		h["X-Amz-Mp-Parts-Count"] = []string{strconv.FormatInt(part.parts, 10)}
	}
	if part.partial {
		h["Content-Range"] = []string{fmt.Sprintf("bytes %d-%d/%d", part.off, part.off+part.n-1, size)}
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return
	}
	for off, left := part.off, part.n; left > 0; {
		from := block[off%int64(len(block)):]
		n, err := w.Write(from[:min(left, int64(len(from)))])
		if err != nil {
			return
		}
		off, left = off+int64(n), left-int64(n)
	}
}

var (
	acceptRanges = []string{"bytes"}
	contentType  = []string{"application/octet-stream"}
	lastModified = []string{"Sun, 01 Feb 2026 00:00:00 GMT"}
	fullObject   = []string{"FULL_OBJECT"}
	small        = []string{`"d41d8cd98f00b204e9800998ecf8427e"`}
)

// etag is the same for every object of one size.
func etag(size int64) []string {
	if n := partsOf(size); n > 1 {
		return []string{fmt.Sprintf(`"d41d8cd98f00b204e9800998ecf8427e-%d"`, n)}
	}
	return small
}

func partsOf(size int64) int64 {
	if size < 2*PartSize {
		return 1
	}
	return (size + PartSize - 1) / PartSize
}

// rangeOf reads a Range header (RFC 9110, section 14.2; one range of bytes) or a part's number, of which one at most is
// there. As the RFC wants, what is no range selects everything; it is not ok if the range lies behind the end.
func rangeOf(header, number string, size int64) (span, bool) {
	whole := span{n: size, size: size}
	if number != "" {
		i, err := strconv.ParseInt(number, 10, 64)
		parts := partsOf(size)
		if err != nil || i < 1 || i > parts {
			return span{}, false
		}
		if parts == 1 {
			whole.partial = size > 0
			return whole, true
		}
		off := (i - 1) * PartSize
		return span{off, min(PartSize, size-off), size, true, parts}, true
	}
	spec, ok := strings.CutPrefix(header, "bytes=")
	from, to, ok2 := strings.Cut(spec, "-")
	if !ok || !ok2 {
		return whole, true
	}
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	switch {
	case from == "" && err2 == nil: // the last bytes
		n := min(last, size)
		return span{size - n, n, size, true, 0}, n > 0
	case err1 != nil || to != "" && (err2 != nil || last < first):
		return whole, true
	case to == "" || last >= size:
		last = size - 1
	}
	return span{first, last - first + 1, size, true, 0}, first < size
}

var checksums sync.Map // size to string

// checksum returns the CRC-32C of the object of a size, computed once.
func checksum(size int64) string {
	if sum, ok := checksums.Load(size); ok {
		return sum.(string)
	}
	var sum uint32
	table := crc32.MakeTable(crc32.Castagnoli)
	for left := size; left > 0; left -= int64(len(block)) {
		sum = crc32.Update(sum, table, block[:min(left, int64(len(block)))])
	}
	s := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
	checksums.Store(size, s)
	return s
}
