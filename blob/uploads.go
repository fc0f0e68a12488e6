package blob

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// AbortUploads aborts the unfinished uploads of keys that begin with prefix, if they began before a time, such as those
// of processes that died, and returns how many. Most stores keep their parts, and charge for them, until then. It stops
// at the first error; for a bucket that does not list uploads (UploadRules.Listed) the error is [errors.ErrUnsupported].
func AbortUploads(ctx context.Context, b Bucket, prefix string, before time.Time) (int, error) {
	n := 0
	for info, err := range b.Uploads(ctx, prefix) {
		if err != nil {
			return n, err
		}
		if !info.Initiated.Before(before) {
			continue
		}
		u, err := b.Upload(ctx, info.Key, &UploadOptions{ID: info.ID})
		if err == nil {
			err = u.Abort(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) { // somebody has finished it
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
