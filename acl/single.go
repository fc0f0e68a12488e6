package acl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Edits on a store without conditional writes. Somebody has promised that this guard is the only one that edits the
// policy, so a manifest is replaced by a plain write. The promise cannot be enforced; what can be done is to stop when
// it is seen to be broken. And a write whose outcome is not known may still arrive, with nothing to hold it back then:
// so after one no other is begun.

// ErrOtherWriter tells that the policy was edited by another than the guard with [Options.SingleWriter], which edits it
// no longer. Each of them may have undone what the other did: look, see to it that there is one writer, and open it
// again.
var ErrOtherWriter = errors.New("the policy has another writer, and was promised to have one")

// alonePatience is how long a write of the only writer may take, with the look at what became of it.
const alonePatience = 2 * time.Minute

// A singleWriter is what the only writer of a policy knows. The editor's goroutine alone uses it, and Create before.
type singleWriter struct {
	last    string // the name of the manifest that it wrote last; "": it has written none since it was opened
	stopped error  // why it edits no longer
}

// commitAlone carries out a batch, as commit does, where nobody else edits.
func (s *snapshots) commitAlone(ctx context.Context, batch []*change) ([][]outcome, error) {
	w := s.store.single
	if w.stopped != nil {
		return nil, w.stopped
	}
	base, err := s.read(ctx)
	if err != nil {
		return nil, stale(err)
	}
	if w.last == "" { // what was there when it was opened, or could first be read, is what its callers know
		s.mu.Lock()
		w.last = s.first
		s.mu.Unlock()
	}
	if base.manifest.Name != w.last {
		w.stopped = fmt.Errorf("%w: generation %d is not of this guard", ErrOtherWriter, base.Generation)
		return nil, w.stopped
	}
	a, err := prepare(base, batch, s.clock.now().time())
	if err != nil {
		return nil, err
	}
	if !a.changed {
		return a.result(base.index), nil
	}
	// Who asks may leave at any moment. The write does not end with that, since nobody could go on after one cut off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), alonePatience)
	defer cancel()
	err = s.send(ctx, a)
	if err == nil {
		w.last = a.head.Name
		return a.result(s.adopt(a.made()).index), nil
	}
	if unsent(err) {
		return nil, err
	}
	if now, rerr := s.read(ctx); rerr == nil && now.manifest.Name == a.head.Name {
		w.last = a.head.Name
		return a.result(now.index), nil
	}
	w.stopped = fmt.Errorf("%w; until it is known, open the policy again to edit it: %w", ErrUnknownOutcome, err)
	return nil, w.stopped
}

// absent makes sure that there is no policy, for a Create that cannot make the store do so.
func (s *store) absent(ctx context.Context) error {
	_, err := s.readHead(ctx, "")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		return fmt.Errorf("%w: the bucket has a policy; open it", fs.ErrExist)
	case errors.Is(err, ErrCorrupt):
		return fmt.Errorf("%w: the bucket has a policy, which cannot be read: %v", fs.ErrExist, err)
	}
	return err
}
