package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/holdall-go/holdall/blob"
)

// The steps that concern whole objects.

func (o object) attributes() blob.Attributes {
	a := blob.Attributes{ContentType: o.contentType}
	if o.metadata != "" {
		a.Metadata = map[string]string{"Note": o.metadata}
	}
	return a
}

func (m *machine) put(t *rapid.T) {
	key, want := m.key(t), m.object(t)
	opts := &blob.PutOptions{Attributes: want.attributes()}
	if rapid.Bool().Draw(t, "declared") {
		opts.Size = int64(len(want.content))
	}
	o, err := m.b.Put(m.ctx, key, body(t, want.content), opts)
	m.ok(t, fmt.Sprintf("put %q", key), err)
	m.made(t, "put", key, o, want)
}

// conditional judges what a write with a condition answered. It tells whether the write was made.
func (m *machine) conditional(t *rapid.T, what string, can blob.ConditionSet, cond blob.Condition, key string, err error) bool {
	what = fmt.Sprintf("%s of %q %s", what, key, cond)
	now, there := m.objects[key]
	switch {
	case !can.Has(cond.Kind()):
		m.fails(t, what, err, errors.ErrUnsupported)
	case cond.Kind() == blob.KindAbsent && there:
		m.fails(t, what, err, fs.ErrExist, blob.ErrPrecondition)
	case cond.Kind() == blob.KindMatch && (!there || now.etag != cond.ETag()):
		m.fails(t, what, err, blob.ErrPrecondition)
	default:
		m.ok(t, what, err)
		return true
	}
	return false
}

func (m *machine) putIf(t *rapid.T, key string, cond blob.Condition) {
	want := m.object(t)
	o, err := m.b.Put(m.ctx, key, body(t, want.content), &blob.PutOptions{If: cond, Attributes: want.attributes()})
	if m.conditional(t, "put", m.caps.If.Put, cond, key, err) {
		m.made(t, "put", key, o, want)
	}
}

func (m *machine) putAbsent(t *rapid.T) { m.putIf(t, m.key(t), blob.IfAbsent) }

func (m *machine) putMatch(t *rapid.T) {
	key := m.key(t)
	m.putIf(t, key, blob.IfMatch(m.etag(t, key)))
}

// putAborted puts a body that fails, or that has not the declared size; nothing may change.
func (m *machine) putAborted(t *rapid.T) {
	key, content := m.key(t), m.content(t)
	if rapid.Bool().Draw(t, "fails") {
		failure := errors.New("the body fails")
		_, err := m.b.Put(m.ctx, key, io.MultiReader(strings.NewReader(content), failing{failure}), nil)
		m.fails(t, "put of a failing body", err, failure)
		return
	}
	_, err := m.b.Put(m.ctx, key, body(t, content), &blob.PutOptions{Size: int64(len(content)) + 1})
	m.fails(t, "put of a short body", err, blob.ErrInvalid)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (m *machine) get(t *rapid.T) {
	key := m.key(t)
	want, there := m.objects[key]
	content, o, err := m.read(key, nil)
	what := fmt.Sprintf("get %q", key)
	if !there {
		m.fails(t, what, err, fs.ErrNotExist)
		return
	}
	m.ok(t, what, err)
	m.same(t, what, o, want)
	if content != want.content {
		t.Fatalf("%s: %.60q, not %.60q", what, content, want.content)
	}
}

func (m *machine) getRange(t *rapid.T) {
	key := m.key(t)
	want, there := m.objects[key]
	size := int64(len(want.content))
	edges := rapid.SampledFrom([]int64{0, 1, size / 2, max(0, size-1), size, size + 1, 2*size + 3})
	off, n := edges.Draw(t, "off"), edges.Draw(t, "n")
	r, begin, end := blob.Bytes(off, n), off, min(off+n, size)
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 1:
		r, end = blob.From(off), size
	case 2:
		r, begin, end = blob.Last(n), max(0, size-n), size
	}
	content, o, err := m.read(key, &blob.GetOptions{Range: r})
	what := fmt.Sprintf("get %q %s of %d bytes", key, r, size)
	switch {
	case !there:
		m.fails(t, what, err, fs.ErrNotExist)
	case begin > size:
		m.fails(t, what, err, blob.ErrRange)
	default:
		m.ok(t, what, err)
		m.same(t, what, o, want)
		if content != want.content[begin:end] {
			t.Fatalf("%s: %.60q, not %.60q", what, content, want.content[begin:end])
		}
	}
}

func (m *machine) stat(t *rapid.T) {
	key := m.key(t)
	want, there := m.objects[key]
	o, err := m.b.Stat(m.ctx, key, nil)
	what := fmt.Sprintf("stat %q", key)
	if !there {
		m.fails(t, what, err, fs.ErrNotExist)
		return
	}
	m.ok(t, what, err)
	m.same(t, what, o, want)
}

func (m *machine) delete(t *rapid.T) {
	key := m.key(t)
	m.ok(t, fmt.Sprintf("delete %q", key), m.b.Delete(m.ctx, key, nil))
	delete(m.objects, key)
}

func (m *machine) deleteMatch(t *rapid.T) {
	key := m.key(t)
	cond := blob.IfMatch(m.etag(t, key))
	err := m.b.Delete(m.ctx, key, &blob.DeleteOptions{If: cond})
	if m.conditional(t, "delete", m.caps.If.Delete, cond, key, err) {
		delete(m.objects, key)
	}
}

func (m *machine) deleteEach(t *rapid.T) {
	keys := []string{m.key(t), m.key(t)}
	m.ok(t, fmt.Sprintf("delete %q", keys), m.b.DeleteEach(m.ctx, slices.Values(keys), nil))
	for _, key := range keys {
		delete(m.objects, key)
	}
}

func (m *machine) copy(t *rapid.T) {
	from, to := m.key(t), m.key(t)
	want, there := m.objects[from]
	src, err := m.b.Source(m.ctx, from, nil)
	if !m.caps.Copy {
		m.fails(t, "source", err, errors.ErrUnsupported)
		return
	}
	m.ok(t, "source", err)
	if from == to && there {
		return // an S3 refuses it
	}
	opts := &blob.CopyOptions{}
	if rapid.Bool().Draw(t, "replace") {
		replaced := object{contentType: "text/css"}
		attrs := replaced.attributes()
		opts.Attributes = &attrs
		want.contentType, want.metadata = replaced.contentType, ""
	}
	if m.caps.If.Copy.Has(blob.KindAbsent) && rapid.Bool().Draw(t, "if absent") {
		opts.If = blob.IfAbsent
	}
	o, err := m.b.Copy(m.ctx, to, src, opts)
	if !there {
		if _, taken := m.objects[to]; !taken || opts.If.IsZero() { // otherwise either reason is a good one
			m.fails(t, fmt.Sprintf("copy of missing %q", from), err, fs.ErrNotExist)
		} else if err == nil {
			t.Fatalf("copy of missing %q to %q, which is there, succeeds", from, to)
		}
		return
	}
	if m.conditional(t, "copy", m.caps.If.Copy, opts.If, to, err) {
		m.made(t, "copy", to, o, want)
	}
}
