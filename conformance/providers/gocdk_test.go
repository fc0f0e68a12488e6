package providers_test

import (
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/drivers/gocdk/gocdktest"
)

// TestDrivertest runs gocloud.dev's own conformance tests over the servers, as drivers/gocdk shows them. Every day one
// server will do, since what those tests see of one is what drivers/s3 makes of all.
func TestDrivertest(t *testing.T) {
	if *writeMatrix {
		t.Skip("not run: the matrix is about holdall's own suite")
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if tier() == conformance.Short && s.Provider != providers.MinIO {
			t.Skip("not run: HOLDALL_FULL=1 runs it")
		}
		gocdktest.RunDrivertest(t, func(t *testing.T) blob.Bucket { return s.Harness(false).Bucket(t) })
	})
}
