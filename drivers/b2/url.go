package b2

import (
	"context"
	"fmt"
	"net/url"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// params are the parameters that a URL may have.
var params = []string{"endpoint", "versions", "any_keys"}

func init() {
	blob.Register("b2", blob.Scheme{Params: params, Prefix: true, Open: openURL})
}

func openURL(ctx context.Context, u *url.URL) (blob.Bucket, error) {
	if err := remote.CheckURL(u, "b2://bucket/prefix/", "B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY"); err != nil {
		return nil, err
	}
	query := u.Query()
	cfg := &Config{Endpoint: query.Get("endpoint")}
	switch v := query.Get("versions"); v {
	case "keep":
		cfg.KeepVersions = true
	case "", "remove":
	default:
		return nil, fmt.Errorf("%w URL: versions is neither keep nor remove", blob.ErrInvalid)
	}
	if err := remote.BoolParam(query, "any_keys", &cfg.AnyKeys); err != nil {
		return nil, err
	}
	b, err := Open(ctx, u.Host, cfg)
	if err != nil {
		return nil, err
	}
	return b, nil
}
