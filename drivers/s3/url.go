package s3

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/holdall-go/holdall/blob"
)

// params are the parameters that a URL may have.
var params = []string{"region", "endpoint", "flavour", "profile", "anonymous", "path_style", "versions", "sign_payload"}

func openURL(ctx context.Context, u *url.URL) (blob.Bucket, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w URL: credentials do not belong into a URL; they come from the environment, or from profile=", blob.ErrInvalid)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("%w URL: it names no bucket; it is written s3://bucket/prefix/", blob.ErrInvalid)
	}
	query := u.Query()
	cfg := &Config{Region: query.Get("region"), Endpoint: query.Get("endpoint"), Flavour: query.Get("flavour"), Profile: query.Get("profile")}
	for name, to := range map[string]*bool{"anonymous": &cfg.Anonymous, "versions": &cfg.Versions, "sign_payload": &cfg.SignPayload} {
		if err := boolean(query, name, to); err != nil {
			return nil, err
		}
	}
	if query.Has("path_style") {
		cfg.PathStyle = new(bool)
		if err := boolean(query, "path_style", cfg.PathStyle); err != nil {
			return nil, err
		}
	}
	b, err := Open(ctx, u.Host, cfg)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func boolean(query url.Values, name string, to *bool) error {
	if !query.Has(name) {
		return nil
	}
	v, err := strconv.ParseBool(query.Get(name))
	if err != nil {
		return fmt.Errorf("%w URL: %s is neither true nor false", blob.ErrInvalid, name)
	}
	*to = v
	return nil
}
