package s3

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// A Bucket is a bucket of S3, or of a server that speaks its protocol. Beside the methods of [blob.Bucket] it has what S3
// alone can do.
type Bucket struct {
	blob.Wrapper
	raw *bucket
}

// Client is the SDK's client that the bucket uses. It does not retry; the bucket does.
func (b *Bucket) Client() *s3.Client { return b.raw.client }

// Name is the name of the bucket on the server.
func (b *Bucket) Name() string { return b.raw.name }

// Flavour is the kind of server, one of [Flavours].
func (b *Bucket) Flavour() string { return b.raw.flavour.name }

// Open opens the bucket of that name, which must exist: the first request would tell. Open makes no request itself,
// unless it must learn the flavour of a server.
func Open(ctx context.Context, name string, cfg *Config) (*Bucket, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	raw, err := open(ctx, name, cfg)
	if err != nil {
		return nil, &blob.Error{Op: "open", Bucket: "s3://" + name, Err: err}
	}
	return &Bucket{blob.Own(blob.Check(raw)), raw}, nil
}

func open(ctx context.Context, name string, cfg *Config) (*bucket, error) {
	if err := cmp.Or(cfg.check(), checkBucketName(name)); err != nil {
		return nil, err
	}
	o, err := cfg.options(ctx)
	if err != nil {
		return nil, err
	}
	b := &bucket{name: name, versions: cfg.Versions, signPayload: cfg.SignPayload,
		calls: remote.Caller{Attempts: cmp.Or(cfg.MaxAttempts, 5), Backoff: backoff, Observe: cfg.Observe}}
	if cfg.Observe != nil {
		o.HTTPClient = observed(o.HTTPClient)
	}
	if b.flavour, err = b.findFlavour(ctx, cfg, &o); err != nil {
		return nil, err
	}
	if cfg.Client == nil && cfg.PathStyle == nil {
		o.UsePathStyle = o.UsePathStyle || b.flavour.pathStyle
	}
	if cfg.CustomerKey != nil {
		b.customer = newCustomerKey(cfg.CustomerKey)
	}
	b.endpoint = aws.ToString(o.BaseEndpoint)
	b.region = o.Region
	b.credentials = o.Credentials
	b.client = s3.New(o, b.adjust)
	return b, nil
}

// findFlavour takes the flavour that cfg names, or that the endpoint's host tells, or else asks the server.
func (b *bucket) findFlavour(ctx context.Context, cfg *Config, o *s3.Options) (*flavour, error) {
	if cfg.Flavour != "" {
		return flavourNamed(cfg.Flavour)
	}
	if o.BaseEndpoint == nil {
		return flavourNamed("aws")
	}
	u, err := url.Parse(*o.BaseEndpoint)
	if err != nil {
		return nil, fmt.Errorf("%w: the endpoint is not a URL", blob.ErrInvalid)
	}
	if f := flavourOfHost(u.Hostname()); f != nil {
		return f, nil
	}
	return b.probe(ctx, u.JoinPath(b.name), o.HTTPClient)
}

// cephRequest is how Ceph numbers requests: a counter, the time, the number of the gateway, and the name of its zone
// (https://github.com/ceph/ceph/blob/v16.2.15/src/rgw/services/svc_zone_utils.cc, unique_trans_id).
var cephRequest = regexp.MustCompile(`^tx[0-9a-f]{21}-[0-9a-f]{10,16}-[0-9a-f]+-.`)

// probe asks the server for its flavour. It needs no credentials: the headers of any response show it.
func (b *bucket) probe(ctx context.Context, u *url.URL, client s3.HTTPClient) (*flavour, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the endpoint is not a URL", blob.ErrInvalid)
	}
	var resp *http.Response
	err = b.calls.Once(ctx, "HeadBucket", func(ctx context.Context) (err error) {
		if resp, err = client.Do(req.WithContext(ctx)); err != nil {
			return asFailure(err)
		}
		return resp.Body.Close()
	})
	if err != nil {
		return nil, fmt.Errorf("the server cannot be asked for its flavour (name it, and it is not asked): %w", err)
	}
	if f := flavourOfServer(resp.Header.Get("Server")); f != nil {
		return f, nil
	}
	switch {
	case resp.Header.Get("X-Openstack-Request-Id") != "":
		return flavourNamed("swift")
	case cephRequest.MatchString(resp.Header.Get("X-Amz-Request-Id")):
		return flavourNamed("ceph")
	}
	return flavourNamed("generic")
}

func init() {
	blob.Register("s3", blob.Scheme{Params: params, Prefix: true, Open: openURL})
}
