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

// sayable makes a listing readable that repeats a prefix, delimiter or start which XML cannot say. Nobody reads those,
// and the keys are encoded, so what is unsayable is only replaced.
func sayable(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	req, isHTTP := in.Request.(*smithyhttp.Request)
	if err != nil || !ok || !isHTTP || !strings.ContainsFunc(asked(req), unsayable) {
		return out, metadata, err
	}
	document, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return out, metadata, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(unsaid.ReplaceAllLiteral(document, []byte("?"))))
	return out, metadata, nil
}

// asked is all that a request asks for, decoded.
func asked(req *smithyhttp.Request) string {
	var b strings.Builder
	for _, values := range req.URL.Query() {
		b.WriteString(strings.Join(values, ""))
	}
	return b.String()
}

// unsayable tells whether XML has no way to say r (https://www.w3.org/TR/xml/#charsets).
func unsayable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
}

// unsaid finds what unsayable is about, as it is and as a reference.
var unsaid = regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[fF]{3}[efEF])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45]));")
