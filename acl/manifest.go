package acl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

// How a policy is written down: one manifest, which is replaced, and segments, which never change. Whoever reads the
// manifest knows which segments belong to it, so a policy of any size changes at one point, all at once.

// ErrCorrupt tells that the stored policy cannot be understood as a whole: it is damaged, cut short, of a format that
// this version does not know, or older than what this process has seen. Such a policy allows nothing.
var ErrCorrupt = errors.New("the stored policy is corrupt")

// manifest is the head of a policy. It holds what decides about everyone (owners, suspensions, AllowPublic), so that
// the kill switch is one small write. What grows (grants, barriers, groups) is in segments.
type manifest struct {
	Policy     string         `json:"policy"`
	Name       string         `json:"name"` // of the immutable copy; it is never used twice, so neither is the ETag
	Generation uint64         `json:"generation"`
	Parent     *reference     `json:"parent,omitempty"` // the manifest that this one replaced; none for the first
	Time       time.Time      `json:"time"`
	Edits      []editRecord   `json:"edits,omitempty"` // what was changed, for an audit
	Segments   []segmentEntry `json:"segments,omitempty"`

	Owners      []Principal `json:"owners"`
	Suspended   []string    `json:"suspended,omitempty"`
	AllowPublic bool        `json:"allowPublic,omitempty"`

	Secret []byte `json:"secret"` // authenticates resume tokens of uploads
}

// reference names an immutable object, and says what must be in it.
type reference struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

type segmentEntry struct {
	reference
	Grants int `json:"grants"`
}

// editRecord is one edit of the batch that made a manifest.
type editRecord struct {
	ID   string `json:"id"`
	By   string `json:"by,omitempty"`
	Edit string `json:"edit"`
}

// segment is a part of what grows. A policy's grants, barriers and groups are those of all its segments together.
type segment struct {
	Format   int                    `json:"format"`
	Grants   []Grant                `json:"grants,omitempty"`
	Barriers []string               `json:"barriers,omitempty"`
	Groups   map[string][]Principal `json:"groups,omitempty"`
}

// format is the version of manifests and segments. One that is not this is refused: a policy half understood could
// allow what it forbids.
const format = 1

// A manifest begins with a line that can be read in every version: what it is, its format, and the digest of the rest.
const magic = "holdall-policy"

func encodeManifest(m *manifest) ([]byte, error) {
	body, err := encode(m)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%s %d %s\n", magic, format, digest(body)), body...), nil
}

func decodeManifest(data []byte) (*manifest, error) {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	words := strings.Split(string(line), " ")
	switch {
	case len(words) != 3 || words[0] != magic:
		return nil, fmt.Errorf("%w: the manifest does not begin with %q", ErrCorrupt, magic)
	case words[1] != fmt.Sprint(format):
		return nil, fmt.Errorf("%w: its format is %q, and this version of holdall knows %d", ErrCorrupt, words[1], format)
	case words[2] != digest(body):
		return nil, fmt.Errorf("%w: the manifest is damaged or cut short", ErrCorrupt)
	}
	m := &manifest{}
	if err := decode(body, m); err != nil {
		return nil, fmt.Errorf("%w: the manifest: %v", ErrCorrupt, err)
	}
	if m.Policy == "" || m.Generation == 0 || len(m.Secret) != secretSize || !nameOf(manifestsRoot, m.Name) ||
		(m.Parent == nil) != (m.Generation == 1) || m.Parent != nil && !nameOf(manifestsRoot, m.Parent.Name) {
		return nil, fmt.Errorf("%w: the manifest lacks its policy, name, generation, parent or secret", ErrCorrupt)
	}
	for i := range m.Segments {
		if !nameOf(segmentsRoot, m.Segments[i].Name) {
			return nil, fmt.Errorf("%w: the manifest names the segment %q", ErrCorrupt, m.Segments[i].Name)
		}
	}
	return m, nil
}

// policy puts together the policy of m and its segments.
func (m *manifest) policy(segments []*segment) (*Policy, error) {
	p := &Policy{
		ID: m.Policy, Owners: m.Owners, Suspended: m.Suspended, AllowPublic: m.AllowPublic,
		Groups: make(map[string][]Principal),
	}
	for i, s := range segments {
		if s.Format != format || len(s.Grants) != m.Segments[i].Grants {
			return nil, fmt.Errorf("%w: the segment %q is not what the manifest says", ErrCorrupt, m.Segments[i].Name)
		}
		p.Grants = append(p.Grants, s.Grants...)
		p.Barriers = append(p.Barriers, s.Barriers...)
		for id, members := range s.Groups {
			if _, twice := p.Groups[id]; twice {
				return nil, fmt.Errorf("%w: two segments hold the group %q", ErrCorrupt, id)
			}
			p.Groups[id] = members
		}
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return p, nil
}

// encodeSegment returns what grows of p, or nil if there is nothing.
func encodeSegment(p *Policy) ([]byte, error) {
	if len(p.Grants) == 0 && len(p.Barriers) == 0 && len(p.Groups) == 0 {
		return nil, nil
	}
	return encode(&segment{format, p.Grants, p.Barriers, p.Groups})
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: %w", blob.ErrInvalid, err)
	}
	return b.Bytes(), nil
}

// decode reads one JSON value into v, and refuses what v has no place for, and what comes after it. It refuses invalid
// UTF-8 too, which encoding/json would replace: two ids that differ could become one.
func decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("it is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows after the end")
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
