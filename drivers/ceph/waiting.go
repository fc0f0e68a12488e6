//go:build ceph && cgo

package ceph

/*
#include <stdlib.h>
#include <rados/librados.h>

// A wait is a request that somebody waits for. It has no callback: librados would call that from another thread than the
// one on which the answer came, and waking that one takes a good part of the time of a small call.
struct wait {
	rados_completion_t completion;
	rados_read_op_t read;
	rados_write_op_t write;
	rados_omap_iter_t values;
	int result; // of the read; librados does not set it if the operation failed
};

static struct wait *wait_new(void) {
	struct wait *w = calloc(1, sizeof *w);
	rados_aio_create_completion2(NULL, NULL, &w->completion);
	return w;
}

// wait_values asks for the values of n keys, which lie in text one after the other.
static int wait_values(struct wait *w, rados_ioctx_t io, const char *object, const char *text, const size_t *lengths, size_t n) {
	const char *keys[n];
	for (size_t i = 0; i < n; text += lengths[i++])
		keys[i] = text;
	w->read = rados_create_read_op();
	rados_read_op_omap_get_vals_by_keys2(w->read, keys, n, lengths, &w->values, &w->result);
	return rados_aio_read_op_operate(w->read, io, w->completion, object, LIBRADOS_OPERATION_NOFLAG);
}

struct step {
	int action;
	size_t key, value; // their lengths; they lie in the text, after those of the steps before
};

// wait_steps asks for the steps on the omap of an object, as one operation.
static int wait_steps(struct wait *w, rados_ioctx_t io, const char *object, const char *text, const struct step *steps, size_t n) {
	w->write = rados_create_write_op();
	rados_write_op_assert_exists(w->write);
	for (size_t i = 0; i < n; text += steps[i].key + steps[i].value, i++) {
		const struct step *s = &steps[i];
		const char *key = text, *value = text + s->key;
		switch (s->action) {
		case 0:
			rados_write_op_omap_cmp2(w->write, key, LIBRADOS_CMPXATTR_OP_EQ, value, s->key, s->value, NULL);
			break;
		case 1:
			rados_write_op_omap_set2(w->write, &key, &value, &s->key, &s->value, 1);
			break;
		case 2:
			rados_write_op_omap_rm_keys2(w->write, &key, &s->key, 1);
			break;
		}
	}
	return rados_aio_write_op_operate(w->write, io, w->completion, object, NULL, LIBRADOS_OPERATION_FULL_TRY);
}

// wait_write asks for the content of an object to be replaced. librados has copied it when this returns.
static int wait_write(struct wait *w, rados_ioctx_t io, const char *object, const char *content, size_t n) {
	w->write = rados_create_write_op();
	rados_write_op_write_full(w->write, content, n);
	return rados_aio_write_op_operate(w->write, io, w->completion, object, NULL, LIBRADOS_OPERATION_FULL_TRY);
}

// wait_result waits for the answer.
static int wait_result(struct wait *w) {
	rados_aio_wait_for_complete(w->completion);
	int n = rados_aio_get_return_value(w->completion);
	return n < 0 ? n : w->result < 0 ? w->result : n;
}

static void wait_free(struct wait *w) {
	rados_aio_release(w->completion);
	if (w->read != NULL) {
		rados_omap_get_end(w->values);
		rados_release_read_op(w->read);
	}
	if (w->write != NULL)
		rados_release_write_op(w->write);
	free(w);
}
*/
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// The requests of every small call wait within librados, as go-ceph's do, and are cancelled when ctx ends, which librados
// does as it does when a timeout is over. So they take no goroutine of their own, which would cost a fifth of their time,
// and leave no thread behind. And go-ceph has no omap_cmp.

// A text is what goes over to C: the name of an object, and after it what it is about, in one piece.
type text struct {
	bytes []byte
	rest  int // where what comes after the name begins
}

func newText(object string, room int) *text {
	b := append(make([]byte, 0, len(object)+1+room), object...)
	return &text{append(b, 0), len(object) + 1}
}

func (t *text) object() *C.char { return (*C.char)(unsafe.Pointer(&t.bytes[0])) }

// after is what comes after the name, or the NUL before it if there is nothing.
func (t *text) after() *C.char {
	return (*C.char)(unsafe.Pointer(&t.bytes[min(t.rest, len(t.bytes)-1)]))
}

func (p *radosPool) ioctx() C.rados_ioctx_t { return C.rados_ioctx_t(p.io.Pointer()) }

// finish waits for the answer to a request that was sent, if it was, and frees all. Use, which may be nil, is called with
// a good answer before that. When ctx has ended, and some more time is over, the request is cancelled, and left.
func (p *radosPool) finish(ctx context.Context, more time.Duration, w *C.struct_wait, sent C.int, call string, use func(n int)) (left bool, err error) {
	defer C.wait_free(w)
	if sent >= 0 {
		if sent, left = p.await(ctx, more, w); left {
			return true, ctx.Err()
		}
	}
	if sent < 0 {
		return false, failed(call, errorCode(sent))
	}
	if use != nil {
		use(int(sent))
	}
	return false, nil
}

// await waits for the answer. A request that was cancelled answers what a comparison answers that did not hold; which of
// the two it is, tells the call that cancels: it succeeds for a request that had no answer yet.
func (p *radosPool) await(ctx context.Context, more time.Duration, w *C.struct_wait) (answer C.int, cancelled bool) {
	if ctx.Done() == nil {
		return C.wait_result(w), false
	}
	came, done := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		if more == 0 || !within(more, came) {
			cancelled = C.rados_aio_cancel(p.ioctx(), w.completion) == 0
		}
	})
	answer = C.wait_result(w)
	close(came)
	if !stop() {
		<-done // until then w is in use
	}
	return answer, cancelled
}

func (p *radosPool) values(ctx context.Context, object string, keys ...string) (found map[string][]byte, err error) {
	t, lengths := newText(object, 0), make([]C.size_t, len(keys))
	for i, key := range keys {
		t.bytes = append(t.bytes, key...)
		lengths[i] = C.size_t(len(key))
	}
	w := C.wait_new()
	sent := C.wait_values(w, p.ioctx(), t.object(), t.after(), unsafe.SliceData(lengths), C.size_t(len(lengths)))
	_, err = p.finish(ctx, 0, w, sent, "read of "+object, func(int) { found = pairs(w.values) })
	return found, err
}

func (p *radosPool) apply(ctx context.Context, object string, steps []step) (left bool, err error) {
	t, lengths := newText(object, 256), make([]C.struct_step, len(steps))
	for i, s := range steps {
		t.bytes = append(append(t.bytes, s.key...), s.value...)
		lengths[i] = C.struct_step{C.int(s.do), C.size_t(len(s.key)), C.size_t(len(s.value))}
	}
	w := C.wait_new()
	sent := C.wait_steps(w, p.ioctx(), t.object(), t.after(), unsafe.SliceData(lengths), C.size_t(len(lengths)))
	return p.finish(ctx, patience, w, sent, "write of "+object, nil)
}

func (p *radosPool) write(ctx context.Context, copied func(), object string, content []byte) error {
	w := C.wait_new()
	start := (*C.char)(unsafe.Pointer(unsafe.SliceData(content)))
	sent := C.wait_write(w, p.ioctx(), newText(object, 0).object(), start, C.size_t(len(content)))
	copied()
	_, err := p.finish(ctx, 0, w, sent, "write of "+object, nil)
	return err
}

func (p *radosPool) read(ctx context.Context, object string, b []byte, off int64) (n int, err error) {
	w := C.wait_new()
	var pinner runtime.Pinner // librados writes to b after the call has returned, until the answer is there
	defer pinner.Unpin()
	start := unsafe.SliceData(b)
	pinner.Pin(start)
	sent := C.rados_aio_read(p.ioctx(), newText(object, 0).object(), w.completion, (*C.char)(unsafe.Pointer(start)), C.size_t(len(b)), C.uint64_t(off))
	_, err = p.finish(ctx, 0, w, sent, "read of "+object, func(m int) { n = m })
	return n, err
}

// pairs reads what librados has found.
func pairs(values C.rados_omap_iter_t) map[string][]byte {
	found := map[string][]byte{}
	for {
		var key, value *C.char
		var keyLength, valueLength C.size_t
		if C.rados_omap_get_next2(values, &key, &value, &keyLength, &valueLength) != 0 || key == nil {
			return found
		}
		found[C.GoStringN(key, C.int(keyLength))] = C.GoBytes(unsafe.Pointer(value), C.int(valueLength))
	}
}

// An errorCode is an answer of librados, in the words of go-ceph. It is no syscall.Errno, which would answer to what has
// another meaning here: an object that is missing is not the caller's.
type errorCode int

func (c errorCode) Error() string {
	return fmt.Sprintf("rados: ret=%d, %v", int(c), syscall.Errno(-c))
}

// ErrorCode returns the negative number that librados answered.
func (c errorCode) ErrorCode() int { return int(c) }

// Is tells whether target is the error of go-ceph for this code, such as [rados.ErrNotFound].
func (c errorCode) Is(target error) bool {
	coded, ok := target.(interface{ ErrorCode() int })
	return ok && coded.ErrorCode() == int(c)
}
