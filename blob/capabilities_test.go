package blob_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// Capabilities hold nothing by which a caller could change those of a bucket, in any wrapper: no slice, map, pointer,
// function or interface.
func TestCapabilitiesShareNothing(t *testing.T) {
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				walk(path+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint8, reflect.String:
		default:
			t.Errorf("%s is a %s", path, typ)
		}
	}
	walk("Capabilities", reflect.TypeFor[blob.Capabilities]())
}

// A change of what a wrapper returned changes neither the wrapper nor the bucket in it.
func TestCapabilitiesAreTheCallersOwn(t *testing.T) {
	m := newMem(t)
	for name, b := range map[string]blob.Bucket{"driver": m, "check": blob.Check(m), "sub": blob.Sub(m, "p/"), "read-only": blob.ReadOnly(m)} {
		before, inside := b.Capabilities(), m.Capabilities()
		mine := b.Capabilities()
		mine.Checksums.In, mine.Sign.Methods, mine.If.Put, mine.Keys.Prefix = 0, blob.Methods("PUT"), 0, "other/"
		if b.Capabilities() != before || m.Capabilities() != inside {
			t.Errorf("%s: the capabilities changed with the caller's copy", name)
		}
	}
}

func TestWrappersReportWhatIsLeft(t *testing.T) {
	f := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) {
		c.Keys = blob.KeyRules{MaxBytes: 100, Canonical: true}
		c.Sign.Methods = blob.Methods("GET", "HEAD", "PUT")
	}}
	sub := blob.Sub(blob.Sub(checkedFake(t, f), "a/"), "b").Capabilities()
	want := f.Capabilities()
	want.Keys.Prefix = "a/b"
	if sub != want || sub.Keys.Max() != 97 || !sub.Keys.PartOfSegment() {
		t.Errorf("a Sub of a Sub has %+v, and the bucket %+v", sub, want)
	}
	if got := blob.ReadOnly(f).Capabilities(); !got.ReadOnly || got.Sign.Methods != blob.Methods("GET", "HEAD") || got.If.Put != 0 || got.If.Copy != 0 || got.Checksums.In != 0 || got.Keys != f.Capabilities().Keys {
		t.Errorf("ReadOnly has %+v", got)
	}
}

func TestAlgorithmSet(t *testing.T) {
	all := []blob.Algorithm{blob.CRC32C, blob.CRC32, blob.CRC64NVME, blob.SHA1, blob.SHA256, blob.MD5}
	if got := slices.Collect(blob.AllAlgorithms.All()); !slices.Equal(got, all) || blob.Algorithms(all...) != blob.AllAlgorithms {
		t.Errorf("all algorithms are %v", got)
	}
	s := blob.Algorithms(blob.SHA1, blob.CRC32C)
	if !s.Has(blob.SHA1) || s.Has(blob.MD5) || s.Has("sha2") || fmt.Sprint(s) != "crc32c, sha1" || fmt.Sprint(blob.Algorithms()) != "none" {
		t.Errorf("the set is %s", s)
	}
	for range s.All() {
		break
	}
	wantPanic(t, func() { blob.Algorithms("sha2") })
}

func TestMethodSet(t *testing.T) {
	all := []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPost}
	if got := slices.Collect(blob.Methods(all...).All()); !slices.Equal(got, all) {
		t.Errorf("all methods are %v", got)
	}
	s := blob.Methods("PUT", "GET")
	if !s.Has("PUT") || s.Has("POST") || s.Has("get") || s.Has("") || fmt.Sprint(s) != "GET, PUT" || fmt.Sprint(blob.Methods()) != "none" {
		t.Errorf("the set is %s", s)
	}
	wantPanic(t, func() { blob.Methods("PATCH") })
}

func wantPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	f()
}
