package b2

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

// A large is a large file that was started and is not finished.
type large struct {
	b          *bucket
	id         string
	hook       *blob.Hook
	uploadURLs pool[*base.FileChunk]
}

// begin starts a large file. One that was started by an attempt whose response was lost is searched for and cancelled.
func (b *bucket) begin(ctx context.Context, w *write) (*large, error) {
	if f := b.account.current().permits("b2_list_file_versions"); f != nil { // which finish needs
		return nil, f
	}
	var id string
	info, token := w.withToken()
	err := remote.Start(ctx, func(extended context.Context) error {
		ambiguous, err := b.account.try(extended, "b2_start_large_file", func(extended context.Context) error {
			if err := ctx.Err(); err != nil {
				return remote.Final{Err: err}
			}
			f, err := b.base.StartLargeFile(extended, w.key, w.contentType, info)
			if err == nil {
				id = f.ID
			}
			return err
		})
		if ambiguous || extended.Err() != nil {
			remote.CleanUp(ctx, func(ctx context.Context) { b.cancelDuplicates(ctx, w.key, token, id) })
		}
		return err
	}, func(ctx context.Context) { _ = b.cancel(ctx, id) })
	if err != nil {
		return nil, err
	}
	return &large{b: b, id: id, hook: w.hook}, nil
}

// withToken returns the info with a unique idempotency token, by which a large file that is started now can be
// recognised, and the token. It is left out, and empty, where B2 might not take it in addition to the other entries.
func (w *write) withToken() (info map[string]string, token string) {
	token = rand.Text()
	info = map[string]string{}
	maps.Copy(info, w.info)
	info[infoStart] = token
	if len(info) > maxInfo || headersSize(w.key, info) > sureHeaders {
		return w.info, ""
	}
	return info, token
}

// cancelDuplicates cancels the large files of a key that were started with the same token, except one. Those that it
// fails to cancel are listed by Uploads.
func (b *bucket) cancelDuplicates(ctx context.Context, key, token, id string) {
	if token == "" {
		return
	}
	for f, err := range b.started(ctx, key) {
		if err == nil && f.Name == key && f.Info[infoStart] == token && f.ID != id {
			_ = b.cancel(ctx, f.ID)
		}
	}
}

// cleanUp cancels a failed upload. If it fails to, the upload is listed by Uploads.
func (b *bucket) cleanUp(ctx context.Context, id string) {
	remote.CleanUp(ctx, func(ctx context.Context) { _ = b.cancel(ctx, id) })
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

// send sends a part, with its SHA-1, which B2 verifies. Its tag is the SHA-1 in hexadecimal.
func (l *large) send(ctx context.Context, part *put.Content) (put.Sent, error) {
	sum, err := part.Digest(blob.SHA1)
	if err != nil {
		return put.Sent{}, err
	}
	sent := part.Sent(hex.EncodeToString(sum))
	_, err = uploadTo(ctx, l.b.account, "b2_upload_part", &l.uploadURLs, l.fetchUploadURL, func(ctx context.Context, url *base.FileChunk) error {
		return part.Send(ctx, func(body *put.Body) error {
			_, err := url.UploadPart(ctx, body, sent.Tag, int(part.Size), part.Number)
			return exchangeOf(ctx).explain(ctx, err)
		})
	})
	return sent, err
}

// A multipart is a large file whose parts are all sent by one Put.
type multipart struct {
	*large
	w *write
}

// Send implements [put.Upload].
func (m multipart) Send(ctx context.Context, part *put.Content) (put.Sent, error) {
	return m.send(ctx, part)
}

// Complete implements [put.Upload].
func (m multipart) Complete(ctx context.Context, all []put.Sent, whole blob.Checksums) (*blob.Object, error) {
	sum, _ := whole.Get(blob.SHA1)
	return m.finish(ctx, m.w, all, sum)
}

// Abort implements [put.Upload]. An upload that it fails to cancel is listed by Uploads.
func (m multipart) Abort(ctx context.Context) { _ = m.b.cancel(ctx, m.id) }

func (l *large) fetchUploadURL(ctx context.Context) (url *base.FileChunk, err error) {
	err = l.b.account.call(ctx, "b2_get_upload_part_url", func(ctx context.Context) error {
		url, err = l.b.base.File(l.id, "").CompileParts(0, nil).GetUploadPartURL(ctx)
		return err
	})
	return url, err
}

// finish makes the file of its parts, of which there are at least two, and sees to it that it is the one that shows.
// The SHA-1 of the whole is nil if it is not known.
func (l *large) finish(ctx context.Context, w *write, all []put.Sent, whole []byte) (*blob.Object, error) {
	size, _, _ := put.Joined(all)
	sums := make(map[int]string, len(all))
	for _, s := range all {
		sums[s.Number] = s.Tag
	}
	b := l.b
	var f *base.File
	ambiguous, err := b.account.try(ctx, "b2_finish_large_file", func(ctx context.Context) (err error) {
		if err := put.Publishing(ctx, l.hook); err != nil {
			return err
		}
		f, err = b.base.File(l.id, w.key).CompileParts(size, sums).FinishLargeFile(ctx)
		return err
	})
	if err != nil && ambiguous {
		f, err = remote.Resolve(err, func() (*base.File, remote.Outcome) { return l.finished(ctx) })
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

// finished finds out whether the large file is finished.
func (l *large) finished(ctx context.Context) (*base.File, remote.Outcome) {
	f := l.b.base.File(l.id, "")
	err := l.b.account.call(ctx, "b2_get_file_info", func(ctx context.Context) error {
		_, err := f.GetFileInfo(ctx)
		return err
	})
	switch {
	case err == nil && f.Status == "upload":
		return f, remote.Applied
	case err == nil && f.Status == actionStart:
		return nil, remote.NotApplied
	}
	return nil, remote.Unknown
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
	var stop error
	watched := *w
	watched.hook = &blob.Hook{OnPublish: func(ctx context.Context) error {
		stop = l.hook.Publishing(ctx)
		return stop
	}}
	o, err := b.copyVersion(ctx, &watched, &copying{id: l.id, size: size, attributes: true, resolve: func(context.Context) error { return nil }}, whole)
	switch {
	case errors.Is(err, blob.ErrNotExist):
		return b.made(w, l.id, size, f.Timestamp, whole), nil
	case err != nil && stop != nil: // and below, the upload never showed
		_ = b.remove(ctx, w.key, l.id)
		return nil, stop
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
