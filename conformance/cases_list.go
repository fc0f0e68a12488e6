package conformance

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// The rules of paging are in cases_list_paging.go, those of the sequence in cases_list_sequence.go.
var listCases = []Case{
	{ID: "H01", Doc: "an empty bucket or prefix lists nothing, without an error", Run: listNothing},
	{ID: "H02", Doc: "a flat listing has every key once, sorted by bytes", Run: listFlat},
	{ID: "H03", Doc: "keys that trap other orders than that of bytes come in the order of bytes", Run: listTraps},
	{ID: "H04", Doc: "a prefix matches bytes, not parts of a path", Run: listPrefixBytes},
	{ID: "H05", Doc: "a prefix may hold percent signs, Unicode, slashes and whatever a key may", Run: listAwkwardPrefix},
	{ID: "H06", Doc: "a prefix that is a whole key lists that key", Run: listWholeKey},
	{ID: "H07", Doc: "a prefix longer than any key lists nothing", Run: listLongPrefix},
	{ID: "H08", Doc: "a delimiter rolls keys up into common prefixes, each once, sorted among the keys", Run: listSlash},
	{ID: "H09", Doc: "any text is a delimiter", Needs: []Need{needAnyDelimiter}, Run: listAnyDelimiter},
	{ID: "H10", Doc: "a key that equals the prefix and ends with the delimiter is an object", Run: listMarker},
	{ID: "H11", Doc: "with a delimiter that no key has, or none, the listing is flat", Run: listNoDelimiter},
	{ID: "H12", Doc: "a page may end before, in or after a directory whose neighbours sort below the slash", Run: pageAtDirectory},
	{ID: "H13", Doc: "a common prefix with keys on many pages comes once", Run: pageInPrefix},
	{ID: "H14", Doc: "pages of any size, put together, are the whole listing", Run: pageSizes},
	{ID: "H15", Doc: "a negative limit or page size is invalid, and zero is none", Run: pageNegative},
	{ID: "H16", Doc: "a huge limit or page size is no error", Run: pageHuge},
	{ID: "H17", Doc: "a sequence can be ranged over twice, an error ends it, and no start-after confuses it", Run: sequenceTwice},
	{ID: "H18", Doc: "a listing resumes after its last entry through another handle", Needs: []Need{needReopen, strongList}, Run: pageResume},
	{ID: "H19", Doc: "a key that comes before the place where a listing stands is not listed", Needs: []Need{strongList}, Run: insertBefore},
	{ID: "H20", Doc: "keys that go before and at the place where a listing stands make it skip or repeat nothing", Needs: []Need{strongList}, Run: deleteBefore},
	{ID: "H21", Doc: "a listing resumes after a key that is gone", Needs: []Need{strongList}, Run: deleteStart},
	{ID: "H22", Doc: "what is there throughout is listed just once while other keys come and go", Needs: []Need{strongList}, Run: listChurn},
	{ID: "H23", Doc: "start-after and start-at are judged on entries, with any prefix and delimiter", Run: startRule},
	{ID: "H24", Doc: "start-after together with start-at is invalid", Run: startTwice},
	{ID: "H25", Doc: "size, time and ETag in a listing are those of stat", Needs: []Need{strongList}, Run: listAttributes},
	{ID: "H26", Doc: "a listing shows at once what was put, overwritten and deleted", Needs: []Need{strongList}, Run: listAtOnce},
	{ID: "H27", Doc: "what is still being written is not listed", Run: listUnfinished},
	{ID: "H28", Doc: "nothing of the driver's own is listed, and keys that look like it are", Run: listInternals},
	{ID: "H29", Doc: "directories that became empty are not listed", Run: listEmptied},
	{ID: "H30", Doc: "an error of the caller ends a walk and comes back as it is", Run: walkError},
	{ID: "H31", Doc: "a listing whose ctx ends says so once and yields no more", Run: sequenceCancel},
	{ID: "H32", Doc: "a listing that is begun and dropped, or never begun, leaves nothing behind", Run: sequenceDropped},
	{ID: "H33", Doc: "break, panic and return out of a listing leave the bucket usable and nothing behind", Run: sequenceLeft},
	{ID: "H34", Doc: "two listings of one handle go on side by side", Run: sequenceTwo},
	{ID: "H35", Doc: "10,001 keys are listed, all of them and sorted", Tier: Default, Run: listMany},
	{ID: "H36", Doc: "an object that another program made is listed, read, overwritten and deleted", Needs: []Need{needForeign}, Run: listForeign},
	{ID: "H38", Doc: "the bucket as an fs.FS passes testing/fstest", Needs: []Need{strongList, strongRead}, Run: fsTest},
}

func listNothing(t *T) {
	for _, opts := range []*blob.ListOptions{nil, {}, {Prefix: "a"}, {Prefix: "a/"}, {Delimiter: "/"}, {Prefix: "a/", Delimiter: "/"}, {StartAfter: "a"}, {StartAt: "a", Limit: 3}} {
		t.WantEntries(opts)
	}
	t.fill("b")
	t.WantEntries(&blob.ListOptions{Prefix: "a"})
	t.WantEntries(&blob.ListOptions{Prefix: "b/", Delimiter: "/"})
}

func listFlat(t *T) {
	var keys []string
	for i := range 60 {
		keys = append(keys, fmt.Sprintf("d%d/k%d", i%3, i))
	}
	t.Rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	t.fill(keys...)
	t.wantListing(keys, &blob.ListOptions{})
}

func listTraps(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	t.wantListing(keys, &blob.ListOptions{})
	t.wantListing(keys, &blob.ListOptions{Delimiter: "/"})
	t.wantListing(keys, &blob.ListOptions{Delimiter: "/", Prefix: "a/b"})
	for _, key := range keys {
		t.WantContent(key, key)
	}
}

func listPrefixBytes(t *T) {
	keys := t.holdable("a", "a/b", "a/bc", "a/bc/d", "a/c", "ab", "b")
	t.fill(keys...)
	for _, prefix := range []string{"a", "a/", "a/b", "a/bc", "a/bc/", "b", "c"} {
		for _, delimiter := range []string{"", "/"} {
			t.wantListing(keys, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
		}
	}
}

func listAwkwardPrefix(t *T) {
	keys := t.holdable("%", "%2F/x", "%41", "*/x", "+/x", " /x", "?a=b&c/x", "#/x", "[a]/x", "é/x", "日本/語", "tail/", "tail/ ", "\U0001F600/x", "a=b;c/x", "'\"/x",
		".a", ".a.b", "..b", ".c/d", ".c/e.f/g", "a/-", "a/.e", "a/.e.f", "a/..f", "a/..g/h")
	if !t.Caps.Keys.Canonical {
		keys = append(keys, "/lead", "//lead", "a//b", "../x", "./x", `back\slash/x`, "\x01/x", "line\nbreak/x", "\x7f/x")
	}
	keys = t.holdable(slices.DeleteFunc(keys, t.refuses)...)
	t.fill(keys...)
	for _, key := range keys {
		first, _, _ := strings.Cut(key, "/")
		for _, prefix := range []string{first, strings.TrimSuffix(key, "x")} {
			if prefix == "" {
				prefix = "/"
			}
			t.wantListing(keys, &blob.ListOptions{Prefix: prefix})
			t.wantListing(keys, &blob.ListOptions{Prefix: prefix, Delimiter: "/"})
		}
	}
	t.wantListing(keys, &blob.ListOptions{Delimiter: "/"})
	// Dots begin keys, and a path would read them as a segment.
	delimiters := []string{"", "/"}
	if !t.Caps.Deviations.OnlySlash {
		delimiters = append(delimiters, ".")
	}
	for _, delimiter := range delimiters {
		for _, dots := range []string{".", "..", "a/.", "a/.."} {
			opts := blob.ListOptions{Prefix: dots, Delimiter: delimiter}
			t.wantListing(keys, &opts)
			if got, want := t.pages(t.Bucket, opts, 2), entries(keys, &opts); !slices.Equal(got, want) {
				t.Errorf("in pages of two, prefix %q and delimiter %q yield %v, not %v", dots, delimiter, got, want)
			}
			t.wantListing(keys, &blob.ListOptions{StartAfter: dots, Delimiter: delimiter})
			t.wantListing(keys, &blob.ListOptions{StartAt: dots, Delimiter: delimiter})
		}
	}
}

func listWholeKey(t *T) {
	keys := t.holdable("dir/key", "dir/key/below", "dir/key2", "key")
	t.fill(keys...)
	for _, key := range keys {
		t.wantListing(keys, &blob.ListOptions{Prefix: key})
		t.wantListing(keys, &blob.ListOptions{Prefix: key, Delimiter: "/"})
	}
}

func listLongPrefix(t *T) {
	t.fill("a", "b/c")
	t.WantEntries(&blob.ListOptions{Prefix: "b/cc"})
	t.WantEntries(&blob.ListOptions{Prefix: "b/c/"})
	t.WantEntries(&blob.ListOptions{Prefix: strings.Repeat("a", t.Caps.Keys.Max())})
	t.WantEntries(&blob.ListOptions{Prefix: strings.Repeat("a/", t.Caps.Keys.Max()/2), Delimiter: "/"})
}

func listSlash(t *T) {
	keys := t.holdable("a", "a-", "a/1", "a/2", "a/3/4", "a0", "b/1", "c", "d/e/f/g")
	t.fill(keys...)
	for _, prefix := range []string{"", "a", "a/", "a/3/", "b", "d/", "d/e", "d/e/f"} {
		t.wantListing(keys, &blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	}
}

func listAnyDelimiter(t *T) {
	keys := []string{"1abc2", "1abcabc", "1ab", "1-2", "1-2-3", "1 2", "1%2", "1.2", "1.2.3", "1/2", "1é2", "1+2", "1😀2", "x"}
	delimiters := []string{"abc", "-", " ", "%", ".", "é", "+", "😀", "1", "/2"}
	if !t.Caps.Keys.Canonical {
		keys = append(keys, `1\2`, "1\x072", "1\n2")
		delimiters = append(delimiters, `\`, "\x07", "\n")
	}
	keys = slices.DeleteFunc(keys, t.refuses)
	t.fill(keys...)
	for _, delimiter := range delimiters {
		for _, prefix := range []string{"", "1", "1" + delimiter} {
			t.wantListing(keys, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
			if got, want := t.pages(t.Bucket, blob.ListOptions{Prefix: prefix, Delimiter: delimiter}, 2), entries(keys, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter}); !slices.Equal(got, want) {
				t.Errorf("in pages of two, prefix %q and delimiter %q yield %v, not %v", prefix, delimiter, got, want)
			}
		}
	}
}

func listMarker(t *T) {
	keys := t.holdable("a/", "a/b/", "a/b/c", "d/")
	t.fill(keys...)
	t.wantListing(keys, &blob.ListOptions{})
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "d/"} {
		t.wantListing(keys, &blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	}
}

func listNoDelimiter(t *T) {
	keys := []string{"a", "b c", "d-e"}
	t.fill(keys...)
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, keys...)
	deep := []string{"a", "b c", "b/c/d", "d-e", "e/f"}
	t.fill(deep...)
	t.WantEntries(&blob.ListOptions{}, deep...)
	if !t.Caps.Deviations.OnlySlash {
		t.WantEntries(&blob.ListOptions{Delimiter: "nowhere"}, deep...)
	}
}

func listAttributes(t *T) {
	for i, key := range []string{"empty", "d/small", "d/e/large"} {
		t.Put(key, strings.Repeat("x", i*1500))
	}
	t.Put("d/small", "overwritten")
	if t.Caps.Uploads.Supported {
		t.upload("d/parts", 2*int(t.partSize())+1)
	}
	n := 0
	for o, err := range t.Bucket.List(t.ctx, nil) {
		t.WantOK("list", err)
		n++
		s := t.Stat(o.Key)
		step := max(1, t.Caps.Objects.TimePrecision)
		if o.Size != s.Size || !o.ModTime.Truncate(step).Equal(s.ModTime.Truncate(step)) {
			t.Errorf("%q is listed with %d bytes of %v, and stat says %d of %v", o.Key, o.Size, o.ModTime, s.Size, s.ModTime)
		}
		if o.ETag != s.ETag && !(t.Caps.Deviations.ListWithoutETag && o.ETag == "") {
			t.Errorf("%q is listed with ETag %s, and stat says %s", o.Key, o.ETag, s.ETag)
		}
	}
	if n < 3 {
		t.Errorf("%d objects are listed", n)
	}
	for o := range t.Bucket.List(t.ctx, &blob.ListOptions{Delimiter: "/"}) {
		if o.IsPrefix && (o.Key != "d/" || o.Size != 0 || o.ETag != "" || !o.ModTime.IsZero()) {
			t.Errorf("a common prefix has attributes: %+v", o)
		}
	}
}

func listAtOnce(t *T) {
	for _, reader := range t.handles() {
		list := func(want ...string) {
			if got := t.EntriesOf(reader, nil); !slices.Equal(got, want) {
				t.Errorf("the listing yields %q, not %q", got, want)
			}
		}
		for i := range 5 {
			a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b/%d", i)
			t.Put(b, "1")
			list(b)
			t.Put(a, "1")
			list(a, b)
			t.Put(a, "22")
			for o, err := range reader.List(t.ctx, &blob.ListOptions{Limit: 1}) {
				t.WantOK("list", err)
				if o.Size != 2 {
					t.Errorf("an object that was overwritten with 2 bytes is listed with %d", o.Size)
				}
			}
			t.Delete(b)
			list(a)
			t.Delete(a)
			list()
		}
	}
}

func listUnfinished(t *T) {
	before := []string{"before"}
	t.fill(before...)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := t.Bucket.Put(t.ctx, "d/slow", r, nil)
		r.CloseWithError(io.ErrClosedPipe) // a Put that ended early must not hold up the case
		done <- err
	}()
	half := strings.Repeat("x", 300_000)
	if _, err := io.WriteString(w, half); err != nil {
		t.Fatalf("put ended with half of the body: %v", <-done)
	}
	var u blob.Upload
	if t.Caps.Uploads.Supported {
		u = t.begin("d/parts", nil)
		t.sendPart(u, 1, "x")
	}
	t.WantEntries(nil, before...)
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, before...)
	t.WantEntries(&blob.ListOptions{Prefix: "d/"})
	_, werr := io.WriteString(w, half)
	w.Close()
	if err := <-done; err != nil || werr != nil {
		t.Fatalf("put of a slow body: %v, %v", err, werr)
	}
	t.WantEntries(nil, "before", "d/slow")
	if u != nil {
		t.WantOK("abort", u.Abort(t.ctx))
	}
	t.WantEntries(nil, "before", "d/slow")
}

func listInternals(t *T) {
	keys := []string{
		".DS_Store", ".holdall~", ".holdall~x", ".holdall~=x", ".holdall~self", ".holdall~+a/b", ".holdall-tmp", ".nfs0001", ".tmp/x", ".lost+found",
		"a", "a.attrs", "a.json", "a.meta", "a.part", "a.tmp", "a~", "d/.holdall~self/x", "d/.keep", "d/uploads/1", "lost+found/x", "tmp-123", "uploads/x", "%2e%2e", "$folder$", "a_$folder$",
	}
	keys = slices.DeleteFunc(keys, t.refuses)
	with := blob.Attributes{ContentType: "text/x-kept"}
	if t.Caps.Objects.Metadata {
		with.Metadata = map[string]string{"n": strings.Repeat("v", 100)}
	}
	for _, key := range keys {
		t.PutWith(key, key, &blob.PutOptions{Attributes: with})
	}
	if t.Caps.Uploads.Supported {
		t.upload("by parts", 10)
		keys = append(keys, "by parts")
	}
	slices.Sort(keys)
	t.WantEntries(nil, keys...)
	t.wantListing(keys, &blob.ListOptions{Delimiter: "/"})
	for _, key := range keys {
		if o := t.Stat(key); key != "by parts" && o.ContentType != with.ContentType {
			t.Errorf("%q has content type %q", key, o.ContentType)
		}
	}
}

func listEmptied(t *T) {
	t.fill("d/e/f", "d/g", "h/i", "k")
	for _, key := range []string{"d/e/f", "h/i", "d/g"} {
		t.Delete(key)
	}
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, "k")
	t.WantEntries(&blob.ListOptions{Prefix: "d/", Delimiter: "/"})
	t.WantMissing("d/e/f")
	t.Put("d", "now an object")
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, "d", "k")
}

func listMany(t *T) {
	keys := make([]string, 10_001)
	for i := range keys {
		keys[i] = fmt.Sprintf("%d/%05d", i/1000, i)
	}
	t.fill(keys...)
	slices.Sort(keys)
	begin := time.Now()
	t.WantEntries(nil, keys...)
	t.Recordf("%d keys listed in %v", len(keys), time.Since(begin))
	for _, n := range []int{999, 1000, 1001} {
		for _, delimiter := range []string{"", "/"} {
			if got, want := t.pages(t.Bucket, blob.ListOptions{Delimiter: delimiter}, n), entries(keys, &blob.ListOptions{Delimiter: delimiter}); !slices.Equal(got, want) {
				t.Errorf("delimiter %q, in pages of %d: %d entries, not %d", delimiter, n, len(got), len(want))
			}
		}
	}
	t.WantEntries(&blob.ListOptions{StartAfter: keys[9_000], Limit: math.MaxInt}, keys[9_001:]...)
}

func listForeign(t *T) {
	t.Put("d/ours", "ours")
	t.Harness.Foreign(t, t.Bucket, "d/theirs", "theirs")
	t.WantEntries(nil, "d/ours", "d/theirs")
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, "d/")
	t.WantContent("d/theirs", "theirs")
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: "d/t"}) {
		t.WantOK("list", err)
		if s := t.Stat(o.Key); o.Size != 6 || o.ModTime.IsZero() || s.ETag == "" || len(s.Metadata) > 0 {
			t.Errorf("a foreign object is listed as %+v and has %+v", o, s)
		}
	}
	t.Harness.Foreign(t, t.Bucket, "d/ours", "changed by another program")
	t.WantContent("d/ours", "changed by another program")
	t.Put("d/theirs", "ours now")
	t.WantContent("d/theirs", "ours now")
	t.Delete("d/theirs")
	t.WantMissing("d/theirs")
}
