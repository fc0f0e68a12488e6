package b2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// A Delete removes what is older than its marker, and the marker last; never what is newer, nor an unfinished upload.
func TestDelete(t *testing.T) {
	type v = map[string]any
	up, start := func(id string) v { return version(id, "k", "upload") }, func(id string) v { return version(id, "k", "start") }
	marker, older := version("marker", "k", "hide"), version("marker-1", "k", "hide")
	for name, test := range map[string]struct {
		hide     string // the error of b2_hide_file, or ""
		versions []v
		want     []string
	}{
		"one version":                {"", []v{marker, up("1")}, []string{"1", "marker"}},
		"many, and an older marker":  {"", []v{marker, up("3"), up("2"), older, up("1")}, []string{"3", "2", "marker-1", "1", "marker"}},
		"written meanwhile":          {"", []v{up("new"), marker, up("1")}, []string{"1", "marker"}},
		"uploads under way":          {"", []v{start("new"), marker, start("old"), up("1")}, []string{"1", "marker"}},
		"longer names":               {"", []v{marker, up("1"), version("other", "k2", "upload")}, []string{"1", "marker"}},
		"removed by another":         {"", []v{up("new")}, nil},
		"nothing there":              {"no_such_file", nil, nil},
		"an interrupted one":         {"already_hidden", []v{marker, up("1")}, []string{"1", "marker"}},
		"one that is over meanwhile": {"already_hidden", nil, nil},
		"written since it was over":  {"already_hidden", []v{up("new"), up("1")}, nil},
	} {
		var removed []string
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			switch {
			case r.call == "b2_hide_file" && test.hide != "":
				answerError(w, http.StatusBadRequest, test.hide, "")
			case r.call == "b2_list_file_versions":
				answerJSON(w, map[string]any{"files": append([]v{}, test.versions...)})
			case r.call == "b2_delete_file_version":
				removed = append(removed, r.param("fileId").(string))
				return false
			default:
				return false
			}
			return true
		})
		if err := f.open(t).Delete(context.Background(), "k", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(removed, test.want) {
			t.Errorf("%s: removes %q, not %q", name, removed, test.want)
		}
	}
}

// Where versions are kept a key that is hidden already is as good as deleted, and nothing is looked for.
func TestDeleteKeeps(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_hide_file" {
			answerError(w, http.StatusBadRequest, "already_hidden", "")
		}
		return r.call == "b2_hide_file"
	})
	f.capabilities, f.bucketName = []string{"writeFiles"}, "bucket"
	err := f.open(t, func(c *Config) { c.KeepVersions = true }).Delete(context.Background(), "k", nil)
	if err != nil {
		t.Error(err)
	}
	wantCalls(t, "a second delete", f.calls(), "b2_hide_file")
}

// A version is removed if it is one of the key in this bucket. What the ID of another bucket's, or of an upload, would
// have B2 remove is left alone.
func TestDeleteVersion(t *testing.T) {
	for name, test := range map[string]struct {
		listed  map[string]any // nil: the ID is refused
		removed bool
	}{
		"a version":            {version("1", "k", "upload"), true},
		"a marker":             {version("1", "k", "hide"), true},
		"one that is gone":     {version("0", "k", "upload"), false},
		"one of a longer name": {version("1", "k2", "upload"), false},
		"an upload":            {version("1", "k", "start"), false},
		"no ID":                {nil, false},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call != "b2_list_file_versions" {
				return false
			}
			if r.param("startFileName") != "k" || r.param("startFileId") != "1" || r.param("prefix") != "k" {
				t.Errorf("%s: it is looked for by %s", name, r.body)
			}
			if test.listed == nil {
				answerError(w, http.StatusBadRequest, "bad_request", "Invalid fileId")
			} else {
				answerJSON(w, map[string]any{"files": []any{test.listed}})
			}
			return true
		})
		b := f.open(t, func(c *Config) { c.KeepVersions = true })
		if err := b.Delete(context.Background(), "k", &blob.DeleteOptions{Version: "1"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := []string{"b2_list_file_versions", "b2_delete_file_version"}
		if !test.removed {
			want = want[:1]
		}
		wantCalls(t, name, f.calls(), want...)
	}
}

// A key that is not written here may be another program's, if B2 takes it at all.
func TestDeleteOfForeignNames(t *testing.T) {
	for _, taken := range []bool{true, false} {
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call == "b2_hide_file" && !taken {
				answerError(w, http.StatusBadRequest, "bad_request", "File names must not end with '/'")
				return true
			}
			return false
		})
		if err := f.open(t, func(c *Config) { c.KeepVersions = true }).Delete(context.Background(), "folder/", nil); err != nil {
			t.Error(err)
		}
		wantCalls(t, "a delete", f.calls(), "b2_hide_file")
	}
}

// What another has removed meanwhile is as good as removed; what cannot be removed keeps the marker above it.
func TestDeleteFails(t *testing.T) {
	for code, wantMarker := range map[string]bool{"file_not_present": true, "unauthorized": false} {
		var removed []string
		f := newFake(t, func(w http.ResponseWriter, r request) bool {
			if r.call != "b2_delete_file_version" {
				return false
			}
			removed = append(removed, r.param("fileId").(string))
			answerError(w, map[bool]int{true: 400, false: 401}[wantMarker], code, "")
			return true
		})
		err := f.open(t).Delete(context.Background(), "k", nil)
		if (err == nil) != wantMarker || slices.Contains(removed, "marker") != wantMarker {
			t.Errorf("%s: removes %q, %v", code, removed, err)
		}
	}
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_hide_file" {
			answerError(w, http.StatusBadRequest, "bad_bucket_id", "")
		}
		return r.call == "b2_hide_file"
	})
	if err := f.open(t).Delete(context.Background(), "k", nil); !errors.Is(err, blob.ErrNotExist) {
		t.Errorf("in a bucket that is gone it answers %v", err)
	}
}
