//go:build ceph && cgo

package ceph

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/ceph/go-ceph/rados"
)

// What librados answered can be told by the errors of go-ceph, and is nothing else.
func TestErrorCode(t *testing.T) {
	err := fmt.Errorf("reading: %w", failed("read of x", errorCode(-2)))
	if !errors.Is(err, rados.ErrNotFound) || errors.Is(err, rados.ErrPermissionDenied) || errors.Is(err, fs.ErrNotExist) || !is(err, missing) {
		t.Errorf("%v is not what it is", err)
	}
	var coded interface{ ErrorCode() int }
	if !errors.As(err, &coded) || coded.ErrorCode() != -2 {
		t.Errorf("%v has no code", err)
	}
}
