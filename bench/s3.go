//go:build linux

package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/bench/nulls3"
)

// realS3 is the URL of a bucket on a real server, with its key pair, or empty.
var realS3 string

// A target is an S3 server, with a bucket and a place in it for what a run leaves.
type target struct {
	name        string // in the table
	url         string // of the server
	bucket      string
	key, secret string
	place       string // what our keys begin with
	null        bool   // the null server
}

// targets returns the null server over each of the schemes, then the real server if there is one.
func targets(schemes ...string) []*target {
	p := nullServer()
	var all []*target
	for _, scheme := range schemes {
		t := &target{name: "null " + scheme, url: p.HTTP, bucket: nulls3.Bucket, key: "key", secret: "secret", null: true}
		if scheme == "https" {
			t.url = p.HTTPS
		}
		all = append(all, t)
	}
	if t := realTarget(); t != nil {
		all = append(all, t)
	}
	return all
}

var nullProcess *nulls3.Process

// nullServer starts the null server at the first call.
func nullServer() *nulls3.Process {
	if nullProcess == nil {
		p, err := nulls3.Start("-null-server")
		must(err)
		nullProcess = p
		trust(p.CA)
	}
	return nullProcess
}

// trust makes an authority one of the system's, for this process: nobody's client has to be changed for it. The
// environment names it while the system's are read, which happens once.
func trust(ca string) {
	dir, clean := tempDir("")
	defer clean()
	file := filepath.Join(dir, "ca.pem")
	must(os.WriteFile(file, []byte(ca), 0o600))
	must(os.Unsetenv("AWS_CA_BUNDLE")) // which would count instead, to those who heed it
	must(os.Setenv("SSL_CERT_FILE", file))
	defer os.Unsetenv("SSL_CERT_FILE")
	_, err := x509.SystemCertPool()
	must(err)
}

func stopNullServer() {
	if nullProcess != nil {
		nullProcess.Stop()
	}
}

// realTarget asks the real server for its name. An error never shows the URL, which holds the secret.
var realTarget = sync.OnceValue(func() *target {
	if realS3 == "" {
		return nil
	}
	u, err := url.Parse(realS3)
	if err != nil || u.Host == "" || u.User == nil || strings.Trim(u.Path, "/") == "" {
		fatal(fmt.Errorf("-s3 is no URL of the form http://key:secret@host:port/bucket"))
	}
	secret, _ := u.User.Password()
	t := &target{
		name: u.Hostname(), url: u.Scheme + "://" + u.Host, bucket: path.Base(u.Path), key: u.User.Username(), secret: secret,
		place: fmt.Sprintf("holdall-bench-%d/", time.Now().UnixNano()),
	}
	resp, err := http.Get(t.url)
	must(err)
	must(resp.Body.Close())
	if server := resp.Header.Get("Server"); server != "" {
		t.name = strings.ToLower(server)
	}
	return t
})

// object is a key for an object of a size. A null server takes the size from it.
func (t *target) object(name string, size int) string {
	return fmt.Sprintf("%s%s/%d", t.place, name, size)
}

// received makes sure that an upload arrived in whole: the null server counts, a real one is asked.
func (t *target) received(key string, size int64, upload func()) {
	if !t.null {
		upload()
		if got := newSDK(t).size(key); got != size {
			fatal(fmt.Errorf("%s has %d bytes of an upload of %d", t.name, got, size))
		}
		return
	}
	before, err := nullServer().Counts()
	must(err)
	upload()
	after, err := nullServer().Counts()
	must(err)
	if got := after.Received - before.Received; got != size {
		fatal(fmt.Errorf("%s received %d bytes of an upload of %d", t.name, got, size))
	}
}

// clean removes what a run left on a real server.
func (t *target) clean() {
	if !t.null {
		newSDK(t).removeAll(t.place)
	}
}
