package s3

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/holdall-go/holdall/blob"
)

// timePrecision is a second: that is all that the headers of a Stat have. Listings have more digits on some servers,
// which are cut off, so that both say the same.
const timePrecision = time.Second

// noContentType is what S3 itself says of an object that was stored without one. It is sent for one too, since some
// servers guess otherwise, and reads as none.
const noContentType = "binary/octet-stream"

// header returns a header's value, or nil for an absent one.
func header(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func contentType(value string) *string {
	if value == "" {
		return aws.String(noContentType)
	}
	return &value
}

func readContentType(value *string) string {
	if v := aws.ToString(value); v != noContentType {
		return v
	}
	return ""
}

// etag returns an ETag in quotes, which some servers leave out in some places.
func etag(value *string) string {
	v := aws.ToString(value)
	if v == "" || strings.HasPrefix(v, `"`) || strings.HasPrefix(v, "W/") {
		return v
	}
	return `"` + v + `"`
}

func modTime(t *time.Time) time.Time { return aws.ToTime(t).Truncate(timePrecision) }

// version reads a version id. A bucket that has never had versions gives none, or "null".
func (b *bucket) version(id *string) string {
	if !b.versions {
		return ""
	}
	return aws.ToString(id)
}

// readIf is the condition of a read, as its headers have it.
type readIf struct {
	match, noneMatch *string
	since, notSince  *time.Time
}

func readCondition(c blob.Condition) (r readIf) {
	switch c.Kind() {
	case blob.KindMatch:
		r.match = aws.String(c.ETag())
	case blob.KindNoneMatch:
		r.noneMatch = aws.String(c.ETag())
	case blob.KindModifiedSince:
		r.since = aws.Time(c.Time())
	case blob.KindUnmodifiedSince:
		r.notSince = aws.Time(c.Time().Add(time.Second)) // see holdsNow, which judges the rest
	}
	return r
}

// writeCondition returns the headers of a condition on what a key holds.
func (f *flavour) writeCondition(c blob.Condition) (ifMatch, ifNoneMatch *string) {
	switch c.Kind() {
	case blob.KindAbsent:
		return nil, aws.String("*")
	case blob.KindMatch:
		if f.bareETags {
			return aws.String(strings.Trim(c.ETag(), `"`)), nil
		}
		return aws.String(c.ETag()), nil
	}
	return nil, nil
}
