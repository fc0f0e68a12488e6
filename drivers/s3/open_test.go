package s3

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
)

// isolate keeps the configuration of who runs the tests out of them.
func isolate(t *testing.T) {
	for name, value := range map[string]string{"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_ACCESS_KEY_ID": testKeyID, "AWS_SECRET_ACCESS_KEY": testSecret, "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
}

func TestOpenByURL(t *testing.T) {
	isolate(t)
	ctx := context.Background()
	f := newFake(t, func(w http.ResponseWriter, r request) {
		w.Header().Set("Server", "MinIO")
		ordinary(w, r)
	})
	b, err := blob.Open(ctx, "s3://bucket/a/prefix/?region=eu-west-3&endpoint="+url.QueryEscape(f.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); err != nil {
		t.Fatal(err)
	}
	heard := f.requests()
	if len(heard) != 2 || heard[0].method != http.MethodHead || heard[0].header.Get("Authorization") != "" {
		t.Fatalf("opening and a put cost %v; the first asks for the flavour, without credentials", heard)
	}
	if r := heard[1]; r.path != "/bucket/a/prefix/k" || !strings.Contains(r.header.Get("Authorization"), testKeyID+"/") || !strings.Contains(r.header.Get("Authorization"), "/eu-west-3/s3/") {
		t.Errorf("the put is %v with %s", r, r.header.Get("Authorization"))
	}
	if caps := b.Capabilities(); !caps.Keys.Canonical {
		t.Error("the server was not known for a MinIO")
	}
}

func TestBadURLs(t *testing.T) {
	isolate(t)
	const secret = "s3cr3t"
	for text, says := range map[string]string{
		"s3:///a/":                                        "no bucket",
		"s3://user:" + secret + "@bucket/":                "credentials",
		"s3://bucket/?secret_key=" + secret:               "known are",
		"s3://bucket/?region=x&flavour=nobodys":           "known are aws",
		"s3://bucket/?region=x&versions=maybe":            "true nor false",
		"s3://bucket/?region=x&endpoint=":                 "no value",
		"s3://bucket/?endpoint=ftp://x":                   "http or https",
		"s3://bucket/?endpoint=http://u:" + secret + "@x": "user",
		"s3://bucket/?endpoint=http://x?a=" + secret:      "query",
		"s3://a$b/?region=x":                              "no bucket name",
		"s3://bucket/":                                    "region",
		"s3://bucket/?region=x&anonymous=true&profile=p":  "exclude",
		"s3://bucket/no-slash":                            "does not end",
	} {
		_, err := blob.Open(context.Background(), text)
		if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, which must say %q", text, err, says)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	isolate(t)
	for name, c := range map[string]*Config{
		"negative attempts": {Region: "x", MaxAttempts: -1},
		"a short key":       {Region: "x", CustomerKey: []byte("short")},
		"a client and more": {Client: s3.New(s3.Options{Region: "x"}), Region: "y"},
		"no region":         {},
		"no such flavour":   {Region: "x", Flavour: "S3"},
	} {
		if _, err := Open(context.Background(), "bucket", c); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlavourIsFound(t *testing.T) {
	isolate(t)
	for host, want := range map[string]string{"s3.eu-west-3.amazonaws.com": "aws", "s3.us-west-004.backblazeb2.com": "b2", "s3.eu-central-1.wasabisys.com": "wasabi",
		"0123.r2.cloudflarestorage.com": "r2", "objects-us-east-1.dream.io": "dreamobjects"} {
		b, err := Open(context.Background(), "bucket", &Config{Region: "x", Endpoint: "https://" + host})
		if err != nil || b.Flavour() != want {
			t.Errorf("%s is %v, %v, not %s", host, b, err, want)
		}
	}
	for server, want := range map[[2]string]string{{"Server", "MinIO"}: "minio", {"Server", "VERSITYGW"}: "versitygw", {"Server", "Ceph Object Gateway (squid)"}: "ceph",
		{"X-Openstack-Request-Id", "tx1"}: "swift", {"X-Amz-Request-Id", "tx00000000000000000000a-0069269c1d-1036-eu%20west"}: "ceph",
		{"X-Amz-Request-Id", "tx00000000000000000000a"}: "generic", {"Server", "nginx"}: "generic"} {
		f := newFake(t, func(w http.ResponseWriter, r request) {
			w.Header().Set(server[0], server[1])
			w.WriteHeader(http.StatusForbidden)
		})
		b, err := Open(context.Background(), "bucket", &Config{Endpoint: f.URL})
		if err != nil || b.Flavour() != want {
			t.Errorf("%v is %v, %v, not %s", server, b, err, want)
		}
	}
	if _, err := Open(context.Background(), "bucket", &Config{Endpoint: "http://127.0.0.1:1"}); err == nil || !strings.Contains(err.Error(), "flavour") {
		t.Errorf("a server that cannot be reached: %v", err)
	}
}

// A client that is handed in is not changed, and its own retries do not multiply ours.
func TestClientIsHandedIn(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) { answerError(w, 503, "SlowDown", "") })
	client := s3.New(s3.Options{Region: "x", BaseEndpoint: &f.URL, UsePathStyle: true, RetryMaxAttempts: 4})
	b, err := Open(context.Background(), "bucket", &Config{Client: client, Flavour: "aws", MaxAttempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(context.Background(), "k", nil); err == nil {
		t.Error("a server that refuses all is no error")
	}
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests, of 2 that are allowed", n)
	}
	if len(client.Options().APIOptions) != 0 {
		t.Error("the client that was handed in was changed")
	}
}

func TestClosed(t *testing.T) {
	f := newFake(t, ordinary)
	b := f.open(t, "aws")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Policy(context.Background()); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("the policy of a closed bucket: %v", err)
	}
	if n := len(f.requests()); n != 0 {
		t.Errorf("a closed bucket made %d requests", n)
	}
}

// What AWS_CA_BUNDLE names is trusted, as by the AWS command line.
func TestOwnCertificates(t *testing.T) {
	isolate(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stored(w, request{method: r.Method, header: r.Header}, "content", nil)
	}))
	defer server.Close()
	t.Setenv("AWS_CA_BUNDLE", "")
	var client any
	open := func() error {
		b, err := Open(context.Background(), "bucket", &Config{Endpoint: server.URL, Flavour: "aws", PathStyle: aws.Bool(true), MaxAttempts: 1})
		if err != nil {
			return err
		}
		client = b.Client().Options().HTTPClient
		_, err = b.Stat(context.Background(), "k", nil)
		return err
	}
	if err := open(); err == nil {
		t.Fatal("a certificate that nobody has vouched for is trusted")
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if err := open(); err != nil {
		t.Errorf("a certificate of the bundle: %v", err)
	}
	first := client
	if err := open(); err != nil || client != first {
		t.Errorf("another bucket has another client: %v", err)
	}
	first.(*http.Client).CloseIdleConnections()
}

// A redirect is not followed, by whatever client: the next host would get the signature, and the key of the customer.
func TestRedirectsAreNotFollowed(t *testing.T) {
	isolate(t)
	next := newFake(t, ordinary)
	f := newFake(t, func(w http.ResponseWriter, r request) {
		w.Header().Set("Location", next.URL+r.path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for name, client := range map[string]*http.Client{"our client": nil, "a client that is handed in": {}} {
		b := f.open(t, "aws", func(c *Config) { c.HTTPClient = client })
		if _, err := b.Stat(context.Background(), "k", nil); err == nil {
			t.Errorf("%s: a redirect is no error", name)
		}
		if client != nil && client.CheckRedirect != nil {
			t.Errorf("%s was changed", name)
		}
	}
	if heard := next.requests(); len(heard) != 0 {
		t.Errorf("the next host was asked: %v", heard)
	}
}
