package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/holdall-go/holdall/internal/body"
)

// A Hook follows one write from the caller to the store, and may stop it. It is for wrappers, such as access control
// that checks again while bytes flow, and for callers that show progress or limit a rate. A nil *Hook, and a nil
// function, do nothing. Every bucket behind [Check] calls the Hook in the options of Put, Upload and Copy by these rules.
//
// OnSend is called when n more bytes of content are about to go to the store, n from 1 to 8 MiB. It may be called by
// several goroutines at once, in any order of the parts. Bytes that are sent again, since an attempt failed, count
// again; bytes that are only read to compute a digest do not count. So the sum is the size of the content, or more
// where they had to be sent again. For an [Upload] these are the bytes of its parts. A copy that the store makes by itself sends none.
//
// OnPublish is called immediately before the request or the step that can make the object visible is complete: before
// the last byte of a single request, before the request that completes parts, before a file gets its name. It is called
// again before each retry of that. For an [Upload] this is in Complete.
//
// An error of either is the error of the call, which wraps it, and then nothing is published. Ctx is that of the call,
// or one derived from it. A function must not wait for a write of the same key. One that limits a rate may wait in OnSend,
// until ctx ends at most, but the connection to the store is open meanwhile and a server may close it when it has been
// idle for too long: wait for seconds, not minutes. All other functions should return quickly.
type Hook struct {
	OnSend    func(ctx context.Context, n int64) error
	OnPublish func(ctx context.Context) error
}

// maxSend is the largest number of bytes of one call of OnSend.
const maxSend = 8 << 20

// Sending calls OnSend, for a driver, in as many calls as the largest n demands. A driver must not retry after an error,
// and returns it, wrapped or not. It matches no other error, so that a driver does not take it for one of the store;
// [Check] turns it into that of OnSend.
func (h *Hook) Sending(ctx context.Context, n int64) error {
	if h == nil || h.OnSend == nil {
		return nil
	}
	for n > 0 {
		some := min(n, maxSend)
		if err := h.OnSend(ctx, some); err != nil {
			return &hookError{err}
		}
		n -= some
	}
	return nil
}

// Publishing calls OnPublish, for a driver. Its error is like that of Sending.
func (h *Hook) Publishing(ctx context.Context) error {
	if h == nil || h.OnPublish == nil {
		return nil
	}
	if err := h.OnPublish(ctx); err != nil {
		return &hookError{err}
	}
	return nil
}

// A hookError is the error of a hook on its way through the driver. It has no Unwrap: the hook may have failed since a
// store did, perhaps this one, and that is no reason for the driver to try again.
type hookError struct{ err error }

func (e *hookError) Error() string { return e.err.Error() }

// unhooked returns err, with the error of the hook that caused it, if one did.
func unhooked(err error) error {
	var e *hookError
	switch {
	case !errors.As(err, &e), errors.Is(err, e.err):
		return err
	case errors.Is(err, ErrAmbiguous): // an earlier attempt may have published
		return fmt.Errorf("%w: %w", err, e.err)
	}
	return unhooked(e.err)
}

// Then returns a Hook that calls h and, if that returns nil, next. A wrapper passes on opts.Hook.Then(its own), so that
// of all functions its own are closest to the store, and an outer one that takes its time delays them.
func (h *Hook) Then(next *Hook) *Hook {
	switch {
	case h == nil:
		return next
	case next == nil:
		return h
	}
	return &Hook{
		OnSend: func(ctx context.Context, n int64) error {
			if err := h.Sending(ctx, n); err != nil {
				return unhooked(err)
			}
			return unhooked(next.Sending(ctx, n))
		},
		OnPublish: func(ctx context.Context) error {
			if err := h.Publishing(ctx); err != nil {
				return unhooked(err)
			}
			return unhooked(next.Publishing(ctx))
		},
	}
}

// A HookedReader is the body of one request, which calls a [Hook] as it is read.
type HookedReader struct {
	ctx  context.Context
	hook *Hook
	r    io.Reader

	mu      sync.Mutex // an HTTP client may go on reading when its request has failed
	left    int64      // bytes until the last one has passed; -1: unknown
	publish bool       // OnPublish is still to be called
	ended   bool
	err     error // of the hook
}

// Reader returns the body of a request that publishes what it carries, for a driver that has one such request for an
// object. OnSend is called with what each Read delivers, and OnPublish before the last of size bytes; without a size,
// which is then -1, before io.EOF. A body of no bytes needs a call of Publishing before the request, since nobody reads
// it.
func (h *Hook) Reader(ctx context.Context, r io.Reader, size int64) *HookedReader {
	return &HookedReader{ctx: ctx, hook: h, r: r, left: size, publish: true}
}

// PartReader returns the body of a request that sends a part, and publishes nothing: OnSend alone is called.
func (h *Hook) PartReader(ctx context.Context, r io.Reader) *HookedReader {
	return &HookedReader{ctx: ctx, hook: h, r: r, left: -1}
}

// Read implements io.Reader. After an error of the Hook it returns no other.
func (r *HookedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p[:min(len(p), maxSend)])
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return 0, r.err
	case r.ended:
		return 0, io.ErrClosedPipe
	}
	if r.left >= 0 {
		r.left -= int64(n)
	}
	r.err = r.hook.Sending(r.ctx, int64(n))
	if last := err == io.EOF || r.left == 0; r.err == nil && last && r.publish {
		r.publish = false
		r.err = r.hook.Publishing(r.ctx)
	}
	if r.err != nil {
		return 0, r.err
	}
	return n, err
}

// End ends the body when its request has ended, so that the Hook is called no more. It returns the error of the Hook, by
// which that stopped the request, or nil.
func (r *HookedReader) End() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.err
}

// put calls Put of the bucket inside. If that does not call hooks, its body does, which then can be read only once.
func (c *checked) put(ctx context.Context, key string, content *body.Body, opts *PutOptions) (*Object, error) {
	if opts.Hook == nil || c.hooks {
		return c.b.Put(ctx, key, content, opts)
	}
	without := *opts
	without.Hook = nil
	size, known := content.Size()
	if !known && opts.Size > 0 { // to which the content is held
		size, known = opts.Size, true
	}
	if !known {
		size = -1
	}
	hooked := opts.Hook.Reader(ctx, content, size)
	if size == 0 {
		hooked.publish = false
		if err := opts.Hook.Publishing(ctx); err != nil {
			return nil, err
		}
	}
	o, err := c.b.Put(ctx, key, body.Sized(hooked, size), &without)
	return o, stopped(hooked.End(), err)
}

// stopped returns the error of a write that returned err and whose hook returned stop.
func stopped(stop, err error) error {
	switch {
	case stop == nil:
		return err
	case err == nil:
		return fmt.Errorf("%w: the store published content whose hook failed: %w", ErrAmbiguous, stop)
	}
	return stop
}

// copy calls Copy of the bucket inside.
func (c *checked) copy(ctx context.Context, key string, src Source, opts *CopyOptions) (*Object, error) {
	if opts.Hook == nil || c.hooks {
		return c.b.Copy(ctx, key, src, opts)
	}
	if err := opts.Hook.Publishing(ctx); err != nil {
		return nil, err
	}
	without := *opts
	without.Hook = nil
	return c.b.Copy(ctx, key, src, &without)
}

// upload calls Upload of the bucket inside. If that does not call hooks, what is returned does.
func (c *checked) upload(ctx context.Context, key string, opts *UploadOptions) (Upload, error) {
	if opts.Hook == nil || c.hooks {
		return c.b.Upload(ctx, key, opts)
	}
	without := *opts
	without.Hook = nil
	u, err := c.b.Upload(ctx, key, &without)
	if err != nil {
		return nil, err
	}
	return &hookedUpload{u, opts.Hook}, nil
}

// hookedUpload calls the Hook of an upload whose driver does not.
type hookedUpload struct {
	Upload
	hook *Hook
}

// Put implements Upload. What the driver reads of the part counts, also where it only computes a digest.
func (u *hookedUpload) Put(ctx context.Context, n int, section *io.SectionReader) (Part, error) {
	hooked := &hookedReaderAt{ctx: ctx, hook: u.hook, r: section}
	p, err := u.Upload.Put(ctx, n, io.NewSectionReader(hooked, 0, section.Size()))
	if stop := hooked.stopped(); stop != nil {
		return Part{}, stop
	}
	return p, err
}

// Complete implements Upload.
func (u *hookedUpload) Complete(ctx context.Context) (*Object, error) {
	if err := u.hook.Publishing(ctx); err != nil {
		return nil, err
	}
	return u.Upload.Complete(ctx)
}

// hookedReaderAt calls OnSend with what is read.
type hookedReaderAt struct {
	ctx  context.Context
	hook *Hook
	r    io.ReaderAt

	mu  sync.Mutex
	err error // of the hook, the first
}

// ReadAt implements io.ReaderAt. After an error of the Hook it returns no other, whatever the driver tries.
func (r *hookedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.stopped(); err != nil {
		return 0, err
	}
	n, err := r.r.ReadAt(p, off)
	if herr := r.hook.Sending(r.ctx, int64(n)); herr != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = cmp.Or(r.err, herr)
		return 0, r.err
	}
	return n, err
}

// stopped returns the error of the hook, or nil.
func (r *hookedReaderAt) stopped() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
