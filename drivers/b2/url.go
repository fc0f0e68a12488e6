package b2

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/holdall-go/holdall/blob"
)

// params are the parameters that a URL may have.
var params = []string{"endpoint", "versions", "any_keys"}

func init() {
	blob.Register("b2", blob.Scheme{Params: params, Prefix: true, Open: openURL})
}

func openURL(ctx context.Context, u *url.URL) (blob.Bucket, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%w URL: credentials do not belong into a URL; they come from B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY", blob.ErrInvalid)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("%w URL: it names no bucket; it is written b2://bucket/prefix/", blob.ErrInvalid)
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
	if query.Has("any_keys") {
		v, err := strconv.ParseBool(query.Get("any_keys"))
		if err != nil {
			return nil, fmt.Errorf("%w URL: any_keys is neither true nor false", blob.ErrInvalid)
		}
		cfg.AnyKeys = v
	}
	b, err := Open(ctx, u.Host, cfg)
	if err != nil {
		return nil, err
	}
	return b, nil
}
