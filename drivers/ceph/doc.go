// Package ceph makes a namespace of a pool of RADOS, the object store under Ceph, a [blob.Bucket]: without a gateway, with
// exact conditions, and listed in order, which RADOS itself cannot do.
//
// It reaches the cluster through librados, so it takes a build with the tag ceph, cgo and the library:
//
//	apt-get install librados-dev
//	go build -tags ceph ./...
//
// Without the tag it compiles all the same, on every platform, and opening a bucket says what is needed.
//
// A bucket is opened by [Open], or by a URL such as
//
//	ceph://pool/namespace/prefix/
//	ceph://pool/namespace/?conf=/etc/ceph/ceph.conf&user=backup&keyring=/etc/ceph/backup.keyring
//
// whose parameters are those of [Config]: conf, user, keyring, timeout, create, shards and data. The user needs no more
// than "mon 'allow r' osd 'allow rwx pool=… namespace=…'", for the pool of the content too.
//
// # In the cluster
//
// One place is the truth: the entry of a key, in the omap of one of the shards, which are as many objects as the bucket
// was made with. All that a namespace holds:
//
//	holdall                          JSON: the format, the bucket's ID, the number of shards, the pool of the content
//	holdall.index.N                  shard N: 64-bit FNV-1a of the key, modulo the number of shards. In its omap:
//	    e<key>                       the entry: an ID, size, time, CRC-32C, headers and metadata (codec.go)
//	    c<key>                       content of up to 4 KiB; or, of an upload, 8 letters for each part: its generation
//	    d<key>                       there if the content lies in objects of its own
//	    u<key>…<ID>                  an unfinished upload, JSON
//	    p<ID>.<part>                 a part of one that has arrived, JSON, with its generations
//	holdall.data.<ID>/N              the Nth 4 MiB of a Put
//	holdall.data.<ID>.<part>-<generation>/N   and of a part
//
// If the content lies in another pool, it is in the namespace of the same name there, whose object "holdall" then says
// whose it is, so that no other bucket uses it.
//
// Content is written once, under the ID of its write, and never changed. One operation on the shard then compares what the
// key holds with what the write counts on, and sets the new entry; it alone publishes. A write on a condition counts on
// the entry that it has read, or on none; one without a condition, of up to 4 KiB, on no content in objects that it would
// have to remove, and so takes one request. So conditions are exact, among any number of processes; a listing never disagrees
// with a read; and an interrupted write leaves nothing but content that nothing names. [Bucket.Sweep] removes that, by age,
// and [Bucket.Fsck] looks for whatever is not as it should be; the command in fsck does both.
//
// The content of an object that is overwritten or deleted is removed next, as far as the cluster answers; what stays is
// Sweep's. A Reader that comes to what is gone answers [blob.ErrChanged].
//
// The pool of the entries must be replicated, since erasure-coded pools have no omaps; that of content may be
// erasure-coded (data= in a URL). A listing asks every shard for pages of up to 1,024 entries, and holds up to two of each;
// they are smaller where there are more than 16 shards, or where entries are large.
//
// # Time
//
// librados knows no context. A call on an entry or on content is cancelled when its ctx ends, as if its timeout were over;
// what it wrote is removed then, if the cluster answers. Listings, removals, and the opening of a bucket are left to
// themselves, and take a thread each, until the cluster answers, or until their timeout. Ceph's own timeouts for requests
// are to wait for ever; where the configuration sets none, they are [DefaultTimeout] here. Then a cluster that stops
// answering gives errors which say that they are retryable. A handle has at most 128 calls under way, and 64 MiB of content.
// A write that was sent and not answered is [blob.ErrAmbiguous], unless the key is seen to hold it: it may still be carried
// out. A Put must not take longer than 12 hours.
//
// Times are those of the clients' clocks, and no two that one process gives are equal. A write that has read what it
// replaces gives a later time than that has, whatever its clock says.
//
// # What RADOS cannot do
//
// It copies nothing, signs nothing and keeps no versions; a [blob.Copy] streams. Who may write to a namespace may write
// to all of it: for access by user, put package acl over the bucket, whose policy may lie in the bucket itself.
//
// Limits: keys of 1,024 bytes; 16 KiB of metadata, and 64 KiB for an entry in all; parts of up to 5 GiB, 10,000 of them.
package ceph
