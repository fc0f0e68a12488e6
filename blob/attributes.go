package blob

import (
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"
)

const maxMetadataName = 128

// attributes checks what a writer attaches, and folds metadata names to lower case. It returns a itself if nothing had
// to be folded.
func (c *checked) attributes(a *Attributes) (*Attributes, error) {
	if a.IsZero() {
		return a, nil
	}
	if err := c.headers(a); err != nil {
		return nil, err
	}
	if len(a.Metadata) == 0 {
		return a, nil
	}
	if !c.caps.Objects.Metadata {
		return nil, fmt.Errorf("%w: this bucket keeps no metadata", errors.ErrUnsupported)
	}
	folded := make(map[string]string, len(a.Metadata))
	bytes := 0
	for name, value := range a.Metadata {
		if err := checkMetadata(name, value); err != nil {
			return nil, err
		}
		if most := c.caps.Objects.MaxMetadataName; most > 0 && len(name) > most {
			return nil, fmt.Errorf("%w: metadata name %q has %d bytes; this bucket keeps names of at most %d", ErrInvalid, name, len(name), most)
		}
		lower := strings.ToLower(name)
		if _, twice := folded[lower]; twice {
			return nil, fmt.Errorf("%w: metadata name %q is given twice; case makes no difference", ErrInvalid, lower)
		}
		folded[lower] = value
		bytes += len(name) + len(value)
	}
	if most := c.caps.Objects.MaxMetadataEntries; most > 0 && len(folded) > most {
		return nil, fmt.Errorf("%w: %d metadata entries; this bucket keeps at most %d", ErrInvalid, len(folded), most)
	}
	if most := c.caps.Objects.MaxMetadataBytes; most > 0 && bytes > most {
		return nil, fmt.Errorf("%w: %d bytes of metadata; this bucket keeps at most %d", ErrInvalid, bytes, most)
	}
	with := *a
	with.Metadata = folded
	return &with, nil
}

func (c *checked) headers(a *Attributes) error {
	for _, h := range [...]struct{ name, value string }{
		{"ContentType", a.ContentType}, {"ContentEncoding", a.ContentEncoding}, {"ContentLanguage", a.ContentLanguage},
		{"ContentDisposition", a.ContentDisposition}, {"CacheControl", a.CacheControl},
	} {
		if h.value == "" {
			continue
		}
		if !c.caps.Objects.Headers && h.name != "ContentType" {
			return fmt.Errorf("%w: this bucket does not keep %s", errors.ErrUnsupported, h.name)
		}
		if err := checkHeader(h.name, h.value); err != nil {
			return err
		}
	}
	if a.ContentType != "" {
		if _, _, err := mime.ParseMediaType(a.ContentType); err != nil {
			return fmt.Errorf("%w: ContentType %q is no media type, such as \"text/plain; charset=utf-8\": %v", ErrInvalid, a.ContentType, err)
		}
	}
	return nil
}

// checkHeader keeps line breaks out, with which a value could add headers of its own to a request.
func checkHeader(name, value string) error {
	if strings.TrimSpace(value) != value {
		return fmt.Errorf("%w: %s %q begins or ends with space", ErrInvalid, name, value)
	}
	for i := range len(value) {
		if b := value[i]; b != '\t' && (b < 0x20 || b > 0x7e) {
			return fmt.Errorf("%w: %s %q holds the byte %#02x; a header is printable ASCII, and a file name of other letters is written as filename*= (RFC 8187)", ErrInvalid, name, value, b)
		}
	}
	return nil
}

func checkMetadata(name, value string) error {
	if name == "" || len(name) > maxMetadataName {
		return fmt.Errorf("%w: metadata name %s has %d bytes; it may have 1 to %d", ErrInvalid, quoteKey(name), len(name), maxMetadataName)
	}
	for i := range len(name) {
		b := name[i]
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return fmt.Errorf("%w: metadata name %q holds %q; letters, digits, '-', '_' and '.' are allowed", ErrInvalid, name, string(b))
		}
	}
	for _, reserved := range [...]string{"x-amz-", "x-goog-", "x-ms-", "holdall-"} {
		if len(name) >= len(reserved) && strings.EqualFold(name[:len(reserved)], reserved) {
			return fmt.Errorf("%w: metadata names that begin with %q are reserved", ErrInvalid, reserved)
		}
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%w: the metadata value of %q is not valid UTF-8", ErrInvalid, name)
	}
	return nil
}
