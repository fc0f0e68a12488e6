package b2

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/text"
)

// B2 keeps attributes as file info: at most ten names and values, which go as headers. Metadata of holdall's is info as
// it is, and the standard headers are those names of B2's own that it turns into headers again.
// https://www.backblaze.com/docs/cloud-storage-file-information
const (
	maxInfo     = 10
	maxInfoName = 50
	maxHeaders  = 7000 // bytes of name and info, as they go in headers
	sureHeaders = 2048 // where the bucket encrypts, too

	infoSHA1     = "large_file_sha1" // of a large file, which has no digest of its own
	infoReserved = "b2-"
	infoOurs     = "holdall-"
	infoPartSize = "holdall-part-size" // of an Upload whose parts have not the usual size, for who resumes it
	infoStart    = "holdall-start"     // of a large file: what no other has

	// maxMetadata is how many entries of metadata fit beside what else an object may have: four headers, and the SHA-1
	// or the size of parts.
	maxMetadata = maxInfo - 5

	// maxMetadataBytes fits beside the longest key, if both are ASCII. What a header cannot hold as it is counts three
	// times; what does not fit then is refused.
	maxMetadataBytes = 4096

	// noContentType is sent for an object without one, since B2 would have a default. It reads as none.
	noContentType = "binary/octet-stream"
)

const timePrecision = time.Millisecond

// headersOf are the standard headers that B2 keeps as info.
func headersOf(a *blob.Attributes) map[string]*string {
	return map[string]*string{"b2-content-disposition": &a.ContentDisposition, "b2-content-language": &a.ContentLanguage,
		"b2-content-encoding": &a.ContentEncoding, "b2-cache-control": &a.CacheControl}
}

// An extra is an entry of info that is this driver's own. The zero value is none.
type extra struct{ name, value string }

// largeSHA1 is the digest of a large file.
func largeSHA1(sum []byte) extra { return extra{infoSHA1, hex.EncodeToString(sum)} }

// encodeInfo returns a as B2 keeps it, for an object under key, and an entry more. It answers ErrInvalid if that is
// more than B2 takes.
func encodeInfo(key string, a *blob.Attributes, more extra) (contentType string, info map[string]string, err error) {
	info = make(map[string]string, len(a.Metadata)+5)
	for name, value := range a.Metadata {
		if strings.HasPrefix(name, infoReserved) || name == infoSHA1 {
			return "", nil, fmt.Errorf("%w: the metadata name %q is reserved by B2", blob.ErrInvalid, name)
		}
		info[name] = value
	}
	for name, value := range headersOf(a) {
		if strings.Contains(*value, "\t") {
			return "", nil, fmt.Errorf("%w: %s holds a tab, which B2 does not keep", blob.ErrInvalid, strings.TrimPrefix(name, infoReserved))
		}
		if *value != "" {
			info[name] = *value
		}
	}
	if more != (extra{}) {
		info[more.name] = more.value
	}
	if n := headersSize(key, info); n > maxHeaders {
		return "", nil, fmt.Errorf("%w: the key and its attributes take %d bytes of headers; B2 takes %d", blob.ErrInvalid, n, maxHeaders)
	}
	if contentType = a.ContentType; contentType == "" {
		contentType = noContentType
	}
	return contentType, info, nil
}

// headersSize is what a name and its info take in headers.
func headersSize(key string, info map[string]string) int {
	n := headerSize("X-Bz-File-Name", key)
	for name, value := range info {
		n += headerSize("X-Bz-Info-"+name, value)
	}
	return n
}

// headerSize is what a header takes, encoded as base does it.
func headerSize(name, value string) int { return len(name) + len(": \r\n") + len(escape(value)) }

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }

// decodeInfo sets the attributes and the SHA-1 of o from what B2 has.
func decodeInfo(o *blob.Object, contentType, sha1 string, info map[string]string) {
	if contentType != noContentType {
		o.ContentType = contentType
	}
	headers := headersOf(&o.Attributes)
	for name, value := range info {
		name = strings.ToLower(name)
		if header := headers[name]; header != nil {
			*header = value
		} else if name == infoSHA1 {
			if sha1 == "" || sha1 == "none" {
				sha1 = value
			}
		} else if !strings.HasPrefix(name, infoReserved) && !strings.HasPrefix(name, infoOurs) {
			if o.Metadata == nil {
				o.Metadata = make(map[string]string, len(info))
			}
			o.Metadata[name] = value
		}
	}
	// What B2 was told not to verify it marks so; it has the digest of what came all the same.
	if sum, err := hex.DecodeString(strings.TrimPrefix(sha1, "unverified:")); err == nil && len(sum) == 20 {
		o.Checksums = o.Checksums.With(blob.SHA1, sum)
	}
}

// etag makes the ETag of a version: its ID, which no other has.
func etag(id string) string { return `"` + id + `"` }

// object reads an entry of a listing.
func (b *bucket) object(f *base.File) *blob.Object {
	o := &blob.Object{Key: f.Name, Size: f.Size, ModTime: f.Timestamp.UTC(), ETag: etag(f.ID), Version: b.version(f.ID)}
	if f.Info != nil {
		decodeInfo(o, f.Info.ContentType, f.Info.SHA1, f.Info.Info)
	}
	return o
}

// version is what an object says of its ID, where versions are kept.
func (b *bucket) version(id string) string {
	if b.keep {
		return id
	}
	return ""
}

// infoOfHeaders reads the info of a download's headers, whose values are percent-encoded. (Blazer's base does not
// return the standard ones.)
func infoOfHeaders(h http.Header) (map[string]string, error) {
	info := map[string]string{"b2-content-disposition": h.Get("Content-Disposition"), "b2-content-language": h.Get("Content-Language"),
		"b2-content-encoding": h.Get("Content-Encoding"), "b2-cache-control": h.Get("Cache-Control")}
	for name, values := range h {
		if rest, ok := strings.CutPrefix(name, "X-Bz-Info-"); ok {
			value, err := url.QueryUnescape(values[0])
			if err != nil {
				return nil, fmt.Errorf("the info %q is not encoded as it should be", text.Printable(rest))
			}
			if rest = strings.ToLower(rest); !strings.HasPrefix(rest, infoReserved) {
				info[rest] = value
			}
		}
	}
	return info, nil
}
