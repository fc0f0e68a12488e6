package conformance_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
)

// The suite is tested with drivers that are wrong in one point each: the cases that are there to find that must fail.
// Each driver is a wrapper over memory, which passes them.
var brokenDrivers = []struct {
	name  string
	cases []string
	wrap  func(b blob.Bucket) blob.Bucket
}{
	{"loses a write now and then", []string{"N01"}, func(b blob.Bucket) blob.Bucket { return &losesWrites{Wrapper: blob.Wrap(b)} }},
	{"reads in pieces, each of the version of the moment", []string{"N03"}, func(b blob.Bucket) blob.Bucket { return &tearsReads{blob.Wrap(b)} }},
	{"folds case", []string{"B21"}, func(b blob.Bucket) blob.Bucket { return &aliases{blob.Wrap(b), strings.ToLower} }},
	{"cleans keys as paths", []string{"B12", "B14"}, func(b blob.Bucket) blob.Bucket { return &aliases{blob.Wrap(b), path.Clean} }},
	{"lists out of order", []string{"H02", "H03"}, func(b blob.Bucket) blob.Bucket { return &lists{blob.Wrap(b), swapped, false} }},
	{"lists what it was told to start after", []string{"H23"}, func(b blob.Bucket) blob.Bucket { return &lists{blob.Wrap(b), asIs, true} }},
	{"loses a/b0 after a/b/", []string{"H23"}, func(b blob.Bucket) blob.Bucket { return &lists{blob.Wrap(b), withoutNeighbour, false} }},
	{"lists from a cache", []string{"N01", "H26"}, func(b blob.Bucket) blob.Bucket { return &stale{Wrapper: blob.Wrap(b)} }},
	{"ignores if-absent", []string{"K02", "K03"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), unconditional} }},
	{"looks first and then writes", []string{"K09"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), looksFirst} }},
	{"sends every write twice", []string{"K01", "K07"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), twice} }},
	{"publishes what came before the body failed", []string{"C11"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), truncated} }},
	{"drops metadata", []string{"F02"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), bare} }},
	{"leaks a goroutine", []string{"O07"}, func(b blob.Bucket) blob.Bucket { return &leaks{blob.Wrap(b)} }},
	{"reports a short read as success", []string{"C01"}, func(b blob.Bucket) blob.Bucket { return &shortens{blob.Wrap(b)} }},
	{"ignores the end of a context", []string{"O02", "O03"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), uncancelled} }},
	{"holds a lock when a body panics", []string{"O14"}, func(b blob.Bucket) blob.Bucket { return &locks{Wrapper: blob.Wrap(b)} }},
	{"answers a nil that is not nil", []string{"P02"}, func(b blob.Bucket) blob.Bucket { return &typedNil{blob.Wrap(b)} }},
	{"hides the reason of a failure", []string{"P01"}, func(b blob.Bucket) blob.Bucket { return &hides{blob.Wrap(b)} }},
	{"deletes what lies below, too", []string{"I05"}, func(b blob.Bucket) blob.Bucket { return &deletesTrees{blob.Wrap(b)} }},
	{"pages by counting entries", []string{"H20", "H22"}, func(b blob.Bucket) blob.Bucket { return &counts{blob.Wrap(b)} }},
	{"copies on no condition", []string{"J09", "J10"}, func(b blob.Bucket) blob.Bucket { return &copies{blob.Wrap(b)} }},
	{"completes on no condition", []string{"K05"}, func(b blob.Bucket) blob.Bucket { return &uploads{blob.Wrap(b), unconditionally} }},
	{"answers an ETag that it declares not to know", []string{"G01"}, func(b blob.Bucket) blob.Bucket { return &declaresNoETag{blob.Wrap(b)} }},
	{"returns no time from a write", []string{"E07"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), timeless} }},
	{"returns a time from a write that it declares not to know", []string{"C20"}, func(b blob.Bucket) blob.Bucket { return &declaresNoTime{blob.Wrap(b)} }},
	{"publishes although its hook refuses", []string{"S17"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), unhooked} }},
	{"stores less of what has a hook", []string{"S13"}, func(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), bareIfHooked} }},
	{"drops the attributes of an upload", []string{"L16"}, func(b blob.Bucket) blob.Bucket { return &uploads{blob.Wrap(b), barely} }},
}

func TestBrokenDriversFail(t *testing.T) {
	for _, broken := range brokenDrivers {
		t.Run(broken.name, func(t *testing.T) {
			named := func(c *conformance.Case) bool { return slices.Contains(broken.cases, c.ID) }
			sound := runAll(t, memory(nil), conformance.Only(named), conformance.InTier(conformance.Short))
			if len(sound.Results) != len(broken.cases) || sound.Count(conformance.Pass) != len(broken.cases) {
				t.Fatalf("memory itself does not pass %q: %s", broken.cases, sound.Summary())
			}
			harness := memory(nil).Wrapped("broken", func(_ *conformance.T, b blob.Bucket) blob.Bucket { return blob.Check(broken.wrap(b)) })
			report := runAll(t, harness, conformance.Only(named), conformance.InTier(conformance.Default))
			for _, res := range report.Results {
				if res.Outcome != conformance.Fail {
					t.Errorf("%s ends as %q, and does not see a driver that %s", res.ID, res.Outcome, broken.name)
				}
			}
		})
	}
}

// runAll is conformance.RunAll with a harness that must make sense.
func runAll(t *testing.T, h conformance.Harness, opts ...conformance.Option) *conformance.Report {
	t.Helper()
	report, err := conformance.RunAll(t.Context(), h, nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

type losesWrites struct {
	blob.Wrapper
	n atomic.Int64
}

func (d *losesWrites) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if d.n.Add(1)%20 == 0 {
		n, err := io.Copy(io.Discard, body)
		return &blob.Object{Key: key, Size: n, ETag: `"lost"`}, err
	}
	return d.Wrapper.Put(ctx, key, body, opts)
}

type tearsReads struct{ blob.Wrapper }

func (d *tearsReads) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	r, err := d.Wrapper.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	r.Close()
	o := r.Object
	o.Checksums = blob.Checksums{}
	pieces := &pieces{d.Wrapper, ctx, key, r.Offset(), r.Offset() + r.Length()}
	return blob.NewReader(ctx, io.NopCloser(pieces), &o, r.Offset(), r.Length()), nil
}

// pieces reads each KiB by a Get of its own.
type pieces struct {
	b        blob.Bucket
	ctx      context.Context
	key      string
	off, end int64
}

func (p *pieces) Read(buf []byte) (int, error) {
	if p.off == p.end {
		return 0, io.EOF
	}
	n := min(int64(len(buf)), p.end-p.off, 1024)
	r, err := p.b.Get(p.ctx, p.key, &blob.GetOptions{Range: blob.Bytes(p.off, n)})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	got, err := io.ReadFull(r, buf[:n])
	p.off += int64(got)
	return got, err
}

// aliases stores every key under another name.
type aliases struct {
	blob.Wrapper
	name func(string) string
}

func (d *aliases) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	return d.Wrapper.Stat(ctx, d.name(key), opts)
}

func (d *aliases) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return d.Wrapper.Get(ctx, d.name(key), opts)
}

func (d *aliases) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	return d.Wrapper.Put(ctx, d.name(key), body, opts)
}

func (d *aliases) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	return d.Wrapper.Delete(ctx, d.name(key), opts)
}

// lists rearranges what is listed.
type lists struct {
	blob.Wrapper
	rearrange func(all []*blob.Object) []*blob.Object
	inclusive bool
}

func (d *lists) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	o := *opts
	if d.inclusive {
		o.StartAt, o.StartAfter = max(o.StartAt, o.StartAfter), ""
	}
	return func(yield func(*blob.Object, error) bool) {
		var all []*blob.Object
		for entry, err := range d.Wrapper.List(ctx, &o) {
			if err != nil {
				yield(nil, err)
				return
			}
			all = append(all, entry)
		}
		for _, entry := range d.rearrange(all) {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

func asIs(all []*blob.Object) []*blob.Object { return all }

func swapped(all []*blob.Object) []*blob.Object {
	for i := 1; i < len(all); i += 2 {
		all[i-1], all[i] = all[i], all[i-1]
	}
	return all
}

// withoutNeighbour drops the key that sorts right after all that a common prefix holds.
func withoutNeighbour(all []*blob.Object) []*blob.Object {
	var kept []*blob.Object
	last := ""
	for _, o := range all {
		dir, isPrefix := strings.CutSuffix(last, "/")
		last = o.Key
		if isPrefix && o.Key == dir+"0" {
			continue
		}
		kept = append(kept, o)
	}
	return kept
}

// stale lists what an earlier listing by the same options saw.
type stale struct {
	blob.Wrapper
	mu   sync.Mutex
	seen map[blob.ListOptions][]*blob.Object
}

func (d *stale) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[blob.ListOptions][]*blob.Object{}
	}
	if _, known := d.seen[*opts]; !known {
		d.seen[*opts] = []*blob.Object{}
		for o := range d.Wrapper.List(ctx, opts) {
			d.seen[*opts] = append(d.seen[*opts], o)
		}
	}
	all := d.seen[*opts]
	return func(yield func(*blob.Object, error) bool) {
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

type declaresNoTime struct{ blob.Wrapper }

func (d *declaresNoTime) Capabilities() blob.Capabilities {
	c := d.Wrapper.Capabilities()
	c.Deviations.WriteWithoutModTime = true
	return c
}

func timeless(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	o, err := b.Put(ctx, key, body, opts)
	if err == nil {
		o.ModTime = time.Time{}
	}
	return o, err
}

type declaresNoETag struct{ blob.Wrapper }

func (d *declaresNoETag) Capabilities() blob.Capabilities {
	c := d.Wrapper.Capabilities()
	c.Deviations.WriteWithoutETag = true
	return c
}

// puts has a Put of its own, around that of b.
type puts struct {
	blob.Wrapper
	put func(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error)
}

func (d *puts) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	return d.put(ctx, d.Wrapper, key, body, opts)
}

func unconditional(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	o := *opts
	o.If = blob.Condition{}
	return b.Put(ctx, key, body, &o)
}

func looksFirst(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	current, err := b.Stat(ctx, key, nil)
	if err != nil {
		current = nil
	}
	if err := opts.If.Eval(current); err != nil {
		return nil, err
	}
	runtime.Gosched() // another may come in between
	return unconditional(ctx, b, key, body, opts)
}

func twice(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if _, err := b.Put(ctx, key, strings.NewReader(string(content)), opts); err != nil {
		return nil, err
	}
	return b.Put(ctx, key, strings.NewReader(string(content)), opts)
}

func truncated(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, failure := io.ReadAll(body)
	o, err := b.Put(ctx, key, strings.NewReader(string(content)), opts)
	return o, errors.Join(failure, err)
}

func bare(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	o := *opts
	o.Metadata = nil
	return b.Put(ctx, key, body, &o)
}

func unhooked(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	o := *opts
	o.Hook = nil
	return b.Put(ctx, key, body, &o)
}

func bareIfHooked(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if opts.Hook == nil {
		return b.Put(ctx, key, body, opts)
	}
	return bare(ctx, b, key, body, opts)
}

func uncancelled(ctx context.Context, b blob.Bucket, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	return b.Put(context.WithoutCancel(ctx), key, body, opts)
}

// leaks reads ahead in a goroutine that nobody stops.
type leaks struct{ blob.Wrapper }

func (d *leaks) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	r, err := d.Wrapper.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() {
		_, err := r.WriteTo(pw)
		pw.CloseWithError(err)
	}()
	return blob.NewReader(ctx, io.NopCloser(pr), &r.Object, r.Offset(), r.Length()), nil
}

type shortens struct{ blob.Wrapper }

func (d *shortens) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	r, err := d.Wrapper.Get(ctx, key, opts)
	if err != nil || r.Length() < 1000 {
		return r, err
	}
	return blob.NewReader(ctx, r, &r.Object, r.Offset(), r.Length()-1), nil
}

// locks holds a lock for the time of a Put, and lets go of it unless the body panics.
type locks struct {
	blob.Wrapper
	mu sync.Mutex
}

func (d *locks) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if !d.mu.TryLock() {
		return nil, errors.New("busy for ever") // a test would rather not wait
	}
	o, err := d.Wrapper.Put(ctx, key, body, opts)
	d.mu.Unlock()
	return o, err
}

type typedNil struct{ blob.Wrapper }

func (d *typedNil) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	var e *blob.Error
	if err := d.Wrapper.Delete(ctx, key, opts); err != nil {
		e = err.(*blob.Error)
	}
	return e
}

type hides struct{ blob.Wrapper }

func (d *hides) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	o, err := d.Wrapper.Stat(ctx, key, opts)
	if err != nil {
		err = errors.New(err.Error())
	}
	return o, err
}

type deletesTrees struct{ blob.Wrapper }

func (d *deletesTrees) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	for o, err := range d.Wrapper.List(ctx, &blob.ListOptions{Prefix: strings.TrimSuffix(key, "/") + "/"}) {
		if err != nil {
			return err
		}
		if err := d.Wrapper.Delete(ctx, o.Key, nil); err != nil {
			return err
		}
	}
	return d.Wrapper.Delete(ctx, key, opts)
}

// counts lists in pages of two, and finds the next page by the number of entries that it yielded.
type counts struct{ blob.Wrapper }

func (d *counts) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		for yielded, more := 0, true; more; {
			seen := 0
			more = false
			for entry, err := range d.Wrapper.List(ctx, opts) {
				if seen++; seen <= yielded {
					continue
				}
				if !yield(entry, err) || err != nil {
					return
				}
				if yielded++; yielded%2 == 0 {
					more = true
					break
				}
			}
		}
	}
}

type copies struct{ blob.Wrapper }

func (d *copies) Source(ctx context.Context, key string, _ *blob.SourceOptions) (blob.Source, error) {
	return d.Wrapper.Source(ctx, key, nil)
}

func (d *copies) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	return d.Wrapper.Copy(ctx, key, src, &blob.CopyOptions{Attributes: opts.Attributes})
}

// uploads begins other uploads than it is asked for.
type uploads struct {
	blob.Wrapper
	change func(*blob.UploadOptions)
}

func (d *uploads) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	o := *opts
	d.change(&o)
	return d.Wrapper.Upload(ctx, key, &o)
}

func unconditionally(o *blob.UploadOptions) { o.If = blob.Condition{} }

func barely(o *blob.UploadOptions) { o.Attributes = blob.Attributes{} }
