package conformance

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// A faulty bucket counts the calls that reach it, and fails those that it is told to. It goes beneath the wrappers that
// are tested.
type faulty struct {
	blob.Wrapper
	mu   sync.Mutex
	fail map[string]error // by the name of the method
	seen map[string]int   // calls of each method
	keys []string         // of all calls, as they came
	bulk int              // BulkDelete that it declares, if not that of b
	own  any              // the last Provider option of its own
}

// A faultyOption is a Provider option of a faulty bucket.
type faultyOption struct{ name string }

// AcceptsProvider implements the method that blob.Check asks for. No option of the bucket inside is used.
func (f *faulty) AcceptsProvider(p any) bool {
	_, ok := p.(faultyOption)
	return ok
}

// provider notes and removes an option of the bucket's own.
func (f *faulty) provider(p *any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own, *p = *p, nil
}

var _ blob.Bucket = (*faulty)(nil)

// newFaulty returns a faulty bucket, and the same behind Check, as every driver's is.
func newFaulty(b blob.Bucket) (*faulty, blob.Bucket) {
	f := &faulty{Wrapper: blob.Wrap(b), fail: map[string]error{}, seen: map[string]int{}}
	return f, blob.Check(f)
}

// newBulk returns a faulty bucket that declares bulk deletion also where b has none, which blob.Check makes up for.
func newBulk(b blob.Bucket) (*faulty, blob.Bucket) {
	f, _ := newFaulty(b)
	f.bulk = 100
	return f, blob.Check(f)
}

// A fault is an error of a provider, which says that the call may be tried again.
type fault struct{ method string }

func (f *fault) Error() string   { return "the provider fails in " + f.method }
func (f *fault) Retryable() bool { return true }

// breakMethod makes the calls of a method fail, until repair, and returns the error that they answer.
func (f *faulty) breakMethod(method string) error {
	err := &fault{method}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[method] = err
	return err
}

func (f *faulty) repair() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.fail)
	clear(f.seen)
	f.keys, f.own = nil, nil
}

// calls is how many calls of the method there were since repair.
func (f *faulty) calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[method]
}

// all is how many calls of any method there were since repair.
func (f *faulty) all() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, calls := range f.seen {
		n += calls
	}
	return n
}

func (f *faulty) enter(method, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[method]++
	f.keys = append(f.keys, key)
	return f.fail[method]
}

func (f *faulty) String() string { return "faulty" }

func (f *faulty) Capabilities() blob.Capabilities {
	caps := f.Wrapper.Capabilities()
	if caps.BulkDelete == 0 {
		caps.BulkDelete = f.bulk
	}
	return caps
}

func (f *faulty) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	if err := f.enter("Stat", key); err != nil {
		return nil, err
	}
	return f.Wrapper.Stat(ctx, key, opts)
}

func (f *faulty) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	if err := f.enter("Get", key); err != nil {
		return nil, err
	}
	r, err := f.Wrapper.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return r.WithBody(func(body io.ReadCloser) io.ReadCloser { return faultyBody{body, f, key} }), nil
}

// A faultyBody fails as the method Read.
type faultyBody struct {
	io.ReadCloser
	f   *faulty
	key string
}

func (b faultyBody) Read(p []byte) (int, error) {
	if err := b.f.enter("Read", b.key); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

func (f *faulty) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if err := f.enter("Put", key); err != nil {
		return nil, err
	}
	o := *opts
	f.provider(&o.Provider)
	return f.Wrapper.Put(ctx, key, body, &o)
}

func (f *faulty) Source(ctx context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	if err := f.enter("Source", key); err != nil {
		return blob.Source{}, err
	}
	return f.Wrapper.Source(ctx, key, opts)
}

func (f *faulty) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	if err := f.enter("Copy", key); err != nil {
		return nil, err
	}
	o := *opts
	f.provider(&o.Provider)
	return f.Wrapper.Copy(ctx, key, src, &o)
}

func (f *faulty) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	if err := f.enter("Delete", key); err != nil {
		return err
	}
	return f.Wrapper.Delete(ctx, key, opts)
}

func (f *faulty) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	heard := func(yield func(string) bool) { // no key is nothing that a store hears of
		first := true
		for key := range keys {
			if first {
				_ = f.enter("DeleteEach", "")
				first = false
			}
			if !yield(key) {
				return
			}
		}
	}
	f.mu.Lock()
	err := f.fail["DeleteEach"]
	f.mu.Unlock()
	if err != nil {
		for key := range heard {
			failed(key, err)
		}
		return err
	}
	return f.Wrapper.DeleteEach(ctx, heard, failed)
}

func (f *faulty) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		if err := f.enter("List", opts.Prefix); err != nil {
			yield(nil, err)
			return
		}
		for o, err := range f.Wrapper.List(ctx, opts) {
			if err == nil {
				err = f.enter("Entry", o.Key)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (f *faulty) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if err := f.enter("Upload", key); err != nil {
		return nil, err
	}
	o := *opts
	f.provider(&o.Provider)
	u, err := f.Wrapper.Upload(ctx, key, &o)
	return faultyUpload{u, f, key}, err
}

type faultyUpload struct {
	blob.Upload
	f   *faulty
	key string
}

func (u faultyUpload) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	if err := u.f.enter("Part", u.key); err != nil {
		return blob.Part{}, err
	}
	return u.Upload.Put(ctx, n, body)
}

func (u faultyUpload) Complete(ctx context.Context) (*blob.Object, error) {
	if err := u.f.enter("Complete", u.key); err != nil {
		return nil, err
	}
	return u.Upload.Complete(ctx)
}

func (f *faulty) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		if err := f.enter("Uploads", prefix); err != nil {
			yield(nil, err)
			return
		}
		f.Wrapper.Uploads(ctx, prefix)(yield)
	}
}

func (f *faulty) Sign(ctx context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	if err := f.enter("Sign", key); err != nil {
		return nil, err
	}
	return f.Wrapper.Sign(ctx, key, opts)
}

// Close leaves the bucket open, which is not its own.
func (f *faulty) Close() error { return f.enter("Close", "") }

// isFault tells whether err is, or wraps, this fault, and still shows the provider's own type.
func isFault(err, want error) bool {
	var own *fault
	return errors.Is(err, want) && errors.As(err, &own)
}

// written is how many calls there were that could have changed something.
func (f *faulty) written() int {
	n := 0
	for _, method := range []string{"Put", "Copy", "Delete", "DeleteEach", "Upload", "Part", "Complete", "Sign"} {
		n += f.calls(method)
	}
	return n
}
