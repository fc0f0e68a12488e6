package b2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// Delete removes an object. In B2 an overwrite keeps what was there, so to delete the newest version would bring back
// the one before. So it is hidden at first; that is all where versions are kept. Then those below the marker are
// removed, and the marker last. Whoever reads meanwhile, and whoever finds what an interrupted Delete has left, sees no
// object; what is written meanwhile lies above the marker and stays. Unfinished uploads are left alone, though removing
// one that a listing of versions shows would cancel it.
func (b *bucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	if err := b.account.current().covers(key); err != nil {
		return err
	}
	if opts.Version != "" {
		return b.removeVersion(ctx, key, opts.Version)
	}
	if err := b.mayDelete(); err != nil {
		return err
	}
	marker, err := b.hide(ctx, key)
	if err != nil || marker == nil || b.keep {
		return err
	}
	return b.removeBelow(ctx, marker)
}

// mayDelete refuses to begin what the application key does not let come to its end.
func (b *bucket) mayDelete() error {
	g := b.account.current()
	for _, capability := range [...]string{"deleteFiles", "listFiles"} {
		if !b.keep && !g.may(capability) {
			return fmt.Errorf("%w: the application key lacks the capability %s; with versions=keep a Delete hides, and does without it", fs.ErrPermission, capability)
		}
	}
	return nil
}

// A marker hides the versions of a key that are older.
type marker struct {
	key, id string
	time    time.Time
}

// hide puts a marker above the versions of key, or finds the one that is there. It is nil if there is nothing to remove.
func (b *bucket) hide(ctx context.Context, key string) (*marker, error) {
	m := &marker{key: key}
	err := b.account.call(ctx, "b2_hide_file", func(ctx context.Context) error {
		f, err := b.base.HideFile(ctx, key)
		if err == nil {
			m.id, m.time = f.ID, f.Timestamp
		}
		return err
	})
	f := remote.AsFailure(err)
	switch {
	case err == nil:
		return m, nil
	case f != nil && (f.Code == "no_such_file" || f.Code == "already_hidden" && b.keep):
		return nil, nil
	case errors.Is(err, blob.ErrInvalid) && !b.anyKeys && strings.HasSuffix(key, "/"): // B2 keeps to its stricter pages: nothing has that name
		return nil, nil
	case f != nil && f.Code == "already_hidden":
		return b.findMarker(ctx, key)
	}
	return nil, err
}

// findMarker returns the marker that hides key, which a Delete that was interrupted or is under way has left. It is nil
// if the key is not hidden any longer, so that there was nothing, or is something new.
func (b *bucket) findMarker(ctx context.Context, key string) (*marker, error) {
	for f, err := range b.versionsOf(ctx, key, fewVersions) {
		switch {
		case err != nil:
			return nil, err
		case f.Status == actionHide:
			return &marker{key, f.ID, f.Timestamp}, nil
		case f.Status != actionStart:
			return nil, nil
		}
	}
	return nil, nil
}

// removeBelow removes all finished versions that are older than a marker, and then the marker.
func (b *bucket) removeBelow(ctx context.Context, m *marker) error {
	below := false
	for f, err := range b.versionsOf(ctx, m.key, manyVersions) {
		if err != nil {
			return err
		}
		if f.ID == m.id {
			below = true
		} else if below && f.Status != actionStart {
			if err := b.remove(ctx, m.key, f.ID); err != nil {
				return err
			}
		}
	}
	if !below { // another Delete has removed it
		return nil
	}
	return b.remove(ctx, m.key, m.id)
}

// removeVersion removes one version for good, or a delete marker. One that is gone, or never was, is success. B2 takes
// an ID for what it is, in whatever bucket, finished or not; so it is looked for first, among the versions of this one.
func (b *bucket) removeVersion(ctx context.Context, key, id string) error {
	var found []*base.File
	err := b.account.call(ctx, "b2_list_file_versions", func(ctx context.Context) (err error) {
		found, _, _, err = b.base.ListFileVersions(ctx, 1, key, id, key, "")
		return err
	})
	if f := remote.AsFailure(err); f != nil && f.Code == "bad_request" { // it has not the form of an ID
		return nil
	}
	if err != nil || len(found) == 0 || found[0].ID != id || found[0].Name != key || found[0].Status == actionStart {
		return err
	}
	return b.remove(ctx, key, id)
}
