package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
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
	expected: map[string]conformance.KnownFailure{
		"G12": notUndeleted, "I11": notUndeleted,
		"L18": {
			Reason: "an upload that was completed is still found by its ID, as long as the object that it made is there: " +
				"https://github.com/openstack/swift/blob/2.30.1/swift/common/middleware/s3api/controllers/multi_upload.py#L99-L125",
			Texts: []string{"resumption of what is complete succeeded"},
		},
		"E18": overwritten, "J11": overwritten, "N03": overwritten, "N08": overwritten,
	},
}

// Who has several replicas hardly sees it: the proxy then asks the next one.
var overwritten = conformance.KnownFailure{
	Reason: "an object server lists the files of an object and then opens one, and answers 404 if a write has removed it in between: " +
		"https://github.com/openstack/swift/blob/2.30.1/swift/obj/diskfile.py (open, and _construct_from_data_file)",
	Texts:     []string{blob.ErrNotExist.Error()},
	Sometimes: true,
}

var notUndeleted = conformance.KnownFailure{
	Reason: "whoever removes the current version, or a marker, by its ID brings back none before it: " +
		"https://github.com/openstack/swift/blob/2.30.1/swift/common/middleware/versioned_writes/object_versioning.py",
	Texts: []string{blob.ErrNotExist.Error()},
}
