package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// Config tells where a bucket is and how it is reached. The zero value is AWS, with region and credentials from where
// the AWS command line finds them: the environment, the shared files, the machine's role.
type Config struct {
	// Region is the region of the bucket. Empty: the SDK's own chain decides; with an Endpoint, us-east-1 if that finds
	// none.
	Region string

	// Endpoint is the URL of a server other than AWS, such as "https://s3.example.org". Empty: the SDK's own chain
	// decides, which is AWS unless AWS_ENDPOINT_URL_S3 or the profile say otherwise.
	Endpoint string

	// Flavour names the kind of server, one of [Flavours]. Empty: it is known from the endpoint's host, or Open asks
	// the server, in one request without credentials.
	Flavour string

	// Profile is the profile of the shared configuration files. Empty: that of the environment, or the default one.
	Profile string

	// Credentials sign the requests. Nil: the SDK's own chain.
	Credentials aws.CredentialsProvider

	// Anonymous sends requests without a signature, for buckets that are open to all.
	Anonymous bool

	// PathStyle puts the bucket's name into the path and not into the host. Nil: as the flavour has it.
	PathStyle *bool

	// Versions says that the bucket has versioning enabled, so that old versions can be read, listed and deleted.
	Versions bool

	// SignPayload puts the SHA-256 of every body into its signature. It guards against somebody who changes requests on
	// their way over plain HTTP, and costs a core for each GB/s. Accidents are found without it, by CRC.
	SignPayload bool

	// CustomerKey, of 32 bytes, is sent with every request that reads or writes content: the server encrypts with it
	// and forgets it (SSE-C). All objects of the bucket that are used through this handle have this key. The endpoint
	// must be HTTPS, or the server refuses it.
	CustomerKey []byte

	// MaxAttempts is how often a request is sent in all, where that is safe. Zero is 5; 1 is no retry.
	MaxAttempts int

	// Observe receives every request that was sent, repeated attempts included. Nil: nothing does. See [blob.Attempt].
	Observe func(blob.Attempt)

	// HTTPClient sends the requests. Nil: one of this package, shared by all buckets of the process; those that trust
	// other certificates (AWS_CA_BUNDLE) share another. If it has no rule for redirects, none is followed: a signature
	// is good for one host, and a CustomerKey is nobody else's.
	HTTPClient *http.Client

	// Client is a client of the SDK to derive ours from. Region, Endpoint, Profile, Credentials, Anonymous, PathStyle
	// and HTTPClient are taken from it and must not be set beside it. Its retries are not used: ours are.
	Client *s3.Client
}

// options makes the SDK's options out of c.
func (c *Config) options(ctx context.Context) (s3.Options, error) {
	if c.Client != nil {
		if c.Region != "" || c.Endpoint != "" || c.Profile != "" || c.Credentials != nil || c.Anonymous || c.HTTPClient != nil || c.PathStyle != nil {
			return s3.Options{}, fmt.Errorf("%w: Config has a Client, which knows the rest by itself: set no Region, Endpoint, Profile, Credentials, Anonymous, PathStyle or HTTPClient", blob.ErrInvalid)
		}
		return c.Client.Options(), nil
	}
	loaded, err := c.load(ctx)
	if err != nil {
		return s3.Options{}, err
	}
	o := s3.NewFromConfig(loaded).Options()
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	if o.Region == "" {
		if o.BaseEndpoint == nil {
			return o, fmt.Errorf("%w: no region is known; set Region (region= in a URL) or AWS_REGION", blob.ErrInvalid)
		}
		o.Region = "us-east-1"
	}
	if c.Anonymous {
		o.Credentials = aws.AnonymousCredentials{}
	}
	o.HTTPClient = c.httpClient(loaded.HTTPClient)
	if c.PathStyle != nil {
		o.UsePathStyle = *c.PathStyle
	}
	return o, nil
}

// httpClient returns the client that sends the requests. configured is the one of the SDK's configuration.
func (c *Config) httpClient(configured aws.HTTPClient) *http.Client {
	if c.HTTPClient == nil {
		if sdk, ok := configured.(*awshttp.BuildableClient); ok {
			if with := sdk.GetTransport().TLSClientConfig; with != nil && with.RootCAs != nil { // AWS_CA_BUNDLE, or ca_bundle of the profile
				return remote.Client(with.RootCAs)
			}
		}
		return remote.Client(nil)
	}
	if c.HTTPClient.CheckRedirect != nil {
		return c.HTTPClient
	}
	guarded := *c.HTTPClient
	guarded.CheckRedirect = remote.NoRedirect
	return &guarded
}

func (c *Config) load(ctx context.Context) (aws.Config, error) {
	var with []func(*config.LoadOptions) error
	if c.Region != "" {
		with = append(with, config.WithRegion(c.Region))
	}
	if c.Profile != "" {
		with = append(with, config.WithSharedConfigProfile(c.Profile))
	}
	if c.Credentials != nil {
		with = append(with, config.WithCredentialsProvider(c.Credentials))
	}
	loaded, err := config.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return loaded, fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	return loaded, nil
}

// check refuses what cannot be right, before any request.
func (c *Config) check() error {
	switch {
	case c.MaxAttempts < 0:
		return fmt.Errorf("%w: MaxAttempts is %d; 1 is no retry, and zero is the default", blob.ErrInvalid, c.MaxAttempts)
	case c.CustomerKey != nil && len(c.CustomerKey) != 32:
		return fmt.Errorf("%w: CustomerKey has %d bytes; a key of AES-256 has 32", blob.ErrInvalid, len(c.CustomerKey))
	case c.Anonymous && (c.Credentials != nil || c.Profile != ""):
		return fmt.Errorf("%w: Anonymous and Credentials or a Profile exclude each other", blob.ErrInvalid)
	case c.Endpoint != "":
		return checkEndpoint(c.Endpoint)
	}
	return nil
}

// checkEndpoint takes a server's URL, whose path may be a prefix of the server's own.
func checkEndpoint(endpoint string) error {
	return remote.CheckEndpoint(endpoint, true, "https://s3.example.org", "credentials come from the environment, a profile, or Config")
}

// checkBucketName takes every name that some server of the family takes: AWS allows 3 to 63 small letters, digits, dots
// and hyphens; old buckets of AWS and Ceph have capitals and underscores, and Ceph's tenants a colon. Access points are
// ARNs.
func checkBucketName(name string) error {
	if strings.HasPrefix(name, "arn:") {
		return nil
	}
	bad := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	})
	if len(name) < 1 || len(name) > 255 || bad >= 0 || name == "." || name == ".." {
		return fmt.Errorf("%w: %q is no bucket name; those have 3 to 63 small letters, digits, '-' and '.'", blob.ErrInvalid, name)
	}
	return nil
}
