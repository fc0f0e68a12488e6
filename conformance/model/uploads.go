package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/holdall-go/holdall/blob"
)

// The steps of uploads, of which several are under way at the same time, also of one key.

// An upload is one that is under way.
type upload struct {
	key   string
	u     blob.Upload
	cond  blob.Condition
	want  object // without content
	parts map[int]string
}

func (m *machine) begin(t *rapid.T) {
	if len(m.uploads) >= 3 {
		t.Skip("three are under way")
	}
	u := &upload{key: m.key(t), want: m.object(t), parts: map[int]string{}}
	u.want.content = ""
	if m.caps.If.Upload.Has(blob.KindAbsent) && rapid.Bool().Draw(t, "if absent") {
		u.cond = blob.IfAbsent
	}
	var err error
	u.u, err = m.b.Upload(m.ctx, u.key, &blob.UploadOptions{If: u.cond, Attributes: u.want.attributes(), PartSize: max(m.caps.Uploads.MinPartSize, 100)})
	if !m.caps.Uploads.Supported {
		m.fails(t, "upload", err, errors.ErrUnsupported)
		return
	}
	m.ok(t, fmt.Sprintf("upload of %q", u.key), err)
	m.uploads = append(m.uploads, u)
}

// under draws one of the uploads that are under way.
func (m *machine) under(t *rapid.T) *upload {
	if len(m.uploads) == 0 {
		t.Skip("no upload is under way")
	}
	return m.uploads[rapid.IntRange(0, len(m.uploads)-1).Draw(t, "upload")]
}

// part sends part 1, 2 or 3, mostly of the part size.
func (m *machine) part(t *rapid.T) {
	u := m.under(t)
	n := rapid.IntRange(1, 3).Draw(t, "part")
	size := rapid.SampledFrom([]int64{u.u.PartSize(), u.u.PartSize(), u.u.PartSize() - 1, 1, 0}).Draw(t, "size")
	content := m.contentOf(int(size))
	p, err := u.u.Put(m.ctx, n, io.NewSectionReader(strings.NewReader(content), 0, size))
	m.ok(t, fmt.Sprintf("part %d of %q", n, u.key), err)
	if p.Number != n || p.Size != size {
		t.Fatalf("part %d of %d bytes is returned as %+v", n, size, p)
	}
	u.parts[n] = content
	var numbers []int
	for p, err := range u.u.Parts(m.ctx) {
		m.ok(t, "parts", err)
		if p.Size != int64(len(u.parts[p.Number])) {
			t.Fatalf("part %d is listed with %d bytes; %d were sent", p.Number, p.Size, len(u.parts[p.Number]))
		}
		numbers = append(numbers, p.Number)
	}
	if want := slices.Sorted(maps.Keys(u.parts)); !slices.Equal(numbers, want) {
		t.Fatalf("parts %v are listed, not %v", numbers, want)
	}
}

// whole returns the content of the upload; not ok if a part is missing or short.
func (u *upload) whole() (content string, ok bool) {
	for n := 1; n <= len(u.parts); n++ {
		part, there := u.parts[n]
		if !there || n < len(u.parts) && int64(len(part)) != u.u.PartSize() {
			return "", false
		}
		content += part
	}
	return content, true
}

func (m *machine) complete(t *rapid.T) {
	u := m.under(t)
	content, whole := u.whole()
	o, err := u.u.Complete(m.ctx)
	what := fmt.Sprintf("complete of %q with %d parts", u.key, len(u.parts))
	if !whole {
		// Where the condition does not hold either, that may be the answer.
		if _, taken := m.objects[u.key]; !taken || u.cond.IsZero() {
			m.fails(t, what, err, blob.ErrInvalid)
		} else if err == nil {
			t.Fatalf("%s succeeds, although a part is missing", what)
		}
		return
	}
	if !m.conditional(t, "complete", m.caps.If.Upload, u.cond, u.key, err) {
		return // it is still there
	}
	u.want.content = content
	m.made(t, "complete", u.key, o, u.want)
	m.forget(u)
}

func (m *machine) abort(t *rapid.T) {
	u := m.under(t)
	m.ok(t, "abort", u.u.Abort(m.ctx))
	m.ok(t, "a second abort", u.u.Abort(m.ctx))
	_, err := u.u.Put(m.ctx, 1, io.NewSectionReader(strings.NewReader("x"), 0, 1))
	m.fails(t, "a part after abort", err, fs.ErrNotExist)
	_, err = u.u.Complete(m.ctx)
	m.fails(t, "complete after abort", err, fs.ErrNotExist)
	m.forget(u)
}

func (m *machine) forget(u *upload) {
	m.uploads = slices.DeleteFunc(m.uploads, func(other *upload) bool { return other == u })
}
