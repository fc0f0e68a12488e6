package providers

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/s3"
)

// opened makes the names of buckets different, within a run and between runs.
var (
	opened atomic.Int64
	runID  = time.Now().UnixNano()
)

// Harness reaches the server through drivers/s3. Each case gets a bucket of its own, with versions if so wished. For
// opening by URL, the environment must have what Environment returns.
func (s *Server) Harness(versions bool) conformance.Harness {
	h := harness{s, versions, s.Client(s.Provider.Holders[0])}
	name := s.Name()
	if versions {
		name += "+versions"
	}
	return conformance.Harness{
		Name:   name,
		Open:   h.open,
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return h.handle(t, nameOf(b), h.config()) },
		URL: func(_ *conformance.T, b blob.Bucket) string {
			query := url.Values{"endpoint": {s.Endpoint.String()}, "region": {region}, "flavour": {s.Provider.Name}}
			if versions {
				query.Set("versions", "true")
			}
			return (&url.URL{Scheme: "s3", Host: nameOf(b), RawQuery: query.Encode()}).String()
		},
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) {
			b, err := s3.Open(t.Context(), h.newName(), h.config())
			if err != nil {
				return nil, err
			}
			return b, nil
		},
		Foreign: func(t *conformance.T, b blob.Bucket, key, content string) {
			_, err := h.client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(nameOf(b)), Key: &key, Body: strings.NewReader(content)})
			if err != nil {
				t.Fatalf("put by the SDK: %v", err)
			}
		},
		Endpoint: func(*conformance.T, blob.Bucket) *url.URL { return s.Endpoint },
		Proxied: func(t *conformance.T, b blob.Bucket, via *url.URL) blob.Bucket {
			cfg := h.config()
			cfg.Endpoint = via.String()
			return h.handle(t, nameOf(b), cfg)
		},
		Denied: func(t *conformance.T, b blob.Bucket) blob.Bucket {
			cfg := h.config()
			cfg.Credentials = static(Identity{s.Provider.Holders[0].Access, "not-the-secret"})
			return h.handle(t, nameOf(b), cfg)
		},
		Restart: func(t *conformance.T) {
			if err := s.Restart(t.Context()); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Pause: func(t *conformance.T, d time.Duration) {
			if err := s.Pause(t.Context(), d); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Secrets: []string{s.Provider.Holders[0].Secret, s.Provider.Holders[1].Secret},
		Impossible: map[conformance.Hook]string{
			conformance.HookCorrupt: "the server keeps its files to itself",
		},
		Expected: s.Provider.expected,
	}
}

// Environment is what a program needs to open the server's buckets by URL: the first identity's keys, and no files that
// would say otherwise.
func (s *Server) Environment() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": s.Provider.Holders[0].Access, "AWS_SECRET_ACCESS_KEY": s.Provider.Holders[0].Secret,
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	}
}

type harness struct {
	server   *Server
	versions bool
	client   *sdk.Client
}

func (h *harness) newName() string { return fmt.Sprintf("hc-%d-%d", runID, opened.Add(1)) }

func (h *harness) config() *s3.Config {
	return &s3.Config{
		Region: region, Endpoint: h.server.Endpoint.String(), Flavour: h.server.Provider.Name,
		Credentials: static(h.server.Provider.Holders[0]), Versions: h.versions,
	}
}

func static(who Identity) aws.CredentialsProvider {
	return aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(who.Access, who.Secret, ""))
}

func nameOf(b blob.Bucket) string { return b.(*s3.Bucket).Name() }

// open makes a bucket, and has the case remove it.
func (h *harness) open(t *conformance.T) blob.Bucket {
	name := h.newName()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		if err := removeBucket(ctx, h.client, name); err != nil {
			t.Errorf("%v", err)
		}
	})
	if err := makeBucket(t.Context(), h.client, name); err != nil {
		t.Fatalf("making a bucket: %v", err)
	}
	if h.versions {
		_, err := h.client.PutBucketVersioning(t.Context(), &sdk.PutBucketVersioningInput{
			Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		if err != nil {
			t.Fatalf("enabling versions: %v", err)
		}
	}
	return h.handle(t, name, h.config())
}

func (h *harness) handle(t *conformance.T, name string, cfg *s3.Config) blob.Bucket {
	b, err := s3.Open(t.Context(), name, cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return b
}
