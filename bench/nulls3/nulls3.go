// Package nulls3 is an S3 server that stores nothing: it costs little, so that what is measured against it is the
// client. It runs in a process of its own, over http and https.
//
// What is written is read and forgotten. An object that is read has the size that its key ends with, after the last
// slash, and the bytes of [Content]; where S3 would know a checksum, so does it. A listing is that of [Keys] keys. There
// is no signature check, no delay and no other operation: those answer NotImplemented.
package nulls3

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Bucket is the bucket that a client of the server names. Any other one would do.
const Bucket = "bench"

// Counts tells what a server did since it began.
type Counts struct {
	Requests int64 // all of them, but the question for the counts
	Received int64 // bytes of objects and parts, without what frames them
}

// server is the state of one: the counts.
type server struct{ requests, received atomic.Int64 }

// NewHandler returns a server as a handler.
func NewHandler() http.Handler { return new(server) }

// countsPath is no object: a bucket's name has at least three characters.
const countsPath = "/-/counts"

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == countsPath {
		_ = json.NewEncoder(w).Encode(Counts{s.requests.Load(), s.received.Load()})
		return
	}
	s.requests.Add(1)
	w.Header()["Server"] = serverName
	w.Header()["X-Amz-Request-Id"] = requestID
	_, key, _ := strings.Cut(r.URL.Path[1:], "/")
	if key == "" {
		s.bucket(w, r)
	} else {
		s.object(w, r, key)
	}
}

// Values of headers are made once: a map of headers takes slices.
var (
	serverName = []string{"null"}
	requestID  = []string{"0000000000000000"}
)

func (s *server) bucket(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodHead:
	case r.Method == http.MethodGet && q.Get("list-type") == "2":
		list(w, q)
	default:
		notImplemented(w, r)
	}
}

func (s *server) object(w http.ResponseWriter, r *http.Request, key string) {
	var q url.Values
	if r.URL.RawQuery != "" {
		q = r.URL.Query()
	}
	switch {
	case r.Header.Get("X-Amz-Copy-Source") != "":
		notImplemented(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		get(w, r, key, q)
	case r.Method == http.MethodPut:
		s.put(w, r)
	case r.Method == http.MethodPost && q.Has("uploads"):
		create(w, key)
	case r.Method == http.MethodPost && q.Has("uploadId"):
		complete(w, r, key)
	case r.Method == http.MethodDelete: // of an object, and of an upload
		w.WriteHeader(http.StatusNoContent)
	default:
		notImplemented(w, r)
	}
}

func notImplemented(w http.ResponseWriter, r *http.Request) {
	fail(w, http.StatusNotImplemented, "NotImplemented", r.Method+" "+r.URL.RawQuery)
}

// fail answers as S3 does.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>", code)
	escape(w, message)
	fmt.Fprint(w, "</Message></Error>")
}
