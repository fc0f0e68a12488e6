package s3

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// A flavour is what one kind of server supports, and where it deviates from S3.
type flavour struct {
	name string

	// hosts are the ends of the host names by which the flavour is known, and server is the beginning of the Server
	// header of its answers.
	hosts  []string
	server string

	pathStyle bool // the bucket's name goes into the path

	// putIf, uploadIf, copyIf, sourceIf and deleteIf are the conditions that the server honours atomically.
	putIf, uploadIf, copyIf, sourceIf, deleteIf blob.ConditionSet

	// checksums says that the server verifies x-amz-checksum-crc32c, keeps it, and gives it back. Where it does not,
	// bodies are signed, which it verifies, and our CRC-32C is kept among the metadata.
	checksums bool

	plainLists   bool // lists in XML without an encoding, which cannot say all keys
	wholePages   bool // loses keys in small pages
	uniformParts bool // all parts but the last must have one size
	noUploads    bool // does not list unfinished uploads
	noForms      bool // takes no signed forms
	racesFail    bool // answers 500 without a code to the write that loses a race, which has changed nothing
	bareETags    bool // compares the ETag of a condition on a write without taking its quotes off
	keyedUploads bool // encodes the keys in a list of unfinished uploads, without saying so
	silentETags  bool // answers the completion of an upload with an empty ETag
	rawEchoes    bool // repeats what a listing was asked for without an encoding, control bytes included
	emptySums    bool // computes the checksum of an object whose last part is empty wrongly
	foldsNames   bool // takes '_' in the names of metadata for '-'
	maxMetaName  int  // longest name of metadata, in bytes; zero: no limit of its own
	maxMetaValue int  // most bytes in one value of the metadata; zero: no limit of its own
	maxMetaCount int  // most entries of metadata; zero: no limit of its own
	maxMetaBytes int  // most bytes of metadata as it is written; zero: the 2 KiB of S3

	maxObject int64 // largest object; zero: 5 TiB

	paths        bool // keys are paths of files: none beside a directory of its name, none that a path reads otherwise
	refusesDots  bool // refuses a "." or ".." segment with white space around it too, and in what a listing asks for
	noSlashAtEnd bool // a key that ends in a slash is a directory without content
	maxSegment   int  // longest piece of a key between slashes, in bytes; zero: no limit
}

const (
	match   = blob.ConditionSet(1 << blob.KindMatch)
	writeIf = blob.WriteConditions
)

// flavours are all that are known. The first serves AWS itself, the last any other server: it promises only what S3 had
// from its first day.
//
// What is said of MinIO RELEASE.2026-02-12, versitygw 1.8.0, Ceph 16.2 and Swift 2.30 was seen in runs of the conformance
// suite over them; of the others it is what their documentation says, and nothing that it does not say.
var flavours = []flavour{
	{
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html, and the API reference of PutObject,
		// CompleteMultipartUpload, CopyObject and DeleteObject.
		name: "aws", hosts: []string{".amazonaws.com", ".amazonaws.com.cn"}, server: "AmazonS3",
		putIf: writeIf, uploadIf: writeIf, copyIf: writeIf, sourceIf: match, deleteIf: match, checksums: true,
	},
	{
		// Objects are directories on its disks (XMinioInvalidObjectName), and unfinished uploads are listed by whole keys
		// alone. Listed one or two at a time, keys beside directories are lost. Dots are refused in all that a request has in
		// its path and in its query but the delimiter (XMinioInvalidResourceName;
		// https://github.com/minio/minio/blob/7aac2a2c5b7c/cmd/generic-handlers.go, hasBadPathComponent).
		name: "minio", server: "MinIO", pathStyle: true, paths: true, refusesDots: true, maxSegment: 255, wholePages: true, emptySums: true, noUploads: true,
		putIf: writeIf, uploadIf: writeIf, sourceIf: match, checksums: true,
	},
	{
		// Over a file system, which is its usual backend: objects are files. It lists without an encoding. What overwrites a
		// file has its name and 28 more bytes until it is renamed, so a longer one is stored once and never again
		// (https://github.com/versity/versitygw/blob/v1.8.0/backend/posix/with_otmpfile.go#L240).
		name: "versitygw", server: "VERSITYGW", pathStyle: true, paths: true, maxSegment: 255 - 28, noSlashAtEnd: true, plainLists: true,
		putIf: writeIf, uploadIf: writeIf, sourceIf: match, checksums: true,
	},
	ceph("ceph", "Ceph Object Gateway"),
	ceph("dreamobjects", "", ".dream.io"), // https://www.dreamhost.com/cloud/storage/: it is Ceph
	{
		// A conditional PUT answers 501, a condition on the source of a copy is ignored, and there is no POST of an object
		// (https://docs.openstack.org/swift/latest/s3_compat.html). Metadata has at most 90 entries,
		// of 256 bytes each and 4,096 in all (max_meta_count, max_meta_value_length and max_meta_overall_size,
		// https://docs.openstack.org/swift/latest/config/swift_conf_config.html).
		name: "swift", pathStyle: true, noForms: true, foldsNames: true, maxMetaName: 120, maxMetaValue: 256, maxMetaCount: 64, maxMetaBytes: 3900,
	},
	{
		// https://www.backblaze.com/docs/cloud-storage-s3-compatible-api: no condition on writes, and ACLs of buckets alone.
		// Signed forms are not taken (https://github.com/transloadit/uppy/issues/5052).
		name: "b2", hosts: []string{".backblazeb2.com"}, pathStyle: true, noForms: true,
	},
	{
		// https://docs.wasabi.com/docs/rest-api-introduction recommends the path style, and mentions no condition on writes.
		name: "wasabi", hosts: []string{".wasabisys.com"}, server: "WasabiS3", pathStyle: true,
	},
	{
		// https://developers.cloudflare.com/r2/api/s3/conditional-operations/. Of a whole object it knows the CRC-64 alone
		// (…/r2/api/s3/api/), so ours is kept with the metadata; parts must have one size (…/r2/objects/multipart-objects/).
		// Signed forms are not taken (https://github.com/transloadit/uppy/issues/5052).
		name: "r2", hosts: []string{".r2.cloudflarestorage.com"}, pathStyle: true, uniformParts: true, noForms: true,
		putIf: writeIf, uploadIf: writeIf,
	},
	{name: "generic", pathStyle: true},
}

// ceph is the flavour of a Ceph Object Gateway, and of what is one under another name.
//
// Metadata is kept in extended attributes, whose names have at most 100 bytes with a prefix of 20 (osd_max_attr_name_len);
// a longer one answers 500. If-Match is compared with the stored ETag, which has no quotes. A condition on the completion
// of an upload is ignored, and the source of a copy is looked at before and not with it. A lost race is ECANCELED inside,
// for which it has no words; its RADOS operations have no timeout by default, so nothing else is expected there. The
// first completion of an upload answers an empty ETag (https://bugzilla.redhat.com/show_bug.cgi?id=2266579).
func ceph(name, server string, hosts ...string) flavour {
	return flavour{name: name, server: server, hosts: hosts, pathStyle: true,
		putIf: writeIf, bareETags: true, silentETags: true, rawEchoes: true, racesFail: true, keyedUploads: true, foldsNames: true, maxMetaName: 64}
}

// Flavours returns the names of the kinds of servers that are known, for [Config].
func Flavours() []string {
	var names []string
	for i := range flavours {
		names = append(names, flavours[i].name)
	}
	return names
}

func flavourNamed(name string) (*flavour, error) {
	i := slices.IndexFunc(flavours, func(f flavour) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w: flavour %q is not known; known are %s", blob.ErrInvalid, name, strings.Join(Flavours(), ", "))
	}
	return &flavours[i], nil
}

// flavourOfHost returns the flavour that a server's name tells, or nil.
func flavourOfHost(host string) *flavour {
	for i := range flavours {
		if slices.ContainsFunc(flavours[i].hosts, func(end string) bool { return strings.HasSuffix(host, end) }) {
			return &flavours[i]
		}
	}
	return nil
}

// flavourOfServer returns the flavour that the Server header of an answer tells, or nil.
func flavourOfServer(server string) *flavour {
	for i := range flavours {
		if s := flavours[i].server; s != "" && strings.HasPrefix(server, s) {
			return &flavours[i]
		}
	}
	return nil
}
