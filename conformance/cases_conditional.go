package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var conditionalCases = []Case{
	{ID: "K01", Doc: "put if-absent of a missing key succeeds", Needs: []Need{needIfAbsent}, Run: absentNew},
	{ID: "K02", Doc: "put if-absent of a key that is there is ErrExist, and changes nothing", Needs: []Need{needIfAbsent}, Run: absentExisting},
	{ID: "K03", Doc: "of 32 puts if-absent at once just one wins, and its content and metadata are stored", Needs: []Need{needIfAbsent}, Run: func(t *T) { absentRace(t, t.Bucket) }},
	{ID: "K04", Doc: "so it is when they come through two handles", Needs: []Need{needIfAbsent, needReopen}, Run: func(t *T) { absentRace(t, t.handles()...) }},
	{ID: "K05", Doc: "an upload if-absent is judged when it completes, and of many just one wins", Needs: []Need{needUploadIfAbsent}, Run: absentUpload},
	{ID: "K06", Doc: "put if-absent after a delete succeeds", Needs: []Need{needIfAbsent}, Run: absentDeleted},
	{ID: "K07", Doc: "put if-match succeeds with the current ETag, and fails with an old one or without an object", Needs: []Need{needIfMatch}, Run: matchPut},
	{ID: "K08", Doc: "five workers count to fifty with if-match", Needs: []Need{needIfMatch}, Run: matchCounter},
	{ID: "K09", Doc: "of 32 puts if-match at once just one wins", Needs: []Need{needIfMatch}, Run: matchRace},
	{ID: "K10", Doc: "what a weak ETag in if-match does is recorded", Needs: []Need{needIfMatch}, Run: matchWeak},
	{ID: "K11", Doc: "an ETag serves with and without its quotes", Run: matchQuotes},
	{ID: "K12", Doc: "a read if-none-match with the current ETag is ErrNotModified", Needs: []Need{needCondRead}, Run: readNoneMatch},
	{ID: "K13", Doc: "if-modified-since and if-unmodified-since go by the second", Needs: []Need{needCondRead}, Run: readSince},
	{ID: "K14", Doc: "a range is read on condition like the whole", Needs: []Need{needCondRead}, Run: readRangeIf},
	{ID: "K15", Doc: "if-match means the same in stat, get, copy and delete", Needs: []Need{needCondRead}, Run: matchEverywhere},
	{ID: "K17", Doc: "a condition that is not declared is refused, and nothing is written: it is never ignored", Run: conditionsRefused},
	{ID: "K20", Doc: "how much of the body a put reads before its condition fails is recorded", Needs: []Need{needIfAbsent}, Run: absentReads},
}

func absentNew(t *T) {
	for _, key := range []string{"k", "d/e/f"} {
		o := t.PutWith(key, "new", &blob.PutOptions{If: blob.IfAbsent})
		t.WantContent(key, "new")
		if s := t.Stat(key); s.ETag != o.ETag {
			t.Errorf("put if-absent answers the ETag %s, and stat %s", o.ETag, s.ETag)
		}
	}
}

func absentExisting(t *T) {
	with := t.attributes()
	for _, key := range []string{"k", "d/e/f"} {
		old := t.PutWith(key, "old", &blob.PutOptions{Attributes: with})
		for _, body := range []io.Reader{strings.NewReader("new"), struct{ io.Reader }{strings.NewReader(t.content(100_000))}, nil} {
			_, err := t.Bucket.Put(t.ctx, key, body, &blob.PutOptions{If: blob.IfAbsent})
			wantClass(t, "put if-absent of what is there", err, blob.ErrExist)
		}
		t.WantContent(key, "old")
		t.wantAttributes("the object that was there", t.Stat(key), with)
		if s := t.Stat(key); s.ETag != old.ETag || s.Version != old.Version {
			t.Errorf("a put if-absent that failed made %+v of %+v", s, old)
		}
	}
	t.WantEntries(nil, "d/e/f", "k")
}

// A race collects how each of many writers fared.
type race struct {
	mu      sync.Mutex
	winners []int
	object  *blob.Object // of the last winner
}

func (r *race) won(i int, o *blob.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.winners = append(r.winners, i)
	r.object = o
}

// run lets 32 writers put their own content under key on one condition, through these handles in turn, and reports it
// unless just one wins, the others are told that they lost, and what is stored is the winner's.
func (r *race) run(t *T, round int, key string, cond blob.Condition, lost error, handles []blob.Bucket) {
	content := func(i int) string { return stamped(i, round, 100+i) }
	t.crowd(32, func(i int) {
		opts := &blob.PutOptions{If: cond}
		if t.Caps.Objects.Metadata {
			opts.Metadata = map[string]string{"writer": strconv.Itoa(i)}
		}
		o, err := handles[i%len(handles)].Put(t.ctx, key, strings.NewReader(content(i)), opts)
		if err == nil {
			r.won(i, o)
		} else {
			wantClass(t, fmt.Sprintf("put %s that lost", cond), err, lost)
		}
	})
	if len(r.winners) != 1 {
		t.Errorf("round %d: %d of 32 puts %s won: %v", round, len(r.winners), cond, r.winners)
		return
	}
	winner := r.winners[0]
	got, o, err := get(t, t.Bucket, key, nil)
	if err != nil || got != content(winner) || !t.answers(r.object, o.ETag) {
		t.Errorf("round %d: writer %d won, and %s is stored as %+v, %v", round, winner, brief(got), o, err)
	} else if t.Caps.Objects.Metadata && o.Metadata["writer"] != strconv.Itoa(winner) {
		t.Errorf("round %d: writer %d won, and the metadata are %v", round, winner, o.Metadata)
	}
}

func absentRace(t *T, handles ...blob.Bucket) {
	for round := range t.rounds(200) {
		key := fmt.Sprintf("d%d/race%d", round%2, round)
		new(race).run(t, round, key, blob.IfAbsent, blob.ErrExist, handles)
	}
}

func matchRace(t *T) {
	for round := range t.rounds(200) {
		o := t.Put("k", fmt.Sprint("before round ", round))
		new(race).run(t, round, "k", blob.IfMatch(o.ETag), blob.ErrPrecondition, []blob.Bucket{t.Bucket})
	}
}

func absentUpload(t *T) {
	u := t.begin("k", &blob.UploadOptions{If: blob.IfAbsent})
	t.sendPart(u, 1, "by parts")
	t.Put("k", "meanwhile")
	_, err := u.Complete(t.ctx)
	wantClass(t, "completion if-absent of what came meanwhile", err, blob.ErrExist)
	t.WantContent("k", "meanwhile")
	t.Delete("k")
	_, err = u.Complete(t.ctx) // the upload is still there
	t.WantOK("completion if-absent after the key is free again", err)
	t.WantContent("k", "by parts")

	for round := range t.rounds(50) {
		key := fmt.Sprint("race", round)
		var uploads []blob.Upload
		for i := range 8 {
			u := t.begin(key, &blob.UploadOptions{If: blob.IfAbsent})
			t.sendPart(u, 1, stamped(i, round, 100))
			uploads = append(uploads, u)
		}
		var r race
		t.crowd(len(uploads), func(i int) {
			o, err := uploads[i].Complete(t.ctx)
			if err == nil {
				r.won(i, o)
				return
			}
			wantClass(t, "completion if-absent that lost", err, blob.ErrExist)
			if err := uploads[i].Abort(t.ctx); err != nil {
				t.Errorf("abort of an upload that lost: %v", err)
			}
		})
		if len(r.winners) != 1 {
			t.Errorf("round %d: %d of %d completions if-absent won", round, len(r.winners), len(uploads))
			return
		}
		t.WantContent(key, stamped(r.winners[0], round, 100))
	}
}

func absentDeleted(t *T) {
	for i := range 5 {
		content := fmt.Sprint("life ", i)
		t.PutWith("d/k", content, &blob.PutOptions{If: blob.IfAbsent})
		t.WantContent("d/k", content)
		t.Delete("d/k")
	}
}

func matchPut(t *T) {
	put := func(key, etag, content string) (*blob.Object, error) {
		return t.Bucket.Put(t.ctx, key, strings.NewReader(content), &blob.PutOptions{If: blob.IfMatch(etag)})
	}
	first := t.Put("k", "first")
	second, err := put("k", first.ETag, "second")
	t.WantOK("put if-match", err)
	t.WantContent("k", "second")
	before := t.Snapshot()
	_, err = put("k", first.ETag, "third")
	wantClass(t, "put if-match with an old ETag", err, blob.ErrPrecondition)
	_, err = put("missing", second.ETag, "third")
	wantClass(t, "put if-match of a missing key", err, blob.ErrPrecondition)
	_, err = put("k", `"no-such-etag"`, "third")
	wantClass(t, "put if-match with an ETag that never was", err, blob.ErrPrecondition)
	for _, bad := range []string{"", `""`, "a b", "a\"b", "\x00"} {
		_, err = put("k", bad, "third")
		wantClass(t, fmt.Sprintf("put if-match with %q for an ETag", bad), err, blob.ErrInvalid)
	}
	t.wantUnchanged("puts whose condition does not hold", before)
	t.Delete("k")
	_, err = put("k", second.ETag, "third")
	wantClass(t, "put if-match of what is deleted", err, blob.ErrPrecondition)
	t.WantMissing("k")
}

func matchCounter(t *T) {
	const workers, increments = 5, 10
	t.Put("counter", "0")
	t.crowd(workers, func(int) {
		for done, tries := 0, 0; done < increments && !t.Failed(); tries++ {
			text, o, err := get(t, t.Bucket, "counter", nil)
			n, bad := strconv.Atoi(text)
			if err = cmp.Or(err, bad); err == nil {
				_, err = t.Bucket.Put(t.ctx, "counter", strings.NewReader(strconv.Itoa(n+1)), &blob.PutOptions{If: blob.IfMatch(o.ETag)})
			}
			switch {
			case err == nil:
				done++
			case !errors.Is(err, blob.ErrPrecondition), tries > 10_000:
				t.Errorf("increment, try %d: %v", tries, err)
			}
		}
	})
	t.WantContent("counter", strconv.Itoa(workers*increments))
}

func matchWeak(t *T) {
	o := t.Put("k", "old")
	_, err := t.Bucket.Put(t.ctx, "k", strings.NewReader("new"), &blob.PutOptions{If: blob.IfMatch("W/" + o.ETag)})
	t.Recordf("put if-match with a weak ETag: %v %q", err == nil, classes(err))
}

func matchQuotes(t *T) {
	o := t.Put("k", "content")
	bare := strings.Trim(o.ETag, `"`)
	if blob.IfMatch(bare) != blob.IfMatch(o.ETag) || blob.IfNoneMatch(bare) != blob.IfNoneMatch(o.ETag) {
		t.Errorf("quotes make a difference to %s", o.ETag)
	}
	for _, etag := range []string{o.ETag, bare} {
		if t.Caps.If.Read.Has(blob.KindMatch) {
			_, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{If: blob.IfMatch(etag)})
			t.WantOK("stat if-match "+etag, err)
		}
		if t.Caps.If.Read.Has(blob.KindNoneMatch) {
			_, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{If: blob.IfNoneMatch(etag)})
			t.WantError("stat if-none-match "+etag, err, blob.ErrNotModified)
		}
	}
	if t.Caps.If.Put.Has(blob.KindMatch) {
		t.PutWith("k", "next", &blob.PutOptions{If: blob.IfMatch(bare)})
		t.WantContent("k", "next")
	}
}

// readIf reads on a condition with stat and with get, and reports it if they do not answer alike.
func (t *T) readIf(key string, cond blob.Condition, want error) {
	_, err := t.Bucket.Stat(t.ctx, key, &blob.StatOptions{If: cond})
	content, _, gerr := get(t, t.Bucket, key, &blob.GetOptions{If: cond})
	if want == nil {
		if err != nil || gerr != nil || content != key {
			t.Errorf("%s, which holds, stat answers %v, and get %q, %v", cond, err, content, gerr)
		}
		return
	}
	wantClass(t, fmt.Sprintf("stat %s", cond), err, want)
	wantClass(t, fmt.Sprintf("get %s", cond), gerr, want)
}

func readNoneMatch(t *T) {
	old, now := t.Put("k", "old"), t.Put("k", "k")
	t.readIf("k", blob.IfNoneMatch(old.ETag), nil)
	t.readIf("k", blob.IfNoneMatch(now.ETag), blob.ErrNotModified)
	t.readIf("k", blob.IfMatch(now.ETag), nil)
	t.readIf("k", blob.IfMatch(old.ETag), blob.ErrPrecondition)
	t.readIf("missing", blob.IfNoneMatch(now.ETag), blob.ErrNotExist)
	t.Put("k", "k")
	t.readIf("k", blob.IfNoneMatch(old.ETag), nil)
}

func readSince(t *T) {
	t.Put("k", "k")
	at := t.Stat("k").ModTime
	for _, c := range []struct {
		than     time.Duration
		modified bool
	}{{-time.Hour, true}, {-time.Second, true}, {0, false}, {time.Second, false}} {
		since, unmodified := blob.IfModifiedSince(at.Add(c.than)), blob.IfUnmodifiedSince(at.Add(c.than))
		if c.modified {
			t.readIf("k", since, nil)
			t.readIf("k", unmodified, blob.ErrPrecondition)
		} else {
			t.readIf("k", since, blob.ErrNotModified)
			t.readIf("k", unmodified, nil)
		}
	}
	// The rest of the second makes no difference.
	t.readIf("k", blob.IfModifiedSince(at.Truncate(time.Second)), blob.ErrNotModified)
	t.readIf("k", blob.IfUnmodifiedSince(at.Truncate(time.Second)), nil)
	// RFC 9110 lets a server ignore a time in the future.
	_, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{If: blob.IfModifiedSince(time.Now().Add(24 * time.Hour))})
	t.Recordf("stat if-modified-since tomorrow: %q", classes(err))
}

func readRangeIf(t *T) {
	old, now := t.Put("k", "0123456789"), t.Put("k", "abcdefghij")
	read := func(r blob.Range, cond blob.Condition) (string, error) {
		got, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Range: r, If: cond})
		return got, err
	}
	for r, want := range map[blob.Range]string{blob.Bytes(2, 3): "cde", blob.From(8): "ij", blob.Last(1): "j"} {
		if got, err := read(r, blob.IfMatch(now.ETag)); err != nil || got != want {
			t.Errorf("%s if-match is %q, %v, not %q", r, got, err, want)
		}
		if got, err := read(r, blob.IfNoneMatch(old.ETag)); err != nil || got != want {
			t.Errorf("%s if-none-match is %q, %v, not %q", r, got, err, want)
		}
		_, err := read(r, blob.IfMatch(old.ETag))
		wantClass(t, "a range if-match with an old ETag", err, blob.ErrPrecondition)
		_, err = read(r, blob.IfNoneMatch(now.ETag))
		wantClass(t, "a range if-none-match with the current ETag", err, blob.ErrNotModified)
	}
	_, err := read(blob.From(11), blob.IfMatch(now.ETag))
	wantClass(t, "a range beyond the end if-match", err, blob.ErrRange)
}

func matchEverywhere(t *T) {
	old, now := t.Put("k", "old"), t.Put("k", "k")
	calls := map[string]func(etag string) error{
		"stat": func(etag string) error {
			_, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{If: blob.IfMatch(etag)})
			return err
		},
		"get": func(etag string) error {
			_, _, err := get(t, t.Bucket, "k", &blob.GetOptions{If: blob.IfMatch(etag)})
			return err
		},
	}
	if t.Caps.Copy && t.Caps.If.Source.Has(blob.KindMatch) {
		calls["copy"] = func(etag string) error {
			src, err := t.Bucket.Source(t.ctx, "k", &blob.SourceOptions{If: blob.IfMatch(etag)})
			if err == nil {
				_, err = t.Bucket.Copy(t.ctx, "copy", src, nil)
			}
			return err
		}
	}
	remove := func(etag string) error {
		return t.Bucket.Delete(t.ctx, "k", &blob.DeleteOptions{If: blob.IfMatch(etag)})
	}
	for name, call := range calls {
		t.WantOK(name+" if-match", call(now.ETag))
		wantClass(t, name+" if-match with an old ETag", call(old.ETag), blob.ErrPrecondition)
	}
	if t.Caps.If.Delete.Has(blob.KindMatch) {
		wantClass(t, "delete if-match with an old ETag", remove(old.ETag), blob.ErrPrecondition)
		t.WantContent("k", "k")
		t.WantOK("delete if-match", remove(now.ETag))
	} else {
		t.Delete("k")
	}
	t.WantMissing("k")
	for name, call := range calls {
		wantClass(t, name+" if-match of a missing key", call(now.ETag), blob.ErrPrecondition)
	}
}

// Servers that ignore the header of a condition are the biggest risk of all: data is lost, and nobody is told.
func conditionsRefused(t *T) {
	here := t.Put("here", "here")
	before := t.Snapshot()
	conditions := []blob.Condition{blob.IfAbsent, blob.IfMatch(here.ETag), blob.IfMatch(`"other"`), blob.IfNoneMatch(here.ETag),
		blob.IfModifiedSince(time.Unix(1, 0)), blob.IfUnmodifiedSince(time.Unix(1, 0))}
	body := func() io.Reader { return strings.NewReader("overwritten") }
	for _, call := range []struct {
		name string
		can  blob.ConditionSet
		try  func(key string, cond blob.Condition) error
	}{
		{"put", t.Caps.If.Put, func(key string, cond blob.Condition) error {
			_, err := t.Bucket.Put(t.ctx, key, body(), &blob.PutOptions{If: cond})
			return err
		}},
		{"upload", t.Caps.If.Upload, func(key string, cond blob.Condition) error {
			_, err := t.Bucket.Upload(t.ctx, key, &blob.UploadOptions{If: cond})
			return err
		}},
		{"source", t.Caps.If.Source &^ blob.Conditions(blob.KindAbsent), func(key string, cond blob.Condition) error {
			_, err := t.Bucket.Source(t.ctx, key, &blob.SourceOptions{If: cond})
			return err
		}},
		{"copy", t.Caps.If.Copy, func(key string, cond blob.Condition) error {
			src, err := t.Bucket.Source(t.ctx, "here", nil)
			if err == nil {
				_, err = t.Bucket.Copy(t.ctx, key, src, &blob.CopyOptions{If: cond})
			}
			return err
		}},
		{"delete", t.Caps.If.Delete &^ blob.Conditions(blob.KindAbsent), func(key string, cond blob.Condition) error {
			return t.Bucket.Delete(t.ctx, key, &blob.DeleteOptions{If: cond})
		}},
		{"stat", t.Caps.If.Read &^ blob.Conditions(blob.KindAbsent), func(key string, cond blob.Condition) error {
			_, err := t.Bucket.Stat(t.ctx, key, &blob.StatOptions{If: cond})
			return err
		}},
		{"get", t.Caps.If.Read &^ blob.Conditions(blob.KindAbsent), func(key string, cond blob.Condition) error {
			_, _, err := get(t, t.Bucket, key, &blob.GetOptions{If: cond})
			return err
		}},
	} {
		for _, cond := range conditions {
			if call.can.Has(cond.Kind()) {
				continue
			}
			for _, key := range []string{"here", "new"} {
				// What no store can honour in this call is invalid, what this one cannot is unsupported.
				if err := call.try(key, cond); !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, blob.ErrInvalid) {
					t.Errorf("%s of %q %s, which is not declared, answers %v", call.name, key, cond, err)
				}
			}
		}
	}
	t.wantUnchanged("calls on conditions that are not declared", before)
}

func absentReads(t *T) {
	t.Put("k", "old")
	body := strings.NewReader(t.content(1 << 20))
	_, err := t.Bucket.Put(t.ctx, "k", struct{ io.Reader }{body}, &blob.PutOptions{If: blob.IfAbsent})
	if !errors.Is(err, blob.ErrAmbiguous) { // as it may be where a server hangs up while the last of the body is on its way
		t.WantError("put if-absent", err, blob.ErrExist)
	}
	t.WantContent("k", "old")
	t.Recordf("a put if-absent that fails reads %d of %d bytes", body.Size()-int64(body.Len()), body.Size())
}
