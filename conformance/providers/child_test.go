package providers

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/conformance/providers/images"
)

// Without Docker, versitygw is a real server all the same: it keeps what it has over a crash, keeps its callers waiting
// while it is frozen, and is gone in the end.
func TestVersitygwWithoutDocker(t *testing.T) {
	required, err := Versitygw.Required()
	if err != nil {
		t.Fatal(err)
	}
	proc, err := startVersitygw(Versitygw)
	var unavailable *Unavailable
	if errors.As(err, &unavailable) && !required {
		t.Skip("not run:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := proc.(*child)
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its files are still there: %v", err)
		}
		if c.gone() == nil {
			t.Error("it still runs")
		}
	})

	s, err := bringUp(t.Context(), Versitygw, proc)
	if err != nil {
		t.Fatal(err)
	}
	client, bucket, key := s.Client(s.Provider.Holders[0]), aws.String("child"), aws.String("k")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	const d = 500 * time.Millisecond
	paused := make(chan error)
	began := time.Now()
	go func() { paused <- s.Pause(t.Context(), d) }()
	time.Sleep(d / 5)
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Errorf("while it is frozen: %v", err)
	}
	if took := time.Since(began); took < d {
		t.Errorf("a server that is frozen for %v answered after %v", d, took)
	}
	if err := <-paused; err != nil {
		t.Error(err)
	}
}

// The image and the program are of one version.
func TestVersitygwVersion(t *testing.T) {
	dockerfile, err := images.Dockerfile("versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if want := "ARG VERSION=" + versitygwVersion + "\n"; !strings.Contains(dockerfile, want) {
		t.Errorf("the Dockerfile does not say %q", want)
	}
}
