//go:build ceph && cgo

package ceph

/*
#cgo LDFLAGS: -lrados
#include <rados/librados.h>

struct step {
	int do_;
	size_t key, key_len, value, value_len; // where in the text
};

// apply carries out the steps on the omap of an object, as one operation.
static int apply(rados_ioctx_t io, const char *object, const char *text, const struct step *steps, size_t n) {
	rados_write_op_t op = rados_create_write_op();
	rados_write_op_assert_exists(op);
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		const char *key = text + s->key, *value = text + s->value;
		switch (s->do_) {
		case 0:
			rados_write_op_omap_cmp2(op, key, LIBRADOS_CMPXATTR_OP_EQ, value, s->key_len, s->value_len, NULL);
			break;
		case 1:
			rados_write_op_omap_set2(op, &key, &value, &s->key_len, &s->value_len, 1);
			break;
		case 2:
			rados_write_op_omap_rm_keys2(op, &key, &s->key_len, 1);
			break;
		}
	}
	int err = rados_write_op_operate2(op, io, object, NULL, LIBRADOS_OPERATION_FULL_TRY);
	rados_release_write_op(op);
	return err;
}
*/
import "C"

import (
	"fmt"
	"syscall"
	"unsafe"
)

// apply is made of librados itself, since go-ceph has no omap_cmp. The steps go over as one text and an array of places
// in it, in one call.
func (p *radosPool) apply(object string, steps []step) error {
	n := 0
	for _, s := range steps {
		n += len(s.key) + len(s.value)
	}
	text := make([]byte, len(object)+1, len(object)+1+n+1)
	copy(text, object)
	places := make([]C.struct_step, len(steps))
	for i, s := range steps {
		places[i] = C.struct_step{
			do_: C.int(s.do),
			key: C.size_t(len(text)), key_len: C.size_t(len(s.key)),
			value: C.size_t(len(text) + len(s.key)), value_len: C.size_t(len(s.value)),
		}
		text = append(append(text, s.key...), s.value...)
	}
	start := (*C.char)(unsafe.Pointer(unsafe.SliceData(text)))
	code := C.apply(C.rados_ioctx_t(p.io.Pointer()), start, start, unsafe.SliceData(places), C.size_t(len(places)))
	if code < 0 {
		return errno("write of "+object, code)
	}
	return nil
}

// errno is the error of a call of librados itself.
func errno(call string, code C.int) error {
	return &failure{kindOf(int(code)), call, fmt.Errorf("rados: ret=%d, %w", int(code), syscall.Errno(-code))}
}
