package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/holdall-go/holdall/blob"
)

var wrapperCases []Case

// The cases run the suite, which holds them, so they cannot be the value of the variable.
func init() {
	wrapperCases = []Case{
		{ID: "S01", Doc: "Sub passes the suite, and shows just what lies below its prefix", Run: subBehaves},
		{ID: "S02", Doc: "ReadOnly reads, and refuses every write with fs.ErrPermission before the store hears of it", Run: readOnly},
		{ID: "S03", Doc: "a wrapper makes one call of each call, also where that fails and may be retried", Run: andThroughProxy(oneCallEach, sameAttempts)},
		{ID: "S07", Doc: "errors through a wrapper name the caller's key, and a Source shows nothing of what is inside", Run: nothingInside},
		{ID: "S08", Doc: "a wrapper declares what the bucket inside can do, less what it takes itself", Run: honestCapabilities},
		{ID: "S09", Doc: "the provider's own error is reached through every wrapper, and no bucket behind one is", Run: unwraps},
		{ID: "S10", Doc: "five layers of wrappers pass the suite", Tier: Default, Run: fiveLayers},
		{ID: "S12", Doc: "FS over a wrapper is an fs.FS that testing/fstest accepts", Needs: []Need{strongRead, strongList}, Run: fileSystem},
		{ID: "S14", Doc: "errors through a wrapper name the bucket as it is named inside, or as the wrapper names itself", Run: namesThrough},
		{ID: "S15", Doc: "a Provider option reaches the bucket that knows it through every wrapper, and no other does", Run: providerThrough},
		{ID: "S16", Doc: "after Close of a bucket each call through its wrappers is ErrClosed, and reaches nothing", Run: closedThrough},
	}
}

// A layer is a way to wrap a bucket.
type layer struct {
	name   string
	prefix string // of the keys inside
	wrap   func(b blob.Bucket) blob.Bucket
}

var layers = []layer{
	{"check", "", blob.Check},
	{"sub", "outer/", func(b blob.Bucket) blob.Bucket { return blob.Sub(b, "outer/") }},
	{"sub of no directory", "pre-", func(b blob.Bucket) blob.Bucket { return blob.Sub(b, "pre-") }},
	{"wrapper", "", embedded},
	{"five layers", "a/b-c/", func(b blob.Bucket) blob.Bucket {
		return blob.Sub(embedded(blob.Sub(blob.Check(blob.Sub(b, "a/")), "b-")), "c/")
	}},
}

// embedded wraps b as anyone's wrapper does, and changes nothing.
func embedded(b blob.Bucket) blob.Bucket {
	return blob.Check(&struct{ blob.Wrapper }{blob.Wrap(b)})
}

func subBehaves(t *T) {
	sub := blob.Sub(t.Bucket, "p/")
	for _, key := range []string{"a", "p", "p.", "p/", "p/k", "p/p/k", "p0", "pp/k", "q/k"} {
		if t.Caps.Keys.NoFileBesideDir && (key == "p" || key == "p/") || t.Caps.Keys.NoSlashAtEnd && key == "p/" {
			continue
		}
		t.Put(key, "content of "+key)
	}
	want := []string{"k", "p/k"} // "p/" itself would be the empty key, which is none
	if got := t.EntriesOf(sub, nil); !slices.Equal(got, want) && !t.Caps.Deviations.EventualList {
		t.Errorf("Sub lists %q, not %q", got, want)
	}
	if got, o, err := get(t, sub, "k", nil); err != nil || got != "content of p/k" || o.Key != "k" {
		t.Errorf("Sub reads %q, %v", got, err)
	}
	for _, key := range []string{"../a", "/a", "../p0", "k/../../a"} {
		if _, err := sub.Stat(t.ctx, key, nil); err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("stat of %q through Sub answers %v", key, err)
		}
	}
	before := t.Snapshot()
	inside := t.Caps.Keys.Max() - len("p/")
	if _, err := sub.Put(t.ctx, strings.Repeat("k", inside+1), strings.NewReader("x"), nil); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("a key that is too long with the prefix is put with %v", err)
	}
	if after := t.Snapshot(); !maps.Equal(before, after) {
		t.Errorf("a refused put changed the bucket from %q to %q", before, after)
	}
	t.WantOK("close of the Sub", sub.Close())
	if t.Get("p/k") != "content of p/k" {
		t.Errorf("the Sub closed a bucket that it did not open")
	}
	if t.Tier > Short {
		t.suiteOver("sub", func(b blob.Bucket) blob.Bucket { return blob.Sub(b, "inner/") })
	}
}

func fiveLayers(t *T) { t.suiteOver("five layers", layers[len(layers)-1].wrap) }

// suiteOver runs the short tier of the suite over wrapped buckets, but for races, access control, and the wrappers
// themselves.
func (t *T) suiteOver(name string, wrap func(b blob.Bucket) blob.Bucket) {
	wrapped := t.Harness.Wrapped(name, func(_ *T, b blob.Bucket) blob.Bucket { return wrap(b) })
	report, err := RunAll(t.ctx, wrapped, nil, InTier(Short), Seed(t.Rand.Uint64()), Only(func(c *Case) bool {
		return !strings.Contains("NRS", c.Group())
	}))
	t.WantOK("the suite over "+name, err)
	for _, res := range report.Results {
		if res.Outcome == Fail {
			t.Errorf("over %s, %s fails: %s", name, res.ID, res.Reason)
		}
	}
	t.Recordf("%s", report.Summary())
}

func readOnly(t *T) {
	t.Put("k", "content")
	t.Put(source, "content")
	before := t.Snapshot()
	f, inner := newFaulty(t.Bucket)
	b := blob.ReadOnly(inner)
	if !b.Capabilities().ReadOnly {
		t.Errorf("the capabilities of ReadOnly do not say so")
	}
	for _, c := range calls(t.Caps) {
		f.repair()
		err := c.run(t.ctx, b, "k")
		switch {
		case !c.mutate && !signsWrite(c.name):
			t.WantOK(c.name+" of a read-only bucket", err)
		case f.written() > 0:
			t.Errorf("%s of a read-only bucket reached the store", c.name)
		default:
			wantClass(t, c.name+" of a read-only bucket", err, fs.ErrPermission)
		}
	}
	if after := t.Snapshot(); !maps.Equal(before, after) {
		t.Errorf("calls of a read-only bucket changed %q to %q", before, after)
	}
	t.WantOK("close", b.Close())
	if f.calls("Close") > 0 {
		t.Errorf("ReadOnly closed a bucket that it did not open")
	}
}

func signsWrite(name string) bool {
	method, signs := strings.CutPrefix(name, "sign ")
	return signs && method != http.MethodGet && method != http.MethodHead
}

func oneCallEach(t *T) {
	for _, l := range layers {
		t.Put(l.prefix+source, "x")
		f, inner := newFaulty(t.Bucket)
		b := l.wrap(inner)
		for method, reach := range reaches(t.Caps) {
			for _, c := range reach {
				for _, broken := range []bool{false, true} {
					t.Put(l.prefix+"k", "x")
					f.repair()
					if broken {
						_ = f.breakMethod(method)
					}
					err := c.run(t.ctx, b, "k")
					if (err != nil) != broken {
						t.Errorf("%s over %s: %v", c.name, l.name, err)
					}
					if n := f.calls(method); n != 1 && method != "Read" && method != "Entry" {
						t.Errorf("%s over %s made %d calls of %s", c.name, l.name, n, method)
					}
				}
			}
		}
	}
}

func nothingInside(t *T) {
	const secret = "s3cr3t/"
	f, inner := newFaulty(t.Bucket)
	b := blob.Sub(inner, secret)
	t.Put(secret+source, "hidden content")
	for method, reach := range reaches(t.Caps) {
		for _, c := range reach {
			t.Put(secret+"k", "x")
			f.repair()
			_ = f.breakMethod(method)
			err := c.run(t.ctx, b, "k")
			var e *blob.Error
			if !errors.As(err, &e) || c.key && e.Key != "k" && !(c.op == "copy" && e.Key == source) {
				t.Errorf("%s whose %s fails answers %v, which does not name the caller's key", c.name, method, err)
			}
		}
	}
	if !t.Caps.Copy {
		return
	}
	f.repair()
	src, err := b.Source(t.ctx, source, nil)
	t.WantOK("source", err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, src); strings.Contains(text, secret) || strings.Contains(text, "hidden") {
			t.Errorf("a Source prints as %s", text)
		}
	}
	if src.Key() != source {
		t.Errorf("the Source names its key %q", src.Key())
	}
}

func honestCapabilities(t *T) {
	for _, l := range layers {
		got, want := l.wrap(t.Bucket).Capabilities(), t.Caps
		if got.Keys.Max() != want.Keys.Max()-len(l.prefix) {
			t.Errorf("over %s keys have at most %d bytes; with the prefix %q of %d that leaves %d", l.name, want.Keys.Max(), l.prefix, len(l.prefix), got.Keys.Max())
		}
		if within := l.prefix != "" && !strings.HasSuffix(l.prefix, "/"); l.prefix != "" && got.Keys.PartOfSegment() != within {
			t.Errorf("over %s PartOfSegment is %v; the prefix is %q", l.name, got.Keys.PartOfSegment(), l.prefix)
		}
		got.Keys.Prefix = want.Keys.Prefix
		if got != want {
			t.Errorf("over %s the capabilities are %+v, inside they are %+v", l.name, got, want)
		}
	}
	got, want := blob.ReadOnly(t.Bucket).Capabilities(), t.Caps
	if !got.ReadOnly || got.If.Read != want.If.Read || got.Versions != want.Versions || got.Deviations.OnlySlash != want.Deviations.OnlySlash ||
		got.Deviations.EventualList != want.Deviations.EventualList || got.Deviations.EventualRead != want.Deviations.EventualRead || got.Keys.Max() != want.Keys.Max() {
		t.Errorf("ReadOnly declares %+v, inside it is %+v", got, want)
	}
	for method := range got.Sign.Methods.All() {
		if signsWrite("sign " + method) {
			t.Errorf("ReadOnly declares that it signs %s", method)
		}
	}
}

func unwraps(t *T) {
	f, inner := newFaulty(t.Bucket)
	want := f.breakMethod("Stat")
	for _, l := range append(slices.Clone(layers), layer{"read only", "", blob.ReadOnly}) {
		b := l.wrap(inner)
		if _, err := b.Stat(t.ctx, "k", nil); !isFault(err, want) {
			t.Errorf("over %s the provider's error becomes %v", l.name, err)
		}
		if _, through := b.(*faulty); through {
			t.Errorf("%s hands out the bucket inside", l.name)
		}
		if _, through := b.(interface{ Unwrap() blob.Bucket }); through {
			t.Errorf("%s hands out the bucket inside by Unwrap", l.name)
		}
	}
}

func fileSystem(t *T) {
	files := []string{"a.txt", "dir-x", "dir/b", "dir/sub/c.txt", "dir0"}
	for _, l := range layers {
		for _, key := range files {
			t.Put(l.prefix+key, "content of "+key)
		}
		fsys := blob.FS(t.ctx, l.wrap(t.Bucket))
		if err := fstest.TestFS(fsys, files...); err != nil {
			t.Errorf("FS over %s: %v", l.name, err)
		}
		for _, key := range files {
			t.Delete(l.prefix + key)
		}
	}
}

// reaches tells which calls lead to each method of a faulty bucket.
func reaches(c blob.Capabilities) map[string][]call {
	methods := map[string][]string{
		"Stat": {"stat"}, "Get": {"get"}, "Read": {"get"}, "Put": {"put", "put of a stream"}, "Delete": {"delete"},
		"List": {"list"}, "Entry": {"list"}, "Source": {"source"}, "Copy": {"copy"},
		"Upload": {"upload"}, "Part": {"upload"}, "Complete": {"upload"}, "Uploads": {"uploads"}, "Sign": {"sign GET"},
	}
	if c.BulkDelete > 0 {
		methods["DeleteEach"] = []string{"delete each"}
	} else {
		methods["Delete"] = append(methods["Delete"], "delete each")
	}
	all := map[string][]call{}
	for method, names := range methods {
		for _, can := range calls(c) {
			if slices.Contains(names, can.name) {
				all[method] = append(all[method], can)
			}
		}
	}
	return all
}

// faultsThroughWrappers is P32.
func faultsThroughWrappers(t *T) {
	for _, l := range layers {
		t.Put(l.prefix+source, "x")
		f, inner := newFaulty(t.Bucket)
		eachFault(t, l, f, l.wrap(inner))
		f, inner = newBulk(t.Bucket)
		eachFault(t, l, f, l.wrap(inner))
	}
}

// eachFault breaks one method after the other below b, and looks at each call that leads there.
func eachFault(t *T, l layer, f *faulty, b blob.Bucket) {
	for method, reach := range reaches(b.Capabilities()) {
		for _, c := range reach {
			old := t.Put(l.prefix+"k", "old")
			f.repair()
			want := f.breakMethod(method)
			err := c.run(t.ctx, b, "k")
			var e *blob.Error
			if !isFault(err, want) || !errors.As(err, &e) || !e.Retryable() {
				t.Errorf("over %s, %s answers %v when %s fails with a retryable error of the provider", l.name, c.name, err, method)
			}
			if now := t.Stat(l.prefix + "k"); now.ETag != old.ETag || now.Size != old.Size {
				t.Errorf("over %s, %s changed the object although %s failed", l.name, c.name, method)
			}
			f.repair()
			if err := c.run(t.ctx, b, "k"); err != nil {
				t.Errorf("over %s, %s answers %v when all works again", l.name, c.name, err)
			}
		}
	}
	bulkFault(t, l, f, b)
}

// bulkFault deletes many keys, of which none can be deleted, and then one that is no key among good ones.
func bulkFault(t *T, l layer, f *faulty, b blob.Bucket) {
	keys := []string{"d1", "d2", "d3"}
	for _, key := range keys {
		t.Put(l.prefix+key, "x")
	}
	f.repair()
	want := errors.Join(f.breakMethod("Delete"), f.breakMethod("DeleteEach"))
	var stayed []string
	failed := func(key string, err error) { stayed = append(stayed, key) }
	if err := b.DeleteEach(t.ctx, slices.Values(keys), failed); err == nil || !slices.Equal(stayed, keys) {
		t.Errorf("over %s, with %v, of %q there stay %q, %v", l.name, want, keys, stayed, err)
	}
	f.repair()
	stayed = nil
	err := b.DeleteEach(t.ctx, slices.Values([]string{"d1", "", "d2", "d3"}), failed)
	if !errors.Is(err, blob.ErrInvalid) || !slices.Equal(stayed, []string{""}) {
		t.Errorf("over %s, a bad key among good ones: %q stay, %v", l.name, stayed, err)
	}
	for _, key := range keys {
		t.WantMissing(l.prefix + key)
	}
}
