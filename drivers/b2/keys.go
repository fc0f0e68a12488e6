package b2

import "github.com/holdall-go/holdall/blob"

// maxSegment is the longest piece of a name between slashes, in bytes, where keys are held to the strict rules.
// https://www.backblaze.com/b2/docs/files.html
const maxSegment = 250

// keyRules are the names that B2 takes. No page allows control bytes, and a "." or ".." segment would not survive the URL of
// a download. The rest is what the pages disagree on; AnyKeys leaves it to the server.
// https://www.backblaze.com/docs/cloud-storage-files
func (b *bucket) keyRules() blob.KeyRules {
	r := blob.KeyRules{MaxBytes: 1024, URLSafe: true}
	if !b.anyKeys {
		r.Canonical, r.NoSlashAtEnd, r.MaxSegment = true, true, maxSegment
		r.Note = `AnyKeys (any_keys= in a URL) allows all but control bytes and the segments "." and ".."`
	}
	return r
}
