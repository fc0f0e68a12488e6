package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"", 2, "0 buckets"},
		{"ceph://a/b/ ceph://a/c/", 2, "2 buckets"},
		{"-nonsense ceph://a/b/", 2, "usage: fsck"},
		{"-uploads=1h ceph://a/b/", 2, "goes with -sweep"},
		{"-sweep -uploads=-1h ceph://a/b/", 2, "is an age"},
		{"mem://", 1, `scheme "mem" is not known`},
		{"ceph://a/?keyring=secret", 1, "ceph://pool/namespace/"},
		{"-h", 0, "-content"},
	} {
		var stdout, stderr bytes.Buffer
		status := fsck(strings.Fields(c.args), &stdout, &stderr)
		if status != c.status || !strings.Contains(stderr.String(), c.says) || strings.Contains(stderr.String(), "secret") {
			t.Errorf("fsck %s: %d, %s", c.args, status, &stderr)
		}
	}
}
