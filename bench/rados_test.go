//go:build linux && ceph && cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/drivers/ceph"
)

// What a URL says of the cluster counts for both sides, and what would count for one is refused.
func TestParseRADOS(t *testing.T) {
	for rawURL, want := range map[string]ceph.Config{
		"ceph://pool":                     {Create: true},
		"ceph://pool/?conf=a/ceph.conf":   {Create: true, ConfigFile: "a/ceph.conf"},
		"ceph://pool?user=u&keyring=k%26": {Create: true, User: "u", Keyring: "k&"},
	} {
		if pool, got, err := parseRADOS(rawURL); err != nil || pool != "pool" || *got != want {
			t.Errorf("%s: %q, %+v, %v", rawURL, pool, got, err)
		}
	}
	for rawURL, says := range map[string]string{
		"ceph://pool/?data=other":       `"data" is none of conf`,
		"ceph://pool/?timeout=1s":       `"timeout" is none of conf`,
		"ceph://pool/?conf=":            `"conf"`,
		"ceph://pool/?user=a&user=b":    `"user"`,
		"ceph://pool/namespace/?conf=a": "it is written",
		"ceph:///?conf=a":               "it is written",
		"ceph://user@pool/":             "it is written",
		"s3://pool/":                    "it is written",
		"ceph://pool/?conf=%zz":         "escape",
		"%zz":                           "escape",
	} {
		if _, _, err := parseRADOS(rawURL); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", rawURL, err, says)
		}
	}
}

// go-ceph's own calls are those of the same user, with the same configuration, as ours.
func TestNewConn(t *testing.T) {
	t.Setenv("CEPH_ARGS", "")
	conf := filepath.Join(t.TempDir(), "ceph.conf")
	if err := os.WriteFile(conf, []byte("[client.u]\nmon_host = 192.0.2.1\n[client.admin]\nmon_host = 192.0.2.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for cfg, want := range map[ceph.Config]string{
		{ConfigFile: conf}: "192.0.2.2",
		{ConfigFile: conf, User: "u", Keyring: "file"}: "192.0.2.1",
	} {
		conn, err := newConn(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		host, err := conn.GetConfigOption("mon_host")
		if err != nil || host != want {
			t.Errorf("%+v: the monitor is %q, %v, want %q", cfg, host, err, want)
		}
		if keyring, err := conn.GetConfigOption("keyring"); err != nil || cfg.Keyring != "" && keyring != cfg.Keyring {
			t.Errorf("%+v: the keyring is %q, %v", cfg, keyring, err)
		}
	}
	if _, err := newConn(&ceph.Config{ConfigFile: conf + ".missing"}); err == nil {
		t.Error("a configuration that does not exist is taken")
	}
}
