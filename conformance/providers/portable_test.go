package providers_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/conformance/providers"
)

// TestPortable runs examples/portable, as a newcomer does, on every server: it says the same as on a map in memory.
func TestPortable(t *testing.T) {
	program := t.TempDir() + "/portable"
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../examples/portable"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(t *testing.T, store string) string {
		out, err := exec.CommandContext(t.Context(), program, store).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	want := run(t, "mem://portable")
	each(t, func(t *testing.T, s *providers.Server) {
		client, name := s.Client(s.Provider.Holders[0]), "portable-"+strings.ToLower(s.Provider.Name)
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		query := url.Values{"endpoint": {s.Endpoint.String()}, "region": {"us-east-1"}}
		got := run(t, (&url.URL{Scheme: "s3", Host: name, RawQuery: query.Encode()}).String())
		if got != want {
			t.Errorf("it says\n%s, want\n%s", got, want)
		}
		if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Errorf("it left something behind: %v", err)
		}
	})
}
