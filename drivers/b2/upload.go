package b2

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

func (b *bucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	w, err := b.newWrite(key, &opts.Attributes)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	cut, err := parts.Uniform(opts.Size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	if opts.Size > mostHeld && opts.Size <= cut.First {
		return nil, fmt.Errorf("%w: %d bytes in parts of %d are a single part, which B2 makes no large file of; let PartSize be smaller, or use Put", blob.ErrInvalid, opts.Size, cut.First)
	}
	u := &upload{w: w, size: opts.Size, partSize: cut.First}
	if opts.ID != "" {
		return u, u.resume(ctx, b, opts)
	}
	if u.partSize != usualPart {
		if err := w.encode(extra{infoPartSize, strconv.FormatInt(u.partSize, 10)}); err != nil {
			return nil, err
		}
	}
	u.large, err = b.begin(ctx, w)
	return u, err
}

// usualPart is the size of parts that is chosen if nothing speaks for another.
const usualPart = 8 << 20

// mostHeld is the largest part that is held in memory in case that it remains alone, in bytes.
const mostHeld = parts.MaxBuffered

// An upload is an unfinished large file. What has arrived is known to the server, but for two things that B2 does not
// take: an empty part, which is noted, and a part that remains the only one. (Large files have at least two parts.)
// Such a one is stored as an ordinary file when the upload completes, so the content of part 1 is held until another is
// sent, unless the size of the whole tells that there will be one.
type upload struct {
	*large
	w        *write
	size     int64 // of the whole; 0: it is not known
	partSize int64

	mu      sync.Mutex
	held    []byte // of part 1; nil: it was not sent from here, or is not alone, or will not be
	others  bool   // a part other than 1 was sent from here
	empty   []int  // parts without content
	settled bool   // completed or aborted
}

func (u *upload) ID() string      { return u.id }
func (u *upload) PartSize() int64 { return u.partSize }

// resume finds the upload that opts name, with the attributes that it began with.
func (u *upload) resume(ctx context.Context, b *bucket, opts *blob.UploadOptions) error {
	var found struct {
		Files []file `json:"files"`
	}
	err := b.account.post(ctx, "b2_list_unfinished_large_files", map[string]any{
		"bucketId": b.base.ID, "namePrefix": u.w.key, "startFileId": opts.ID, "maxFileCount": 1}, &found)
	if f := remote.AsFailure(err); f != nil && errors.Is(f.Is, blob.ErrInvalid) { // it has not the form of an ID
		f.Is = blob.ErrNotExist
	}
	if err != nil {
		return err
	}
	if len(found.Files) == 0 || found.Files[0].ID != opts.ID || found.Files[0].Name != u.w.key {
		return fmt.Errorf("%w: the key has no unfinished upload of that ID", blob.ErrNotExist)
	}
	f := &found.Files[0]
	u.large = &large{b: b, id: f.ID, hook: u.w.hook}
	var o blob.Object
	decodeInfo(&o, f.ContentType, "", f.Info)
	u.w.attributes, u.w.contentType, u.w.info = o.Attributes, f.ContentType, f.Info
	return u.learnPartSize(ctx, f.Info[infoPartSize], opts)
}

// learnPartSize finds out the size of parts, unless it is given: as it was noted at the beginning, or else from the
// parts that have arrived, of an upload that another program has begun.
func (u *upload) learnPartSize(ctx context.Context, noted string, opts *blob.UploadOptions) error {
	if n, err := strconv.ParseInt(noted, 10, 64); opts.PartSize == 0 && err == nil && n >= minPart && n <= maxPart {
		u.partSize = n
		return nil
	}
	for s, err := range u.arrived(ctx) {
		if err != nil {
			return err
		}
		if opts.PartSize == 0 && (s.Size > u.partSize || opts.Size <= 0 && s.Number == 1 && s.Size >= minPart) {
			u.partSize = s.Size
		}
	}
	return nil
}

func (u *upload) Put(ctx context.Context, n int, r *io.SectionReader) (blob.Part, error) {
	if u.ended() {
		return blob.Part{}, errEnded
	}
	var held []byte
	if n == 1 && u.size <= u.partSize && !u.hasOthers() && r.Size() <= mostHeld {
		held = make([]byte, r.Size())
		if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), held); err != nil {
			return blob.Part{}, err
		}
		r = io.NewSectionReader(bytes.NewReader(held), 0, r.Size())
	}
	s := emptyPart(n)
	if r.Size() > 0 {
		part, err := put.Section(ctx, n, r, u.hook, blob.SHA1)
		if err != nil {
			return blob.Part{}, err
		}
		defer part.Close()
		if s, err = u.send(ctx, part); err != nil {
			return blob.Part{}, err
		}
	} else if err := u.exists(ctx); err != nil {
		return blob.Part{}, err
	}
	u.note(s, held)
	return partOf(s), nil
}

var errEnded = fmt.Errorf("%w: the upload is completed or aborted", blob.ErrNotExist)

func (u *upload) ended() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.settled
}

func (u *upload) hasOthers() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.others
}

// exists asks whether the upload is still there, for who sends what B2 does not take.
func (u *upload) exists(ctx context.Context) error {
	for _, err := range u.arrived(ctx) {
		return err
	}
	return nil
}

// emptyPart is a part without content, which B2 does not take.
func emptyPart(n int) put.Sent {
	return put.Sent{Number: n, Tag: hex.EncodeToString(sha1.New().Sum(nil))}
}

// note keeps what is not known to the server.
func (u *upload) note(s put.Sent, held []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.empty = slices.DeleteFunc(u.empty, func(n int) bool { return n == s.Number })
	switch {
	case s.Size == 0:
		u.empty = append(u.empty, s.Number)
	case s.Number != 1:
		u.others, u.held = true, nil
	case !u.others:
		u.held = held
	}
}

func partOf(s put.Sent) blob.Part {
	p := blob.Part{Number: s.Number, Size: s.Size, ETag: `"` + s.Tag + `"`}
	if sum, err := hex.DecodeString(s.Tag); err == nil && len(sum) == sha1.Size {
		p.Checksums = p.Checksums.With(blob.SHA1, sum)
	}
	return p
}

// arrived yields the parts that the server has.
func (u *upload) arrived(ctx context.Context) iter.Seq2[put.Sent, error] {
	const size = 1000
	return remote.Pages(ctx, 1, func(ctx context.Context, at int) (page remote.Page[put.Sent, int], err error) {
		var found []*base.FilePart
		err = u.b.account.call(ctx, "b2_list_parts", func(ctx context.Context) (err error) {
			found, page.Next, err = u.b.base.File(u.id, u.w.key).ListParts(ctx, at, size)
			return err
		})
		if f := remote.AsFailure(err); f != nil && errors.Is(f.Is, blob.ErrInvalid) { // it is not unfinished any longer
			f.Is = blob.ErrNotExist
		}
		for _, p := range found {
			page.Items = append(page.Items, put.Sent{Number: p.Number, Size: p.Size, Tag: p.SHA1})
		}
		page.More = page.Next > 0
		return page, err
	})
}

// all returns the parts that have arrived, the empty ones among them.
func (u *upload) all(ctx context.Context) ([]put.Sent, error) {
	var all []put.Sent
	for s, err := range u.arrived(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.empty {
		at, taken := slices.BinarySearchFunc(all, n, func(s put.Sent, n int) int { return s.Number - n })
		if taken {
			return nil, fmt.Errorf("%w: part %d was sent again without content, and B2 cannot remove what it was", errors.ErrUnsupported, n)
		}
		all = slices.Insert(all, at, emptyPart(n))
	}
	return all, nil
}

func (u *upload) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		if u.ended() {
			yield(blob.Part{}, errEnded)
			return
		}
		all, err := u.all(ctx)
		if err != nil {
			yield(blob.Part{}, err)
			return
		}
		for _, s := range all {
			if !yield(partOf(s), nil) {
				return
			}
		}
	}
}

// Complete asks the server which parts have arrived, since other processes may have sent some.
func (u *upload) Complete(ctx context.Context) (*blob.Object, error) {
	if u.ended() {
		return nil, errEnded
	}
	all, err := u.all(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		if s.Number != i+1 {
			return nil, fmt.Errorf("%w: part %d has not arrived, but part %d has", blob.ErrInvalid, i+1, s.Number)
		}
		if i < len(all)-1 && s.Size != u.partSize {
			return nil, fmt.Errorf("%w: part %d has %d bytes, and every part but the last must have %d", blob.ErrInvalid, s.Number, s.Size, u.partSize)
		}
	}
	if n := len(all); n > 0 && all[n-1].Size == 0 {
		all = all[:n-1]
	}
	var o *blob.Object
	if len(all) > 1 {
		o, err = u.finish(ctx, u.w, all, nil)
	} else {
		o, err = u.completeAlone(ctx, all)
	}
	if err == nil {
		u.settle()
	}
	return o, err
}

// completeAlone stores what has a single part, or none, as an ordinary file.
func (u *upload) completeAlone(ctx context.Context, all []put.Sent) (*blob.Object, error) {
	u.mu.Lock()
	content := u.held
	u.mu.Unlock()
	if len(all) == 0 {
		content = nil
	}
	whole, err := put.Section(ctx, 0, io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))), u.hook, blob.SHA1)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	sum, err := whole.Digest(blob.SHA1)
	if err != nil {
		return nil, err
	}
	if len(all) == 1 && u.size > u.partSize {
		return nil, fmt.Errorf("%w: a single part of %d bytes has arrived, and Size was %d", blob.ErrInvalid, all[0].Size, u.size)
	}
	if len(all) == 1 && all[0].Tag != hex.EncodeToString(sum) {
		return nil, fmt.Errorf("%w: B2 makes no large file of a single part, and its content is not at hand (up to %d bytes are held by the Upload that sent it): send part 1 again, then complete", blob.ErrInvalid, mostHeld)
	}
	o, err := u.b.putSingle(ctx, u.w, whole)
	if f := remote.AsFailure(err); f != nil && f.Ambiguous {
		o, err = u.look(ctx, whole.Size, sum, err)
	}
	if err == nil {
		u.b.cleanUp(ctx, u.id)
	}
	return o, err
}

// look finds out whether what was stored as an ordinary file is there when no answer says so. If the key holds just
// that, it does not matter who has stored it.
func (u *upload) look(ctx context.Context, size int64, whole []byte, cause error) (*blob.Object, error) {
	o, err := u.b.Stat(ctx, u.w.key, &blob.StatOptions{})
	if err != nil {
		return nil, cause
	}
	sum, ok := o.Checksums.Get(blob.SHA1)
	if !ok || !bytes.Equal(sum, whole) || o.Size != size || !sameAttributes(&o.Attributes, &u.w.attributes) {
		return nil, cause
	}
	return o, nil
}

func sameAttributes(a, b *blob.Attributes) bool {
	return a.ContentType == b.ContentType && a.ContentEncoding == b.ContentEncoding && a.ContentLanguage == b.ContentLanguage &&
		a.ContentDisposition == b.ContentDisposition && a.CacheControl == b.CacheControl && maps.Equal(a.Metadata, b.Metadata)
}

func (u *upload) settle() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settled, u.held = true, nil
}

func (u *upload) Abort(ctx context.Context) error {
	if u.ended() {
		return nil
	}
	err := u.b.cancel(ctx, u.id)
	if err == nil {
		u.settle()
	}
	return err
}

// Uploads collects all before it yields any: B2 lists them by their age.
func (b *bucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		all, err := b.unfinished(ctx, prefix)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, u := range all {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// unfinished returns the unfinished uploads under prefix, by key and age.
func (b *bucket) unfinished(ctx context.Context, prefix string) ([]*blob.UploadInfo, error) {
	if err := b.account.current().covers(prefix); err != nil {
		return nil, err
	}
	var all []*blob.UploadInfo
	for f, err := range b.started(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		all = append(all, &blob.UploadInfo{Key: f.Name, ID: f.ID, Initiated: time.UnixMilli(f.Time).UTC()})
	}
	slices.SortStableFunc(all, func(x, y *blob.UploadInfo) int { return strings.Compare(x.Key, y.Key) })
	return all, nil
}

// started yields the large files under prefix that are not finished, by age. (Blazer's base lists them without a
// prefix.)
func (b *bucket) started(ctx context.Context, prefix string) iter.Seq2[*file, error] {
	return remote.Pages(ctx, "", func(ctx context.Context, at string) (page remote.Page[*file, string], err error) {
		in := map[string]any{"bucketId": b.base.ID, "maxFileCount": 100} // https://www.backblaze.com/apidocs/b2-list-unfinished-large-files
		if prefix != "" {
			in["namePrefix"] = prefix
		}
		if at != "" {
			in["startFileId"] = at
		}
		var found struct {
			Files []*file `json:"files"`
			Next  string  `json:"nextFileId"`
		}
		err = b.account.post(ctx, "b2_list_unfinished_large_files", in, &found)
		page.Items, page.Next, page.More = found.Files, found.Next, found.Next != ""
		return page, err
	})
}

// Sweep cancels the unfinished uploads that began before a time, such as those of processes that died, and returns how
// many it has cancelled. B2 charges for their parts until then. With an application key of one prefix that is what it
// sweeps.
func (b *Bucket) Sweep(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for u, err := range b.Uploads(ctx, b.raw.account.current().APIInfo.StorageAPI.NamePrefix) {
		if err != nil {
			return n, err
		}
		if !u.Initiated.Before(before) {
			continue
		}
		if err := b.raw.cancel(ctx, u.ID); err != nil {
			return n, &blob.Error{Op: "sweep", Bucket: b.String(), Key: u.Key, Err: err}
		}
		n++
	}
	return n, nil
}
