package conformance

import (
	"encoding/binary"
	"io/fs"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// What cases about uploads share.

// partSize is the size of parts that cases use: the least that the store takes, but enough for parts to differ.
func (t *T) partSize() int64 { return max(t.Caps.Uploads.MinPartSize, 1000) }

// content returns n random bytes.
func (t *T) content(n int) string {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, t.Rand.Uint64())
	}
	return string(b[:n])
}

// begin begins an upload in parts of t.partSize, unless opts has another size.
func (t *T) begin(key string, opts *blob.UploadOptions) blob.Upload {
	if opts == nil {
		opts = &blob.UploadOptions{}
	}
	if opts.PartSize == 0 {
		opts.PartSize = t.partSize()
	}
	u, err := t.Bucket.Upload(t.ctx, key, opts)
	if err != nil {
		t.Fatalf("upload of %q: %v", key, err)
	}
	if u.PartSize() != opts.PartSize {
		t.Errorf("an upload in parts of %d has parts of %d", opts.PartSize, u.PartSize())
	}
	return u
}

// sendPart sends one part.
func (t *T) sendPart(u blob.Upload, n int, content string) blob.Part {
	p, err := u.Put(t.ctx, n, section(content))
	if err != nil {
		t.Fatalf("part %d: %v", n, err)
	}
	if p.Number != n || p.Size != int64(len(content)) {
		t.Errorf("part %d of %d bytes answers %+v", n, len(content), p)
	}
	return p
}

// cut cuts content into parts.
func cut(content string, size int64) []string {
	var parts []string
	for int64(len(content)) > size {
		parts = append(parts, content[:size])
		content = content[size:]
	}
	return append(parts, content)
}

// complete completes an upload and reports what is not content.
func (t *T) complete(u blob.Upload, key, content string) *blob.Object {
	o, err := u.Complete(t.ctx)
	if err != nil {
		t.Fatalf("completion of %q: %v", key, err)
	}
	if o.Key != key || o.Size != int64(len(content)) {
		t.Errorf("completion of %q with %d bytes answers %+v", key, len(content), o)
	}
	t.WantContent(key, content)
	return o
}

// upload makes an object of n random bytes in parts.
func (t *T) upload(key string, n int) *blob.Object {
	content := t.content(n)
	u := t.begin(key, nil)
	for i, part := range cut(content, u.PartSize()) {
		t.sendPart(u, i+1, part)
	}
	return t.complete(u, key, content)
}

// noSuchUpload is what the ID of no upload answers. Under access control an ID proves who began the upload, and what
// proves nothing is denied.
func (t *T) noSuchUpload() error {
	if t.Caps.Guarded {
		return fs.ErrPermission
	}
	return fs.ErrNotExist
}

// parts returns the parts of an upload that have arrived.
func (t *T) parts(u blob.Upload) []blob.Part {
	var all []blob.Part
	for p, err := range u.Parts(t.ctx) {
		t.WantOK("parts", err)
		all = append(all, p)
	}
	return all
}

// uploads returns the keys of the unfinished uploads, where the store lists them.
func (t *T) uploads(prefix string) []string {
	keys := []string{}
	if t.Caps.Uploads.Listed {
		for u, err := range t.Bucket.Uploads(t.ctx, prefix) {
			t.WantOK("uploads", err)
			keys = append(keys, u.Key)
		}
	}
	return keys
}

// wantNoUploads reports unfinished uploads.
func (t *T) wantNoUploads(what string) {
	if left := t.uploads(""); len(left) > 0 {
		t.Errorf("%s left unfinished uploads of %s", what, strings.Join(left, ", "))
	}
}
