package acl

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/holdall-go/holdall/blob"
)

// Uploads in parts through a view. Each step is a write of the key. To go on with an upload, or to abort it, one shows a
// token that only its beginner was given, in place of the store's own id: else whoever may write a key could complete,
// or spoil, what another sends there.

// A tokenKind is what a token is good for.
type tokenKind byte

const (
	toResume tokenKind = 'r' // whoever began the upload
	toAbort  tokenKind = 'a' // whoever may delete the key
)

// token returns what stands for an upload in the hands of one user. It is bound to all that it is about, and the secret is
// the policy's, so that owners can end all tokens.
func token(kind tokenKind, s *snapshot, key, id, user string) string {
	mac := hmac.New(sha256.New, s.Secret)
	for _, field := range [...]string{string(kind), s.Policy, key, id, user} {
		// With its length before it, no field runs into the next.
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		io.WriteString(mac, field)
	}
	return string(kind) + base64.RawURLEncoding.EncodeToString(append(mac.Sum(nil), id...))
}

// openToken returns what a token is good for, and the upload that it stands for, if it was made for key and user.
func openToken(s *snapshot, key, user, shown string) (kind tokenKind, id string, ok bool) {
	if shown == "" {
		return 0, "", false
	}
	kind = tokenKind(shown[0])
	data, err := base64.RawURLEncoding.DecodeString(shown[1:])
	if err != nil || len(data) <= sha256.Size || kind != toResume && kind != toAbort {
		return 0, "", false
	}
	id = string(data[sha256.Size:])
	return kind, id, hmac.Equal([]byte(token(kind, s, key, id, user)), []byte(shown))
}

// viewUpload is an upload in the hands of one user.
type viewUpload struct {
	v     *view
	key   string
	id    string
	token string
	kind  tokenKind
	asked blob.Condition // by the caller
	hook  *blob.Hook     // of the caller

	inner blob.Upload
	cond  blob.Condition // that inner has
}

// Upload implements blob.Bucket. To begin needs what Put does. To resume needs the token, and the steps that follow need
// what they need.
func (v *view) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if opts.ID != "" {
		return v.resume(ctx, key, opts)
	}
	p, err := v.plan(ctx, "upload", key, opts.If, v.guard.caps.If.Upload)
	if err != nil {
		return nil, err
	}
	if p.overwrite { // the condition is found when it counts, by Complete
		if _, err := v.current(ctx, key); err != nil {
			return nil, err
		}
	}
	s, err := v.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	u := &viewUpload{v: v, key: key, kind: toResume, asked: opts.If, hook: opts.Hook, cond: p.cond}
	o := *opts
	o.If, o.Hook = p.cond, u.hooked(p.cond)
	if u.inner, err = v.guard.bucket.Upload(ctx, key, &o); err != nil {
		return nil, err
	}
	u.id = u.inner.ID()
	u.token = token(toResume, s, key, u.id, v.who.User)
	if err := v.guard.store.recordUpload(ctx, key, u.id, v.who.User); err != nil {
		ctx, done := tidying(ctx)
		defer done()
		_ = u.inner.Abort(ctx)
		return nil, fmt.Errorf("noting whose upload it is: %w", err)
	}
	return u, nil
}

// resume takes up an upload by its token. A token that is not the caller's is denied before anything is asked of the store.
func (v *view) resume(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	s, err := v.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	kind, id, ok := openToken(s, key, v.who.User, opts.ID)
	if !ok {
		v.report(v.guard.clock.now(), "upload", key, 0, denied)
		return nil, denied
	}
	if kind == toAbort {
		if err := v.require(ctx, "upload", key, Delete); err != nil {
			return nil, err
		}
	}
	u := &viewUpload{v: v, key: key, id: id, token: opts.ID, kind: kind, asked: opts.If, hook: opts.Hook, cond: opts.If}
	o := *opts
	o.ID, o.Hook = id, u.hooked(opts.If)
	if u.inner, err = v.guard.bucket.Upload(ctx, key, &o); err != nil {
		return nil, err
	}
	return u, nil
}

// snapshot returns the policy that decides a call that begins now. Without one there is no secret, so recovery users
// begin and resume no uploads.
func (v *view) snapshot(ctx context.Context) (*snapshot, error) {
	a, _, err := v.access(ctx)
	if err == nil && a.snapshot == nil {
		err = fmt.Errorf("%w: resume tokens need one", ErrStale)
	}
	if err != nil {
		return nil, err
	}
	return a.snapshot, nil
}

func (u *viewUpload) ID() string      { return u.token }
func (u *viewUpload) PartSize() int64 { return u.inner.PartSize() }

// plan is what Put's rule asks for now.
func (u *viewUpload) plan(ctx context.Context) (plan, error) {
	if u.kind != toResume {
		return plan{}, denied
	}
	return u.v.plan(ctx, "upload", u.key, u.asked, u.v.guard.caps.If.Upload)
}

// hooked returns the hook of an inner upload that completes under cond: the caller's, then the checks of the rights that
// the next step needs.
func (u *viewUpload) hooked(cond blob.Condition) *blob.Hook {
	return u.hook.Then(u.v.hook(
		func(ctx context.Context) error {
			_, err := u.plan(ctx)
			return err
		},
		func(ctx context.Context) error { return u.v.require(ctx, "upload", u.key, needFor(cond)) },
	))
}

// Put implements blob.Upload. The right is checked again while the part is sent.
func (u *viewUpload) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	if _, err := u.plan(ctx); err != nil {
		return blob.Part{}, err
	}
	return u.inner.Put(ctx, n, body)
}

// Parts implements blob.Upload.
func (u *viewUpload) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		if _, err := u.plan(ctx); err != nil {
			yield(blob.Part{}, err)
			return
		}
		u.inner.Parts(ctx)(yield)
	}
}

// Complete implements blob.Upload. This is the write: it is planned by the rights of now, whatever they were at the
// beginning.
func (u *viewUpload) Complete(ctx context.Context) (*blob.Object, error) {
	p, err := u.plan(ctx)
	if err != nil {
		return nil, err
	}
	o, err := u.v.write(ctx, "upload", u.key, p, func(cond blob.Condition) (*blob.Object, error) {
		inner := u.inner
		if cond != u.cond {
			var err error
			if inner, err = u.v.guard.bucket.Upload(ctx, u.key, &blob.UploadOptions{ID: u.id, If: cond, Hook: u.hooked(cond)}); err != nil {
				return nil, err
			}
		}
		return inner.Complete(ctx)
	}, nil)
	if err == nil {
		u.v.guard.store.forgetUpload(ctx, u.key, u.id)
	}
	return o, err
}

// Abort implements blob.Upload. Whoever holds the token of the beginner needs no right; the object is not touched.
func (u *viewUpload) Abort(ctx context.Context) error {
	if u.v.guard.closed.Load() {
		return blob.ErrClosed
	}
	if u.kind == toAbort {
		if err := u.v.require(ctx, "upload", u.key, Delete); err != nil {
			return err
		}
	}
	err := u.inner.Abort(ctx)
	if err == nil {
		u.v.guard.store.forgetUpload(ctx, u.key, u.id)
	}
	return err
}

// Uploads implements blob.Bucket. It shows the uploads to keys that the identity may List, and each with an ID only to
// whoever can do something with it: to resume it, whoever began it; to abort it, whoever may Delete the key.
func (v *view) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(nil, err)
			return
		}
		a, now, err := v.access(ctx)
		v.report(now, "uploads", prefix, List, err)
		if err != nil {
			yield(nil, err)
			return
		}
		if !a.rights.anyBelow(prefix) {
			return
		}
		for info, err := range v.guard.bucket.Uploads(ctx, prefix) {
			if err == nil {
				a, _, err = v.access(ctx)
			}
			if err == nil && (CheckKey(info.Key) != nil || !a.rights.rights(info.Key).Has(List)) {
				continue
			}
			if err == nil {
				info.ID, err = v.tokenFor(ctx, a, info)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// tokenFor returns the identity's token for an upload, or "" if it has none.
func (v *view) tokenFor(ctx context.Context, a *access, info *blob.UploadInfo) (string, error) {
	if a.snapshot == nil || v.who.User == "" { // nobody is not one person, whom an upload could belong to
		return "", nil
	}
	user, err := v.guard.store.uploader(ctx, info.Key, info.ID)
	switch {
	case err != nil:
		return "", err
	case user == v.who.User:
		return token(toResume, a.snapshot, info.Key, info.ID, user), nil
	case a.rights.rights(info.Key).Has(Delete):
		return token(toAbort, a.snapshot, info.Key, info.ID, v.who.User), nil
	}
	return "", nil
}

// Whose an upload is, no store keeps; so it is kept beside the policy, from the beginning of the upload to its end.

type uploadRecord struct {
	Format int    `json:"format"`
	User   string `json:"user"`
}

func uploadName(key, id string) string { return uploadsRoot + digest([]byte(key+"\x00"+id)) }

// recordUpload notes who began an upload. Of nobody's there is no record.
func (s *store) recordUpload(ctx context.Context, key, id, user string) error {
	if user == "" {
		return nil
	}
	data, err := encode(uploadRecord{format, user})
	if err == nil {
		_, err = s.put(ctx, uploadName(key, id), data, blob.Condition{})
	}
	return err
}

// uploader returns who began an upload, or "" if that is not known.
func (s *store) uploader(ctx context.Context, key, id string) (string, error) {
	data, _, err := s.get(ctx, uploadName(key, id), &blob.GetOptions{})
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var r uploadRecord
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Format != format {
		err = fmt.Errorf("%w: the record of an upload has format %d", ErrCorrupt, r.Format)
	}
	return r.User, err
}

// forgetUpload removes the record. One that stays does no harm: no store gives an id twice.
func (s *store) forgetUpload(ctx context.Context, key, id string) {
	ctx, done := tidying(ctx)
	defer done()
	_ = s.bucket.Delete(ctx, uploadName(key, id), nil)
}
