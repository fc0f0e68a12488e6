package acl

import (
	"bytes"
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

// A broken store has conditional writes like those of a real server that is wrong in one way.
type broken struct {
	blob.Wrapper
	caps func(*blob.Capabilities)
	put  func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error)
}

func (b *broken) Capabilities() blob.Capabilities {
	caps := b.Wrapper.Capabilities()
	if b.caps != nil {
		b.caps(&caps)
	}
	return caps
}

func (b *broken) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	data, err := io.ReadAll(body)
	if err != nil || b.put == nil {
		return b.Wrapper.Put(ctx, key, bytes.NewReader(data), o)
	}
	return b.put(b.Wrapper, ctx, key, data, *o)
}

func plain(b blob.Bucket, ctx context.Context, key string, data []byte) (*blob.Object, error) {
	return b.Put(ctx, key, bytes.NewReader(data), nil)
}

// holds judges a condition by looking.
func holds(b blob.Bucket, ctx context.Context, key string, cond blob.Condition) bool {
	o, err := b.Stat(ctx, key, nil)
	if err != nil {
		o = nil
	}
	return cond.Eval(o) == nil
}

// Attack 23: each way in which conditional writes are broken is found before the first edit.
func TestProbeFindsBrokenStores(t *testing.T) {
	only := func(kind blob.ConditionKind, f func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error)) func(blob.Bucket, context.Context, string, []byte, blob.PutOptions) (*blob.Object, error) {
		return func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error) {
			if o.If.Kind() == kind {
				return f(b, ctx, key, data, o)
			}
			return b.Put(ctx, key, bytes.NewReader(data), &o)
		}
	}
	ignore := func(b blob.Bucket, ctx context.Context, key string, data []byte, _ blob.PutOptions) (*blob.Object, error) {
		return plain(b, ctx, key, data)
	}
	invert := func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error) {
		if holds(b, ctx, key, o.If) {
			return nil, blob.ErrPrecondition
		}
		return plain(b, ctx, key, data)
	}
	// Judges, and then writes: nothing but a race shows it.
	look := func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error) {
		if !holds(b, ctx, key, o.If) {
			return nil, blob.ErrPrecondition
		}
		time.Sleep(100 * time.Microsecond) // a store does not do it quicker
		return plain(b, ctx, key, data)
	}
	for _, test := range []struct {
		name, fault string
		store       broken
	}{
		{"if-absent ignored", "ignores if-absent", broken{put: only(blob.KindAbsent, ignore)}},
		{"if-match ignored", "ignores if-match", broken{put: only(blob.KindMatch, ignore)}},
		{"if-absent inverted", "inverted", broken{put: only(blob.KindAbsent, invert)}},
		{"if-match inverted", "inverted", broken{put: only(blob.KindMatch, invert)}},
		{"if-match of what is missing", "if-match where there is no object", broken{put: only(blob.KindMatch,
			func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error) {
				if _, err := b.Stat(ctx, key, nil); errors.Is(err, fs.ErrNotExist) {
					return plain(b, ctx, key, data)
				}
				return b.Put(ctx, key, bytes.NewReader(data), &o)
			})}},
		{"if-absent judged before", "several writers at once pass if-absent", broken{put: only(blob.KindAbsent, look)}},
		{"if-match judged before", "several writers at once pass if-match", broken{put: only(blob.KindMatch, look)}},
		{"writes nothing", "does not hold", broken{put: func(b blob.Bucket, ctx context.Context, key string, data []byte, o blob.PutOptions) (*blob.Object, error) {
			return b.Put(ctx, key, strings.NewReader("else"), &blob.PutOptions{If: o.If})
		}}},
		{"no conditions", "none", broken{caps: func(c *blob.Capabilities) { c.If.Put = 0 }}},
		{"no if-match", "if-absent", broken{caps: func(c *blob.Capabilities) { c.If.Put = blob.Conditions(blob.KindAbsent) }}},
		{"reads old states", "old state", broken{caps: func(c *blob.Capabilities) { c.Deviations.EventualRead = true }}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.store.Wrapper = blob.Wrap(mem.New(nil))
			_, err := Create(t.Context(), mem.New(nil), &Options{Store: &test.store}, User("olga"))
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("Create answers %v, which should say: %s", err, test.fault)
			}
			if got := entries(t, test.store.Wrapper, nil); len(got) > 0 {
				t.Errorf("it left %q", got)
			}
			// A store that went wrong later is found before the first edit of the next process.
			store := mem.New(nil)
			newTestGuard(t, mem.New(nil), &Options{Store: store})
			test.store.Wrapper = blob.Wrap(store)
			g, err := Open(t.Context(), mem.New(nil), &Options{Store: &test.store})
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.as("olga").Grant(t.Context(), "k", User("u"), Get)
			wantErr(t, "the first edit", err, errors.ErrUnsupported)
			if g.as("u").May(t.Context(), Get, "k") == nil {
				t.Error("it was carried out")
			}
		})
	}
}

func TestProbeOfAReadOnlyStore(t *testing.T) {
	_, err := Create(t.Context(), blob.ReadOnly(mem.New(nil)), nil, User("olga"))
	wantErr(t, "Create", err, fs.ErrPermission)
}
