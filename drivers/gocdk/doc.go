// Package gocdk joins holdall and gocloud.dev (the Go Cloud Development Kit), both ways.
//
//   - [Open] shows any Bucket of holdall as a *blob.Bucket of gocloud.dev. A program that was written for gocloud.dev
//     gains holdall's stores, and per-user access control, by changing the line that opens its bucket.
//   - [New] shows any bucket of gocloud.dev as a Bucket of holdall, with what gocloud.dev cannot do declared.
//
// Who comes from gocloud.dev finds each call and ours in MIGRATING.md beside this file, and a program that is moved in
// examples/from-gocloud.
//
// # URLs
//
// Importing this package lets gocloud.dev's OpenBucket open buckets of holdall, whose drivers must be imported too:
// "holdall:file:///srv/data", or "holdall+file:///srv/data"; see [URLOpener].
//
// # What Open keeps of holdall, and what it cannot
//
// Upload publishes all that its reader delivers, or nothing. A reader that is moved by Seek stays in the version that it
// opened, or fails. IfNotExist is honoured atomically or refused. Errors have gocloud.dev's codes, and answer errors.Is
// for holdall's names as well. Delete looks first, since a missing object is an error there: that is a request more.
//
// What was written to a writer is published by its Close, as gocloud.dev has it, also after a failed io.Copy to it; to
// abandon it, cancel its context. A write returns nothing but its error.
//
// # What New loses
//
//   - A write returns its size: no ETag, no time ([blob.Deviations]).
//   - Get is two requests, since a reader of gocloud.dev has no metadata and no ETag. They are of one version as far as
//     size and time tell; where a provider keeps times in seconds, an overwrite by the same number of bytes within the
//     same second does not show.
//   - No read, overwrite or delete is conditional, so nothing is pinned to a version: [blob.OpenAt], and what rests on
//     it, is unsupported. IfAbsent is there if [Options.AtomicIfNotExist] promises it.
//   - No copy on the server: gocloud.dev's says nothing of what it made. [blob.Copy] streams.
//   - No uploads in parts, no versions, no bulk delete; listings without ETag, and StartAfter by reading what comes before.
//   - A content type is parsed and formatted again: "text/html;charset=utf-8" becomes "text/html; charset=utf-8".
//
// fileblob loses more. Its pages lose keys, so a listing is read into memory whole, and sorted. Keys are paths to it, so
// only canonical ones are taken: no empty segment, "." or "..", no control character or "\"; none with a segment that
// ends in ".attrs", or is longer than 234 bytes. Objects that it holds under other keys are not shown; the file driver
// with [KeysAsWritten] shows them. "a" and "a/b" exclude each other. Attributes and content are written one after the
// other, so who reads amid an overwrite may see [blob.ErrChanged], or with [Options.MD5] [blob.ErrChecksum].
// Nothing is synced to the disk.
package gocdk
