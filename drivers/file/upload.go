package file

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/crc"
)

const (
	maxParts        = 10_000
	defaultPartSize = 8 << 20
)

// An upload is a folder of the work directory that is named by the ID. In it are a head, which tells what was fixed at
// the beginning, and a file for each part that arrived, named by its number, with the record that an object has. So a
// part is there whole or not at all, one that is sent again replaces the former, and any process can go on.
type upload struct {
	b    *bucket
	id   string
	cond blob.Condition
	hook *blob.Hook
	head head
}

// headName is the file of the head. Whoever removes it ends the upload.
const headName = "head"

// A head is what was fixed when the upload began.
type head struct {
	key       string
	initiated int64 // nanoseconds since 1970
	partSize  int64
	attrs     blob.Attributes
}

const headVersion = 1

func (h *head) encode() []byte {
	b := appendText([]byte{headVersion}, h.key)
	b = binary.AppendVarint(b, h.initiated)
	b = binary.AppendVarint(b, h.partSize)
	return appendAttributes(b, &h.attrs)
}

func decodeHead(b []byte) (h head, ok bool) {
	d := decoder{b}
	version := d.byte()
	h.key, h.initiated, h.partSize = d.text(), d.varint(), d.varint()
	return h, d.b != nil && version == headVersion && h.partSize > 0 && d.attributes(&h.attrs)
}

func noUpload(id string) error { return fmt.Errorf("upload %q: %w", id, blob.ErrNotExist) }

// Upload implements blob.Bucket.
func (b *bucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if err := b.tree.use(); err != nil {
		return nil, err
	}
	defer b.tree.leave()
	if opts.ID == "" {
		return b.begin(ctx, key, opts)
	}
	if !isID(opts.ID) {
		return nil, noUpload(opts.ID)
	}
	h, err := b.tree.head(opts.ID)
	if err != nil {
		return nil, err
	}
	if h.key != key {
		return nil, noUpload(opts.ID)
	}
	return &upload{b, opts.ID, opts.If, opts.Hook, h}, nil
}

// isID tells whether s is a text that [rand.Text] makes, and so no path to anywhere.
func isID(s string) bool {
	return len(s) >= 26 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func (b *bucket) begin(ctx context.Context, key string, o *blob.UploadOptions) (blob.Upload, error) {
	size := o.PartSize
	if size <= 0 {
		size = max(defaultPartSize, (o.Size-1)/maxParts+1)
	}
	u := &upload{b, rand.Text(), o.If, o.Hook, head{key, time.Now().UnixNano(), size, o.Attributes}}
	d, err := b.tree.newDraft()
	if err != nil {
		return nil, err
	}
	defer d.discard()
	if err := d.fill(ctx, strings.NewReader(string(u.head.encode())), blob.Checksums{}, nil); err != nil {
		return nil, err
	}
	if _, err := d.seal(&blob.Attributes{}, b.sync); err != nil {
		return nil, err
	}
	err = b.tree.inWork(uploadsFolder, func(uploads folder) error { return uploads.mkdir(u.id) })
	if err == nil {
		err = u.add(d, headName)
	}
	if err != nil {
		_ = b.tree.abort(u.id)
		return nil, err
	}
	return u, nil
}

// path is the path of the upload's folder, or of a file in it.
func (u *upload) path(name ...string) string {
	return strings.Join(append([]string{workName, uploadsFolder, u.id}, name...), "/")
}

// add publishes a draft in the upload's folder.
func (u *upload) add(d *draft, name string) error {
	t := u.b.tree
	dir, err := t.openFolder(u.path())
	if isMissing(err) {
		return noUpload(u.id)
	}
	if err != nil {
		return err
	}
	defer dir.close()
	if err := u.addIn(dir, d, name); err != nil {
		return err
	}
	if !u.b.sync {
		return nil
	}
	if err := t.sync(dir); err != nil {
		return err
	}
	return t.settle(u.path())
}

func (u *upload) addIn(dir folder, d *draft, name string) error {
	t := u.b.tree
	defer t.lock(u.path(name)).Unlock()
	old, err := dir.lstat(name)
	replace := err == nil
	if err = d.publish(dir, name, replace); errors.Is(err, fs.ErrExist) { // another process sent it, too
		err = d.publish(dir, name, true)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noUpload(u.id)
	}
	if err == nil && replace {
		t.dropAside(old)
	}
	return err
}

// head reads the head of an upload.
func (t *tree) head(id string) (head, error) {
	f, o, err := t.open(workName+"/"+uploadsFolder+"/"+id+"/"+headName, false)
	if isMissing(err) {
		return head{}, noUpload(id)
	}
	if err != nil {
		return head{}, err
	}
	b, err := readAll(f, o.Size)
	if err != nil {
		return head{}, err
	}
	h, ok := decodeHead(b)
	if !ok {
		return head{}, fmt.Errorf("upload %q: its head is damaged, or of a later version", id)
	}
	return h, nil
}

func (u *upload) ID() string      { return u.id }
func (u *upload) PartSize() int64 { return u.head.partSize }

// Put implements blob.Upload. Parts are files of their own, so they do not wait for each other.
func (u *upload) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	t := u.b.tree
	if err := t.use(); err != nil {
		return blob.Part{}, err
	}
	defer t.leave()
	d, err := t.newDraft()
	if err != nil {
		return blob.Part{}, err
	}
	defer d.discard()
	size, _ := blob.BodySize(body)
	if err := d.fill(ctx, body, blob.Checksums{}, u.hook); err != nil {
		return blob.Part{}, err
	}
	if d.size != size {
		return blob.Part{}, fmt.Errorf("%w: part %d ended after %d of %d bytes", io.ErrUnexpectedEOF, n, d.size, size)
	}
	i, err := d.seal(&blob.Attributes{}, u.b.sync)
	if err != nil {
		return blob.Part{}, err
	}
	if err := ctx.Err(); err != nil {
		return blob.Part{}, err
	}
	if err := u.add(d, partName(n)); err != nil {
		return blob.Part{}, err
	}
	return blob.Part{Number: n, Size: i.size, ETag: i.etag(), Checksums: blob.CRC32CSum(d.crc)}, nil
}

func partName(n int) string { return fmt.Sprintf("%05d", n) }

// Parts implements blob.Upload.
func (u *upload) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		t := u.b.tree
		if err := t.use(); err != nil {
			yield(blob.Part{}, err)
			return
		}
		defer t.leave()
		numbers, err := u.numbers()
		if err != nil {
			yield(blob.Part{}, err)
			return
		}
		for _, n := range numbers {
			_, o, err := t.open(u.path(partName(n)), true)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(blob.Part{}, err)
				return
			}
			if !yield(blob.Part{Number: n, Size: o.Size, ETag: o.ETag, Checksums: o.Checksums}, nil) {
				return
			}
		}
	}
}

// numbers returns those of the parts that have arrived, in order.
func (u *upload) numbers() ([]int, error) {
	t := u.b.tree
	dir, err := t.openFolder(u.path())
	if isMissing(err) {
		return nil, noUpload(u.id)
	}
	if err != nil {
		return nil, err
	}
	defer dir.close()
	var numbers []int
	going := false
	err = dir.each(func(name string, _ kind) bool {
		going = going || name == headName
		if n, err := strconv.Atoi(name); err == nil && partName(n) == name {
			numbers = append(numbers, n)
		}
		return true
	})
	if err == nil && !going {
		err = noUpload(u.id)
	}
	slices.Sort(numbers)
	return numbers, err
}

// Complete implements blob.Upload. The parts are joined in the kernel, which shares their blocks where the file system
// can; their checksums give that of the whole. No lock is held while the hook is called: it may take its time, and others
// may abort the upload meanwhile.
func (u *upload) Complete(ctx context.Context) (*blob.Object, error) {
	t := u.b.tree
	if err := t.use(); err != nil {
		return nil, err
	}
	defer t.leave()
	d, err := t.newDraft()
	if err != nil {
		return nil, err
	}
	defer d.discard()
	if err := u.assemble(ctx, d); err != nil {
		return nil, err
	}
	i, err := d.seal(&u.head.attrs, u.b.sync)
	if err == nil {
		err = u.hook.Publishing(ctx)
	}
	if err != nil {
		return nil, err
	}
	defer t.lockUpload(u.id).Unlock()
	if _, err := t.root.lstat(u.path(headName)); isMissing(err) { // others completed or aborted it meanwhile
		return nil, noUpload(u.id)
	}
	if err := t.publish(ctx, t.names.path(u.head.key), d, u.cond, nil, u.b.sync); err != nil {
		return nil, err
	}
	// The object is there. Should the folder stay, it is an upload that can be aborted.
	_ = t.abort(u.id)
	return d.object(u.head.key, i, &u.head.attrs), nil
}

// assemble joins the parts in a draft. It takes no lock, which could be that of another upload whose Complete has called its
// hook and is about to publish.
func (u *upload) assemble(ctx context.Context, d *draft) error {
	numbers, err := u.numbers()
	if err != nil {
		return err
	}
	d.hasCRC = true
	for i, n := range numbers {
		if n != i+1 {
			return fmt.Errorf("%w: part %d is missing", blob.ErrInvalid, i+1)
		}
		if err := u.join(ctx, d, n, i == len(numbers)-1); err != nil {
			return err
		}
	}
	return nil
}

// join appends a part to the draft.
func (u *upload) join(ctx context.Context, d *draft, n int, last bool) error {
	f, o, err := u.b.tree.open(u.path(partName(n)), false)
	if isMissing(err) { // it was completed or aborted meanwhile
		return noUpload(u.id)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if !last && o.Size != u.head.partSize {
		return fmt.Errorf("%w: part %d has %d bytes; all but the last must have %d", blob.ErrInvalid, n, o.Size, u.head.partSize)
	}
	partCRC, ok := o.Checksums.CRC32C()
	if !ok {
		return fmt.Errorf("%w: part %d was changed by another program", blob.ErrChanged, n)
	}
	sum := crc.JoinCastagnoli(d.crc, partCRC, o.Size)
	if err := d.append(ctx, f, o.Size, func() error { return nil }); err != nil {
		return err
	}
	d.crc, d.hasCRC = sum, true
	return nil
}

// Abort implements blob.Upload.
func (u *upload) Abort(context.Context) error {
	t := u.b.tree
	if err := t.use(); err != nil {
		return err
	}
	defer t.leave()
	defer t.lockUpload(u.id).Unlock()
	return t.abort(u.id)
}

// abort removes an upload: first the head, so that nobody resumes what is half gone.
func (t *tree) abort(id string) error {
	dir, err := t.openFolder(workName + "/" + uploadsFolder + "/" + id)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.close()
	for {
		names := []string{headName}
		if err := dir.each(func(name string, _ kind) bool { names = append(names, name); return true }); err != nil {
			return err
		}
		for _, name := range names {
			if i, err := dir.lstat(name); err == nil {
				t.dropAside(i)
			}
			if err := dir.unlink(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		err = t.inWork(uploadsFolder, func(uploads folder) error {
			return t.removeFolder(uploads, id, workName+"/"+uploadsFolder+"/"+id)
		})
		if err == nil || isMissing(err) {
			return nil
		}
		if _, empty := firstName(dir); empty {
			return err
		}
		// A part arrived meanwhile: it goes, too.
	}
}

// firstName returns any name in the folder.
func firstName(dir folder) (name string, empty bool) {
	empty = true
	_ = dir.each(func(n string, _ kind) bool { name, empty = n, false; return false })
	return name, empty
}

// Uploads implements blob.Bucket.
func (b *bucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		if err := b.tree.use(); err != nil {
			yield(nil, err)
			return
		}
		defer b.tree.leave()
		found, err := b.tree.unfinished(ctx, prefix)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, u := range found {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// unfinished returns the uploads of keys under prefix, by key and then by age.
func (t *tree) unfinished(ctx context.Context, prefix string) (found []*blob.UploadInfo, err error) {
	uploads, err := t.openFolder(workName + "/" + uploadsFolder)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer uploads.close()
	err = uploads.each(func(id string, _ kind) bool {
		if h, err := t.head(id); err == nil && isID(id) && strings.HasPrefix(h.key, prefix) {
			found = append(found, &blob.UploadInfo{Key: h.key, ID: id, Initiated: time.Unix(0, h.initiated).UTC()})
		}
		return ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	slices.SortFunc(found, func(a, b *blob.UploadInfo) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return a.Initiated.Compare(b.Initiated)
	})
	return found, err
}
