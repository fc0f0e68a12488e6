package providers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	_ "github.com/holdall-go/holdall/drivers/file"
)

// Writers that are killed. A child process, which is this test again, writes by a URL and says of each write when it
// begins and when it has been acknowledged. It is killed in the middle. Then the bucket must hold what was
// acknowledged, whole; where a write was under way, what it was before or what it was to be, whole; and nothing else.

// killedWriter is set, to the URL of a bucket, for the child.
const killedWriter = "HOLDALL_KILLED_WRITER"

// kills is how many writers are killed.
func kills() int {
	if tier() == conformance.Short {
		return 10
	}
	return 200
}

// TestKilledWriters kills writers to files. Where a store is a server, the test of that calls killWriters.
func TestKilledWriters(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		killWriters(t, (&url.URL{Scheme: "file", Path: t.TempDir()}).String())
	})
	t.Run("b2", func(t *testing.T) {
		serveB2(t)
		b := newB2(t)
		killWriters(t, fmt.Sprintf("b2://%s/?endpoint=%s", b.bucket.Name, b.server.Endpoint))
		if n := b.allVersions(); n > 0 {
			t.Errorf("%d versions are left of objects that were deleted", n)
		}
	})
}

// A killedOp is one write of the child: what the key holds when it is done.
type killedOp struct {
	Kind  string // put, upload, copy or delete
	Key   string
	From  string `json:",omitempty"` // of a copy: the key whose content it is
	Gen   int    // of the content; 0: no object
	Size  int    // of the content
	Acked bool   // the line says that it is done, and not that it begins
}

// content is what the key holds. Those of two generations differ everywhere.
func (o killedOp) content() []byte {
	h := fnv.New64a()
	fmt.Fprint(h, path.Dir(o.Key), o.Gen) // a copy is of a key of the same writer, and has its generation
	r := rand.NewChaCha8([32]byte(fmt.Appendf(nil, "%032x", h.Sum64())))
	b := make([]byte, o.Size)
	_, _ = r.Read(b)
	return b
}

// killWriters kills writers to the bucket that a URL opens, which is empty, and empties it in the end.
func killWriters(t *testing.T, bucketURL string) {
	ctx := t.Context()
	b, err := blob.Open(ctx, bucketURL)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, interrupted, happened := 0, 0, 0
	var all []*killedKey
	for round := range kills() {
		keys := killedRound(t, self, bucketURL, round)
		for _, k := range keys {
			acknowledged += k.acks
			if k.pending != nil {
				interrupted++
				if k.look(t, b) == *k.pending {
					happened++
				}
			} else {
				k.look(t, b)
			}
		}
		if all = append(all, keys...); t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d writers were killed after %d writes were acknowledged, in the middle of %d, of which %d had happened", kills(), acknowledged, interrupted, happened)
	if acknowledged == 0 || interrupted == 0 {
		t.Errorf("%d writes were acknowledged and %d interrupted: nothing was shown", acknowledged, interrupted)
	}
	// What a server goes on with when its client is dead is done by now.
	there := map[string]bool{}
	for _, k := range all {
		there[k.acked.Key] = k.look(t, b).Gen > 0
	}
	for o, err := range b.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if !there[o.Key] {
			t.Errorf("%q is listed, and is missing or unknown", o.Key)
		}
		delete(there, o.Key)
	}
	for key, is := range there {
		if is {
			t.Errorf("%q is there, and not listed", key)
		}
	}
	if err := empty(ctx, b); err != nil { // unfinished uploads too
		t.Error(err)
	}
	for _, k := range all {
		if err := b.Delete(ctx, k.acked.Key, nil); err != nil { // also of those of which a deletion was cut short
			t.Error(err)
		}
	}
}

// A killedKey is what is known of a key whose writer was killed.
type killedKey struct {
	acked   killedOp  // the last write that was acknowledged
	pending *killedOp // the one that was under way
	acks    int
}

// look returns the write that made what the key holds, and fails the test if it is none that may have.
func (k *killedKey) look(t *testing.T, b blob.Bucket) killedOp {
	t.Helper()
	got, err := blob.ReadAll(t.Context(), b, k.acked.Key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q cannot be read: %v", k.acked.Key, err)
		return k.acked
	}
	may := []killedOp{k.acked}
	if k.pending != nil {
		may = append(may, *k.pending)
	}
	for _, op := range may {
		if op.Gen == 0 && err != nil || op.Gen > 0 && err == nil && bytes.Equal(got, op.content()) {
			return op
		}
	}
	t.Errorf("%q holds %d bytes, %v; the last write acknowledged is %+v, and under way was %+v", k.acked.Key, len(got), err, k.acked, k.pending)
	return k.acked
}

// killedRound runs one writer, kills it at any moment, and returns what it said.
func killedRound(t *testing.T, self, bucketURL string, round int) []*killedKey {
	t.Helper()
	child := exec.Command(self, "-test.run=^$")
	child.Env = append(os.Environ(), killedWriter+"="+bucketURL, fmt.Sprintf("HOLDALL_KILLED_ROUND=%d", round))
	var failed bytes.Buffer
	child.Stderr = &failed
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	known := map[string]*killedKey{}
	var timer *time.Timer
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // the last one may be cut off, and its write has not begun
			break
		}
		// It is at work when it begins a write, and, in every second round, when one is done.
		if timer == nil && (round%2 == 0 || bytes.Contains(line, []byte(`"Acked":true`))) {
			timer = time.AfterFunc(time.Duration(rand.Int64N(int64(200*time.Millisecond))), func() { _ = child.Process.Kill() })
		}
		var op killedOp
		if err := json.Unmarshal(line, &op); err != nil {
			t.Fatalf("the writer says %q", line)
		}
		k := known[op.Key]
		if k == nil {
			k = &killedKey{acked: killedOp{Key: op.Key}}
			known[op.Key] = k
		}
		if k.pending = nil; op.Acked {
			k.acked = op
			k.acked.Acked = false
			k.acks++
		} else {
			k.pending = &op
		}
	}
	_ = child.Wait()
	if timer == nil || failed.Len() > 0 {
		t.Fatalf("round %d: the writer was not killed but failed: %s", round, failed.Bytes())
	}
	var keys []*killedKey
	for _, k := range known {
		keys = append(keys, k)
	}
	return keys
}

// writeUntilKilled is the child.
func writeUntilKilled(bucketURL, round string) {
	ctx := context.Background()
	b, err := blob.Open(ctx, bucketURL)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var writing sync.WaitGroup
	for w := range 4 {
		writing.Go(func() {
			if err := (&killedWorker{b: b, prefix: fmt.Sprintf("r%s/w%d", round, w), gen: w << 20}).work(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		})
	}
	writing.Wait()
}

// A killedWorker writes its own keys, one write after the other.
type killedWorker struct {
	b      blob.Bucket
	prefix string
	gen    int
	holds  [3]killedOp // by key
}

var saying sync.Mutex

// say tells the parent, in one write.
func say(op killedOp) {
	line, err := json.Marshal(op)
	if err != nil {
		panic(err)
	}
	saying.Lock()
	defer saying.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func (w *killedWorker) work(ctx context.Context) error {
	for {
		i := rand.IntN(len(w.holds))
		op := w.choose(fmt.Sprintf("%s/k%d", w.prefix, i), i)
		say(op)
		if err := w.do(ctx, op); err != nil {
			return fmt.Errorf("%s %q: %w", op.Kind, op.Key, err)
		}
		w.holds[i] = op
		op.Acked = true
		say(op)
	}
}

// choose chooses the next write of a key.
func (w *killedWorker) choose(key string, i int) killedOp {
	caps := w.b.Capabilities()
	w.gen++
	op := killedOp{Kind: "put", Key: key, Gen: w.gen, Size: rand.IntN(5000)}
	switch n := rand.IntN(8); {
	case n == 0 && w.holds[i].Gen > 0:
		return killedOp{Kind: "delete", Key: key}
	case n == 1 && caps.Uploads.Supported:
		op.Kind, op.Size = "upload", int(2*w.partSize()+1+rand.Int64N(1000))
	case n <= 2:
		op.Size = int(2*w.partSize() + 1 + rand.Int64N(1000))
	case n == 3 && caps.Copy:
		if from := w.holds[(i+1)%len(w.holds)]; from.Gen > 0 {
			op = killedOp{Kind: "copy", Key: key, From: from.Key, Gen: from.Gen, Size: from.Size}
		}
	}
	return op
}

func (w *killedWorker) partSize() int64 { return max(w.b.Capabilities().Uploads.MinPartSize, 64<<10) }

func (w *killedWorker) do(ctx context.Context, op killedOp) error {
	part := w.partSize()
	content := op.content()
	switch op.Kind {
	case "delete":
		return w.b.Delete(ctx, op.Key, nil)
	case "copy":
		_, err := blob.Copy(ctx, w.b, op.Key, w.b, op.From, nil)
		return err
	case "upload":
		u, err := w.b.Upload(ctx, op.Key, &blob.UploadOptions{PartSize: part})
		if err != nil {
			return err
		}
		n := 0
		for p := range slices.Chunk(content, int(part)) {
			n++
			if _, err := u.Put(ctx, n, io.NewSectionReader(bytes.NewReader(p), 0, int64(len(p)))); err != nil {
				return err
			}
		}
		_, err = u.Complete(ctx)
		return err
	}
	var r io.Reader = bytes.NewReader(content)
	if op.Gen%2 == 0 { // as a stream
		r = io.MultiReader(r)
	}
	_, err := w.b.Put(ctx, op.Key, r, &blob.PutOptions{PartSize: part})
	return err
}
