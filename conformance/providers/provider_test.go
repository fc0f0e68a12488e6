package providers

import (
	"strings"
	"testing"
)

func TestRequired(t *testing.T) {
	for _, test := range []struct {
		setting     string
		ceph, minio bool
	}{
		{"", false, false},
		{"minio", false, true},
		{"minio, ceph", true, true},
		{"swift", false, false},
		{"all", true, true},
		{"swift,all", true, true},
	} {
		t.Setenv("HOLDALL_REQUIRE", test.setting)
		ceph, err := Ceph.Required()
		if ceph != test.ceph || err != nil {
			t.Errorf("%q requires ceph: %v, %v", test.setting, ceph, err)
		}
		minio, err := MinIO.Required()
		if minio != test.minio || err != nil {
			t.Errorf("%q requires minio: %v, %v", test.setting, minio, err)
		}
	}
	for _, wrong := range []string{"any", "Minio", "minio,", "minio ceph"} {
		t.Setenv("HOLDALL_REQUIRE", wrong)
		if _, err := MinIO.Required(); err == nil || !strings.Contains(err.Error(), "ceph, minio, swift, versitygw") {
			t.Errorf("%q: error %v, want one with the names of the servers", wrong, err)
		}
	}
}
