package conformance

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// The capabilities that cases need, each with its negative half: what is not declared must be refused with
// errors.ErrUnsupported, and change nothing. That a condition could be silently ignored is the bug that loses data.
var (
	needIfAbsent = Need{Name: "if-absent on Put",
		Has: func(c blob.Capabilities) bool { return c.If.Put.Has(blob.KindAbsent) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Put(t.ctx, "new", strings.NewReader("x"), &blob.PutOptions{If: blob.IfAbsent})
			return err
		})}
	needIfMatch = Need{Name: "if-match on Put",
		Has: func(c blob.Capabilities) bool { return c.If.Put.Has(blob.KindMatch) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Put(t.ctx, "here", strings.NewReader("x"), &blob.PutOptions{If: blob.IfMatch(`"any"`)})
			return err
		})}
	needIfMatchDelete = Need{Name: "if-match on Delete",
		Has: func(c blob.Capabilities) bool { return c.If.Delete.Has(blob.KindMatch) },
		Refused: refused(func(t *T) error {
			return t.Bucket.Delete(t.ctx, "here", &blob.DeleteOptions{If: blob.IfMatch(`"any"`)})
		})}
	needCondRead = Need{Name: "all conditions on reads",
		Has: func(c blob.Capabilities) bool { return c.If.Read&blob.ReadConditions == blob.ReadConditions },
		Refused: func(t *T) {
			for _, cond := range []blob.Condition{blob.IfMatch(`"x"`), blob.IfNoneMatch(`"x"`),
				blob.IfModifiedSince(time.Unix(1, 0)), blob.IfUnmodifiedSince(time.Unix(1, 0))} {
				if !t.Caps.If.Read.Has(cond.Kind()) {
					refused(func(t *T) error {
						_, err := t.Bucket.Stat(t.ctx, "here", &blob.StatOptions{If: cond})
						return err
					})(t)
				}
			}
		}}
	needCopy = Need{Name: "Copy",
		Has: func(c blob.Capabilities) bool { return c.Copy },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Source(t.ctx, "here", nil)
			return err
		})}
	needCopyIfAbsent = Need{Name: "if-absent on Copy",
		Has: func(c blob.Capabilities) bool { return c.Copy && c.If.Copy.Has(blob.KindAbsent) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Copy(t.ctx, "new", blob.Source{}, &blob.CopyOptions{If: blob.IfAbsent})
			return err
		})}
	needCopyIfMatch = Need{Name: "if-match on the source of a Copy",
		Has: func(c blob.Capabilities) bool { return c.Copy && c.If.Source.Has(blob.KindMatch) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Source(t.ctx, "here", &blob.SourceOptions{If: blob.IfMatch(`"any"`)})
			return err
		})}
	needCopyOverMatch = Need{Name: "if-match on what a Copy overwrites",
		Has: func(c blob.Capabilities) bool { return c.Copy && c.If.Copy.Has(blob.KindMatch) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Copy(t.ctx, "new", blob.Source{}, &blob.CopyOptions{If: blob.IfMatch(`"any"`)})
			return err
		})}
	needMultipart = Need{Name: "Upload",
		Has: func(c blob.Capabilities) bool { return c.Uploads.Supported },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Upload(t.ctx, "new", nil)
			return err
		})}
	needUploadIfAbsent = Need{Name: "if-absent on Upload",
		Has: func(c blob.Capabilities) bool { return c.Uploads.Supported && c.If.Upload.Has(blob.KindAbsent) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Upload(t.ctx, "new", &blob.UploadOptions{If: blob.IfAbsent})
			return err
		})}
	needListUploads = Need{Name: "Uploads",
		Has: func(c blob.Capabilities) bool { return c.Uploads.Listed },
		Refused: refused(func(t *T) error {
			for _, err := range t.Bucket.Uploads(t.ctx, "") {
				return err
			}
			return nil
		})}
	needSign = Need{Name: "Sign",
		Has: func(c blob.Capabilities) bool { return c.Sign.Methods.Has(http.MethodGet) },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Sign(t.ctx, "here", &blob.SignOptions{Method: http.MethodGet, Expires: time.Minute})
			return err
		})}
	needVersions = Need{Name: "versions",
		Has: func(c blob.Capabilities) bool { return c.Versions },
		Refused: func(t *T) {
			refused(func(t *T) error {
				_, err := t.Bucket.Stat(t.ctx, "here", &blob.StatOptions{Version: "1"})
				return err
			})(t)
			refused(func(t *T) error {
				return t.Bucket.Delete(t.ctx, "here", &blob.DeleteOptions{Version: "1"})
			})(t)
		}}
	needChecksumIn = Need{Name: "a checksum of PutOptions.Checksums",
		Has: func(c blob.Capabilities) bool { return c.Checksums.In != 0 },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Put(t.ctx, "new", strings.NewReader("x"), &blob.PutOptions{Checksums: blob.CRC32CSum(1)})
			return err
		})}
	needChecksumOut = Need{Name: "a checksum of every object",
		Has: func(c blob.Capabilities) bool { return c.Checksums.Out != 0 }}
	needHeaders = Need{Name: "the standard headers",
		Has: func(c blob.Capabilities) bool { return c.Objects.Headers },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Put(t.ctx, "new", strings.NewReader("x"), &blob.PutOptions{Attributes: blob.Attributes{CacheControl: "no-store"}})
			return err
		})}
	needMetadata = Need{Name: "metadata",
		Has: func(c blob.Capabilities) bool { return c.Objects.Metadata },
		Refused: refused(func(t *T) error {
			_, err := t.Bucket.Put(t.ctx, "new", strings.NewReader("x"), &blob.PutOptions{Attributes: blob.Attributes{Metadata: map[string]string{"a": "b"}}})
			return err
		})}
	needAnyDelimiter = Need{Name: "any delimiter",
		Has: func(c blob.Capabilities) bool { return !c.Deviations.OnlySlash },
		Refused: refused(func(t *T) error {
			for _, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Delimiter: "-"}) {
				return err
			}
			return nil
		})}

	needReopen      = needHook(HookReopen)
	needURL         = needHook(HookURL)
	needNonexistent = needHook(HookNonexistent)
	needForeign     = needHook(HookForeign)
	needCorrupt     = needHook(HookCorrupt)
	needEndpoint    = needHook(HookEndpoint)
	needProxied     = needHook(HookProxied)
	needDenied      = needHook(HookDenied)
	needRestart     = needHook(HookRestart)
	needPause       = needHook(HookPause)
	needSecrets     = needHook(HookSecrets)

	slashAtEnd     = unless("that nothing is under a key that ends in a slash", func(c blob.Capabilities) bool { return c.Keys.NoSlashAtEnd })
	flatNamespace  = unless("that it cannot hold a beside a/b", func(c blob.Capabilities) bool { return c.Keys.NoFileBesideDir })
	caseSensitive  = unless("that it folds case", func(c blob.Capabilities) bool { return c.Keys.CaseFolding })
	normPreserving = unless("that it normalizes Unicode", func(c blob.Capabilities) bool { return c.Keys.Normalizing })
	strongList     = unless("that listings lag", func(c blob.Capabilities) bool { return c.Deviations.EventualList })
	strongRead     = unless("that reads lag", func(c blob.Capabilities) bool { return c.Deviations.EventualRead })
)

// refused makes the negative half of a capability: the call must answer ErrUnsupported, and change nothing.
func refused(call func(t *T) error) func(t *T) {
	return func(t *T) {
		t.Put("here", "as it was")
		before := t.Snapshot()
		t.WantError("a call that needs "+t.Case.ID+"'s capability, which is not declared", call(t), errors.ErrUnsupported)
		if after := t.Snapshot(); !maps.Equal(before, after) {
			t.Errorf("a refused call left a trace: %q became %q", before, after)
		}
	}
}
