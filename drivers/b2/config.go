package b2

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// Config tells how a bucket is reached. The zero value is Backblaze's service, with the application key from where
// Backblaze's own tools find it: the environment variables B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY.
type Config struct {
	// KeyID and Key are an application key. Both are given, or neither.
	KeyID, Key string

	// Endpoint is the URL to ask for a token, such as that of a test server. Empty: https://api.backblazeb2.com.
	Endpoint string

	// KeepVersions keeps old versions: a Delete hides and removes nothing, and versions can be listed, read and removed
	// one by one. Without it a Delete removes for good.
	KeepVersions bool

	// AnyKeys takes keys with a backslash, with a slash at the beginning or end or two in a row, and with segments of
	// more than 250 bytes. Some pages of Backblaze's allow them and some do not, so they are refused unless this is
	// set. Control bytes, and "." and ".." segments, are refused in any case ([blob.KeyRules].URLSafe).
	AnyKeys bool

	// MaxAttempts is how often a call is made in all, where that is safe. Zero is 5; 1 is no retry.
	MaxAttempts int

	// Observe receives every call that was made, repeated attempts included. Nil: nothing does. See [blob.Attempt].
	Observe func(blob.Attempt)

	// Transport sends the requests. Nil: one of holdall's, shared by all buckets of the process.
	Transport http.RoundTripper
}

// account makes the account that c tells of, which has no token yet.
func (c *Config) account() (*account, error) {
	a := &account{keyID: c.KeyID, key: c.Key, endpoint: strings.TrimSuffix(c.Endpoint, "/"), calls: remote.Caller{Attempts: cmp.Or(c.MaxAttempts, defaultAttempts), Backoff: backoff}}
	a.calls.Observe = a.observe(c.Observe)
	if a.keyID == "" && a.key == "" {
		a.keyID, a.key = os.Getenv("B2_APPLICATION_KEY_ID"), os.Getenv("B2_APPLICATION_KEY")
	}
	if a.keyID == "" || a.key == "" {
		return nil, fmt.Errorf("%w: no application key; set B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY, or KeyID and Key of Config", blob.ErrInvalid)
	}
	if a.endpoint == "" {
		a.endpoint = base.APIBase
	}
	sending := c.Transport
	if sending == nil {
		sending = remote.Client(nil).Transport
	}
	a.transport = &transport{account: a, next: remote.Observed(sending)}
	return a, nil
}

// check refuses what cannot be right, before any request.
func (c *Config) check() error {
	if c.MaxAttempts < 0 {
		return fmt.Errorf("%w: MaxAttempts is %d; 1 is no retry, and zero is the default", blob.ErrInvalid, c.MaxAttempts)
	}
	if c.Endpoint == "" {
		return nil
	}
	return remote.CheckEndpoint(c.Endpoint, false, base.APIBase, "the application key comes from the environment, or from Config")
}

// checkBucketName takes 6 to 63 letters, digits and hyphens.
// https://www.backblaze.com/docs/cloud-storage-buckets
func checkBucketName(name string) error {
	bad := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
	if len(name) < 6 || len(name) > 63 || bad >= 0 {
		return fmt.Errorf("%w: %q is no bucket name; those have 6 to 63 letters, digits and '-'", blob.ErrInvalid, name)
	}
	return nil
}
