// Package s3 makes a bucket of AWS S3, or of a server that speaks its protocol, a [blob.Bucket].
//
// A bucket is opened by [Open], or by a URL such as
//
//	s3://bucket/prefix/?region=eu-west-3
//	s3://bucket/?endpoint=https://s3.example.org&flavour=ceph&profile=backup
//
// whose parameters are those of [Config]: region, endpoint, flavour, profile, anonymous, path_style, versions and
// sign_payload. Credentials come from the SDK's own chain, so that what works with the AWS command line works here; a URL
// holds none. What is S3's alone is on [Bucket], the type that Open returns: ACLs, the policy, the public access block,
// and the SDK's client; with a Put, a Copy or an Upload it goes as a [Provider].
//
// # Servers
//
// Servers differ in what they support, and in where they deviate. A flavour says both. It is known from the host of the
// endpoint, or asked for when a bucket is opened: that is the only request that opening makes.
//
//	flavour       put if  upload if  copy if  source if  delete if  verifies  remarks
//	aws           both    both       both     match      match      CRC-32C
//	minio         both    both       -        match      -          CRC-32C   keys are paths; does not list unfinished uploads
//	versitygw     both    both       -        match      -          CRC-32C   keys are paths; none ends in a slash
//	ceph          both    -          -        -          -          SHA-256   a conditional Put is one request
//	dreamobjects  both    -          -        -          -          SHA-256   it is Ceph
//	swift         -       -          -        -          -          SHA-256   metadata of up to 64 entries
//	b2            -       -          -        -          -          SHA-256
//	wasabi        -       -          -        -          -          SHA-256
//	r2            both    both       -        -          -          SHA-256   all parts of one size
//	generic       -       -          -        -          -          SHA-256   any other server
//
// "Both" are if-absent and if-match. A condition that a server does not honour atomically is refused before any request.
// Where keys are paths they have no empty, "." or ".." segment, and in MinIO none of dots amid white space, such as "a/ ..".
//
// # Integrity
//
// Every body goes with a checksum that the server verifies: its CRC-32C, or, where the server knows none, its SHA-256
// within the signature. (A conditional Put of a stream of more than 64 MiB, where that is one request, is compared
// afterwards: with the MD5 that the server answers.) Downloads are verified by the CRC-32C of the whole, which the
// server gives back or which is among the metadata. There it is missing in an object that was sent in parts, or as a
// stream of more than 64 MiB, since its end was not known at its beginning.
//
// # Memory and retries
//
// Files and bodies that lie in memory are sent from where they are. Other streams are held in memory by parts, which
// begin at 8 MiB and grow, under one budget of the process (64 MiB, and one part for each Put). A stream whose length is
// not declared may have 492 GiB, and 78 GiB where all parts must have one size.
//
// A request is sent up to five times, with random waits that grow and that are at least what Retry-After says. A
// conditional write stores a unique idempotency token in the metadata, which other programs see as "holdall-write". If a
// response is lost, the token shows whether the write was carried out; if it does not, the write returns
// [blob.ErrAmbiguous]. A Put in parts that ends with ErrAmbiguous does not abort its upload, because the server may still
// be completing it, and an abort could destroy the object. An upload also remains if the response to
// CreateMultipartUpload was lost. [blob.AbortUploads] removes both. Config.Observe receives every request that is sent.
//
// # What S3 cannot say
//
// Writes return no time ([blob.Deviations].WriteWithoutModTime). An ETag follows from the content, in most cases, so a rewrite with
// other attributes has the same one. Metadata has 2 KiB in all; its values may be any UTF-8, and what is not printable
// ASCII is written as RFC 2047 has it and counts for more.
package s3
