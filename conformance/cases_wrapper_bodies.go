package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// The cases about bodies and hooks through wrappers.

var bodyCases = []Case{
	{ID: "S13", Doc: "what is stored and read through wrappers is what it is without, in as many requests and seeks",
		Needs: []Need{strongRead}, Run: andThroughProxy(sameThroughWrappers, sameRequests)},
	{ID: "S17", Doc: "a hook is called with every byte that is sent and before publication, and its error publishes nothing",
		Needs: []Need{strongRead}, Run: hooksAreHonoured},
}

// A stack is one wrapper or several, over a bucket.
type stack struct {
	name   string
	prefix string // of the keys inside
	wrap   func(t *T, b blob.Bucket) blob.Bucket
}

// wrapperStacks are the wrappers that bodies must not notice.
func wrapperStacks(t *T) []stack {
	all := []stack{
		{"Sub", "sub/", func(_ *T, b blob.Bucket) blob.Bucket { return blob.Sub(b, "sub/") }},
		{"a progress wrapper", "", func(_ *T, b blob.Bucket) blob.Bucket { return &progress{Wrapper: blob.Wrap(b)} }},
		{"Sub over a progress wrapper over Sub", "a/b/", func(_ *T, b blob.Bucket) blob.Bucket {
			return blob.Sub(blob.Check(&progress{Wrapper: blob.Wrap(blob.Sub(b, "a/"))}), "b/")
		}},
	}
	if t.Caps.Guarded { // no view is made of a view
		return all
	}
	return append(all,
		stack{"a view", "", viewOf},
		stack{"a progress wrapper over a view over Sub", "v/", func(t *T, b blob.Bucket) blob.Bucket {
			return &progress{Wrapper: blob.Wrap(viewOf(t, blob.Sub(b, "v/")))}
		}},
		stack{"Sub over a view over a progress wrapper over Sub", "v/w/", func(t *T, b blob.Bucket) blob.Bucket {
			return blob.Sub(viewOf(t, &progress{Wrapper: blob.Wrap(blob.Sub(b, "v/"))}), "w/")
		}},
	)
}

// viewOf is the view of a user who may read and write all. The policy is in a bucket of its own, so that the requests for
// it are not counted.
func viewOf(t *T, b blob.Bucket) blob.Bucket {
	guard, err := acl.Create(t.ctx, b, &acl.Options{Store: t.OpenAnother(), SingleWriter: true}, acl.User("root"))
	t.WantOK("create of the policy", err)
	a := accessBy(t, b, nil, guard)
	a.edit(grant("", "u", acl.Writer))
	return a.as("u")
}

// A progress wrapper counts the bytes of transfers, as a program does that shows how far they are.
type progress struct {
	blob.Wrapper
	mu             sync.Mutex
	sent, received int64
}

func (p *progress) add(to *int64, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*to += n
}

func (p *progress) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	var o blob.PutOptions
	if opts != nil {
		o = *opts
	}
	o.Hook = o.Hook.Then(&blob.Hook{OnSend: func(_ context.Context, n int64) error {
		p.add(&p.sent, n)
		return nil
	}})
	return p.Wrapper.Put(ctx, key, body, &o)
}

func (p *progress) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	r, err := p.Wrapper.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return r.WithBody(func(body io.ReadCloser) io.ReadCloser { return &received{body, p} }), nil
}

type received struct {
	io.ReadCloser
	p *progress
}

func (r *received) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.p.add(&r.p.received, int64(n))
	return n, err
}

// A form is a way in which a caller has content.
type form struct {
	name string
	make func(t *T, content string) io.Reader
	size bool // it is declared
}

// The first four of the forms are those that cases use for content that takes its time.
var forms = []form{
	{"bytes.Reader", func(_ *T, s string) io.Reader { return bytes.NewReader([]byte(s)) }, false},
	{"os.File", func(t *T, s string) io.Reader { return t.file(s) }, false},
	{"stream", func(_ *T, s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }, false},
	{"stream of declared size", func(_ *T, s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }, true},
	{"strings.Reader", func(_ *T, s string) io.Reader { return strings.NewReader(s) }, true},
	{"SectionReader", func(_ *T, s string) io.Reader { return section(s) }, false},
	{"Buffer", func(_ *T, s string) io.Reader { return bytes.NewBufferString(s) }, false},
}

// declared is the Size of a Put of the content.
func (f form) declared(content string) int64 {
	if f.size {
		return int64(len(content))
	}
	return 0
}

// file returns an open file with the content.
func (t *T) file(content string) io.Reader {
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A countedSeeker counts the calls of Seek that a Put makes.
type countedSeeker struct {
	io.ReadSeeker
	n int
}

func (c *countedSeeker) Seek(off int64, whence int) (int64, error) {
	c.n++
	return c.ReadSeeker.Seek(off, whence)
}

// A countedReaderAt is a countedSeeker that works at any offset, too.
type countedReaderAt struct {
	countedSeeker
	io.ReaderAt
}

func (c *countedSeeker) seeks() int { return c.n }

func newCounted(content string) *countedReaderAt {
	r := strings.NewReader(content)
	return &countedReaderAt{countedSeeker{ReadSeeker: r}, r}
}

// A bodySpy notes what a driver can know of each body that it is given.
type bodySpy struct {
	*faulty
	sees string
}

func (s *bodySpy) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	_, off, size, ok := blob.BodyAt(body)
	n, known := blob.BodySize(body)
	s.sees = fmt.Sprintf("%d bytes (known: %v), to be read again: %v, %d from %d", n, known, ok, size, off)
	return s.faulty.Put(ctx, key, body, opts)
}

// contentsAroundAPart are contents of sizes around that of a part: in the short tier of servers, just what takes two.
func (t *T) contentsAroundAPart() []string {
	n := int(t.partSize())
	sizes := []int{n + 1}
	if t.Tier > Short || n < 1<<20 {
		sizes = []int{0, 10, n - 1, n, n + 1, 2*n + 1}
	}
	var all []string
	for _, size := range sizes {
		all = append(all, t.content(size))
	}
	return all
}

// putForm puts content of a form, in parts of the least size, one after the other.
func (t *T) putForm(b blob.Bucket, key string, body io.Reader, size int64, hook *blob.Hook) (*blob.Object, error) {
	opts := &blob.PutOptions{Size: size, PartSize: t.partSize(), Concurrency: 1, Hook: hook}
	opts.ContentType = "text/x-wrapped"
	if t.Caps.Objects.Metadata {
		opts.Metadata = map[string]string{"name": "value"}
	}
	return b.Put(t.ctx, key, body, opts)
}

// hexDigits are what two ETags of one shape differ in.
// token is what differs in the ETags of two objects that were stored in the same way.
var token = regexp.MustCompile(`[0-9A-Za-z]+`)

// likeness is what must be the same of two objects that were stored in the same way.
func likeness(o *blob.Object) string {
	etag := token.ReplaceAllString(o.ETag, "#")
	if sum, parts, found := strings.Cut(o.ETag, "-"); found && len(sum) == 33 { // of S3, with the number of parts
		etag = "#-" + parts
	}
	return fmt.Sprintf("%d bytes, %+v, checksums %v, ETag %s", o.Size, o.Attributes, o.Checksums, etag)
}

// An observer stores and reads content through wrappers, and notes all that can be seen.
type observer struct {
	t      *T
	f      *faulty
	spy    *bodySpy
	b      blob.Bucket
	prefix string // of the keys inside
	facts  []string
}

// observe notes what is seen of short content in every form, and of long content in the first four.
func (t *T) observe(s stack, short string, long []string) []string {
	f, _ := newFaulty(t.Bucket)
	o := &observer{t: t, f: f, spy: &bodySpy{faulty: f}, prefix: s.prefix}
	o.b = s.wrap(t, blob.Check(o.spy))
	for _, form := range forms {
		o.one(form.name, form.make(t, short), short, form.declared(short))
	}
	o.one("seeker", &newCounted(short).countedSeeker, short, 0)
	o.one("seeker and reader at", newCounted(short), short, 0)
	for _, content := range long {
		for _, form := range forms[:4] {
			o.one(form.name, form.make(t, content), content, form.declared(content))
		}
	}
	return o.facts
}

// one stores and reads one body.
func (o *observer) one(name string, body io.Reader, content string, size int64) {
	note := func(format string, args ...any) {
		o.facts = append(o.facts, fmt.Sprintf("%s of %d bytes: ", name, len(content))+fmt.Sprintf(format, args...))
	}
	o.f.repair()
	made, err := o.t.putForm(o.b, "k", body, size, nil)
	if err != nil {
		o.t.Fatalf("put of a %s of %d bytes: %v", name, len(content), err)
	}
	note("a Put makes the calls %v", o.f.seen)
	if s, ok := body.(interface{ seeks() int }); ok {
		note("a Put seeks %d times", s.seeks())
	}
	note("the driver sees %s", o.spy.sees)
	note("Put returns %s", likeness(made))
	note("Stat returns %s", likeness(o.t.Stat(o.prefix+"k")))
	o.f.repair()
	got, read, err := get(o.t, o.b, "k", nil)
	if err != nil || got != content {
		o.t.Fatalf("get of a %s of %d bytes: %d bytes, %v", name, len(content), len(got), err)
	}
	note("Get returns %s", likeness(read))
	delete(o.f.seen, "Read") // how much one Read of a connection delivers is chance
	note("a Get makes the calls %v", o.f.seen)
}

// nothing is the stack without a wrapper.
var nothing = stack{"nothing", "", func(_ *T, b blob.Bucket) blob.Bucket { return b }}

// sameThroughWrappers compares what is seen directly with what is seen through each stack.
func sameThroughWrappers(t *T) {
	short, long := t.content(10), t.contentsAroundAPart()
	direct := t.observe(nothing, short, long)
	for _, s := range wrapperStacks(t) {
		for i, got := range t.observe(s, short, long) {
			if got != direct[i] {
				t.Errorf("through %s, %s; directly, %s", s.name, got, direct[i])
			}
		}
	}
	r := newCounted(short)
	_, err := t.putForm(t.Bucket, "k", r, 0, nil)
	if rest, _ := io.ReadAll(r); err != nil || len(rest) > 0 || r.n > 4 {
		t.Errorf("put: %v; it seeks %d times, and leaves %q", err, r.n, rest)
	}
	want := likeness(t.Stat("k"))
	if got, read, err := get(t, blob.ReadOnly(t.Bucket), "k", nil); err != nil || got != short || likeness(read) != want {
		t.Errorf("through ReadOnly are read %q, %v, %+v; without it, %s", got, err, read, want)
	}
}

// sameRequests counts the requests of a Put that reach the server.
func sameRequests(t *T) {
	l := t.link()
	content := map[bool]string{false: t.content(10), true: t.content(int(t.partSize()) + 1)}
	count := func(b blob.Bucket, f form, long bool, prefix string) int {
		l.proxy.Forget()
		c := content[long]
		if _, err := t.putForm(b, fmt.Sprintf("%s-%v", f.name, long), f.make(t, c), f.declared(c), nil); err != nil {
			t.Errorf("put: %v", err)
		}
		return len(l.proxy.Requests())
	}
	for _, f := range forms[:4] {
		for _, long := range []bool{false, true} {
			count(l.b, f, long, "") // what is asked once, is asked here
			t.Delete(fmt.Sprintf("%s-%v", f.name, long))
			want := count(l.b, f, long, "")
			for _, s := range wrapperStacks(t) {
				if got := count(s.wrap(t, l.b), f, long, s.prefix); got != want {
					t.Errorf("a %s of %d bytes takes %d requests through %s, and %d without it", f.name, len(content[long]), got, s.name, want)
				}
			}
		}
	}
}

// A recorder is a hook that notes its calls, and fails those that it is told to.
type recorder struct {
	mu                    sync.Mutex
	sent                  int64
	published             int
	failSend, failPublish error
}

func (r *recorder) hook() *blob.Hook {
	return &blob.Hook{
		OnSend: func(_ context.Context, n int64) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sent += n
			return r.failSend
		},
		OnPublish: func(context.Context) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.published++
			return r.failPublish
		},
	}
}

// A hookedWrite is a way to write content under "k" with a hook.
type hookedWrite struct {
	name  string
	sends bool
	run   func(b blob.Bucket, content string, hook *blob.Hook) error
}

func hookedWrites(t *T) []hookedWrite {
	var all []hookedWrite
	for _, f := range forms[:4] {
		all = append(all, hookedWrite{"put of a " + f.name, true, func(b blob.Bucket, content string, hook *blob.Hook) error {
			_, err := t.putForm(b, "k", f.make(t, content), f.declared(content), hook)
			return err
		}})
	}
	all = append(all, hookedWrite{"Writer", true, func(b blob.Bucket, content string, hook *blob.Hook) error {
		w := blob.NewWriter(t.ctx, b, "k", &blob.PutOptions{Hook: hook})
		defer w.Abort()
		_, err := io.WriteString(w, content)
		if err == nil {
			_, err = w.Commit()
		}
		return err
	}})
	if t.Caps.Copy {
		all = append(all, hookedWrite{"copy", false, func(b blob.Bucket, content string, hook *blob.Hook) error {
			if _, err := b.Put(t.ctx, source, strings.NewReader(content), nil); err != nil {
				return err
			}
			_, err := blob.Copy(t.ctx, b, "k", b, source, &blob.CopyOptions{Hook: hook})
			return err
		}})
	}
	return all
}

var errHook = errors.New("the hook refuses")

// hooksAreHonoured makes each kind of write with a hook that lets it pass, one that refuses to send, and one that refuses
// to publish, directly and through the deepest stack.
func hooksAreHonoured(t *T) {
	deepest := wrapperStacks(t)[len(wrapperStacks(t))-1]
	for _, s := range []stack{nothing, deepest} {
		b := s.wrap(t, t.Bucket)
		for _, content := range append(t.contentsAroundAPart(), t.content(10)) {
			for _, w := range hookedWrites(t) {
				t.hookedWrite(b, s, w, content)
			}
		}
		if t.Caps.Uploads.Supported {
			t.hookedUpload(b, s)
		}
	}
}

// hookedWrite makes one kind of write.
func (t *T) hookedWrite(b blob.Bucket, s stack, w hookedWrite, content string) {
	what := fmt.Sprintf("%s of %d bytes through %s", w.name, len(content), s.name)
	old := t.Put(s.prefix+"k", "old")
	for _, refuses := range []*recorder{{failPublish: errHook}, {failSend: errHook}} {
		if refuses.failSend != nil && (!w.sends || content == "") {
			continue
		}
		err := w.run(b, content, refuses.hook())
		if !errors.Is(err, errHook) {
			t.Errorf("%s, which the hook refuses, answers %v", what, err)
		}
		if now := t.Stat(s.prefix + "k"); now.ETag != old.ETag || now.Size != old.Size || t.Get(s.prefix+"k") != "old" {
			t.Errorf("%s was published although the hook refused it: %+v", what, now)
		}
	}
	r := &recorder{}
	if err := w.run(b, content, r.hook()); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	t.WantContent(s.prefix+"k", content)
	sends := int64(len(content))
	if !w.sends {
		sends = 0
	}
	if r.sent != sends || r.published == 0 {
		t.Errorf("%s calls the hook for %d bytes, and %d times before publication", what, r.sent, r.published)
	}
}

// hookedUpload sends an upload of two parts, whose completion is refused at first, and which another handle takes up.
func (t *T) hookedUpload(b blob.Bucket, s stack) {
	old := t.Put(s.prefix+"k", "old")
	first, second := t.content(int(t.partSize())), t.content(10)
	refuses := &recorder{failSend: errHook, failPublish: errHook}
	u, err := b.Upload(t.ctx, "k", &blob.UploadOptions{PartSize: t.partSize(), Hook: refuses.hook()})
	t.WantOK("upload", err)
	if _, err := u.Put(t.ctx, 1, section(first)); !errors.Is(err, errHook) {
		t.Errorf("a part that the hook refuses, through %s, answers %v", s.name, err)
	}
	lets := &recorder{}
	again, err := b.Upload(t.ctx, "k", &blob.UploadOptions{ID: u.ID(), PartSize: t.partSize(), Hook: lets.hook()})
	t.WantOK("resume", err)
	t.sendPart(again, 1, first)
	t.sendPart(again, 2, second)
	if _, err := u.Complete(t.ctx); !errors.Is(err, errHook) {
		t.Errorf("a completion that the hook refuses, through %s, answers %v", s.name, err)
	}
	if now := t.Stat(s.prefix + "k"); now.ETag != old.ETag || now.Size != old.Size {
		t.Errorf("an upload through %s was published although the hook refused it: %+v", s.name, now)
	}
	if lets.sent != int64(len(first)+len(second)) || lets.published != 0 {
		t.Errorf("parts through %s call the hook for %d bytes, and %d times before publication", s.name, lets.sent, lets.published)
	}
	if _, err := again.Complete(t.ctx); err != nil || lets.published == 0 {
		t.Errorf("a completion through %s: %v, and %d calls before publication", s.name, err, lets.published)
	}
	t.WantContent(s.prefix+"k", first+second)
}
