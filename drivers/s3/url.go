package s3

import (
	"context"
	"net/url"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// params are the parameters that a URL may have.
var params = []string{"region", "endpoint", "flavour", "profile", "anonymous", "path_style", "versions", "sign_payload"}

func openURL(ctx context.Context, u *url.URL) (blob.Bucket, error) {
	if err := remote.CheckURL(u, "s3://bucket/prefix/", "the environment, or from profile="); err != nil {
		return nil, err
	}
	query := u.Query()
	cfg := &Config{Region: query.Get("region"), Endpoint: query.Get("endpoint"), Flavour: query.Get("flavour"), Profile: query.Get("profile")}
	for name, to := range map[string]*bool{"anonymous": &cfg.Anonymous, "versions": &cfg.Versions, "sign_payload": &cfg.SignPayload} {
		if err := remote.BoolParam(query, name, to); err != nil {
			return nil, err
		}
	}
	if query.Has("path_style") {
		cfg.PathStyle = new(bool)
		if err := remote.BoolParam(query, "path_style", cfg.PathStyle); err != nil {
			return nil, err
		}
	}
	b, err := Open(ctx, u.Host, cfg)
	if err != nil {
		return nil, err
	}
	return b, nil
}
