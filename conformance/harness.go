package conformance

import (
	"github.com/holdall-go/holdall/blob"
)

// A Harness tells how one store is reached. Only Open is required; a nil hook means that the harness has none.
type Harness struct {
	Name string // of the store as it really runs, such as "s3:minio-2026-02-12"

	// Open returns a Bucket on an empty namespace that nobody else uses. It calls t.Fatal if it cannot, and t.Cleanup to
	// remove the namespace. The runner closes the Bucket.
	Open func(t *T) blob.Bucket

	// Reopen returns another handle to the namespace of b, which Open returned. The runner closes it.
	Reopen func(t *T, b blob.Bucket) blob.Bucket

	// URL returns a URL that opens the namespace of b.
	URL func(t *T, b blob.Bucket) string

	// Nonexistent opens a bucket that does not exist. It returns whatever Open of the driver answers.
	Nonexistent func(t *T) (blob.Bucket, error)

	// Foreign stores an object in the namespace of b as another program would, without this library.
	Foreign func(t *T, b blob.Bucket, key, content string)

	// Corrupt flips one bit of the byte at off of what the store of b holds for key, without a trace elsewhere.
	Corrupt func(t *T, b blob.Bucket, key string, off int64)

	// Secrets are what nobody may be shown: the keys that requests are signed with, passwords, tokens.
	Secrets []string

	// Impossible names the hooks that cannot exist for this store, each with the reason: the restart of a map in memory,
	// or a proxy before files. What needs one is unsupported, not merely not run.
	Impossible map[Hook]string

	// Expected names cases that are known to fail, each with the reason and a link. One that passes fails the run.
	Expected map[string]string
}

// A Hook is an optional part of a Harness.
type Hook string

// The hooks that cases may need.
const (
	HookReopen      Hook = "Reopen"
	HookURL         Hook = "URL"
	HookNonexistent Hook = "Nonexistent"
	HookForeign     Hook = "Foreign"
	HookCorrupt     Hook = "Corrupt"
	HookSecrets     Hook = "Secrets"
)

func (h *Harness) has(hook Hook) bool {
	switch hook {
	case HookReopen:
		return h.Reopen != nil
	case HookURL:
		return h.URL != nil
	case HookNonexistent:
		return h.Nonexistent != nil
	case HookForeign:
		return h.Foreign != nil
	case HookCorrupt:
		return h.Corrupt != nil
	case HookSecrets:
		return h.Secrets != nil
	}
	return false
}

// Wrapped returns a harness for a wrapper around every bucket that h opens. The hooks that would go past the wrapper
// are gone, except Reopen, which is wrapped too; wrap must give two handles to one namespace the same view of it.
func (h Harness) Wrapped(name string, wrap func(t *T, b blob.Bucket) blob.Bucket) Harness {
	inner := h
	// What a wrapper returned leads back to the bucket inside, for Reopen.
	within := map[blob.Bucket]blob.Bucket{}
	w := Harness{Name: h.Name + "+" + name, Impossible: h.Impossible}
	w.Open = func(t *T) blob.Bucket {
		b := inner.Open(t)
		t.Cleanup(func() { _ = b.Close() })
		outer := wrap(t, b)
		within[outer] = b
		return outer
	}
	if inner.Reopen != nil {
		w.Reopen = func(t *T, b blob.Bucket) blob.Bucket {
			again := inner.Reopen(t, within[b])
			t.Cleanup(func() { _ = again.Close() })
			return wrap(t, again)
		}
	}
	return w
}
