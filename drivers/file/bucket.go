package file

import (
	"context"
	"errors"
	"io"
	"maps"

	"github.com/holdall-go/holdall/blob"
)

// A bucket is one handle to a tree.
type bucket struct {
	blob.Unsupported
	tree    *tree
	sync    bool
	skipped skipped
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return "file://" + b.tree.dir }

func (b *bucket) Close() error {
	b.tree.leave()
	return nil
}

func (b *bucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If: blob.ConditionRules{
			Put: blob.WriteConditions, Upload: blob.WriteConditions, Copy: blob.WriteConditions,
			Source: blob.Conditions(blob.KindMatch), Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions,
		},
		Objects:   blob.ObjectRules{Headers: true, Metadata: true, MaxMetadataBytes: maxMetadata},
		Uploads:   blob.UploadRules{Supported: true, MinPartSize: 1, MaxParts: maxParts, Listed: true},
		Checksums: blob.ChecksumRules{In: blob.AllAlgorithms, Out: blob.Algorithms(blob.CRC32C)},
		Copy:      true,
		Hooks:     true,
	}
}

// maxMetadata is what the value of an extended attribute holds on Linux (XATTR_SIZE_MAX). File systems hold less, and
// then a side file does; beyond this, metadata is content.
const maxMetadata = 64 << 10

func (b *bucket) Stat(_ context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	_, o, err := b.look(key, opts.If, true)
	return o, err
}

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	f, o, err := b.look(key, opts.If, false)
	if err != nil {
		return nil, err
	}
	off, n, err := opts.Range.Resolve(o.Size)
	if err != nil {
		f.Close()
		return nil, err
	}
	return blob.NewReader(ctx, &content{f, off}, o, off, n), nil
}

// content is the body of a Reader: a file, from an offset on.
type content struct {
	file
	off int64
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadAt(p, c.off)
	c.off += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// look opens the object of a key for who reads it, or, for who only asks for its attributes, leaves no file open.
func (b *bucket) look(key string, cond blob.Condition, look bool) (file, *blob.Object, error) {
	if err := b.tree.use(); err != nil {
		return nil, nil, err
	}
	defer b.tree.leave()
	f, o, err := b.tree.open(b.tree.names.path(key), look)
	if isMissing(err) {
		if err := cond.Eval(nil); err != nil {
			return nil, nil, err
		}
		return nil, nil, blob.ErrNotExist
	}
	if err != nil {
		return nil, nil, err
	}
	if err := cond.Eval(o); err != nil {
		if f != nil {
			f.Close()
		}
		return nil, nil, err
	}
	return f, o, nil
}

// open opens the object at path, or only looks at it. What it returns is of one version: the file that was opened.
func (t *tree) open(path string, look bool) (file, *blob.Object, error) {
	for try := 0; ; try++ {
		v, err := t.openObject(path, look)
		if err != nil {
			return nil, nil, err
		}
		err = t.lookAside(&v)
		if err == nil && v.found && v.record.of(v.info) {
			o := v.info.object("")
			v.record.describe(o)
			return v.file, o, nil
		}
		// A file of another program, or one whose side file went with it while we looked.
		if err == nil && (try == mostTries || t.still(path, v.info)) {
			return v.file, v.info.object(""), nil
		}
		if v.file != nil {
			v.file.Close()
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// openObject opens the file at path, or, if that is a directory, the object in it. An object that moves in between is
// found inside: it is there before it is no longer at path.
func (t *tree) openObject(path string, look bool) (opened, error) {
	t.moving.RLock()
	defer t.moving.RUnlock()
	v, err := t.root.openFile(path, look)
	if errors.Is(err, errIsFolder) {
		v, err = t.root.openFile(path+"/"+selfName, look)
		if errors.Is(err, errIsFolder) {
			err = errInTheWay
		}
	}
	return v, err
}

// still tells whether the object at path is the one that i tells of. Where records are with their files it need not
// look.
func (t *tree) still(path string, i info) bool {
	if !t.asides.Load() {
		return true
	}
	v, err := t.openObject(path, true)
	return err == nil && v.info == i
}

// lookAside finds the record that is not with the file.
func (t *tree) lookAside(v *opened) error {
	pointed := v.found && v.record.aside && v.record.of(v.info)
	if !v.aside && !pointed && !t.mode.noXattr {
		return nil
	}
	b, err := t.readAside(v.info)
	v.record, v.found = decodeRecord(b)
	return err
}

func (b *bucket) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if err := b.tree.use(); err != nil {
		return nil, err
	}
	defer b.tree.leave()
	d, err := b.tree.newDraft()
	if err != nil {
		return nil, err
	}
	defer d.discard()
	if err := d.fill(ctx, body, opts.Checksums, opts.Hook); err != nil {
		return nil, err
	}
	return b.store(ctx, key, d, opts.If, &opts.Attributes, opts.Hook)
}

// store makes a draft that is written the object of a key.
func (b *bucket) store(ctx context.Context, key string, d *draft, cond blob.Condition, attrs *blob.Attributes, hook *blob.Hook) (*blob.Object, error) {
	i, err := d.seal(attrs, b.sync)
	if err != nil {
		return nil, err
	}
	if err := b.tree.publish(ctx, b.tree.names.path(key), d, cond, hook, b.sync); err != nil {
		return nil, err
	}
	return d.object(key, i, attrs), nil
}

// object returns the object that a sealed draft has become.
func (d *draft) object(key string, i info, attrs *blob.Attributes) *blob.Object {
	o := i.object(key)
	r := record{crc: d.crc, hasCRC: d.hasCRC, attrs: *attrs}
	r.describe(o)
	o.Metadata = maps.Clone(o.Metadata)
	return o
}

func (b *bucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	if err := b.tree.use(); err != nil {
		return err
	}
	defer b.tree.leave()
	return b.tree.remove(ctx, b.tree.names.path(key), opts.If, b.sync)
}
