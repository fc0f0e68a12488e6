package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// An operation is one request to a server as a bucket makes it, for cases that put faults in its way: what it is, and
// what a clean connection must show before and after.
type operation struct {
	name  string
	write bool
	// once is an operation that cannot be told to have succeeded when it is tried again: a completed upload is gone.
	once bool
	// prepare puts in place what the call needs, by a clean connection, and returns the call.
	prepare func(l *link, key string) func(ctx context.Context, b blob.Bucket) error
	// undone and done report a state that is not that of before and after.
	undone, done func(t *T, key string)
}

const (
	oldContent = "old content"
	newContent = "new content, which is longer"
)

func holdsOld(t *T, key string) { t.WantContent(key, oldContent) }
func holdsNew(t *T, key string) { t.WantContent(key, newContent) }

// reading makes an operation that changes nothing.
func reading(name string, call func(ctx context.Context, b blob.Bucket, key string) error) operation {
	return operation{name: name, undone: holdsOld, done: holdsOld,
		prepare: func(l *link, key string) func(context.Context, blob.Bucket) error {
			l.t.Put(key, oldContent)
			return func(ctx context.Context, b blob.Bucket) error { return call(ctx, b, key) }
		}}
}

// writing makes an operation that replaces old content by new.
func writing(name string, call func(ctx context.Context, b blob.Bucket, key string) error) operation {
	op := reading(name, call)
	op.write, op.done = true, holdsNew
	return op
}

var (
	statOperation = reading("stat", func(ctx context.Context, b blob.Bucket, key string) error {
		o, err := b.Stat(ctx, key, nil)
		if err == nil && o.Size != int64(len(oldContent)) {
			return falsely("the size is %d", o.Size)
		}
		return err
	})
	getOperation = reading("get", func(ctx context.Context, b blob.Bucket, key string) error {
		content, err := blob.ReadAll(ctx, b, key)
		if err == nil && string(content) != oldContent {
			return falsely("the content is %q", content)
		}
		return err
	})
	listOperation = reading("list", func(ctx context.Context, b blob.Bucket, key string) error {
		keys, err := keysOf(ctx, b, key)
		if err == nil && !slices.Equal(keys, []string{key}) {
			return falsely("the listing has %q", keys)
		}
		return err
	})
	putOperation = writing("put", func(ctx context.Context, b blob.Bucket, key string) error {
		o, err := b.Put(ctx, key, strings.NewReader(newContent), nil)
		if err == nil && o.Size != int64(len(newContent)) {
			return falsely("the size is %d", o.Size)
		}
		return err
	})
	copyOperation = writing("copy", func(ctx context.Context, b blob.Bucket, key string) error {
		return copyFrom(ctx, b, source, key, nil)
	})
	deleteOperation = operation{name: "delete", write: true, prepare: reading("", func(ctx context.Context, b blob.Bucket, key string) error {
		return b.Delete(ctx, key, nil)
	}).prepare, undone: holdsOld, done: func(t *T, key string) { t.WantMissing(key) }}
)

func keysOf(ctx context.Context, b blob.Bucket, prefix string) (keys []string, err error) {
	for o, err := range b.List(ctx, &blob.ListOptions{Prefix: prefix}) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

func copyFrom(ctx context.Context, b blob.Bucket, from, to string, opts *blob.CopyOptions) error {
	src, err := b.Source(ctx, from, nil)
	if err != nil {
		return err
	}
	_, err = b.Copy(ctx, to, src, opts)
	return err
}

// uploadThrough begins an upload by the link's own handle, while there is no fault.
func (l *link) uploadThrough(key string, opts *blob.UploadOptions) blob.Upload {
	if opts == nil {
		opts = &blob.UploadOptions{}
	}
	opts.PartSize = max(l.t.partSize(), int64(len(newContent)))
	u, err := l.b.Upload(l.t.ctx, key, opts)
	if err != nil {
		l.t.Fatalf("upload through the proxy: %v", err)
	}
	l.t.Cleanup(func() { _ = u.Abort(context.WithoutCancel(l.t.ctx)) })
	return u
}

// partOperation sends a part. That it has arrived is seen by completing the upload, by another handle where there is one.
func partOperation() operation {
	var u blob.Upload
	return operation{name: "part", write: true,
		prepare: func(l *link, key string) func(context.Context, blob.Bucket) error {
			l.t.Put(key, oldContent)
			u = l.uploadThrough(key, nil)
			return func(ctx context.Context, _ blob.Bucket) error {
				_, err := u.Put(ctx, 1, section(newContent))
				return err
			}
		},
		undone: func(t *T, key string) { holdsOld(t, key) },
		done: func(t *T, key string) {
			clean, err := t.Bucket.Upload(t.ctx, key, &blob.UploadOptions{ID: u.ID()})
			t.WantOK("resumption", err)
			if parts := t.parts(clean); len(parts) != 1 || parts[0].Size != int64(len(newContent)) {
				t.Errorf("the parts are %+v", parts)
			}
			if t.Caps.Deviations.LonePartHeld {
				t.sendPart(clean, 1, newContent)
			}
			t.complete(clean, key, newContent)
		}}
}

func completionOperation() operation {
	op := writing("completion", nil)
	op.once = true
	op.prepare = func(l *link, key string) func(context.Context, blob.Bucket) error {
		l.t.Put(key, oldContent)
		u := l.uploadThrough(key, nil)
		l.t.sendPart(u, 1, newContent)
		return func(ctx context.Context, _ blob.Bucket) error {
			o, err := u.Complete(ctx)
			if err == nil && o.Size != int64(len(newContent)) {
				return falsely("the size is %d", o.Size)
			}
			return err
		}
	}
	return op
}

// operations are all that the bucket can do. The source of copies is in place.
func (t *T) operations() []operation {
	all := []operation{statOperation, getOperation, listOperation, putOperation, deleteOperation}
	if t.Caps.Copy {
		t.Put(source, newContent)
		all = append(all, copyOperation)
	}
	if t.Caps.Uploads.Supported {
		all = append(all, partOperation(), completionOperation())
	}
	return all
}

// A scenario is what goes wrong with each of some operations. An operation has a state, so it is of one scenario.
type scenario struct {
	label  string // begins the keys; no label may be the beginning of another
	all    []operation
	faults func() []*faultproxy.Fault
	judge  func(op operation, key string, r *trial) // is called with each operation, and with what became of it
}

// everywhere tries all operations of a scenario at once.
func (l *link) everywhere(label string, all []operation, faults func() []*faultproxy.Fault, judge func(op operation, key string, r *trial)) {
	l.inAll(scenario{label, all, faults, judge})
}

// inAll tries all operations of all scenarios at once, since most of the time they wait to try again. Each has faults of
// its own, and a key that names it and the scenario. Then each is judged.
func (l *link) inAll(scenarios ...scenario) {
	type trying struct {
		of   scenario
		op   operation
		key  string
		call func(context.Context, blob.Bucket) error
		r    *trial
	}
	var all []*trying
	for _, s := range scenarios {
		for _, op := range s.all {
			key := s.label + "-" + op.name
			all = append(all, &trying{of: s, op: op, key: key, call: op.prepare(l, key)})
		}
	}
	l.t.crowd(len(all), func(i int) { all[i].r = l.try(all[i].key, all[i].op.name, all[i].call, all[i].of.faults()...) })
	for _, tried := range all {
		if tried.r != nil { // otherwise it panicked, which is reported
			tried.of.judge(tried.op, tried.key, tried.r)
		}
	}
}

// settled reports an operation that did not come to its end in spite of the faults. One that cannot be told to have
// succeeded may say so, and whether it did is then for the clean connection to see.
func (r *trial) settled(op operation, key string) *trial {
	if op.once && errors.Is(r.err, blob.ErrAmbiguous) {
		return r
	}
	r.succeeds()
	if r.err == nil {
		op.done(r.t, key)
	} else if !op.write {
		op.undone(r.t, key)
	}
	return r
}

// toWrites lets a fault happen to requests that change something; a driver may look before it writes.
func (t *T) toWrites(f *faultproxy.Fault) *faultproxy.Fault {
	if p := t.Harness.Protocol; p != nil {
		return f.If(p.Writes)
	}
	return f.On("PUT", "POST", "DELETE")
}

// one is a script of one fault.
func one(f func() *faultproxy.Fault) func() []*faultproxy.Fault {
	return func() []*faultproxy.Fault { return []*faultproxy.Fault{f()} }
}
