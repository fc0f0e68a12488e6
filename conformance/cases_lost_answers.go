package conformance

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// Answers that are lost when the server has done what it was asked. Whoever asks again must know his own work when he
// sees it, or say that he does not.
var lostAnswerCases = []Case{
	{ID: "K19", Doc: "an if-absent put whose answer is lost does not lose to itself, nor win against another's object, even of the same content", Needs: append([]Need{needIfAbsent}, throughProxy...), Run: lostIfAbsent},
	{ID: "P14", Doc: "a put, delete, copy, part or completion whose answer is lost is made again, or its outcome is said to be unknown", Needs: throughProxy, Run: lostAnswers},
	{ID: "P15", Doc: "a request that arrives twice does what it does once", Needs: throughProxy, Run: arrivesTwice},
	{ID: "P27", Doc: "a write with a condition whose answer is lost succeeds or is ErrAmbiguous, and never says that its condition did not hold", Needs: throughProxy, Run: lostConditions},
	{ID: "P29", Doc: "a write with a condition of which every answer is lost is ErrAmbiguous", Needs: append([]Need{needIfAbsent}, throughProxy...), Run: ambiguous},
}

func lostAnswers(t *T) {
	l := t.link()
	writes := func() []operation {
		return slices.DeleteFunc(t.operations(), func(op operation) bool { return !op.write })
	}
	l.inAll(scenario{"lost", writes(), one(t.lost), func(op operation, key string, r *trial) {
		r.settled(op, key).attempts(1, mostAttempts).within(budget / 2)
		if r.err != nil {
			op.done(t, key) // the server has done it
		} else if !op.once {
			r.attempts(2, mostAttempts)
		}
	}}, scenario{"never", writes(), one(func() *faultproxy.Fault { return t.lost().Forever() }), func(op operation, key string, r *trial) {
		if !op.once || r.err != nil { // who completes may look, and find his object
			r.open()
		}
		r.attempts(1, mostAttempts).within(budget)
		op.done(t, key)
	}})
	t.wantNoUploads("writes whose answer was lost")
}

func arrivesTwice(t *T) {
	l := t.link()
	l.everywhere("twice", t.operations(), one(faultproxy.Duplicate), func(op operation, key string, r *trial) {
		r.succeeds().attempts(1, 1).within(budget / 4)
		op.done(t, key)
	})
	t.wantNoUploads("requests that arrived twice")
}

// ifAbsent stores content if there is none.
func (l *link) ifAbsent(key, content string, faults ...*faultproxy.Fault) *trial {
	return l.try(key, "put if-absent", func(ctx context.Context, b blob.Bucket) error {
		_, err := b.Put(ctx, key, strings.NewReader(content), &blob.PutOptions{If: blob.IfAbsent})
		return err
	}, faults...).attempts(1, mostAttempts).within(budget)
}

// lost loses the first answer to a write.
func (t *T) lost() *faultproxy.Fault { return t.toWrites(faultproxy.DropResponse()) }

func lostIfAbsent(t *T) {
	l := t.link()
	l.ifAbsent("won", newContent, t.lost()).succeedsOr(blob.ErrAmbiguous)
	holdsNew(t, "won")
	// Another was first; what is lost is the answer that says so.
	for name, others := range map[string]string{"other": oldContent, "same": newContent} {
		before := t.Put(name, others)
		if r := l.ifAbsent(name, newContent, t.lost()).fails(); r.err != nil && !classOf(r.err, blob.ErrAmbiguous) {
			r.class(blob.ErrExist)
		}
		t.WantContent(name, others)
		if now := t.Stat(name); now.ETag != before.ETag {
			t.Errorf("another's object has the ETag %s, not %s", now.ETag, before.ETag)
		}
	}
	// Another writes, or removes, between the attempts. That his object is there does not show that ours never was.
	l.ifAbsent("replaced", newContent, t.lost().Then(func() { t.Put("replaced", oldContent) })).succeedsOr(blob.ErrAmbiguous)
	holdsOld(t, "replaced")
	r := l.ifAbsent("removed", newContent, t.lost().Then(func() { t.Delete("removed") }))
	r.succeedsOr(blob.ErrAmbiguous)
	t.Recordf("an if-absent put whose object is removed before the next attempt: %q", classes(r.err))
	// With a body that cannot be read again, too.
	r = l.try("stream", "put if-absent of a stream", func(ctx context.Context, b blob.Bucket) error {
		_, err := b.Put(ctx, "stream", struct{ io.Reader }{strings.NewReader(newContent)}, &blob.PutOptions{If: blob.IfAbsent})
		return err
	}, t.lost())
	r.succeedsOr(blob.ErrAmbiguous).attempts(1, mostAttempts)
	holdsNew(t, "stream")
}

// conditional makes a write with a condition that holds, of each kind that the bucket has.
func (t *T) conditional() []operation {
	c := t.Caps
	var all []operation
	match := func(ctx context.Context, b blob.Bucket, key string) (blob.Condition, error) {
		o, err := b.Stat(ctx, key, nil)
		if err != nil {
			return blob.Condition{}, err
		}
		return blob.IfMatch(o.ETag), nil
	}
	if c.If.Put.Has(blob.KindMatch) {
		all = append(all, writing("put if-match", func(ctx context.Context, b blob.Bucket, key string) error {
			cond, err := match(ctx, t.Bucket, key)
			if err == nil {
				_, err = b.Put(ctx, key, strings.NewReader(newContent), &blob.PutOptions{If: cond})
			}
			return err
		}))
	}
	if c.If.Delete.Has(blob.KindMatch) {
		op := deleteOperation
		op.name, op.prepare = "delete if-match", reading("", func(ctx context.Context, b blob.Bucket, key string) error {
			cond, err := match(ctx, t.Bucket, key)
			if err == nil {
				err = b.Delete(ctx, key, &blob.DeleteOptions{If: cond})
			}
			return err
		}).prepare
		all = append(all, op)
	}
	if c.Copy && c.If.Copy.Has(blob.KindMatch) {
		t.Put(source, newContent)
		all = append(all, writing("copy if-match", func(ctx context.Context, b blob.Bucket, key string) error {
			cond, err := match(ctx, t.Bucket, key)
			if err == nil {
				err = copyFrom(ctx, b, source, key, &blob.CopyOptions{If: cond})
			}
			return err
		}))
	}
	if c.Uploads.Supported {
		all = append(all, completionOperation())
	}
	if c.Uploads.Supported && c.If.Upload.Has(blob.KindAbsent) {
		op := completionOperation()
		op.name = "completion if-absent"
		op.prepare = func(l *link, key string) func(context.Context, blob.Bucket) error {
			u := l.uploadThrough(key, &blob.UploadOptions{If: blob.IfAbsent})
			l.t.sendPart(u, 1, newContent)
			return func(ctx context.Context, _ blob.Bucket) error {
				_, err := u.Complete(ctx)
				return err
			}
		}
		all = append(all, op)
	}
	return all
}

func lostConditions(t *T) {
	l, all := t.link(), t.conditional()
	for i := range all {
		all[i].name = strings.ReplaceAll(all[i].name, " ", "-") // it is part of the key
	}
	l.everywhere("lost", all, one(t.lost), func(op operation, key string, r *trial) {
		if r.err != nil {
			r.class(blob.ErrAmbiguous)
		}
		r.attempts(1, mostAttempts).within(budget)
		op.done(t, key)
	})
	t.wantNoUploads("completions whose answer was lost")
}

// silenced tries a write of which every answer is lost and, from then on, those to whatever else mentions the key. So
// the driver can look before it writes, and not after.
func (l *link) silenced(key, what string, call func(ctx context.Context, b blob.Bucket) error) *trial {
	var written atomic.Bool
	later := faultproxy.DropResponse().Mentioning(key).If(func(*faultproxy.Request) bool { return written.Load() }).Forever()
	write := l.t.lost().Forever().Then(func() { written.Store(true) })
	l.proxy.Inject(later)
	defer l.proxy.Withdraw(later)
	return l.try(key, what, call, write).attempts(1, mostAttempts).within(budget)
}

func ambiguous(t *T) {
	l := t.link()
	parts := []func(){func() {
		// No response arrives, neither to the write nor to the query that looks for the object.
		l.silenced("silent", "put if-absent", func(ctx context.Context, b blob.Bucket) error {
			_, err := b.Put(ctx, "silent", strings.NewReader(newContent), &blob.PutOptions{If: blob.IfAbsent})
			return err
		}).class(blob.ErrAmbiguous)
		holdsNew(t, "silent")
	}, func() {
		// Only what is written is lost, so a look may tell.
		l.ifAbsent("writes", newContent, t.lost().Forever()).succeedsOr(blob.ErrAmbiguous)
		holdsNew(t, "writes")
	}, func() {
		// A request that never reached the server was not carried out, and a driver that knows this may return its error.
		t.Put("never", oldContent)
		l.put("never", newContent, true, nil, faultproxy.Reset().Forever()).open()
		holdsOld(t, "never")
	}}
	for i, op := range t.conditional() {
		parts = append(parts, func() {
			key := string(rune('a'+i)) + "-condition"
			call := op.prepare(l, key)
			l.silenced(key, op.name, call).class(blob.ErrAmbiguous)
			op.done(t, key)
		})
	}
	t.sideBySide(parts...)
}
