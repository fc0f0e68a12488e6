package ceph

import (
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// What is where. All objects of RADOS that the driver makes begin with "holdall".
const (
	recordObject = "holdall"        // tells how the namespace is laid out
	shardPrefix  = "holdall.index." // and a number: the shards, whose omaps hold the entries
	dataPrefix   = "holdall.data."  // and an ID: content that is too large for an entry

	// chunkSize is how many bytes one object of content has at most. OSDs take writes of less than 90 MiB
	// (osd_max_write_size) and objects of 128 MiB (osd_max_object_size); 4 MiB is what RBD and CephFS use.
	chunkSize = 4 << 20

	// inlineSize is the largest content that lies beside its entry, in bytes.
	inlineSize = 4 << 10
)

// The keys in the omap of a shard begin with one of these.
const (
	tagEntry   = "e" // and the key: its entry
	tagContent = "c" // and the key: the content, if it is inline, or what the parts of an upload are called
	tagLarge   = "d" // and the key: there if the content lies in objects of its own
	tagUpload  = "u" // and the escaped key, a separator and an ID: an unfinished upload
	tagPart    = "p" // and an ID and the number of a part: that part of an unfinished upload
)

func shardObject(n int) string { return shardPrefix + strconv.Itoa(n) }

// shardOf tells which of n shards has what belongs to key.
func shardOf(key string, n int) int {
	h := fnv.New64a()
	h.Write([]byte(key))
	return int(h.Sum64() % uint64(n))
}

// An ID names one write: its entry, and the objects that hold its content. It begins with the time, so that it tells
// its age, and that of two uploads the older sorts first.
const (
	idTime   = 12 // hexadecimal digits: milliseconds since 1970
	idRandom = 16 // characters of 5 bits each
	idLength = idTime + idRandom
)

func newID() string {
	return fmt.Sprintf("%0*x", idTime, now().UnixMilli()) + rand.Text()[:idRandom]
}

// now is the clock.
var now = time.Now

// idBegan returns the time at which an ID was made. It is not ok if there is none in it.
func idBegan(id string) (t time.Time, ok bool) {
	if len(id) != idLength {
		return t, false
	}
	ms, err := strconv.ParseInt(id[:idTime], 16, 64)
	return time.UnixMilli(ms), err == nil && !strings.ContainsAny(id[idTime:], "./-")
}

// generation names one of the times that a part was sent.
func newGeneration() string { return rand.Text()[:generationLength] }

const generationLength = 8

// A piece is content that was sent in one go: all of a Put, or one part of an upload. It lies in objects of chunkSize
// bytes each, the last of which may be shorter. An empty one has none.
type piece struct {
	name string
	size int64
}

// putPiece names the content of a Put.
func putPiece(id string, size int64) piece { return piece{dataPrefix + id, size} }

// partPiece names the content of a part.
func partPiece(id string, part int, generation string, size int64) piece {
	return piece{fmt.Sprintf("%s%s.%d-%s", dataPrefix, id, part, generation), size}
}

// object names the nth object of the piece, counted from zero.
func (p piece) object(n int64) string { return p.name + "/" + strconv.FormatInt(n, 10) }

// objects is how many the piece has.
func (p piece) objects() int64 { return (p.size + chunkSize - 1) / chunkSize }

// objectSize is how many bytes the nth one has.
func (p piece) objectSize(n int64) int64 { return min(chunkSize, p.size-n*chunkSize) }

// parseData takes the name of an object of content apart. It is not ok for any other name.
func parseData(object string) (pieceName, id string, ok bool) {
	rest, ours := strings.CutPrefix(object, dataPrefix)
	pieceName, number, cut := strings.Cut(object, "/")
	if _, err := strconv.ParseUint(number, 10, 63); !ours || !cut || err != nil {
		return "", "", false
	}
	if len(rest) < idLength {
		return "", "", false
	}
	id = rest[:idLength]
	if _, ok := idBegan(id); !ok || rest[idLength] != '/' && rest[idLength] != '.' {
		return "", "", false
	}
	return pieceName, id, true
}

// separator ends a key that something follows in the omap. A key is escaped before it, so that the order is that of the
// keys. (NUL would do, but librados takes the place from where to list as a C string.)
const separator = "\x01\x01"

var escaper, unescaper = strings.NewReplacer("\x01", "\x01\x02"), strings.NewReplacer("\x01\x02", "\x01")

// uploadKey is the omap key of an upload.
func uploadKey(key, id string) string { return tagUpload + escaper.Replace(key) + separator + id }

// parseUploadKey takes apart what follows the tag.
func parseUploadKey(rest string) (key, id string, ok bool) {
	i := len(rest) - idLength - len(separator)
	if i <= 0 || rest[i:i+len(separator)] != separator {
		return "", "", false
	}
	return unescaper.Replace(rest[:i]), rest[i+len(separator):], true
}

func partPrefix(id string) string { return tagPart + id + "." }

func partKey(id string, part int) string { return fmt.Sprintf("%s%05d", partPrefix(id), part) }
