package providers

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/holdall-go/holdall/conformance"
)

// MinIO is the last release of MinIO as free software.
var MinIO = &Provider{
	Name:    "minio",
	Holders: [2]Identity{{"AKTEST", "SKTEST0123456789"}, {"AKTEST2", "SKTEST20123456789"}},
	port:    "9000/tcp",
	env:     []string{"MINIO_ROOT_USER=AKTEST", "MINIO_ROOT_PASSWORD=SKTEST0123456789", "MINIO_BROWSER=off"},
	command: []string{"server", "--quiet", "--address", ":9000", "/data"},
	second: func(ctx context.Context, s *Server) error {
		user, err := json.Marshal(map[string]string{"secretKey": s.Provider.Holders[1].Secret, "status": "enabled"})
		if err != nil {
			return err
		}
		return minioAdmin(ctx, s, "add-user", url.Values{"accessKey": {s.Provider.Holders[1].Access}}, user)
	},
	version: func(ctx context.Context, s *Server) (string, error) {
		out, err := s.process.exec(ctx, "minio", "--version") // minio version RELEASE.2026-02-12T20-18-48Z (…)
		if err != nil {
			return "", err
		}
		_, release, found := strings.Cut(out, "RELEASE.")
		day, _, whole := strings.Cut(release, "T")
		if !found || !whole {
			return "", fmt.Errorf("unexpected: %q", out)
		}
		return day, nil
	},
	expected: map[string]conformance.KnownFailure{
		"B31": {
			Reason: "a write into a directory that the removal of the last object in it is taking away is denied: " +
				"https://github.com/minio/minio/blob/7aac2a2c5b7c/cmd/xl-storage.go",
			Texts:     []string{"AccessDenied: Access Denied"},
			Sometimes: true,
		},
	},
}

// minioAdmin makes a request of MinIO's admin API, which wants the body encrypted with the secret key of who sends it.
func minioAdmin(ctx context.Context, s *Server, call string, query url.Values, body []byte) error {
	root := s.Provider.Holders[0]
	sealed, err := minioSeal(root.Secret, body)
	if err != nil {
		return err
	}
	u := s.Endpoint.JoinPath("minio/admin/v3", call)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), bytes.NewReader(sealed))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(sealed)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{AccessKeyID: root.Access, SecretAccessKey: root.Secret}
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hash, "s3", region, time.Now()); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("%s answers %s: %s", call, resp.Status, why)
	}
	return nil
}

// minioSeal encrypts a short body as MinIO's admin client does (madmin-go, encrypt.go): salt, algorithm, nonce, and one
// fragment of a stream of AES-GCM fragments (https://github.com/secure-io/sio-go). Each fragment's nonce ends with its
// number. Fragment 0 is empty, and its tag is the associated data of those that follow, behind a byte that marks the
// last one.
func minioSeal(secret string, body []byte) ([]byte, error) {
	const (
		pbkdf2AESGCM = 0x02
		lastFragment = 0x80
		saltSize     = 32
		iterations   = 8192
	)
	random := make([]byte, saltSize+8)
	rand.Read(random)
	salt, prefix := random[:saltSize], random[saltSize:]
	key, err := pbkdf2.Key(sha256.New, secret, salt, iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	nonce := func(fragment byte) []byte { return append(bytes.Clone(prefix), fragment, 0, 0, 0) }
	associated := append([]byte{lastFragment}, aead.Seal(nil, nonce(0), nil, nil)...)
	out := append(append(bytes.Clone(salt), pbkdf2AESGCM), prefix...)
	return aead.Seal(out, nonce(1), body, associated), nil
}
