package b2

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
)

const (
	// abortTime is how long the removal of a failed upload may take. The call that failed has perhaps no time left.
	abortTime = 30 * time.Second

	// abortPatience is how long a failed call waits for that.
	abortPatience = 2 * time.Second

	// partPatience is how long parts that are under way may go on when the call has failed.
	partPatience = time.Second
)

// A large is a large file that was started and is not finished.
type large struct {
	b      *bucket
	id     string
	places pool[*base.FileChunk]
}

// A sent is a part that has arrived.
type sent struct {
	n    int // from 1
	size int64
	sha1 string // in hexadecimal
	crc  uint32 // CRC-32C, where it was computed
}

// sentParts collects parts in any order.
type sentParts struct {
	mu  sync.Mutex
	all []sent
}

func (p *sentParts) add(s sent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, s)
}

func (p *sentParts) sorted() []sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortFunc(p.all, func(x, y sent) int { return cmp.Compare(x.n, y.n) })
	return p.all
}

// begin starts a large file. If ctx ends while the call is under way, its answer is waited for a little, since it has
// the name of what must be removed again. What an attempt has started whose answer was lost is looked for and removed.
func (b *bucket) begin(ctx context.Context, w *write) (*large, error) {
	if err := b.account.current().permits("b2_list_file_versions"); err != nil { // which finish needs
		return nil, err
	}
	waiting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(abortPatience, cancel) })()
	var id string
	info, mark := w.marked()
	lost, err := b.account.try(waiting, "b2_start_large_file", func(waiting context.Context) error {
		if err := ctx.Err(); err != nil {
			return &finally{err}
		}
		f, err := b.base.StartLargeFile(waiting, w.key, w.contentType, info)
		if err == nil {
			id = f.ID
		}
		return err
	})
	if e := failed(err); lost || e != nil && e.lost || waiting.Err() != nil {
		aside(ctx, func(ctx context.Context) { b.cancelTwins(ctx, w.key, mark, id) })
	}
	if ctx.Err() != nil {
		if err == nil {
			b.cleanUp(ctx, id)
		}
		return nil, ctx.Err()
	}
	return &large{b: b, id: id}, err
}

// marked returns the info with an entry by which what is started now can be recognised, and that mark. It is left out,
// and empty, where B2 might not take it beside the others.
func (w *write) marked() (info map[string]string, mark string) {
	mark = rand.Text()
	info = map[string]string{}
	maps.Copy(info, w.info)
	info[infoStart] = mark
	if len(info) > maxInfo || headersSize(w.key, info) > sureHeaders {
		return w.info, ""
	}
	return info, mark
}

// cancelTwins cancels the large files of a key that were started with the same mark, but for one. What it fails to
// cancel is listed by Uploads.
func (b *bucket) cancelTwins(ctx context.Context, key, mark, id string) {
	if mark == "" {
		return
	}
	for f, err := range b.started(ctx, key) {
		if err == nil && f.Name == key && f.Info[infoStart] == mark && f.ID != id {
			_ = b.cancel(ctx, f.ID)
		}
	}
}

// patient returns a ctx that outlives ctx a little, so that parts that are under way end by themselves: one that is cut
// off may arrive all the same, when its upload has been cancelled.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	outlives, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(partPatience, cancel) })
	return outlives, func() {
		stop()
		cancel()
	}
}

// cleanUp cancels a failed upload.
func (b *bucket) cleanUp(ctx context.Context, id string) {
	aside(ctx, func(ctx context.Context) { _ = b.cancel(ctx, id) }) // what stays is listed by Uploads
}

// aside removes something in time of its own. It is waited for, but not for long: the caller may have ended the call
// because nothing answers.
func aside(ctx context.Context, remove func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		remove(ctx)
	}()
	patience := time.NewTimer(abortPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
}

// cancel removes an unfinished large file and its parts. One that is gone is success.
func (b *bucket) cancel(ctx context.Context, id string) error {
	err := b.account.call(ctx, "b2_cancel_large_file", func(ctx context.Context) error {
		return b.base.File(id, "").CompileParts(0, nil).CancelLargeFile(ctx)
	})
	if errors.Is(err, blob.ErrNotExist) {
		return nil
	}
	return err
}

// send sends a part, with its SHA-1, which B2 verifies.
func (l *large) send(ctx context.Context, s sent, open func() io.Reader) error {
	return uploadTo(ctx, l.b.account, "b2_upload_part", &l.places, l.fetchPlace, func(ctx context.Context, place *base.FileChunk) error {
		_, err := place.UploadPart(ctx, open(), s.sha1, int(s.size), s.n)
		return err
	})
}

func (l *large) fetchPlace(ctx context.Context) (place *base.FileChunk, err error) {
	err = l.b.account.call(ctx, "b2_get_upload_part_url", func(ctx context.Context) error {
		place, err = l.b.base.File(l.id, "").CompileParts(0, nil).GetUploadPartURL(ctx)
		return err
	})
	return place, err
}

// finish makes the file of its parts, of which there are at least two, and sees to it that it is the one that shows.
// The SHA-1 of the whole is nil if it is not known.
func (l *large) finish(ctx context.Context, w *write, all []sent, whole []byte) (*blob.Object, error) {
	var size int64
	sums := make(map[int]string, len(all))
	for _, s := range all {
		size += s.size
		sums[s.n] = s.sha1
	}
	b := l.b
	var f *base.File
	lost, err := b.account.try(ctx, "b2_finish_large_file", func(ctx context.Context) (err error) {
		f, err = b.base.File(l.id, w.key).CompileParts(size, sums).FinishLargeFile(ctx)
		return err
	})
	if e := failed(err); err != nil && (lost || e != nil && e.lost) {
		f, err = l.settle(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	newer, err := b.overtaken(ctx, w.key, l.id)
	if err != nil {
		return nil, fmt.Errorf("%w: the upload is finished, and whether it shows could not be learned: %w", blob.ErrAmbiguous, err)
	}
	if newer {
		return l.forward(ctx, w, size, f, whole)
	}
	return b.made(w, l.id, size, f.Timestamp, whole), nil
}

// settle finds out whether a large file is finished when the answer that says so was lost.
func (l *large) settle(ctx context.Context, cause error) (*base.File, error) {
	f := l.b.base.File(l.id, "")
	err := l.b.account.call(ctx, "b2_get_file_info", func(ctx context.Context) error {
		_, err := f.GetFileInfo(ctx)
		return err
	})
	switch {
	case err == nil && f.Status == "upload":
		return f, nil
	case err == nil && f.Status == "start":
		return nil, cause
	}
	return nil, fmt.Errorf("%w: an answer was lost, and then: %w", blob.ErrAmbiguous, cmp.Or(err, cause))
}

// overtaken tells whether a version of key is newer than the one given. A large file takes its place among the versions
// when it is started, so one that was written, or hidden, meanwhile lies above it.
func (b *bucket) overtaken(ctx context.Context, key, id string) (bool, error) {
	for f, err := range b.versionsOf(ctx, key, fewVersions) {
		if err != nil {
			return false, err
		}
		if f.Status != actionStart { // what is not finished does not show
			return f.ID != id, nil
		}
	}
	return true, nil
}

// forward copies a finished file above what was written after it had been started, and removes it from below. If it is
// gone, a Delete came in between, after this write and before its answer.
func (l *large) forward(ctx context.Context, w *write, size int64, f *base.File, whole []byte) (*blob.Object, error) {
	b := l.b
	o, err := b.copyVersion(ctx, w, &copying{id: l.id, size: size, attributes: true, resolve: func(context.Context) error { return nil }}, whole)
	switch {
	case errors.Is(err, blob.ErrNotExist):
		return b.made(w, l.id, size, f.Timestamp, whole), nil
	case err != nil:
		return nil, fmt.Errorf("%w: the upload is finished below a newer version, and could not be copied above it: %w", blob.ErrAmbiguous, err)
	}
	_ = b.remove(ctx, w.key, l.id) // an old version more does no harm
	return o, nil
}

// remove removes one version for good. One that is gone is success.
func (b *bucket) remove(ctx context.Context, key, id string) error {
	err := b.account.call(ctx, "b2_delete_file_version", func(ctx context.Context) error {
		return b.base.File(id, key).DeleteFileVersion(ctx)
	})
	if errors.Is(err, blob.ErrNotExist) {
		return nil
	}
	return err
}
