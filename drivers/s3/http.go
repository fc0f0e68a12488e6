package s3

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"
)

// sharedHTTP is the client of every bucket that brings none, so that connections are shared.
var sharedHTTP = &http.Client{Transport: newTransport(), CheckRedirect: noRedirect}

// bundledHTTP is sharedHTTP for those who trust other certificates than the system does.
var bundledHTTP bundled

// bundled is a client for the certificates that were asked for last, which are mostly the same.
type bundled struct {
	mu     sync.Mutex
	roots  *x509.CertPool
	client *http.Client
}

func (b *bundled) trusting(roots *x509.CertPool) *http.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil || !b.roots.Equal(roots) {
		t := newTransport()
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
		b.roots, b.client = roots, &http.Client{Transport: t, CheckRedirect: noRedirect}
	}
	return b.client
}

// newTransport differs from the standard library's in that it keeps as many idle connections to a server as large
// transfers use at once (it keeps 2, which doubles the CPU of many small calls), writes in larger pieces, and never
// decompresses: what is stored compressed is delivered as it is stored.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          0, // no limit beyond that of each host
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        readAhead,
		DisableCompression:    true,
	}
}

// readAhead is what a connection reads at once where the reader asks for less, in bytes.
const readAhead = 16 << 10

// noRedirect leaves redirects to S3's own rules: a signature is good for one host, and must not be sent to another.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
