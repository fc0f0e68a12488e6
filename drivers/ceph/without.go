//go:build !ceph || !cgo

package ceph

import (
	"errors"
	"fmt"
)

// errNoLibrados says what a build that can reach a cluster takes.
var errNoLibrados = fmt.Errorf("%w: this program was built without librados; build it with -tags ceph, CGO_ENABLED=1 and librados-dev installed", errors.ErrUnsupported)

func connect(*Config) (cluster, error) { return nil, errNoLibrados }
