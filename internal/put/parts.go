package put

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/crc"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

// Concurrency is how many parts of one object are sent at once, unless the caller gives a hint.
const Concurrency = 8

// An Upload is an object that the store makes of parts.
type Upload interface {
	// Send stores a part. It is called by several goroutines at once. Its ctx ends a grace period after the call has
	// failed or its ctx has ended, since a part whose request is cut off may be stored after the upload was aborted.
	Send(ctx context.Context, part *Content) (Sent, error)

	// Complete publishes the object, of all parts in order, and calls the hook by way of [Publishing] before each attempt.
	// Whole has the digests of the whole content that were computed.
	Complete(ctx context.Context, all []Sent, whole blob.Checksums) (*blob.Object, error)

	// Abort removes the upload after a failure. Its ctx does not end with that of the call.
	Abort(ctx context.Context)
}

// A Sent is a part that the store has.
type Sent struct {
	Number int   // from 1
	Size   int64 // in bytes
	CRC32C uint32
	Summed bool   // CRC32C is known
	Tag    string // what the store needs to complete the upload, such as an ETag
}

// Joined returns the size of an object of these parts, and its CRC-32C if that of every part is known.
func Joined(all []Sent) (size int64, sum uint32, summed bool) {
	summed = true
	for _, s := range all {
		summed = summed && s.Summed
		sum = crc.JoinCastagnoli(sum, s.CRC32C, s.Size)
		size += s.Size
	}
	return size, sum, summed
}

// Copy makes an object of parts that the store copies: their contents have a number, an offset and a size, and cannot be
// read. It is otherwise like the part of [Put] that sends parts.
func Copy(ctx context.Context, begin func(context.Context) (Upload, error), size, part int64) (*blob.Object, error) {
	return inParts(ctx, begin, parts.Ranges(size, part), Concurrency,
		func(p *parts.Part) *Content { return &Content{Number: p.Number, Offset: p.Offset, Size: p.Size} },
		func([]Sent) (whole blob.Checksums, err error) { return whole, nil })
}

// inParts makes an object of the parts of src, and removes the upload if that fails, unless the object may have been
// published. Verify is called when all parts are stored, before the completion.
func inParts(ctx context.Context, begin func(context.Context) (Upload, error), src parts.Source, concurrency int,
	content func(*parts.Part) *Content, verify func([]Sent) (blob.Checksums, error)) (*blob.Object, error) {
	u, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	var o *blob.Object
	all, err := sendParts(ctx, u, src, concurrency, content)
	if err == nil {
		var whole blob.Checksums
		if whole, err = verify(all); err == nil {
			o, err = u.Complete(ctx, all, whole)
		}
	}
	if err != nil && !errors.Is(err, blob.ErrAmbiguous) {
		remote.CleanUp(ctx, u.Abort)
	}
	return o, err
}

// sendParts sends the parts of src, and returns them in order.
func sendParts(ctx context.Context, u Upload, src parts.Source, concurrency int, content func(*parts.Part) *Content) ([]Sent, error) {
	var mu sync.Mutex
	var all []Sent
	err := parts.Send(ctx, src, cmp.Or(concurrency, Concurrency), func(ctx context.Context, p *parts.Part) error {
		ctx, cancel := remote.WithGrace(ctx, remote.PartGrace)
		defer cancel()
		sent, err := u.Send(ctx, content(p))
		mu.Lock()
		defer mu.Unlock()
		all = append(all, sent)
		return err
	})
	slices.SortFunc(all, func(x, y Sent) int { return cmp.Compare(x.Number, y.Number) })
	return all, err
}
