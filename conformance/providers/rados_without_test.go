//go:build !ceph || !cgo

package providers_test

import (
	"testing"

	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
)

func init() {
	also = append(also, store{providers.RADOS.Name, func(t *testing.T) conformance.Harness {
		required, err := providers.RADOS.Required()
		if err != nil {
			t.Fatal(err)
		}
		const why = "not run: this test was built without librados; install librados-dev, and build with -tags ceph"
		if required {
			t.Fatal(why)
		}
		t.Skip(why)
		panic("unreachable")
	}})
}
