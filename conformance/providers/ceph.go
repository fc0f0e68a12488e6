package providers

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdall-go/holdall/conformance"
)

// Ceph is the S3 door of Ceph, the RADOS gateway, before one monitor and one OSD. Killed, it keeps what it acknowledged.
var Ceph = &Provider{
	Name:    "ceph",
	Holders: [2]Identity{{"AKTEST", "SKTEST0123456789"}, {"AKTEST2", "SKTEST20123456789"}},
	port:    "7480/tcp",
	env:     []string{"USERS=holdall:AKTEST:SKTEST0123456789 other:AKTEST2:SKTEST20123456789"},
	version: func(ctx context.Context, s *Server) (string, error) { return cephVersion(ctx, s.process, "radosgw") },
	expected: map[string]conformance.KnownFailure{
		"H23": {
			Reason: "where the end of a prefix and the key after it make a delimiter, a page skips what begins with the key before it: " +
				"https://github.com/ceph/ceph/blob/v16.2.15/src/rgw/rgw_rados.cc",
			Texts:     []string{"Delimiter:/b "}, // the only one of two bytes, so that a prefix can end within it
			Sometimes: true,                      // prefixes, delimiters and starts are chosen at random
		},
	},
}

// cephVersion asks a program of Ceph.
func cephVersion(ctx context.Context, p process, program string) (string, error) {
	out, err := p.exec(ctx, program, "--version") // ceph version 16.2.15 (…) pacific (stable)
	if err != nil {
		return "", err
	}
	fields := strings.Fields(out)
	if len(fields) < 3 || fields[1] != "version" {
		return "", fmt.Errorf("unexpected: %q", out)
	}
	return fields[2], nil
}
