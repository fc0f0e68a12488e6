//go:build !ceph || !cgo

package ceph

import (
	"errors"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// A build without librados says in one line what is needed.
func TestBuildWithoutLibrados(t *testing.T) {
	_, err := blob.Open(t.Context(), "ceph://pool/space/")
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "-tags ceph") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}
