package s3

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// replaceInvalidXML makes a listing readable that repeats a prefix, delimiter or start with characters that are invalid
// in XML. The driver does not use those fields, and the keys are encoded, so invalid characters are only replaced.
func replaceInvalidXML(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	req, isHTTP := in.Request.(*smithyhttp.Request)
	if err != nil || !ok || !isHTTP || !strings.ContainsFunc(parameters(req), invalidInXML) {
		return out, metadata, err
	}
	document, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return out, metadata, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(invalidXML.ReplaceAllLiteral(document, []byte("?"))))
	return out, metadata, nil
}

// parameters returns the values of all parameters of a request, decoded.
func parameters(req *smithyhttp.Request) string {
	var b strings.Builder
	for _, values := range req.URL.Query() {
		b.WriteString(strings.Join(values, ""))
	}
	return b.String()
}

// invalidInXML reports whether r cannot be represented in XML (https://www.w3.org/TR/xml/#charsets).
func invalidInXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
}

// invalidXML matches the characters of which invalidInXML is true, literal or as a character reference.
var invalidXML = regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[fF]{3}[efEF])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45]));")
