package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// The wrapped bucket is nil within, so each call that is passed on to it panics.
type noBucket struct{ blob.Bucket }

// passesOn returns the methods of Bucket of which a call on b reaches the bucket that b wraps.
func passesOn(b blob.Bucket) []string {
	var names []string
	for m := range reflect.TypeFor[blob.Bucket]().Methods() {
		if callPanics(reflect.ValueOf(b).MethodByName(m.Name)) {
			names = append(names, m.Name)
		}
	}
	return names
}

// callPanics calls a method without arguments that mean anything, and then the sequence that it returns, if it does.
func callPanics(method reflect.Value) (panics bool) {
	defer func() { panics = recover() != nil }()
	var args []reflect.Value
	for in := range method.Type().Ins() {
		args = append(args, reflect.Zero(in))
	}
	result := method.Call(args)[:min(1, method.Type().NumOut())]
	if len(result) > 0 && result[0].Type().CanSeq2() {
		for range result[0].Seq2() {
			break
		}
	}
	return false
}

// A Wrapper passes on every method, and a Restricted none, also those that Bucket may gain.
func TestWhatTheBasesPassOn(t *testing.T) {
	var all []string
	for m := range reflect.TypeFor[blob.Bucket]().Methods() {
		all = append(all, m.Name)
	}
	if got := passesOn(blob.Own(noBucket{})); !slices.Equal(got, all) {
		t.Errorf("a Wrapper that owns its bucket passes on %q, not %q", got, all)
	}
	open := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == "Close" })
	if got := passesOn(blob.Wrap(noBucket{})); !slices.Equal(got, open) {
		t.Errorf("a Wrapper passes on %q, not %q", got, open)
	}
	if got := passesOn(blob.Restrict(noBucket{})); len(got) > 0 {
		t.Errorf("a Restricted passes on %q", got)
	}
}

// The wrappers that keep something from their users are built on Restricted, and so pass on what they declare alone.
func TestRestrictingWrappers(t *testing.T) {
	b := newMem(t)
	for name, w := range map[string]blob.Bucket{"Sub": blob.Sub(b, "a/"), "ReadOnly": blob.ReadOnly(b)} {
		behindCheck := reflect.ValueOf(w).Elem().FieldByName("b").Elem().Type().Elem()
		for f := range behindCheck.Fields() {
			if f.Anonymous != (f.Type == reflect.TypeFor[blob.Restricted]()) {
				t.Errorf("%s has the field %s of type %v, embedded: %t", name, f.Name, f.Type, f.Anonymous)
			}
		}
		for m := range reflect.TypeOf(w).Methods() {
			for out := range m.Type.Outs() {
				if out.Implements(reflect.TypeFor[blob.Bucket]()) {
					t.Errorf("%s.%s returns a bucket", name, m.Name)
				}
			}
		}
	}
}

// A plain wrapper changes nothing.
type plain struct{ blob.Wrapper }

// A quiet wrapper has a name and refuses Provider options.
type quiet struct{ blob.Wrapper }

func (q *quiet) String() string           { return "quiet " + q.Wrapper.String() }
func (q *quiet) AcceptsProvider(any) bool { return false }

func TestNamesThroughWrappers(t *testing.T) {
	b := checkedFake(t, &fake{})
	for want, w := range map[string]blob.Bucket{
		"fake://":           blob.Check(&plain{blob.Wrap(b)}),
		"quiet fake://":     blob.Check(&quiet{blob.Wrap(b)}),
		"quiet fake:///in/": blob.Sub(blob.Check(&quiet{blob.Wrap(blob.ReadOnly(b))}), "/in/"),
	} {
		_, err := w.Stat(ctx, "k", nil)
		var e *blob.Error
		if !errors.As(err, &e) || e.Bucket != want || e.Key != "k" || !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), "stat") != 1 {
			t.Errorf("the error is %v; its bucket should be %s", err, want)
		}
		if got := fmt.Sprint(w); got != want {
			t.Errorf("the bucket %s prints as %s", want, got)
		}
	}
}

func TestProviderOptionsThroughWrappers(t *testing.T) {
	p := &picky{fake{Bucket: newMem(t)}}
	var got any
	p.put = func(_ context.Context, _ string, _ io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
		got = opts.Provider
		return &blob.Object{}, nil
	}
	driver := blob.Check(p)
	for name, w := range map[string]blob.Bucket{
		"a wrapper":           blob.Check(&plain{blob.Wrap(driver)}),
		"two":                 blob.Check(&plain{blob.Wrap(blob.Check(&plain{blob.Wrap(driver)}))}),
		"a wrapper of a Sub":  blob.Check(&plain{blob.Wrap(blob.Sub(driver, "a/"))}),
		"the type of an Open": &plain{blob.Own(driver)},
	} {
		got = nil
		if _, err := w.Put(ctx, "k", nil, &blob.PutOptions{Provider: "mine"}); err != nil || got != "mine" {
			t.Errorf("through %s the driver gets the option %v, %v", name, got, err)
		}
		got = nil
		_, err := w.Put(ctx, "k", nil, &blob.PutOptions{Provider: "yours"})
		if wantErr(t, err, errors.ErrUnsupported); got != nil {
			t.Errorf("through %s the driver gets the option %v of another driver", name, got)
		}
	}
	_, err := blob.Check(&quiet{blob.Wrap(driver)}).Put(ctx, "k", nil, &blob.PutOptions{Provider: "mine"})
	wantErr(t, err, errors.ErrUnsupported)
}

// An everlasting bucket has its content in itself, as a cache does, and does not know of Close.
type everlasting struct{ blob.Wrapper }

var kept = &blob.Object{Key: "k", Size: 4}

func (everlasting) Stat(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
	return kept.Clone(), nil
}

func (everlasting) Get(ctx context.Context, key string, _ *blob.GetOptions) (*blob.Reader, error) {
	return blob.NewReader(ctx, io.NopCloser(strings.NewReader("kept")), kept, 0, 4), nil
}

func (everlasting) List(context.Context, *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) { yield(kept.Clone(), nil) }
}

// Whichever layer is closed, what is above it serves nothing more, and what is below goes on.
func TestCloseThroughWrappers(t *testing.T) {
	for closed := range 4 {
		layers := []blob.Bucket{newMem(t)}
		layers = append(layers, blob.Check(&plain{blob.Wrap(&plain{blob.Own(layers[0])})}))
		layers = append(layers, blob.Check(&everlasting{blob.Wrap(layers[1])}))
		layers = append(layers, blob.ReadOnly(layers[2]))
		put(t, layers[0], "k", "there")
		readers := make([]*blob.Reader, len(layers))
		for i, b := range layers {
			r, err := b.Get(ctx, "k", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			readers[i] = r
		}
		if err := layers[closed].Close(); err != nil {
			t.Fatal(err)
		}
		for i, b := range layers {
			_, err := b.Stat(ctx, "k", nil)
			_, gerr := b.Get(ctx, "k", nil)
			_, rerr := io.ReadAll(readers[i])
			var lerr error
			for _, lerr = range b.List(ctx, nil) {
			}
			for what, err := range map[string]error{"stat": err, "get": gerr, "a read": rerr, "list": lerr} {
				if i >= closed != errors.Is(err, blob.ErrClosed) || i < closed && err != nil {
					t.Errorf("layer %d of %d is closed; %s at layer %d returns %v", closed, len(layers), what, i, err)
				}
			}
		}
	}
}

// A wrapper that opened its bucket closes it, and another does not.
func TestOwnersClose(t *testing.T) {
	b := newMem(t)
	if err := blob.Check(&plain{blob.Wrap(b)}).Close(); err != nil {
		t.Error(err)
	}
	put(t, b, "k", "")
	if err := blob.Check(&plain{blob.Own(b)}).Close(); err != nil {
		t.Error(err)
	}
	_, err := b.Stat(ctx, "k", nil)
	wantErr(t, err, blob.ErrClosed)
}

// Readers that a wrapper has from another bucket than its base wraps end with that bucket.
func TestReadersOfASecondBucket(t *testing.T) {
	first, second := newMem(t), newMem(t)
	put(t, second, "k", "content")
	mirror := blob.Check(&readsFrom{blob.Wrap(first), second})
	r, err := mirror.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	second.Close()
	_, err = io.ReadAll(r)
	wantErr(t, err, blob.ErrClosed)
}

type readsFrom struct {
	blob.Wrapper
	other blob.Bucket
}

func (m *readsFrom) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return m.other.Get(ctx, key, opts)
}

func TestBasesOfNothing(t *testing.T) {
	for _, b := range []blob.Bucket{
		blob.Check(&plain{}),
		blob.Check(&plain{blob.Wrap(nil)}),
		blob.Check(&plain{blob.Own(nil)}),
		blob.Check(struct{ blob.Restricted }{}),
	} {
		_, err := b.Stat(ctx, "k", nil)
		if wantErr(t, err, blob.ErrInvalid); !strings.Contains(err.Error(), "wraps no bucket") {
			t.Errorf("the error is %v", err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A layer allocates nothing in a call, but for the key of a Sub. What a Check allocates is in TestCheckAllocations.
func TestWrapperAllocations(t *testing.T) {
	plainly := func(b blob.Bucket) blob.Bucket { return blob.Check(&plain{blob.Wrap(b)}) }
	driver := blob.Check(idle{})
	bare := operations(driver)
	for name, op := range operations(plainly(blob.ReadOnly(plainly(driver)))) {
		if name == "put" {
			continue // is refused
		}
		if added := testing.AllocsPerRun(1000, op) - testing.AllocsPerRun(1000, bare[name]); added > 0 {
			t.Errorf("%s: three wrappers add %v allocations", name, added)
		}
	}
}
