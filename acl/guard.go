package acl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A Guard keeps one bucket under one policy, and gives each person a view of it. Many goroutines may use it.
//
// The guard is a gate only for those who have nothing but views: whoever has the bucket itself, or the credentials of
// its store, can do what he likes, also to the policy.
type Guard struct {
	bucket    blob.Bucket
	base      blob.Restricted   // of every view
	caps      blob.Capabilities // of every view
	store     *store
	snapshots *snapshots
	editor    *editor
	clock     *clock
	recovery  *index // a policy of which only the recovery users are owners
	hook      func(Decision)
	bound     Bound
	closed    atomic.Bool
}

// Options tell where the policy is and how fresh it must be. A nil *Options means the zero value.
type Options struct {
	// Store is the bucket that holds the policy, under the keys that begin with ".holdall/". Nil: the guarded bucket
	// itself. It needs conditional writes, unless there is a SingleWriter, and must not be behind a cache.
	Store blob.Bucket

	// SingleWriter is the promise that no other guard edits the policy, in this process or elsewhere. Then its store
	// need not have conditional writes. Others may read it. A guard that finds the promise broken, since it was
	// opened, answers [ErrOtherWriter] to every edit from then on, and [ErrUnknownOutcome] after an edit whose outcome
	// it could not learn; it can be opened again. It finds that late: of two who edit at the same moment, one may undo
	// what the other was told is done.
	SingleWriter bool

	// Freshness is Δ: how old the policy may be that a call is decided by. The zero value is five seconds; see [Within]
	// and [EveryCall].
	Freshness Freshness

	// Grace is how much longer than Freshness a policy serves while its store cannot be reached. It keeps an
	// application running through an outage, and adds to the time that a revocation may take.
	Grace time.Duration

	// Recovery names users who pass, as owners, while no policy can be read that is whole and fresh, and only then.
	// Stored owners do not pass then: who they are is what cannot be read.
	Recovery []string

	// MaxSign is the longest life of a signed request; zero is an hour. What is signed cannot be revoked.
	MaxSign time.Duration

	// Hook is called with every decision, for an audit log, before the call goes on. It must be quick and safe for use
	// by many goroutines.
	Hook func(Decision)

	now func() instant // for tests
}

// Freshness is how old a policy may be that a call is decided by. The zero value is five seconds.
type Freshness struct {
	within time.Duration
	set    bool
}

// EveryCall makes every call ask the store whether the policy is still the same.
var EveryCall = Freshness{set: true}

// Within lets a policy be at most d old; Within(0) is [EveryCall].
func Within(d time.Duration) Freshness { return Freshness{d, true} }

const (
	defaultFreshness = 5 * time.Second
	defaultMaxSign   = time.Hour
)

// A Decision is what the hook hears: that a call was allowed, or why not. A listing is one decision, of List on its
// prefix, which is always allowed; what it holds is what List allows.
type Decision struct {
	Time  time.Time
	Who   Identity
	Op    string // as in blob.Error, "may", "edit" or "read ACL"
	Right Rights // what the call needs; 0 for an edit, and for an upload that needs its resume token
	Key   string // the key, prefix or scope; what an edit says of itself
	Err   error  // nil if it was allowed; fs.ErrPermission if it was denied; else why it could not be decided
}

// Create makes the policy of a bucket that has none, with these owners, of whom one must be a user, and returns its
// guard. If there is one, it answers fs.ErrExist. A store whose conditional writes do not work, which it tries out, is
// errors.ErrUnsupported.
//
// The bucket is a whole one, or a [blob.Sub] whose prefix ends in "/": below any other, what is reserved in the bucket
// would not be reserved in the Sub. A bucket that holds keys of different spelling as one object ([blob.KeyRules].CaseFolding
// and Normalizing) is errors.ErrUnsupported, since a key in another spelling would pass a barrier. Neither Create nor the
// guard closes a bucket.
func Create(ctx context.Context, bucket blob.Bucket, opts *Options, owners ...Principal) (*Guard, error) {
	g, err := newGuard(bucket, opts)
	if err == nil {
		err = g.create(ctx, owners)
	}
	if err != nil {
		return nil, fmt.Errorf("acl: create: %w", err)
	}
	return g, nil
}

func (g *Guard) create(ctx context.Context, owners []Principal) error {
	p := &Policy{ID: nonce(), Owners: owners}
	if err := p.Validate(); err != nil {
		return err
	}
	if err := g.store.probe(ctx); err != nil {
		return err
	}
	g.editor.probed = true
	if g.store.single != nil {
		if err := g.store.absent(ctx); err != nil {
			return err
		}
	}
	now := g.clock.now().time()
	m := &manifest{Policy: p.ID, Generation: 1, Time: now, Secret: newSecret(), Edits: []editRecord{{ID: nonce(), Edit: "create the policy"}}}
	p = p.Clone()
	p.normalize()
	a := &attempt{}
	if err := a.write(m, p, nil); err != nil {
		return err
	}
	if g.store.single != nil {
		g.store.single.last = a.head.Name
	}
	err := g.snapshots.send(ctx, a)
	if err == nil {
		g.snapshots.adopt(a.made())
		return nil
	}
	if unsent(err) {
		return err
	}
	// As after any swap: it may have been carried out, even if a repeated request met what the first one made.
	found, rerr := g.snapshots.read(ctx)
	switch {
	case rerr == nil && found.manifest.Name == a.head.Name:
		return nil
	case rerr == nil:
		return fmt.Errorf("%w: the bucket has a policy; open it", fs.ErrExist)
	case errors.Is(err, blob.ErrPrecondition):
		return fmt.Errorf("%w: the bucket has a policy, which cannot be read: %v", fs.ErrExist, rerr)
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}

// Open returns the guard of a bucket that has a policy. Without one, the error is fs.ErrNotExist; one that cannot be
// understood is [ErrCorrupt]. With [Options].Recovery, Open returns a guard all the same, which admits those users
// alone until there is a policy; [Guard.Health] tells why.
func Open(ctx context.Context, bucket blob.Bucket, opts *Options) (*Guard, error) {
	g, err := newGuard(bucket, opts)
	if err == nil {
		_, err = g.snapshots.revalidate(ctx)
		if err != nil && ctx.Err() == nil && len(g.recovery.policy.Owners) > 0 {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("acl: open: %w", err)
	}
	return g, nil
}

func newGuard(bucket blob.Bucket, opts *Options) (*Guard, error) {
	if bucket == nil {
		return nil, fmt.Errorf("%w: no bucket", blob.ErrInvalid)
	}
	if opts == nil {
		opts = &Options{}
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	for _, b := range []blob.Bucket{bucket, opts.Store} {
		if b != nil && b.Capabilities().Keys.PartOfSegment() {
			return nil, fmt.Errorf(`%w: the bucket is a Sub whose prefix does not end in "/", so its keys begin inside a segment`, blob.ErrInvalid)
		}
	}
	if keys := bucket.Capabilities().Keys; keys.CaseFolding || keys.Normalizing {
		return nil, fmt.Errorf("%w: this bucket holds keys of different spelling as one object, so another spelling of a key would pass a barrier", errors.ErrUnsupported)
	}
	g := &Guard{bucket: bucket, base: blob.Restrict(bucket), store: &store{bucket: opts.Store}, clock: newClock(opts.now), hook: opts.Hook}
	if opts.Store == nil {
		g.store.bucket = bucket
	}
	if !bucket.Capabilities().Hooks { // views check writes by a hook, which a bucket without Check may not call
		g.bucket = blob.Check(bucket)
	}
	if opts.SingleWriter {
		g.store.single = &singleWriter{}
	}
	delta := opts.Freshness.within
	if !opts.Freshness.set {
		delta = defaultFreshness
	}
	g.snapshots = &snapshots{store: g.store, clock: g.clock, delta: delta, grace: opts.Grace}
	g.editor = &editor{snapshots: g.snapshots, probe: g.store.probe}
	recovery := &Policy{}
	for _, id := range opts.Recovery {
		recovery.Owners = append(recovery.Owners, User(id))
	}
	g.recovery = newIndex(recovery)

	g.caps = g.bucket.Capabilities()
	g.caps.Guarded, g.caps.Keys.Canonical = true, true
	g.caps.Keys.MaxBytes, g.caps.Keys.Prefix = g.caps.Keys.Max(), "" // below a Sub the rules are those of a view's own keys
	g.bound.Views = delta + opts.Grace
	if g.caps.Sign.Methods != 0 {
		most := opts.MaxSign
		if most == 0 {
			most = defaultMaxSign
		}
		if g.caps.Sign.MaxLife == 0 || g.caps.Sign.MaxLife > most {
			g.caps.Sign.MaxLife = most
		}
		g.bound.Signed = g.caps.Sign.MaxLife
	}
	return g, nil
}

func (o *Options) check() error {
	for name, d := range map[string]time.Duration{"Freshness": o.Freshness.within, "Grace": o.Grace, "MaxSign": o.MaxSign} {
		if d < 0 {
			return fmt.Errorf("%w: Options.%s is %v; it cannot be negative", blob.ErrInvalid, name, d)
		}
	}
	if o.Freshness.within+o.Grace < 0 {
		return fmt.Errorf("%w: Options.Freshness and Grace together are longer than a time.Duration can be", blob.ErrInvalid)
	}
	for _, id := range o.Recovery {
		if err := checkID(id); err != nil {
			return fmt.Errorf("Options.Recovery: %w", err)
		}
	}
	return nil
}

// A Bound says how long what was revoked may go on.
type Bound struct {
	// Views is after how long nothing that begins in any view, of any process with these options, is allowed by what
	// was revoked. Clock skew between machines adds to it for grants that expire, and only for those.
	Views time.Duration

	// Signed is how long a request that was signed before may be used; 0 if nothing is signed.
	Signed time.Duration
}

// RevocationBound returns how long a revocation takes to be in force everywhere. Objects written by others than views,
// and requests signed by them, are not bound by it.
func (g *Guard) RevocationBound() Bound { return g.bound }

// Health is how a guard fares.
type Health struct {
	Err        error         // why the policy could not be read when that was last tried, or nil
	Generation uint64        // of the policy that is known; 0: none is
	Age        time.Duration // since when it is known
	Unresolved []string      // groups that the policy names and does not hold
}

// Health tells how the guard fares. It makes no request.
func (g *Guard) Health() Health {
	g.snapshots.mu.Lock()
	h := Health{Err: g.snapshots.err}
	g.snapshots.mu.Unlock()
	if r := g.snapshots.newest.Load(); r != nil {
		h.Generation, h.Age, h.Unresolved = r.Generation, r.begun.since(g.clock.now()), r.policy.Unresolved()
	}
	return h
}

// Close ends all views of the guard: their calls, readers and uploads answer [blob.ErrClosed]. It closes no bucket. A
// second Close does nothing.
func (g *Guard) Close() error {
	g.closed.Store(true)
	return nil
}
