//go:build ceph && cgo

package ceph

/*
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <rados/librados.h>

// A lookup is a read of values that somebody waits for, who may leave.
struct lookup {
	pthread_mutex_t mu;
	pthread_cond_t changed;
	int done, left;
	rados_read_op_t op;
	rados_completion_t completion;
	rados_omap_iter_t values;
	int result; // of the step; librados does not set it if the operation failed
};

static void lookup_done(rados_completion_t completion, void *arg) {
	struct lookup *l = arg;
	pthread_mutex_lock(&l->mu);
	l->done = 1;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->mu);
}

// lookup_begin sends the request for n keys, which lie in text one after the other.
static int lookup_begin(rados_ioctx_t io, const char *object, const char *text, const size_t *lengths, size_t n, struct lookup **out) {
	struct lookup *l = calloc(1, sizeof *l);
	const char *keys[n];
	for (size_t i = 0; i < n; text += lengths[i++])
		keys[i] = text;
	pthread_mutex_init(&l->mu, NULL);
	pthread_cond_init(&l->changed, NULL);
	l->op = rados_create_read_op();
	rados_read_op_omap_get_vals_by_keys2(l->op, keys, n, lengths, &l->values, &l->result);
	rados_aio_create_completion2(l, lookup_done, &l->completion);
	*out = l;
	return rados_aio_read_op_operate(l->op, io, l->completion, object, LIBRADOS_OPERATION_NOFLAG);
}

// lookup_wait returns 1 when the answer is there, and 0 when it was left before.
static int lookup_wait(struct lookup *l) {
	pthread_mutex_lock(&l->mu);
	while (!l->done && !l->left)
		pthread_cond_wait(&l->changed, &l->mu);
	int done = l->done;
	pthread_mutex_unlock(&l->mu);
	return done;
}

static void lookup_leave(struct lookup *l) {
	pthread_mutex_lock(&l->mu);
	l->left = 1;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->mu);
}

static int lookup_result(struct lookup *l) {
	int err = rados_aio_get_return_value(l->completion);
	return err < 0 ? err : l->result;
}

// lookup_end waits for the answer, whoever has left, and frees all.
static void lookup_end(struct lookup *l, int sent) {
	if (sent)
		rados_aio_wait_for_complete_and_cb(l->completion);
	rados_aio_release(l->completion);
	rados_omap_get_end(l->values);
	rados_release_read_op(l->op);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->mu);
	free(l);
}
*/
import "C"

import (
	"context"
	"unsafe"
)

// values waits within librados, like the calls that cannot be interrupted, but for something that the end of ctx changes
// too: so the request of every Stat and Get takes no goroutine of its own.
func (p *radosPool) values(ctx context.Context, ended func(), object string, keys ...string) (map[string][]byte, error) {
	text := append([]byte(object), 0)
	lengths := make([]C.size_t, len(keys))
	for i, key := range keys {
		text = append(text, key...)
		lengths[i] = C.size_t(len(key))
	}
	text = append(text, 0) // there may be no key
	var l *C.struct_lookup
	start := unsafe.Pointer(unsafe.SliceData(text))
	code := C.lookup_begin(C.rados_ioctx_t(p.io.Pointer()), (*C.char)(start), (*C.char)(unsafe.Add(start, len(object)+1)),
		unsafe.SliceData(lengths), C.size_t(len(keys)), &l)
	if code < 0 {
		C.lookup_end(l, 0)
		ended()
		return nil, errno("read of "+object, code)
	}
	if !await(ctx, l) {
		go func() {
			C.lookup_end(l, 1)
			ended()
		}()
		return nil, ctx.Err()
	}
	defer ended()
	defer C.lookup_end(l, 1)
	if code := C.lookup_result(l); code < 0 {
		return nil, errno("read of "+object, code)
	}
	return pairs(l.values), nil
}

// await waits for the answer, and tells whether it came before ctx ended.
func await(ctx context.Context, l *C.struct_lookup) bool {
	if ctx.Done() == nil {
		return C.lookup_wait(l) == 1
	}
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.lookup_leave(l)
		close(left)
	})
	came := C.lookup_wait(l) == 1
	if !stop() {
		<-left // until then l is in use
	}
	return came
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
