// Package blob is the interface of holdall: a [Bucket] of objects, the same over memory, files and every provider, and
// the functions that work over any Bucket.
//
// # Rules of every Bucket
//
//   - Put is atomic. An object is there whole, or what was there before still is.
//   - Writes return what they made: size, ETag, version, time and checksums, where the store's response has them. On S3 it
//     has no time ([Deviations].WriteWithoutModTime).
//   - A condition is honoured atomically or refused with [errors.ErrUnsupported] before any request. It is never
//     ignored, and never imitated by a look-up. The same holds for every option that changes the result.
//   - A key is an opaque string of 1 to 1024 bytes of UTF-8 without NUL. Nothing is cleaned, decoded or folded. What a
//     store cannot hold literally its driver escapes, reversibly, or [KeyRules] declare it and it is [ErrInvalid].
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
// Importing a driver's package makes its URLs known to [Open]; its own Open takes typed options. A driver embeds
// [Unsupported], returns through [Check], and runs the suite of package conformance. [BodySize] and [BodyAt] return what is
// known of the body of a Put. If it has methods beside those of Bucket, its Open returns a type that embeds [Own] of the
// checked bucket.
//
// # Writing a wrapper
//
// A wrapper is a Bucket around another one, which counts, caches, encrypts, measures or restricts. It embeds a [Wrapper],
// which passes on every method, and declares the methods that it changes:
//
//	type counting struct {
//		blob.Wrapper
//		gets atomic.Int64
//	}
//
//	func (c *counting) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
//		c.gets.Add(1)
//		return c.Wrapper.Get(ctx, key, opts)
//	}
//
// It is returned through Check, like a driver: blob.Check(&counting{Wrapper: blob.Wrap(b)}). So its methods get arguments
// that have been checked, and opts that are not nil and must not be changed: copy them to change one. What it does not
// change, it keeps:
//
//   - Errors name the bucket that is wrapped. A method String of its own gives a wrapper another name.
//   - Provider options are passed on if the bucket inside accepts them. A wrapper that cannot honour them, for example
//     because it stores other content than it is given, refuses them by a method AcceptsProvider that returns false.
//   - After Close of the wrapper, or of a bucket that it wraps, every call, and every open Reader and Upload, returns
//     [ErrClosed], and the wrapper is not called. So a cache cannot serve content after Close.
//   - A copy by the server, bulk deletion and signed requests stay what they are, and so do the checks of a [Source].
//   - Close leaves the bucket inside open. A wrapper that opened it embeds [Own] of it in place of [Wrap].
//
// A wrapper that changes what a write stores or what a read delivers has to do so everywhere: in Stat, Get and List; in
// Put, Copy and Upload; and in Source and Sign, which would hand out what is stored. What it cannot do it takes out of its
// Capabilities, and Check refuses it. The body of a write is passed on as it came, because a driver can send a file or a
// slice in better ways than another reader; what a wrapper wants to know of it, it learns by a [Hook] in a copy of the
// options. A wrapper that shows progress does this in Put, Copy and Upload:
//
//	o := *opts
//	o.Hook = o.Hook.Then(&blob.Hook{OnSend: p.sent})
//	return p.Wrapper.Put(ctx, key, body, &o)
//
// What is read it observes or replaces in Get, by [Reader.WithBody]. Content that it has itself it makes a Reader by
// [NewReader] with the ctx of the call, which verifies it if the Object has checksums.
//
// A wrapper that keeps something from its users embeds a [Restricted]: it passes on nothing that the wrapper does not
// declare, also when Bucket gains a method. ReadOnly, Sub and the views of package acl are such wrappers. Nobody can reach
// the bucket inside of either base: no method returns it, and no field is exported.
//
// The examples of [Wrapper] are complete: one that counts, and a read cache. The suite of package conformance runs on a
// wrapper as on a driver; its Harness.Wrapped puts a wrapper around the bucket of any harness.
package blob
