package b2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/internal/remote"
)

// An account is an application key, and what B2 has given for it: a token that is good for a day, where to send calls,
// and what the key may do.
type account struct {
	keyID, key string
	endpoint   string
	calls      remote.Caller
	transport  *transport
	counts     [3]atomic.Int64 // of attempts, by class

	mu      sync.Mutex
	grant   *grant
	renewal *renewal // in progress, or nil
}

// A grant is what B2 answers to b2_authorize_account, as far as it matters here.
// https://www.backblaze.com/apidocs/b2-authorize-account
type grant struct {
	AccountID string `json:"accountId"`
	Token     string `json:"authorizationToken"`
	APIInfo   struct {
		StorageAPI *struct {
			APIURL       string   `json:"apiUrl"`
			DownloadURL  string   `json:"downloadUrl"`
			Capabilities []string `json:"capabilities"`
			BucketID     string   `json:"bucketId"`
			BucketName   string   `json:"bucketName"`
			NamePrefix   string   `json:"namePrefix"`
		} `json:"storageApi"`
	} `json:"apiInfo"`
}

func parseGrant(body []byte) (*grant, error) {
	g := &grant{}
	if err := json.Unmarshal(body, g); err != nil || g.Token == "" || g.APIInfo.StorageAPI == nil ||
		g.APIInfo.StorageAPI.APIURL == "" || g.APIInfo.StorageAPI.DownloadURL == "" {
		return nil, errors.New("it lacks a token, or where to send calls")
	}
	return g, nil
}

// may tells whether the key has a capability.
func (g *grant) may(capability string) bool {
	return slices.Contains(g.APIInfo.StorageAPI.Capabilities, capability)
}

// current returns the grant that holds now.
func (a *account) current() *grant {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.grant
}

// needed are the capabilities without which a call is refused in any bucket.
// https://www.backblaze.com/docs/cloud-storage-application-key-capabilities
var needed = map[string]string{
	"b2_cancel_large_file": "writeFiles", "b2_copy_file": "writeFiles", "b2_copy_part": "writeFiles", "b2_delete_file_version": "deleteFiles",
	"b2_download_file_by_id": "readFiles", "b2_download_file_by_name": "readFiles", "b2_finish_large_file": "writeFiles",
	"b2_get_file_info": "readFiles", "b2_get_upload_part_url": "writeFiles", "b2_get_upload_url": "writeFiles", "b2_hide_file": "writeFiles",
	"b2_list_buckets": "listBuckets", "b2_list_file_names": "listFiles", "b2_list_file_versions": "listFiles", "b2_list_parts": "writeFiles",
	"b2_list_unfinished_large_files": "listFiles", "b2_start_large_file": "writeFiles",
}

// permits refuses a call that the key may not make, before it is made: B2's own answer does not say what is lacking.
func (g *grant) permits(call string) *remote.Failure {
	if capability := needed[call]; capability != "" && !g.may(capability) {
		return withError(&remote.Failure{Meaning: remote.Meaning{Is: fs.ErrPermission}, Call: call,
			Message: fmt.Sprintf("the application key lacks the capability %s, which %s needs", capability, call)})
	}
	return nil
}

// neededWherePrivate are the capabilities that a call needs unless the bucket is public, which only B2 is sure to know.
// https://www.backblaze.com/apidocs/b2-copy-file
var neededWherePrivate = map[string]string{"b2_copy_file": "readFiles", "b2_copy_part": "readFiles"}

// nameMissingCapability names in the failure of a call that was denied what the key lacks for it. An authorization,
// before which there is no grant, is left as it is.
func (g *grant) nameMissingCapability(f *remote.Failure) {
	if capability := neededWherePrivate[f.Call]; f.Code == "unauthorized" && capability != "" && !g.may(capability) {
		f.Message = fmt.Sprintf("the application key lacks the capability %s, which %s needs in a private bucket", capability, f.Call)
	}
}

// covers refuses names outside of the key's prefix, for the same reason.
func (g *grant) covers(name string) error {
	if p := g.APIInfo.StorageAPI.NamePrefix; len(name) < len(p) || name[:len(p)] != p {
		return fmt.Errorf("%w: the application key is restricted to names that begin with %q", fs.ErrPermission, p)
	}
	return nil
}

// renewalTime bounds how long a renewal of the token may take.
const renewalTime = time.Minute

// A renewal is one b2_authorize_account, for all calls that wait for it. It ends when none of them does any longer.
type renewal struct {
	done    chan struct{}
	err     error
	waiting int
	cancel  context.CancelFunc
}

// renew gets a token in place of one that is no longer good. Of many that find it so at once, one asks.
func (a *account) renew(ctx context.Context, stale string) error {
	a.mu.Lock()
	if a.grant != nil && a.grant.Token != stale {
		a.mu.Unlock()
		return nil
	}
	r := a.renewal
	if r == nil {
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewalTime)
		r = &renewal{done: make(chan struct{}), cancel: cancel}
		a.renewal = r
		go a.ask(asking, r)
	}
	r.waiting++
	a.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
	}
	a.mu.Lock()
	if r.waiting--; r.waiting == 0 {
		r.cancel()
		if a.renewal == r {
			a.renewal = nil // who comes now begins another
		}
	}
	a.mu.Unlock()
	return ctx.Err()
}

func (a *account) ask(ctx context.Context, r *renewal) {
	defer r.cancel()
	_, g, err := a.authorize(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.grant = g
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = (&exchange{call: "b2_authorize_account"}).noResponse(errors.New("not in time"))
	}
	if r.err = err; a.renewal == r {
		a.renewal = nil
	}
	close(r.done)
}

// authorize asks for a token.
func (a *account) authorize(ctx context.Context) (*base.B2, *grant, error) {
	var client *base.B2
	var g *grant
	_, err := a.try(ctx, "b2_authorize_account", func(ctx context.Context) (err error) {
		client, err = base.AuthorizeAccount(ctx, a.keyID, a.key, base.Transport(a.transport), base.SetAPIBase(a.endpoint), base.UserAgent(userAgent))
		g = exchangeOf(ctx).grant
		return err
	})
	switch f := remote.AsFailure(err); {
	case f == nil:
	case errors.Is(f.Is, fs.ErrPermission):
		f.Is = fmt.Errorf("%w: the application key is not accepted", fs.ErrPermission)
	case f.Is != ErrCapExceeded: // it tells nothing about a bucket, an object or a key
		f.Is = nil
	}
	if f := remote.AsFailure(err); f != nil && f.Status == http.StatusNotFound {
		err = fmt.Errorf("the endpoint is not of B2: %w", err)
	}
	return client, g, err
}
