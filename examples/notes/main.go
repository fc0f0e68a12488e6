// Command notes is the smallest web service over per-user views: everyone reads what he was given and writes in a folder
// of his own. Who asks is told by a signed session cookie; what he may do is told by his view, and by nothing else.
//
//	go run ./examples/notes            # then open http://127.0.0.1:8080/?user=alice
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	_ "github.com/holdall-go/holdall/drivers/file"
	_ "github.com/holdall-go/holdall/drivers/mem"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	url := flag.String("bucket", "mem://notes", "where the notes are kept")
	flag.Parse()
	ctx := context.Background()
	bucket, err := blob.Open(ctx, *url)
	if err != nil {
		log.Fatal(err)
	}
	guard, err := openGuard(ctx, bucket)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *listen, Handler: newService(guard), ReadHeaderTimeout: 10 * time.Second}
	log.Printf("notes at http://%s/?user=alice", *listen)
	log.Fatal(server.ListenAndServe())
}

// owner is the service itself. Nobody can sign in as it.
const owner = "notes-service"

// openGuard opens the policy of the bucket, or makes it.
func openGuard(ctx context.Context, bucket blob.Bucket) (*acl.Guard, error) {
	guard, err := acl.Open(ctx, bucket, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return acl.Create(ctx, bucket, nil, acl.User(owner))
	}
	return guard, err
}

type service struct {
	guard  *acl.Guard
	secret [32]byte // signs the cookies; a new one at each start ends all sessions
}

func newService(guard *acl.Guard) http.Handler {
	s := &service{guard: guard}
	rand.Read(s.secret[:])
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /notes/{key...}", s.read)
	mux.HandleFunc("PUT /notes/{key...}", s.write)
	return mux
}

// view is the one door to the bucket: that of whoever the cookie names, or of nobody.
func (s *service) view(r *http.Request) *acl.View {
	cookie, err := r.Cookie("session")
	if err != nil {
		return s.guard.As(acl.Nobody)
	}
	name, sum, _ := strings.Cut(cookie.Value, ".")
	user, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || !hmac.Equal([]byte(sum), []byte(s.sign(string(user)))) {
		return s.guard.As(acl.Nobody)
	}
	return s.guard.As(acl.Identity{User: string(user)})
}

func (s *service) sign(user string) string {
	mac := hmac.New(sha256.New, s.secret[:])
	mac.Write([]byte(user))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// index lists what the visitor may see. In place of a login, ?user=NAME makes a session: put your own here.
func (s *service) index(w http.ResponseWriter, r *http.Request) {
	if user := r.URL.Query().Get("user"); user == owner {
		fail(w, fs.ErrPermission)
		return
	} else if strings.Contains(user, "/") {
		fail(w, blob.ErrInvalid) // "bob/drafts" would be given a folder of bob's
		return
	} else if user != "" {
		value := base64.RawURLEncoding.EncodeToString([]byte(user)) + "." + s.sign(user)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		if _, err := s.guard.As(acl.Identity{User: owner}).Grant(r.Context(), user+"/", acl.User(user), acl.Writer); err != nil {
			fail(w, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for o, err := range s.view(r).List(r.Context(), nil) {
		if err != nil {
			fail(w, err)
			return
		}
		fmt.Fprintf(w, "/notes/%s\t%d bytes\n", o.Key, o.Size)
	}
}

func (s *service) read(w http.ResponseWriter, r *http.Request) {
	http.StripPrefix("/notes", blob.Handler(s.view(r), nil)).ServeHTTP(w, r)
}

func (s *service) write(w http.ResponseWriter, r *http.Request) {
	body := http.MaxBytesReader(w, r.Body, 1<<20)
	if _, err := s.view(r).Put(r.Context(), r.PathValue("key"), body, nil); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fail answers with the status that an error means, and never with its text.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, fs.ErrPermission):
		status = http.StatusForbidden
	case errors.Is(err, blob.ErrInvalid):
		status = http.StatusBadRequest
	}
	http.Error(w, http.StatusText(status), status)
}
