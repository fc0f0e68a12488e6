package s3

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// lister answers listings over keys in pages of at most n, in the way of S3: it filters the keys first, and rolls up
// what is left. A token is the last key that it has dealt with.
func lister(keys []string, n int) func(w http.ResponseWriter, r request) {
	slices.Sort(keys)
	return func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		prefix, delimiter, token := q.Get("prefix"), q.Get("delimiter"), q.Get("continuation-token")
		after := max(q.Get("start-after"), token)
		size, _ := strconv.Atoi(q.Get("max-keys"))
		var out strings.Builder
		count, common, truncated := 0, "", ""
		for i, key := range keys {
			if key <= after || !strings.HasPrefix(key, prefix) || common != "" && strings.HasPrefix(key, common) {
				continue
			}
			if count++; count > min(size, n) {
				truncated = keys[i-1]
				break
			}
			common = ""
			if before, _, found := strings.Cut(key[len(prefix):], delimiter); found && delimiter != "" {
				common = prefix + before + delimiter
				fmt.Fprintf(&out, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", url.QueryEscape(common))
				continue
			}
			fmt.Fprintf(&out, `<Contents><Key>%s</Key><Size>%d</Size><ETag>"e"</ETag><LastModified>2026-11-25T10:00:00.999Z</LastModified></Contents>`, url.QueryEscape(key), len(key))
		}
		if truncated != "" {
			out.WriteString("<NextContinuationToken>" + truncated + "</NextContinuationToken>")
		}
		answerXML(w, fmt.Sprintf("<ListBucketResult><Name>b</Name><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>%s</ListBucketResult>", truncated != "", out.String()))
	}
}

// A listing over a server that filters first yields just what the rule about entries says, wherever it starts.
func TestListingsStartAnywhere(t *testing.T) {
	ctx := context.Background()
	keys := []string{"a", "a ", "a-b", "a.txt", "a/", "a/b", "a/b/", "a/b/c", "a/b0", "a/é", "a/\U0010ffff", "a/\U0010ffffz", "a0", "a\U0010ffff", "aé", "b//c", "b/c+d", "b/c%2Fd", "\ue000", "\ud7ff", "z/\ue000/x"}
	f := newFake(t, lister(keys, 3))
	b := f.open(t, "aws")
	all := map[string]*blob.Object{}
	r := rand.New(rand.NewPCG(3, 4))
	starts := append(slices.Clone(keys), "", "a/b/d", "a/bb", "a/b0\x01", "zz", "b/", "b//", "\U0010ffff", "\x01")
	for range 1500 {
		opts := &blob.ListOptions{Prefix: []string{"", "", "a", "a/", "a/b", "b/", "z"}[r.IntN(7)], Delimiter: []string{"", "/", "/", "b", "//"}[r.IntN(5)], PageSize: r.IntN(4), Limit: r.IntN(3) * 2}
		if start := starts[r.IntN(len(starts))]; r.IntN(2) == 0 {
			opts.StartAfter = start
		} else {
			opts.StartAt = start
		}
		var got []string
		for o, err := range b.List(ctx, opts) {
			if err != nil {
				t.Fatalf("%+v: %v", *opts, err)
			}
			got = append(got, o.Key)
			if !o.IsPrefix {
				all[o.Key] = o
			}
		}
		if want := entries(keys, opts); !slices.Equal(got, want) {
			t.Fatalf("%+v yields %q, not %q", *opts, got, want)
		}
	}
	for key, o := range all {
		if o.Size != int64(len(key)) || o.ETag != `"e"` || o.ModTime.Nanosecond() != 0 {
			t.Errorf("an entry is %+v", o)
		}
	}
}

// refusingDots answers as MinIO does: nothing that is asked for has a segment of dots, the delimiter aside.
func refusingDots(answer func(w http.ResponseWriter, r request)) func(w http.ResponseWriter, r request) {
	bad := func(text string) bool {
		return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' }), func(segment string) bool {
			return slices.Contains([]string{".", ".."}, strings.Trim(segment, " \t\n\v\f\r"))
		})
	}
	return func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		for name, values := range q {
			if name != "delimiter" && slices.ContainsFunc(values, bad) {
				answerError(w, http.StatusBadRequest, "XMinioInvalidResourceName", `Resource name contains bad components such as ".." or ".".`)
				return
			}
		}
		answer(w, r)
	}
}

// A listing by dots yields what it should where the server refuses to be asked for them.
func TestListingsByDots(t *testing.T) {
	ctx := context.Background()
	keys := []string{" ", " .s", "- ", ".a", ".a.b", ".a/b", "..b", "...", ".c/d", ".c/e.f/g", "0", "a/ ..s", "a/-", "a/.-", "a/.e", "a/.e.f", "a/.e/g", "a/..f", "a/..g/h", "a/..g/i", "a/0", "a/\u3000.s", "b"}
	f := newFake(t, refusingDots(lister(keys, 3)))
	b := f.open(t, "minio")
	dots := []string{".", "..", " .", ". ", "a/.", "a/..", "a/ ..", "a/.. ", "a/\u3000.", "./", "../a", "a/./b", `.\a`, `a\.`, "b/."}
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		opts := &blob.ListOptions{Delimiter: []string{"", "/", ".", "g/", "e"}[r.IntN(5)], Limit: r.IntN(3) * 2, PageSize: r.IntN(4)}
		if r.IntN(4) > 0 {
			opts.Prefix = dots[r.IntN(len(dots))]
		}
		start := append(dots, keys...)[r.IntN(len(dots)+len(keys))] + []string{"", "", "\x01", "/"}[r.IntN(4)]
		switch r.IntN(3) {
		case 0:
			opts.StartAfter = start
		case 1:
			opts.StartAt = start
		}
		got := []string{}
		for o, err := range b.List(ctx, opts) {
			if err != nil {
				t.Fatalf("%+v: %v", *opts, err)
			}
			if rolled := opts.Delimiter != "" && strings.Contains(o.Key[len(opts.Prefix):], opts.Delimiter); o.IsPrefix != rolled || o.IsPrefix != (o.ETag == "") {
				t.Fatalf("%+v yields %+v", *opts, *o)
			}
			got = append(got, o.Key)
		}
		if want := entries(keys, opts); !slices.Equal(got, want) {
			t.Fatalf("%+v yields %q, not %q", *opts, got, want)
		}
	}
}

// A listing by dots asks for the least that is not refused, and for no page beyond the keys that it yields.
func TestListingsByDotsAskForLittle(t *testing.T) {
	keys := []string{"a/-", "a/.e", "b"}
	for i := range 100 {
		keys = append(keys, fmt.Sprintf("a/%03d", i), fmt.Sprintf("-%03d", i), fmt.Sprintf("a/-%03d", i), fmt.Sprintf("a/.d/%03d", i))
	}
	f := newFake(t, refusingDots(lister(keys, 3)))
	b := f.open(t, "minio")
	for prefix, want := range map[string]string{"a/.": "a/", "a/.e": "a/.e", "a/./x": "a/", "..": "", "a": "a"} {
		for _, err := range b.List(context.Background(), &blob.ListOptions{Prefix: prefix, Delimiter: "/"}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		heard := f.requests()
		if q, _ := url.ParseQuery(heard[0].query); len(heard) != 1 || q.Get("prefix") != want {
			t.Errorf("a listing of %q takes %d requests, the first %v", prefix, len(heard), heard[0])
		}
	}
}

// Versions are listed by dots too.
func TestVersionsByDots(t *testing.T) {
	keys := []string{"-", ".a", ".a", "..b", "a/-", "a/.e", "a/.e", "a/0", "b"}
	slices.Sort(keys)
	f := newFake(t, refusingDots(func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		var out strings.Builder
		for _, key := range keys {
			if strings.HasPrefix(key, q.Get("prefix")) && key > q.Get("key-marker") {
				fmt.Fprintf(&out, "<Version><Key>%s</Key><VersionId>1</VersionId><Size>5</Size><LastModified>2026-11-25T10:00:00Z</LastModified></Version>", key)
			}
		}
		answerXML(w, "<ListVersionsResult><Name>b</Name><IsTruncated>false</IsTruncated>"+out.String()+"</ListVersionsResult>")
	}))
	b := f.open(t, "minio", func(c *Config) { c.Versions = true })
	for _, opts := range []*blob.ListOptions{{Prefix: "."}, {Prefix: ".."}, {Prefix: "a/."}, {Prefix: "a/.", StartAfter: "a/."}, {StartAfter: "."}, {StartAt: "a/.."}, {StartAfter: "a/../x"}, {Prefix: "a/./"}} {
		opts.Versions = true
		var got, want []string
		for o, err := range b.List(context.Background(), opts) {
			if err != nil {
				t.Fatalf("%+v: %v", *opts, err)
			}
			got = append(got, o.Key)
		}
		for _, key := range keys {
			if strings.HasPrefix(key, opts.Prefix) && key >= opts.Start() {
				want = append(want, key)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v yields %q, not %q", *opts, got, want)
		}
	}
}

// entries is the rule: an entry is yielded if and only if it is not less than where the listing starts.
func entries(keys []string, o *blob.ListOptions) []string {
	set := map[string]bool{}
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, o.Prefix)
		if !ok {
			continue
		}
		if before, _, found := strings.Cut(rest, o.Delimiter); found && o.Delimiter != "" {
			key = o.Prefix + before + o.Delimiter
		}
		if key >= o.Start() {
			set[key] = true
		}
	}
	all := slices.Sorted(maps.Keys(set))
	if o.Limit > 0 && len(all) > o.Limit {
		all = all[:o.Limit]
	}
	return all
}

// What the server starts after lies below where we start, and no key that it should list lies between.
func TestBefore(t *testing.T) {
	for _, start := range []string{"a", "a/", "a0", "é", "\x01", "a\x01", "a\x00", "\ue000", "a\U0010ffff", "z\x00"} {
		if after := before(start, ""); after >= start {
			t.Errorf("before(%q) is %q", start, after)
		}
	}
	if got := before("a/b", "a/b"); got != "" {
		t.Errorf("a listing that starts at its prefix starts after %q", got)
	}
}

func TestVersionsComeInTheirOrder(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		const at = "<LastModified>2026-11-25T10:00:00Z</LastModified>"
		if q.Get("key-marker") == "" {
			answerXML(w, `<ListVersionsResult><Name>b</Name><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker>`+
				`<DeleteMarker><Key>k</Key><VersionId>3</VersionId>`+at+`</DeleteMarker><Version><Key>k</Key><VersionId>2</VersionId><Size>5</Size>`+at+`</Version></ListVersionsResult>`)
			return
		}
		answerXML(w, `<ListVersionsResult><Name>b</Name><IsTruncated>false</IsTruncated><DeleteMarker><Key>k</Key><VersionId>1</VersionId>`+at+`</DeleteMarker>`+
			`<Version><Key>k</Key><VersionId>null</VersionId>`+at+`</Version><Version><Key>l</Key><VersionId>9</VersionId>`+at+`</Version></ListVersionsResult>`)
	})
	b := f.open(t, "aws", func(c *Config) { c.Versions = true })
	var got []string
	for o, err := range b.List(context.Background(), &blob.ListOptions{Versions: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(o.Key, o.Version, o.IsDeleteMarker))
	}
	if want := []string{"k3true", "k2false", "k1true", "knullfalse", "l9false"}; !slices.Equal(got, want) {
		t.Errorf("versions are %v, not %v", got, want)
	}
}
