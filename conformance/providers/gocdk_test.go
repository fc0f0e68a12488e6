package providers_test

import (
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/drivers/gocdk/gocdktest"
)

// What gocloud.dev's tests demand, and some stores cannot do.
var (
	noIfNotExist = gocdktest.Failure{Says: "code=Unimplemented", Why: "the store has no conditional writes, and looking first is none"}
	manyEntries  = gocdktest.Failure{Says: "code=InvalidArgument",
		Why: "it writes 18 entries of metadata, and B2 keeps ten: https://www.backblaze.com/docs/cloud-storage-file-information"}
)

// TestDrivertest runs gocloud.dev's own conformance tests over the stores, as drivers/gocdk shows them. Of the servers
// that speak S3's protocol one will do, except in the long run, since what those tests see is what drivers/s3 makes of all.
func TestDrivertest(t *testing.T) {
	notEveryDay(t)
	if *writeMatrix {
		t.Skip("not run: the matrix is about holdall's own suite")
	}
	run := func(t *testing.T, h conformance.Harness, expected map[string]gocdktest.Failure) {
		gocdktest.RunDrivertest(t, func(t *testing.T) blob.Bucket { return h.Bucket(t) }, expected)
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Provider != providers.MinIO {
			inTheLongRun(t)
		}
		var expected map[string]gocdktest.Failure
		if s.Provider == providers.Swift {
			expected = map[string]gocdktest.Failure{"TestIfNotExist": noIfNotExist}
		}
		run(t, s.Harness(false), expected)
	})
	t.Run("b2", func(t *testing.T) {
		run(t, serveB2(t).B2Harness(false), map[string]gocdktest.Failure{
			"TestIfNotExist": noIfNotExist, "TestMetadata/weird_metadata_keys": manyEntries,
		})
	})
	for _, s := range also {
		t.Run(s.name, func(t *testing.T) { run(t, s.harness(t), nil) })
	}
}
