package remote

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"
)

// ReadBuffer is how many bytes a connection of [NewTransport] reads at once where its reader asks for less.
const ReadBuffer = 16 << 10

// NewTransport returns a transport that trusts the certificates of roots; nil means those of the system. It differs from
// the standard library's in that it keeps as many idle connections to a server as large transfers use at once (the
// standard library keeps 2, which doubles the CPU time of many small calls), writes in larger pieces, and never
// decompresses: content that is stored compressed is delivered as it is stored.
func NewTransport(roots *x509.CertPool) *http.Transport {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          0, // no limit in addition to that of each host
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        ReadBuffer,
		DisableCompression:    true,
	}
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return t
}

var shared = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: NewTransport(nil), CheckRedirect: NoRedirect}
})

var bundled struct {
	sync.Mutex
	roots  *x509.CertPool
	client *http.Client
}

// Client returns the client that all buckets of the process share, so that they share connections, or, if roots is not
// nil, a client that trusts those certificates instead. Only the latest such client is kept, so buckets share it if they are
// opened with the same certificates one after the other. Neither client follows redirects.
func Client(roots *x509.CertPool) *http.Client {
	if roots == nil {
		return shared()
	}
	bundled.Lock()
	defer bundled.Unlock()
	if bundled.client == nil || !bundled.roots.Equal(roots) {
		bundled.roots, bundled.client = roots, &http.Client{Transport: NewTransport(roots), CheckRedirect: NoRedirect}
	}
	return bundled.client
}

// NoRedirect is an [http.Client.CheckRedirect] that follows no redirect. A signature or token is good for one host, and
// must not be sent to another.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
