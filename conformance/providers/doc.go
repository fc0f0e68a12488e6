// Package providers runs the conformance suite against real servers: MinIO, versitygw, Ceph and OpenStack Swift in Docker,
// or any bucket that a URL names. Backblaze B2 is there as a simulator, which package b2front steers.
//
//	go -C conformance/providers run ./prepare                             builds what is missing; the first time takes minutes
//	go -C conformance/providers run ./serve minio                         one of the servers, to try something with
//	go -C conformance/providers test -timeout 20m -short .                short tier on every store that runs here, but Swift
//	go -C conformance/providers test -timeout 70m .                       on Swift too, on views, with versions and more
//	go -C conformance/providers test -run '/minio' .                      the same on one of them
//	go -C conformance/providers test -run '^$' -bench Start .             how long they take to start
//	HOLDALL_FULL=1 go -C conformance/providers test -timeout 3h .         default tier, everything on every store
//	HOLDALL_FULL=1 go -C conformance/providers test -v -run Killed .      kills 200 writers to each store, and reports
//	go -C conformance/providers test -tags ceph -timeout 160m . -args -matrix  writes conformance/MATRIX.md anew
//	go -C conformance/providers test . -args -url 's3://bucket/?region=…' the suite against a bucket, in a prefix of its own
//
// With -tags ceph and librados, RADOS is among the stores.
//
// `go run ./internal/check` runs the tests in one process for each store, several at the same time. The processes share
// the Docker engine and nothing else: each has servers of its own, and removes only containers whose process is gone.
//
// A server that cannot run here is not run, and says why and what would help. HOLDALL_REQUIRE=minio,ceph or =all makes
// that a failure. Without Docker one real server runs nevertheless: versitygw, as a child process of the test; and B2's
// simulator does where Debian's python3-b2sdk is installed.
// HOLDALL_IMAGE_MINIO, and so for the others, names an image to use in place of our own.
//
// A server starts when it is first asked for, keeps what it has in a volume of its container, listens on 127.0.0.1 alone,
// and goes with the process that started it: call [Purge] before exiting. Containers that an earlier process left behind
// are removed when the next one starts.
package providers
