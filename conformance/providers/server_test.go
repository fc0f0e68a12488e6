package providers_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/holdall-go/holdall/conformance/providers"
)

// Every server has two users. The second is known, and may not touch what is the first one's.
func TestIdentities(t *testing.T) {
	each(t, func(t *testing.T, s *providers.Server) {
		t.Logf("%s worked after %v", s.Name(), s.Took.Round(time.Millisecond))
		bucket := aws.String("identities")
		first := s.Client(s.Provider.Holders[0])
		if _, err := first.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := first.DeleteBucket(context.Background(), &s3.DeleteBucketInput{Bucket: bucket}); err != nil {
				t.Error(err)
			}
		})
		second := s.Client(s.Provider.Holders[1])
		if _, err := second.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket}); code(err) != "AccessDenied" {
			t.Errorf("the second identity, listing the bucket of the first: %v", err)
		}
		// Whom the server does not know, or who does not prove it, gets another answer than who has no right.
		impostor := s.Client(providers.Identity{Access: s.Provider.Holders[1].Access, Secret: "wrong"})
		if _, err := impostor.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket}); code(err) != "SignatureDoesNotMatch" {
			t.Errorf("the second identity with a wrong secret: %v", err)
		}
	})
}

// code is that of the server's answer, or "".
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// Servers listen on 127.0.0.1, and nowhere else on this machine.
func TestServersListenToThisMachineOnly(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Endpoint.Hostname() != "127.0.0.1" {
			t.Errorf("the endpoint is %s", s.Endpoint)
		}
		for _, a := range addresses {
			ip, ok := a.(*net.IPNet)
			if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
				continue
			}
			c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.IP.String(), s.Endpoint.Port()), time.Second)
			if err == nil {
				c.Close()
				t.Errorf("somebody listens on port %s of %s", s.Endpoint.Port(), ip.IP)
			}
		}
	})
}
