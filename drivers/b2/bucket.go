package b2

import (
	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
)

// A bucket is the driver: the methods of blob.Bucket, unchecked.
type bucket struct {
	blob.Unsupported
	account    *account
	base       *base.Bucket
	keep       bool // old versions
	anyKeys    bool
	uploadURLs pool[*base.URL]
}

func newBucket(a *account, of *base.Bucket, cfg *Config) *bucket {
	return &bucket{account: a, base: of, keep: cfg.KeepVersions, anyKeys: cfg.AnyKeys}
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return "b2://" + b.base.Name }

// https://www.backblaze.com/docs/cloud-storage-large-files
const (
	minPart   = 5_000_000 // of every part but the last
	maxPart   = 5_000_000_000
	maxParts  = 10_000
	maxSingle = 5_000_000_000 // what one upload or one copy takes
	maxObject = 10_000_000_000_000
)

func (b *bucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If:   blob.ConditionRules{Source: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions},
		Keys: b.keyRules(),
		Objects: blob.ObjectRules{MaxSize: maxObject, Headers: true, Metadata: true, TimePrecision: timePrecision,
			MaxMetadataEntries: maxMetadata, MaxMetadataBytes: maxMetadataBytes, MaxMetadataName: maxInfoName},
		Uploads:    blob.UploadRules{Supported: true, MinPartSize: minPart, MaxPartSize: maxPart, MaxParts: maxParts, Listed: true},
		Deviations: blob.Deviations{LonePartHeld: true},
		Checksums:  blob.ChecksumRules{In: blob.AllAlgorithms},
		Copy:       true,
		Hooks:      true,
		Versions:   b.keep,
	}
}

// limits are those of the parts of an object.
func (b *bucket) limits() parts.Limits {
	return parts.Limits{MinSize: minPart, MaxSize: maxPart, Parts: maxParts}
}
