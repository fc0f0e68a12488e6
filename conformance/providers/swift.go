package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Swift is OpenStack Swift by its S3 door, the middleware s3api.
var Swift = &Provider{
	Name:    "swift",
	Holders: [2]Identity{{"holdall:first", "SKTEST0123456789"}, {"holdall:second", "SKTEST20123456789"}},
	port:    "8090/tcp",
	env:     []string{"USERS=holdall:first:SKTEST0123456789:.admin holdall:second:SKTEST20123456789:"},
	version: func(ctx context.Context, s *Server) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint.JoinPath("info").String(), nil)
		if err != nil {
			return "", err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		var info struct{ Swift struct{ Version string } }
		if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || info.Swift.Version == "" {
			return "", fmt.Errorf("/info has no version: %w", err)
		}
		return info.Swift.Version, nil
	},
}
