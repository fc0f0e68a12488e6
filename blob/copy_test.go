package blob_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// streaming makes a bucket that cannot copy on the server.
func streaming(c *blob.Capabilities) { c.Copy = false }

// pairs are the two ways of a copy.
func pairs(t *testing.T) map[string]func(b blob.Bucket) blob.Bucket {
	return map[string]func(b blob.Bucket) blob.Bucket{
		"on the server": func(b blob.Bucket) blob.Bucket { return b },
		"streamed":      func(b blob.Bucket) blob.Bucket { return checkedFake(t, &fake{Bucket: b, caps: streaming}) },
	}
}

func TestCopy(t *testing.T) {
	attrs := blob.Attributes{ContentType: "text/plain", CacheControl: "no-store", Metadata: map[string]string{"a": "b"}}
	for name, wrap := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			src, dst := wrap(newMem(t)), newMem(t)
			if _, err := blob.WriteAll(ctx, src, "k", []byte("abc"), &blob.PutOptions{Attributes: attrs}); err != nil {
				t.Fatal(err)
			}
			o, err := blob.Copy(ctx, dst, "copy", src, "k", nil)
			if err != nil || o.Key != "copy" || o.Size != 3 || o.ETag == "" {
				t.Fatal(o, err)
			}
			wantContent(t, dst, "copy", "abc")
			o, err = dst.Stat(ctx, "copy", nil)
			if err != nil || o.ContentType != "text/plain" || o.CacheControl != "no-store" || o.Metadata["a"] != "b" {
				t.Errorf("the attributes are %+v, %v", o, err)
			}
			o, err = blob.Copy(ctx, dst, "copy", src, "k", &blob.CopyOptions{Attributes: &blob.Attributes{ContentType: "text/html"}})
			if err != nil || o.ContentType != "text/html" || o.CacheControl != "" || o.Metadata != nil {
				t.Errorf("the attributes are %+v, %v", o, err)
			}
			_, err = blob.Copy(ctx, dst, "copy", src, "k", &blob.CopyOptions{If: blob.IfAbsent})
			wantErr(t, err, fs.ErrExist)
			_, err = blob.Copy(ctx, dst, "copy", src, "k", &blob.CopyOptions{Provider: 1})
			wantErr(t, err, errors.ErrUnsupported)
			_, err = blob.Copy(ctx, dst, "copy", src, "missing", nil)
			wantErr(t, err, fs.ErrNotExist)
			if err != nil && !strings.Contains(err.Error(), `"missing"`) {
				t.Errorf("the error does not name the source: %v", err)
			}
			// Onto itself.
			if _, err := blob.Copy(ctx, src, "k", src, "k", nil); err != nil {
				t.Error(err)
			}
			wantContent(t, src, "k", "abc")
		})
	}
}

func TestCopyKeepsAnErrorOfTheServer(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", "abc")
	f.copy = func(context.Context, string, blob.Source, *blob.CopyOptions) (*blob.Object, error) {
		return nil, errTest
	}
	_, err := blob.Copy(ctx, blob.Check(f), "copy", f.Bucket, "k", nil)
	wantErr(t, err, errTest)
	wantKeys(t, f.Bucket, nil, "k")
}

func TestStreamedCopyIsVerified(t *testing.T) {
	f := &fake{Bucket: newMem(t), caps: streaming}
	put(t, f.Bucket, "k", "abc")
	dst := &fake{Bucket: newMem(t)}
	dst.put = func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
		if _, ok := opts.Checksums.CRC32C(); !ok || opts.Size != 3 {
			t.Errorf("the destination is told %+v", opts)
		}
		return dst.Bucket.Put(ctx, key, body, opts)
	}
	f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
		r, err := f.Bucket.Get(ctx, key, opts)
		if err != nil {
			return nil, err
		}
		return corrupt(ctx, r), nil
	}
	_, err := blob.Copy(ctx, blob.Check(dst), "copy", blob.Check(f), "k", nil)
	wantErr(t, err, blob.ErrChecksum)
	wantKeys(t, dst.Bucket, nil)
}

// What the destination cannot keep is not dropped in silence.
func TestCopyRefusesToDropAttributes(t *testing.T) {
	src := newMem(t)
	if _, err := blob.WriteAll(ctx, src, "k", nil, &blob.PutOptions{Attributes: blob.Attributes{Metadata: map[string]string{"a": "b"}}}); err != nil {
		t.Fatal(err)
	}
	dst := checkedFake(t, &fake{caps: bare})
	_, err := blob.Copy(ctx, dst, "k", src, "k", nil)
	wantErr(t, err, errors.ErrUnsupported)
	if _, err := blob.Copy(ctx, dst, "k", src, "k", &blob.CopyOptions{Attributes: &blob.Attributes{}}); err != nil {
		t.Error(err)
	}
}

func TestMove(t *testing.T) {
	for name, wrap := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			src, dst := wrap(newMem(t)), newMem(t)
			put(t, src, "k", "abc")
			put(t, dst, "taken", "old")
			_, err := blob.Move(ctx, dst, "taken", src, "k", &blob.CopyOptions{If: blob.IfAbsent})
			wantErr(t, err, fs.ErrExist)
			wantContent(t, src, "k", "abc")

			o, err := blob.Move(ctx, dst, "k/nested", src, "k", nil)
			if err != nil || o.Key != "k/nested" {
				t.Fatal(o, err)
			}
			wantContent(t, dst, "k/nested", "abc")
			wantKeys(t, src, nil)
			_, err = blob.Move(ctx, dst, "k", src, "missing", nil)
			wantErr(t, err, fs.ErrNotExist)
		})
	}
}

// Through whatever door, a move onto itself is no deletion.
func TestMoveOntoItself(t *testing.T) {
	one, err := mem.Open("move-onto-itself", nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := mem.Open("move-onto-itself", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := put(t, one, "a/k", "abc")
	for name, test := range map[string]struct {
		dst    blob.Bucket
		dstKey string
	}{
		"the same":       {one, "a/k"},
		"a Sub":          {blob.Sub(one, "a/"), "k"},
		"another handle": {two, "a/k"},
	} {
		got, err := blob.Move(ctx, test.dst, test.dstKey, one, "a/k", nil)
		if err != nil || got.ETag != o.ETag {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		wantContent(t, one, "a/k", "abc")
	}
	got, err := blob.Move(ctx, blob.Sub(one, "a/"), "k", two, "a/k", &blob.CopyOptions{Attributes: &blob.Attributes{ContentType: "text/plain"}})
	if err != nil || got.ContentType != "text/plain" {
		t.Errorf("the attributes that are asked for: %v, %v", got, err)
	}
	wantContent(t, one, "a/k", "abc")
	_, err = blob.Move(ctx, one, "a/k", one, "a/k", &blob.CopyOptions{Provider: 1})
	wantErr(t, err, errors.ErrUnsupported)
	_, err = blob.Move(ctx, one, "a/k", one, "a/k", &blob.CopyOptions{If: blob.IfAbsent})
	wantErr(t, err, fs.ErrExist)
	_, err = blob.Move(ctx, one, "missing", one, "missing", nil)
	wantErr(t, err, fs.ErrNotExist)
}

// A store whose ETags follow from the content, whose times are coarse, and which nobody can recognise behind two doors:
// the move fails rather than delete its own copy.
func TestMoveOntoItselfThroughDoorsThatLookDifferent(t *testing.T) {
	m := newMem(t)
	door := func(deleteIf blob.ConditionSet) blob.Bucket {
		f := &fake{Bucket: m, caps: func(c *blob.Capabilities) { c.Copy, c.If.Delete, c.If.Read = false, deleteIf, 0 }}
		digest := func(o *blob.Object, err error) (*blob.Object, error) {
			if err == nil {
				o.ETag, o.ModTime = `"digest"`, o.ModTime.Truncate(1<<62)
			}
			return o, err
		}
		f.stat = func(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
			return digest(m.Stat(ctx, key, nil))
		}
		f.put = func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
			return digest(m.Put(ctx, key, body, opts))
		}
		return blob.Check(f)
	}
	for _, deleteIf := range []blob.ConditionSet{0, blob.WriteConditions} {
		put(t, m, "k", "abc")
		_, err := blob.Move(ctx, door(deleteIf), "k", door(deleteIf), "k", nil)
		wantErr(t, err, blob.ErrInvalid)
		wantContent(t, m, "k", "abc")
	}
}

// In such a store a move between two keys still works, even within one step of its clock: the names tell them apart.
func TestMoveWithinAStoreOfDigests(t *testing.T) {
	m := newMem(t)
	f := &fake{Bucket: m}
	digest := func(o *blob.Object, err error) (*blob.Object, error) {
		if err == nil {
			o.ETag, o.ModTime = `"digest"`, time.Unix(1, 0)
		}
		return o, err
	}
	f.caps = func(c *blob.Capabilities) { c.If.Delete, c.If.Read, c.If.Copy, c.If.Source = 0, 0, 0, 0 }
	f.stat = func(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
		return digest(m.Stat(ctx, key, nil))
	}
	f.copy = func(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
		o, err := digest(m.Copy(ctx, key, src, opts))
		o.ModTime = time.Time{} // as S3 answers a Put
		return o, err
	}
	put(t, m, "k", "abc")
	b := blob.Check(f)
	if _, err := blob.Move(ctx, b, "to", b, "k", nil); err != nil {
		t.Error(err)
	}
	wantKeys(t, m, nil, "to")
}

// What was written while the object was moved is not deleted.
func TestMoveLeavesAnOverwrittenSource(t *testing.T) {
	for name, deleteIf := range map[string]blob.ConditionSet{"conditional": blob.WriteConditions, "looking": 0} {
		t.Run(name, func(t *testing.T) {
			src := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) { c.If.Delete = deleteIf }}
			dst := &fake{Bucket: newMem(t)}
			put(t, src.Bucket, "k", "old")
			dst.copy = func(ctx context.Context, key string, s blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
				o, err := dst.Bucket.Copy(ctx, key, s, opts)
				put(t, src.Bucket, "k", "new")
				return o, err
			}
			o, err := blob.Move(ctx, blob.Check(dst), "to", blob.Check(src), "k", nil)
			wantErr(t, err, blob.ErrChanged)
			if o == nil || o.Key != "to" {
				t.Errorf("the copy is %v", o)
			}
			wantContent(t, dst.Bucket, "to", "old")
			wantContent(t, src.Bucket, "k", "new")
		})
	}
}

func TestMovePinsWhatItCopies(t *testing.T) {
	for name, wrap := range pairs(t) {
		m := newMem(t)
		put(t, m, "k", "old")
		f := &fake{Bucket: wrap(m)}
		f.stat = func(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
			o, err := m.Stat(ctx, key, opts)
			put(t, m, "k", "new")
			return o, err
		}
		dst := newMem(t)
		_, err := blob.Move(ctx, dst, "to", blob.Check(f), "k", nil)
		if !errors.Is(err, blob.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
		wantKeys(t, dst, nil)
		wantContent(t, m, "k", "new")
	}
}

// If the deletion fails, as after a crash, both are there.
func TestMoveLeavesBoth(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", "abc")
	f.delete = func(context.Context, string, *blob.DeleteOptions) error { return errTest }
	_, err := blob.Move(ctx, f.Bucket, "to", blob.Check(f), "k", nil)
	wantErr(t, err, errTest)
	wantKeys(t, f.Bucket, nil, "k", "to")
}
