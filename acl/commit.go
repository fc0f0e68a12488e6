package acl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// How edits become the policy. A new manifest replaces the one that the edits were authorised against, with if-match, so
// that of two who edit at once one loses, and begins again from what the other made. Until that one request nothing has
// changed; what was written before it is named by nobody.
//
// Every attempt has a manifest of its own name, and a manifest names its parent. So whoever does not know what became of
// his request looks whether his manifest is in the chain. It can still arrive late, but only while the manifest that it
// replaces is there; and whoever tries again meanwhile replaces the same one, so at most one of his attempts comes true.

// ErrUnknownOutcome tells that an edit may or may not have been carried out. Look before doing it again: meanwhile someone
// may have undone it on purpose.
var ErrUnknownOutcome = fmt.Errorf("%w: the edit may have been carried out", blob.ErrAmbiguous)

// maxAttempts bounds how often a batch begins again, after which the store is to blame.
const maxAttempts = 100

// A change is what someone asks for: edits, to be made in order.
type change struct {
	who   asker
	edits []Edit
	ids   []string
}

// An outcome is what became of one edit.
type outcome struct {
	effect
	err        error
	generation uint64 // of the policy that has it
	// For a Revoke, what its residual is asked about: the rights that were taken.
	revoked Rights
	after   *index
}

// An attempt is one way to carry out a batch: the manifest that would hold it, and what would become of each edit.
type attempt struct {
	base     *reading // nil: there is none yet
	begun    instant  // when the swap was asked for
	head     *head
	policy   *Policy
	segment  []byte // nil: nothing but the manifest is to be written
	manifest []byte
	outcomes [][]outcome // by change, and by edit
	changed  bool
}

// commit carries out a batch, or as much of it as is allowed, in one write. It returns what became of each edit of each
// change.
func (s *snapshots) commit(ctx context.Context, batch []*change) ([][]outcome, error) {
	if s.store.single != nil {
		return s.commitAlone(ctx, batch)
	}
	base, err := s.read(ctx) // a policy that was seen before may have changed, and then nothing to do is wrong
	if err != nil {
		return nil, stale(err)
	}
	var sent []*attempt // those that may have come true, or still may
	for range maxAttempts {
		a, err := prepare(base, batch, s.clock.now().time())
		if err != nil {
			return nil, err
		}
		if !a.changed && len(sent) == 0 {
			return a.result(base.index), nil
		}
		if a.changed {
			err = s.send(ctx, a)
			if err == nil {
				return a.result(s.adopt(a.made()).index), nil
			}
			if unsent(err) {
				return nil, errorOf(sent, err)
			}
			sent = append(sent, a)
		}
		var done *attempt
		done, base, sent, err = s.settle(ctx, base, sent)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %v", ErrUnknownOutcome, err)
		case done != nil:
			return done.result(base.index), nil
		}
		if err := pause(ctx); err != nil {
			return nil, errorOf(sent, err)
		}
	}
	return nil, errorOf(sent, fmt.Errorf("%w: %d attempts lost against other writers", blob.ErrPrecondition, maxAttempts))
}

// errorOf is the answer when a batch is given up because of err, while attempts may still come true.
func errorOf(sent []*attempt, err error) error {
	if len(sent) > 0 {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return err
}

// prepare authorises the edits of a batch, in order, against the policy of base, each after those before it, and makes
// the manifest that would hold those that are allowed.
func prepare(base *reading, batch []*change, now time.Time) (*attempt, error) {
	d := newDraft(base.index)
	m := &manifest{
		Policy: base.Policy, Generation: base.Generation + 1, Time: now,
		Parent: &reference{base.manifest.Name, base.sum},
	}
	a := &attempt{base: base}
	for _, c := range batch {
		outcomes := make([]outcome, len(c.edits))
		for i, e := range c.edits {
			o := &outcomes[i]
			o.revoked = revokedBy(d.policy, e)
			o.effect, o.err = d.apply(c.who, e, now)
			if o.changed {
				a.changed = true
				m.Edits = append(m.Edits, editRecord{c.ids[i], c.who.User, e.String()})
			}
		}
		a.outcomes = append(a.outcomes, outcomes)
	}
	if !a.changed {
		return a, nil
	}
	m.Secret = base.Secret
	if d.newSecret {
		m.Secret = newSecret()
	}
	return a, a.write(m, d.policy, base.Segments)
}

// write makes the bytes of an attempt.
func (a *attempt) write(m *manifest, p *Policy, segments []segmentEntry) (err error) {
	m.Name = manifestName(m.Generation)
	m.Owners, m.Suspended, m.AllowPublic = p.Owners, p.Suspended, p.AllowPublic
	if m.Segments, a.segment, err = segmentFor(p, segments); err != nil {
		return err
	}
	if a.manifest, err = encodeManifest(m); err != nil {
		return err
	}
	if len(a.segment) > maxObject || len(a.manifest) > maxObject {
		return fmt.Errorf("%w: the policy would have more than %d bytes", blob.ErrInvalid, maxObject)
	}
	a.policy, a.head = p, &head{manifest: m, sum: digest(a.manifest)}
	return nil
}

// send writes what the attempt needs, and then swaps the manifest.
func (s *snapshots) send(ctx context.Context, a *attempt) error {
	if err := s.lay(ctx, a); err != nil {
		return &unsentError{err}
	}
	a.begun = s.clock.now()
	o, err := s.store.put(ctx, headName, a.manifest, a.condition())
	if err == nil {
		a.head.etag = o.ETag
	}
	return err
}

// lay writes the immutable objects of an attempt. Nobody reads them before a manifest names them.
func (s *snapshots) lay(ctx context.Context, a *attempt) error {
	if a.segment != nil {
		if err := s.store.putNew(ctx, a.head.Segments[0].Name, a.segment); err != nil {
			return err
		}
	}
	return s.store.putNew(ctx, a.head.Name, a.manifest)
}

// condition is what the swap depends on: that what is replaced is what the edits were authorised against.
func (a *attempt) condition() blob.Condition {
	if a.base == nil {
		return blob.IfAbsent
	}
	return blob.IfMatch(a.base.etag)
}

// made is the reading that a successful attempt leaves: as of the beginning of the swap.
func (a *attempt) made() *reading {
	return &reading{&snapshot{a.head, newIndex(a.policy)}, a.begun}
}

// unsentError is a failure before the swap was asked for.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// unsent reports whether err tells for sure that the swap was not, and will not be, carried out: it was not asked for, or
// it was refused. A condition that does not hold is no such thing, since a driver that repeats a request meets what the
// first one made.
func unsent(err error) bool {
	_, before := err.(*unsentError)
	return before || errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, blob.ErrInvalid)
}

// result tells each edit which policy has it: the one that the attempt made, or the one that it found, if it changed
// nothing. After is that policy or a later one.
func (a *attempt) result(after *index) [][]outcome {
	for _, outcomes := range a.outcomes {
		for i := range outcomes {
			o := &outcomes[i]
			o.after = after
			if o.generation = a.generation(); o.err != nil {
				o.generation = 0
			}
		}
	}
	return a.outcomes
}

func (a *attempt) generation() uint64 {
	if a.head != nil {
		return a.head.Generation
	}
	return a.base.Generation
}

// settle finds out what became of the attempts that were sent. It returns the one that came true, or those that still
// may, and the policy as it is now. An error is that it cannot be known.
func (s *snapshots) settle(ctx context.Context, base *reading, sent []*attempt) (*attempt, *reading, []*attempt, error) {
	now, err := s.read(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if now.manifest.Name == base.manifest.Name {
		return nil, now, sent, nil // nothing yet
	}
	m := now.manifest
	for {
		for _, a := range sent {
			if a.head.Name == m.Name {
				return a, now, nil, nil
			}
		}
		switch {
		case m.Name == base.manifest.Name:
			return nil, now, nil, nil // others were quicker, and what was sent finds its base gone
		case m.Generation <= base.Generation || m.Parent == nil:
			return nil, nil, nil, errors.New("the policy no longer descends from what was edited")
		}
		if m, err = s.store.readManifest(ctx, m.Parent); err != nil {
			return nil, nil, nil, err
		}
	}
}

// pause waits a moment, longer than most swaps take and never the same, so that writers who met do not meet again.
func pause(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(1+rand.IntN(10)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
