//go:build !unix

package providers

import (
	"errors"
	"os"
)

// freeze answers errors.ErrUnsupported.
func freeze(*os.Process, bool) error { return errors.ErrUnsupported }
