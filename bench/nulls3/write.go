package nulls3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// put answers PutObject and UploadPart: it reads the body, and says back the checksum that came with it, as S3 does.
func (s *server) put(w http.ResponseWriter, r *http.Request) {
	n, end, err := discard(r.Body)
	if err != nil {
		return // the client went away
	}
	if declared := r.Header.Get("X-Amz-Decoded-Content-Length"); declared != "" {
		framed := n
		if n, err = strconv.ParseInt(declared, 10, 64); err != nil || n > framed {
			fail(w, http.StatusBadRequest, "IncompleteBody", "The body is shorter than X-Amz-Decoded-Content-Length.")
			return
		}
	}
	s.received.Add(n)
	h := w.Header()
	for name, values := range r.Header {
		if strings.HasPrefix(name, checksumPrefix) {
			h[name] = values
		}
	}
	if name := r.Header.Get("X-Amz-Trailer"); name != "" { // it follows the framed content, as name:value
		if at := bytes.LastIndex(end, []byte(name+":")); at >= 0 {
			value, _, _ := strings.Cut(string(end[at+len(name)+1:]), "\r")
			h.Set(name, strings.TrimSpace(value))
		}
	}
	h["Etag"] = small
}

const checksumPrefix = "X-Amz-Checksum-"

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// discard reads r to its end, and returns its length and its last bytes.
func discard(r io.Reader) (n int64, end []byte, err error) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	for {
		m, err := r.Read(buf[:])
		n += int64(m)
		end = append(end, buf[max(0, m-trailer):m]...)
		end = end[max(0, len(end)-trailer):]
		if err == io.EOF {
			return n, end, nil
		}
		if err != nil {
			return n, nil, err
		}
	}
}

// trailer is more than the trailers of a framed body take: the longest checksum, and a signature.
const trailer = 256

// create answers CreateMultipartUpload.
func create(w http.ResponseWriter, key string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult xmlns=%q><Bucket>%s</Bucket><Key>", namespace, Bucket)
	escape(w, key)
	fmt.Fprint(w, "</Key><UploadId>upload-0</UploadId></InitiateMultipartUploadResult>")
}

// complete answers CompleteMultipartUpload. A checksum of the whole comes in a header and goes back in the document.
func complete(w http.ResponseWriter, r *http.Request, key string) {
	if _, _, err := discard(r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUploadResult xmlns=%q><Bucket>%s</Bucket><Key>", namespace, Bucket)
	escape(w, key)
	fmt.Fprint(w, "</Key><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e-1&quot;</ETag>")
	for _, name := range []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		if sum := r.Header.Get(checksumPrefix + name); sum != "" {
			fmt.Fprintf(w, "<Checksum%s>%s</Checksum%[1]s><ChecksumType>FULL_OBJECT</ChecksumType>", name, sum)
		}
	}
	fmt.Fprint(w, "</CompleteMultipartUploadResult>")
}
