package remote

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// CheckURL refuses a URL of [blob.Open] that has a user or names no bucket. Form shows how the URLs of the driver are
// written, and credentials where it takes credentials from, for the error. (blob.Open refuses unknown parameters, and
// those that are given twice or without a value.)
func CheckURL(u *url.URL, form, credentials string) error {
	if u.User != nil {
		return fmt.Errorf("%w URL: credentials do not belong into a URL; they come from %s", blob.ErrInvalid, credentials)
	}
	if u.Host == "" {
		return fmt.Errorf("%w URL: it names no bucket; it is written %s", blob.ErrInvalid, form)
	}
	return nil
}

// BoolParam sets *to to the value of a URL parameter, or leaves it if the parameter is not given.
func BoolParam(query url.Values, name string, to *bool) error {
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

// CheckEndpoint refuses an endpoint that is not the URL of a server. Example is a valid one, for the error; credentials
// says where those come from. With path, the endpoint may have a path, which is a prefix of all paths of the server.
func CheckEndpoint(endpoint string, path bool, example, credentials string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err == nil && u.User != nil:
		return fmt.Errorf("%w: the endpoint has a user; %s", blob.ErrInvalid, credentials)
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("%w: the endpoint is not a URL of http or https, such as %s", blob.ErrInvalid, example)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%w: the endpoint has a query or a fragment", blob.ErrInvalid)
	case !path && strings.Trim(u.Path, "/") != "":
		return fmt.Errorf("%w: the endpoint has a path", blob.ErrInvalid)
	}
	return nil
}
