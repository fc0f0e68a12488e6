package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// Edits are safe only on a store whose conditional writes work: one that ignores a condition, or judges it first and
// writes later, loses a revocation when two people edit at once. Real servers do all of this, so the store is tried
// before the first edit, and what it says of itself is not enough.

const (
	probeRounds  = 6 // of each race
	probeWriters = 8
)

// probe tries the conditional writes of the store on objects of its own, which it removes.
func (s *store) probe(ctx context.Context) error {
	caps := s.bucket.Capabilities()
	switch {
	case caps.ReadOnly:
		return fmt.Errorf("%w: the policy's store is read-only", fs.ErrPermission)
	case caps.Deviations.EventualRead:
		return unsafe("may answer a read with an old state")
	case s.single != nil:
		return nil
	case !caps.If.Put.Has(blob.KindAbsent) || !caps.If.Put.Has(blob.KindMatch):
		return unsafe("makes Put " + caps.If.Put.String() + ", and if-absent and if-match are needed")
	}
	p := &prober{store: s, root: probeRoot + nonce() + "-"}
	defer p.clean(ctx)
	if err := p.alone(ctx); err != nil {
		return err
	}
	return p.races(ctx)
}

// unsafe is the answer for a store that would lose edits.
func unsafe(fault string) error {
	return fmt.Errorf("%w: a policy cannot be edited in this store, which %s; keep it in another bucket (Options.Store), or see Options.SingleWriter", errors.ErrUnsupported, fault)
}

type prober struct {
	store *store
	root  string
	n     int // objects made
}

func (p *prober) key() string {
	p.n++
	return fmt.Sprintf("%s%d", p.root, p.n)
}

func (p *prober) clean(ctx context.Context) {
	ctx, done := tidying(ctx)
	defer done()
	for n := 1; n <= p.n; n++ {
		_ = p.store.bucket.Delete(ctx, fmt.Sprintf("%s%d", p.root, n), nil) // what stays is named by nobody
	}
}

// alone tries each condition where it holds and where it does not.
func (p *prober) alone(ctx context.Context) error {
	key, missing := p.key(), p.key()
	first, err := p.expect(ctx, key, "1", blob.IfAbsent, true, "refuses if-absent where there is no object: its conditions are inverted")
	if err != nil {
		return err
	}
	if _, err = p.expect(ctx, key, "2", blob.IfAbsent, false, "ignores if-absent"); err != nil {
		return err
	}
	second, err := p.expect(ctx, key, "3", blob.IfMatch(first), true, "refuses if-match with the right ETag: its conditions are inverted")
	if err != nil {
		return err
	}
	if first == second {
		return unsafe("gives another content the same ETag")
	}
	if _, err = p.expect(ctx, key, "4", blob.IfMatch(first), false, "ignores if-match"); err != nil {
		return err
	}
	if _, err = p.expect(ctx, missing, "5", blob.IfMatch(first), false, "accepts if-match where there is no object"); err != nil {
		return err
	}
	return p.holds(ctx, key, "3", second)
}

// expect writes under a condition that holds or does not, and returns the ETag of what it wrote.
func (p *prober) expect(ctx context.Context, key, content string, cond blob.Condition, holds bool, fault string) (string, error) {
	o, err := p.store.put(ctx, key, []byte(content), cond)
	switch {
	case err == nil && holds:
		return o.ETag, nil
	case err == nil, holds && errors.Is(err, blob.ErrPrecondition):
		return "", unsafe(fault)
	case !holds && errors.Is(err, blob.ErrPrecondition):
		return "", nil
	}
	return "", err
}

// holds refuses a store that has anything but what was written last.
func (p *prober) holds(ctx context.Context, key, content, etag string) error {
	data, got, err := p.store.get(ctx, key, &blob.GetOptions{})
	if err != nil {
		return err
	}
	if !bytes.Equal(data, []byte(content)) || got != etag {
		return unsafe("does not hold what was written last, or under another ETag")
	}
	return nil
}

// races lets writers meet under a condition that holds for the first of them alone. A store that judges first and writes
// later is caught when two pass the judgement; that is a matter of luck, so there are several rounds.
func (p *prober) races(ctx context.Context) error {
	for range probeRounds {
		key := p.key()
		content, etag, err := p.race(ctx, key, blob.IfAbsent, "if-absent")
		if err != nil {
			return err
		}
		if err := p.holds(ctx, key, content, etag); err != nil {
			return err
		}
		if content, etag, err = p.race(ctx, key, blob.IfMatch(etag), "if-match"); err != nil {
			return err
		}
		if err := p.holds(ctx, key, content, etag); err != nil {
			return err
		}
	}
	return nil
}

// race lets writers begin at once, and returns what the only winner wrote.
func (p *prober) race(ctx context.Context, key string, cond blob.Condition, name string) (content, etag string, err error) {
	var (
		start   = make(chan struct{})
		wg      sync.WaitGroup
		objects [probeWriters]*blob.Object
		errs    [probeWriters]error
	)
	contentOf := func(i int) string { return fmt.Sprintf("%s %d", name, i) }
	for i := range probeWriters {
		wg.Go(func() {
			<-start
			objects[i], errs[i] = p.store.put(ctx, key, []byte(contentOf(i)), cond)
		})
	}
	close(start)
	wg.Wait()
	winners := 0
	for i, o := range objects {
		switch {
		case errs[i] == nil:
			winners++
			content, etag = contentOf(i), o.ETag
		case !errors.Is(errs[i], blob.ErrPrecondition):
			err = errs[i]
		}
	}
	switch {
	case winners > 1:
		return "", "", unsafe("lets several writers at once pass " + name)
	case err != nil:
		return "", "", err
	case winners == 0:
		return "", "", unsafe("lets no writer of several at once pass " + name)
	}
	return content, etag, nil
}
