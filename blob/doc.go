// Package blob is the interface of holdall: a [Bucket] of objects, the same over memory, files and every provider, and
// the functions that work over any Bucket.
//
// # Rules of every Bucket
//
//   - Put is atomic. An object is there whole, or what was there before still is.
//   - Writes return what they made: size, ETag, version and checksums, where the store knows them.
//   - A condition is honoured atomically or refused with [errors.ErrUnsupported] before any request. It is never
//     ignored, and never imitated by a look-up. The same holds for every option that changes the result.
//   - A key is an opaque string of 1 to 1024 bytes of UTF-8 without NUL. Nothing is cleaned, decoded or folded. What a
//     store cannot hold literally its driver escapes, reversibly.
//   - Listings are in strict byte order, lazy, and linear in what they yield.
//   - After a write has returned, Get, Stat and List by anyone see it, unless [Capabilities] declares less. A Reader
//     holds the version that it opened.
//   - Content is verified end to end wherever a digest of it is known.
//   - Every call stops promptly when its ctx ends, and leaves no goroutine, file or upload behind.
//   - A closed wrapper closes what it wraps only if it opened it.
//
// # Over any Bucket
//
// What can be said over any Bucket is a function, in the manner of package io/fs: [ReadAll], [WriteAll] and [Exists] for
// what is small, [Copy] and [Move] within and between stores, [Download] in parallel, [Walk], [DeletePrefix] and
// [AbortUploads]. [Sub] and [ReadOnly] return a Bucket again. [NewWriter] turns Put into an io.Writer, [OpenAt] turns Get
// into an io.ReaderAt and io.Seeker; [FS] is an fs.FS, and [Handler] an http.Handler.
//
// # Errors
//
// Every error is an [*Error] with the operation, bucket and key, and answers [errors.Is] for [fs.ErrNotExist],
// [fs.ErrExist], [fs.ErrPermission], [errors.ErrUnsupported], the context's errors, and the Err… values of this package.
// [Error.Retryable] tells whether the same call may succeed later. No error shows a secret.
//
// # Drivers
//
// Importing a driver's package makes its URLs known to [Open]; its own Open takes typed options. Whoever writes a driver
// embeds [Unsupported], returns through [Check], and runs the suite of package conformance.
package blob
