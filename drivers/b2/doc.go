// Package b2 makes a bucket of Backblaze B2 a [blob.Bucket], by B2's native API and Backblaze's own Go client, Blazer.
//
// A bucket is opened by [Open], or by a URL such as
//
//	b2://bucket/prefix/
//	b2://bucket/?versions=keep
//
// whose parameters are endpoint, versions (keep or remove) and any_keys, as in [Config]. The application key comes from
// where Backblaze's own tools find it, the environment variables B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY; a URL
// holds none. A key that is restricted to the bucket, and to a prefix in it, is enough. What it lacks for a call is
// named before any request: listFiles, readFiles, writeFiles, deleteFiles. A large file takes writeFiles and listFiles;
// without readFiles, one that was overtaken (see Versions) in a private bucket cannot be copied above, and is
// [blob.ErrAmbiguous]. What is B2's alone is on [Bucket], the type that Open returns: [Bucket.Calls] and
// [Bucket.Sweep].
//
// # No conditions
//
// B2 has no conditional writes. A Put, Upload, Copy or Delete with a condition is refused before any request, and of
// two who write one key at the same time the later wins. Reads and sources of copies know conditions: each answer is
// about one version. Access control keeps its policy in another Bucket, or in this one under the promise
// acl.Options.SingleWriter.
//
// # Versions
//
// An overwrite leaves what was there as an older version. A Delete hides the key, removes the versions below, and the
// marker last, so that nothing old shows meanwhile or after an interruption, and what is written meanwhile stays.
// Without a Delete old versions remain, and are charged, until a lifecycle rule of the bucket removes them. With
// versions=keep a Delete hides and removes nothing, and versions are listed, read and removed one by one; it then does
// without deleteFiles.
//
// A large file takes its place among the versions when it is started. One that is finished below what was written since
// is copied above it, on the server, and removed from below.
// (https://www.backblaze.com/docs/cloud-storage-file-versions)
//
// # Keys and metadata
//
// Keys are held to the stricter of what Backblaze publishes: no backslash, no empty segment, none of more than 250
// bytes. AnyKeys lifts this. Control bytes, and "." and ".." segments, are refused in any case. Metadata has 5 entries,
// with names of 50 bytes; the other five of the file info that B2 has are for the standard headers and the SHA-1 of
// large files. Values may be any UTF-8. With the key they take at most 7,000 bytes of headers, where what is not plain
// ASCII counts three times.
//
// # Parts
//
// Each upload that is under way has an upload URL of its own, from a pool. One that fails with 50x, 408, 401 or a
// broken connection is given up for a fresh one. Bodies of more than one part (8 MiB, unless the caller says otherwise)
// are sent as large files. Files and bodies in memory are sent from where they are, and other streams are held in
// memory by parts, under one budget of the process (64 MiB, and one part for each Put). A large file has at least two
// parts, so an Upload that completes with one, or none, is stored as an ordinary file: the Upload holds part 1, up to
// 64 MiB and beside the budget, until another is sent, unless its Size tells that there are more. Who resumes an upload
// of a single part by its ID has not its content, and must send it again.
//
// A large file has a mark among its info, seen as "holdall-start" by other programs. One whose start was not answered is
// found by it and cancelled. Where the mark has no room, beside ten entries or 2,048 bytes of headers, such a one stays
// until [Bucket.Sweep], as does one whose start arrives after the search.
//
// # Integrity
//
// A SHA-1 goes with every file and part, and B2 verifies it. Downloads are verified where the SHA-1 of the whole is
// known. That of a large file is among its info (large_file_sha1, as other programs have it) if it was known when the
// file was started: for bodies at hand, and where the caller gives it.
//
// # Costs
//
// B2 charges calls by classes (https://www.backblaze.com/cloud-storage/transaction-pricing), which [Bucket.Calls]
// counts. A small Put is one upload of class A, and now and then the fetch of an upload URL; a Get or Stat is one call
// of class B; a listing of n names is ⌈n/1000⌉ of class C. A Copy is a look and a copy, and a Delete hides (A), lists
// (C) and removes each version (A). A completed upload looks once whether it is the newest (C).
//
// # What B2 cannot say
//
// A download authorization of B2's covers all names that begin with a prefix: one for photos/x also opens photos/xyz.
// So nothing is signed here. B2's S3 door signs requests for one key: see the flavour b2 of drivers/s3.
//
// A Cache-Control policy of the bucket, and the default of buckets that were made before September 2021, reads as the
// object's own.
package b2
