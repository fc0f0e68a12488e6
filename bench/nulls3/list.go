package nulls3

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// Keys is how many keys a listing has.
const Keys = 100_000

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	mostKeys  = 1000 // on a page
)

// Key returns the key number i, from 0, in ascending byte order: a hundred in each of a thousand directories.
func Key(i int) string { return fmt.Sprintf("%04d/%02d/object", i/100, i%100) }

var keys = func() []string {
	k := make([]string, Keys)
	for i := range k {
		k[i] = Key(i)
	}
	return k
}()

// list answers ListObjectsV2, without a delimiter.
func list(w http.ResponseWriter, q url.Values) {
	if q.Get("delimiter") != "" {
		fail(w, http.StatusNotImplemented, "NotImplemented", "delimiter")
		return
	}
	most := mostKeys
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil && n >= 0 {
		most = min(most, n)
	}
	prefix, after := q.Get("prefix"), q.Get("start-after")
	if token := q.Get("continuation-token"); token != "" {
		after = strings.TrimPrefix(token, tokenPrefix)
	}
	first := sort.Search(Keys, func(i int) bool { return keys[i] > after && keys[i] >= prefix })
	n := 0
	for n < most && first+n < Keys && strings.HasPrefix(keys[first+n], prefix) {
		n++
	}
	more := n > 0 && first+n < Keys && strings.HasPrefix(keys[first+n], prefix)
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(page(prefix, keys[first:first+n], most, more))
}

// tokenPrefix makes a continuation token different from a key, as it is with S3.
const tokenPrefix = "after:"

// page renders what S3 renders today for objects that were put without an owner being asked for.
func page(prefix string, keys []string, most int, more bool) []byte {
	b := make([]byte, 0, 400+len(keys)*350)
	b = fmt.Appendf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=%q><Name>%s</Name><Prefix>%s</Prefix>", namespace, Bucket, escaped(prefix))
	if more {
		b = fmt.Appendf(b, "<NextContinuationToken>%s%s</NextContinuationToken>", tokenPrefix, keys[len(keys)-1])
	}
	b = fmt.Appendf(b, "<KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%t</IsTruncated>", len(keys), most, more)
	for _, key := range keys {
		b = append(b, "<Contents><Key>"...)
		b = append(b, key...)
		b = append(b, "</Key><LastModified>2026-02-01T00:00:00.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"+
			"<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"+
			"<Size>1024</Size><StorageClass>STANDARD</StorageClass></Contents>"...)
	}
	return append(b, "</ListBucketResult>"...)
}

func escape(w io.Writer, s string) { _ = xml.EscapeText(w, []byte(s)) }

func escaped(s string) string {
	var b strings.Builder
	escape(&b, s)
	return b.String()
}
