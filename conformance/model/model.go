package model

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdall-go/holdall/blob"
)

// Options tell more about the bucket. Nil means none.
type Options struct {
	// Reopen returns another handle to the namespace of b, which the walk goes on with. It closes both.
	Reopen func(b blob.Bucket) blob.Bucket
}

// Check compares buckets with a map: a hundred of them, in walks of thirty steps, unless the flags of rapid say
// otherwise. Open returns a bucket on an empty namespace of its own, which Check closes. What the bucket does not
// declare must be refused with [errors.ErrUnsupported]; what it declares must be right. A failure shows the shortest
// walk that leads to it.
func Check(t *testing.T, open func() blob.Bucket, opts *Options) {
	t.Helper()
	rapid.Check(t, Walk(t.Context(), open, opts))
}

// Walk is one walk, for rapid.Check or rapid.MakeFuzz.
func Walk(ctx context.Context, open func() blob.Bucket, opts *Options) func(*rapid.T) {
	if opts == nil {
		opts = &Options{}
	}
	return func(t *rapid.T) {
		b := open()
		m := &machine{ctx: ctx, opts: opts, b: b, caps: b.Capabilities(), objects: map[string]object{}, etags: map[string][]string{}}
		defer func() { _ = m.b.Close() }()
		t.Repeat(m.actions())
	}
}

// A machine is a bucket and what it should hold.
type machine struct {
	ctx  context.Context
	opts *Options
	b    blob.Bucket
	caps blob.Capabilities

	objects map[string]object
	etags   map[string][]string // that each key ever had
	uploads []*upload
	serial  int // of contents, so that no two are equal
}

// An object is what a key should hold. It has the ETag that the bucket gave.
type object struct {
	content     string
	contentType string
	metadata    string // the value of the one name, "note"
	etag        string
}

func (m *machine) actions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"":             m.compare,
		"put":          m.put,
		"put absent":   m.putAbsent,
		"put match":    m.putMatch,
		"put aborted":  m.putAborted,
		"get":          m.get,
		"range":        m.getRange,
		"stat":         m.stat,
		"list":         m.list,
		"pages":        m.pages,
		"delete":       m.delete,
		"delete match": m.deleteMatch,
		"delete each":  m.deleteEach,
		"copy":         m.copy,
		"begin":        m.begin,
		"part":         m.part,
		"complete":     m.complete,
		"abort":        m.abort,
	}
	if m.opts.Reopen != nil {
		all["reopen"] = m.reopen
	}
	return all
}

// compare looks at everything after each step.
func (m *machine) compare(t *rapid.T) {
	n := 0
	for o, err := range m.b.List(m.ctx, nil) {
		m.ok(t, "list", err)
		want, there := m.objects[o.Key]
		if !there {
			t.Fatalf("%q is listed and should not be there", o.Key)
		}
		if o.Size != int64(len(want.content)) || o.ETag != want.etag && !m.caps.Deviations.ListWithoutETag {
			t.Fatalf("%q is listed with %d bytes and ETag %s; it has %d and %s", o.Key, o.Size, o.ETag, len(want.content), want.etag)
		}
		n++
	}
	if n != len(m.objects) {
		t.Fatalf("%d keys are listed; there are %d", n, len(m.objects))
	}
	if !m.caps.Uploads.Listed {
		return
	}
	open := map[string]string{}
	for u, err := range m.b.Uploads(m.ctx, "") {
		m.ok(t, "uploads", err)
		open[u.ID+" "+u.Key] = u.Key
	}
	for _, u := range m.uploads {
		if open[u.u.ID()+" "+u.key] == "" {
			t.Fatalf("the upload of %q is not listed", u.key)
		}
	}
	if len(open) != len(m.uploads) {
		t.Fatalf("%d uploads are listed; there are %d", len(open), len(m.uploads))
	}
}

func (m *machine) reopen(t *rapid.T) {
	again := m.opts.Reopen(m.b)
	m.ok(t, "close", m.b.Close())
	m.b = again
	for _, u := range m.uploads {
		resumed, err := m.b.Upload(m.ctx, u.key, &blob.UploadOptions{ID: u.u.ID(), If: u.cond})
		m.ok(t, "resume", err)
		if resumed.ID() != u.u.ID() || resumed.PartSize() != u.u.PartSize() {
			t.Fatalf("a resumed upload has ID %q and part size %d, not %q and %d", resumed.ID(), resumed.PartSize(), u.u.ID(), u.u.PartSize())
		}
		u.u = resumed
	}
}

// ok ends the walk on an error.
func (m *machine) ok(t *rapid.T, what string, err error) {
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// fails ends the walk unless err is one of these.
func (m *machine) fails(t *rapid.T, what string, err error, targets ...error) {
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Fatalf("%s answers %v; it must be %v", what, err, target)
		}
	}
}

// made records what a write of key made, and checks what the bucket says of it.
func (m *machine) made(t *rapid.T, what, key string, o *blob.Object, want object) {
	if o.Key != key || o.Size != int64(len(want.content)) {
		t.Fatalf("%s of %d bytes as %q returns %d bytes as %q", what, len(want.content), key, o.Size, o.Key)
	}
	want.etag = o.ETag
	if want.etag == "" {
		s, err := m.b.Stat(m.ctx, key, nil)
		m.ok(t, "stat", err)
		want.etag = s.ETag
	}
	if old, there := m.objects[key]; there && old.etag == want.etag && old.content != want.content {
		t.Fatalf("%s of other content as %q left the ETag as it was: %s", what, key, want.etag)
	}
	m.objects[key] = want
	m.etags[key] = append(m.etags[key], want.etag)
}

// same ends the walk unless o and content are what key should hold.
func (m *machine) same(t *rapid.T, what string, o *blob.Object, want object) {
	if o.Size != int64(len(want.content)) || o.ETag != want.etag {
		t.Fatalf("%s: %d bytes with ETag %s, not %d with %s", what, o.Size, o.ETag, len(want.content), want.etag)
	}
	if o.ContentType != want.contentType && want.contentType != "" {
		t.Fatalf("%s: ContentType %q, not %q", what, o.ContentType, want.contentType)
	}
	if o.Metadata["note"] != want.metadata {
		t.Fatalf("%s: metadata %q, not %q", what, o.Metadata, want.metadata)
	}
}

// read reads an object, or a range of it, whole.
func (m *machine) read(key string, opts *blob.GetOptions) (string, *blob.Object, error) {
	r, err := m.b.Get(m.ctx, key, opts)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), &r.Object, err
}

// body is a reader of content, of the kinds that callers have.
func body(t *rapid.T, content string) io.Reader {
	if rapid.Bool().Draw(t, "stream") {
		return struct{ io.Reader }{strings.NewReader(content)}
	}
	return strings.NewReader(content)
}
