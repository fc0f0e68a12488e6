package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/holdall-go/holdall/blob"
)

// A Load tells how much CheckLinearizable does. The zero value is 12 clients with 150 calls each on 3 keys.
type Load struct {
	Clients, Calls, Keys int
	Seed                 uint64 // zero: another one each time
}

// CheckLinearizable lets clients put, get, delete, and put with the conditions that b declares, and asks whether there
// is an order, for each key, in which all answers are right, and which puts no call before another that had ended when
// it began.
func CheckLinearizable(t *testing.T, b blob.Bucket, load Load) {
	t.Helper()
	if load.Seed == 0 {
		load.Seed = rand.Uint64()
	}
	if why := explain(t.Context(), b, load); why != nil {
		t.Errorf("seed %d: %v", load.Seed, why)
	}
}

// explain returns why b is not linearizable, or nil.
func explain(ctx context.Context, b blob.Bucket, load Load) error {
	history, err := record(ctx, b, load)
	if err != nil {
		return err
	}
	switch res, info := porcupine.CheckOperationsVerbose(register, history, time.Minute); res {
	case porcupine.Illegal:
		return fmt.Errorf("%w: %d calls%s", errNotLinearizable, len(history), longest(history, info))
	case porcupine.Unknown:
		return fmt.Errorf("%d calls could not be judged in a minute; use fewer", len(history))
	}
	return nil
}

var errNotLinearizable = errors.New("not linearizable")

// An input is a call on a key.
type input struct {
	op    string // "get", "put", "delete", "absent" or "match"
	key   string
	value string // that is put
	etag  string // that must match
}

// An output is its answer.
type output struct {
	ok    bool // get: it is there; a conditional put: the condition held
	value string
	etag  string
}

// A state is what one key holds. The empty ETag is that of nothing.
type state struct{ value, etag string }

// register is the model of one key.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(input).key
			byKey[key] = append(byKey[key], op)
		}
		var all [][]porcupine.Operation
		for _, ops := range byKey {
			all = append(all, ops)
		}
		return all
	},
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(input), out.(output)) },
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+v → %+v", in, out)
	},
}

func step(s state, in input, out output) (bool, any) {
	there := s.etag != ""
	switch in.op {
	case "get":
		return out.ok == there && out.value == s.value && out.etag == s.etag, s
	case "delete":
		return true, state{}
	case "absent":
		if out.ok == there {
			return false, s
		}
	case "match":
		if out.ok != (there && s.etag == in.etag) {
			return false, s
		}
	}
	if !out.ok {
		return true, s
	}
	return true, state{in.value, out.etag}
}

// record lets the clients loose.
func record(ctx context.Context, b blob.Bucket, load Load) ([]porcupine.Operation, error) {
	clients, calls, keys := cmp.Or(load.Clients, 12), cmp.Or(load.Calls, 150), cmp.Or(load.Keys, 3)
	ops := []string{"get", "get", "put", "delete"}
	if b.Capabilities().If.Put.Has(blob.KindAbsent) {
		ops = append(ops, "absent")
	}
	if b.Capabilities().If.Put.Has(blob.KindMatch) {
		ops = append(ops, "match", "match")
	}
	begin := time.Now()
	histories, failures := make([][]porcupine.Operation, clients), make([]error, clients)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(load.Seed, uint64(c)))
			etags := map[string]string{} // the last that this client saw
			for n := range calls {
				in := input{op: ops[r.IntN(len(ops))], key: fmt.Sprint("key", r.IntN(keys))}
				if in.op != "get" && in.op != "delete" {
					in.value = fmt.Sprintf("%d-%d", c, n)
				}
				if in.op == "match" {
					if in.etag = etags[in.key]; in.etag == "" {
						in.etag = `"none"`
					}
				}
				called := time.Since(begin)
				out, err := perform(ctx, b, in)
				returned := time.Since(begin)
				switch {
				case errors.Is(err, blob.ErrChanged):
					continue // a read that gave up tells nothing
				case err != nil:
					failures[c] = err
					return
				}
				if out.etag != "" {
					etags[in.key] = out.etag
				}
				histories[c] = append(histories[c], porcupine.Operation{ClientId: c, Input: in, Output: out, Call: int64(called), Return: int64(returned)})
			}
		})
	}
	all.Wait()
	return slices.Concat(histories...), errors.Join(failures...)
}

func perform(ctx context.Context, b blob.Bucket, in input) (output, error) {
	switch in.op {
	case "get":
		r, err := b.Get(ctx, in.key, nil)
		if errors.Is(err, fs.ErrNotExist) {
			return output{}, nil
		}
		if err != nil {
			return output{}, err
		}
		defer r.Close()
		content, err := io.ReadAll(r)
		return output{true, string(content), r.ETag}, err
	case "delete":
		return output{ok: true}, b.Delete(ctx, in.key, nil)
	}
	opts := &blob.PutOptions{}
	switch in.op {
	case "absent":
		opts.If = blob.IfAbsent
	case "match":
		opts.If = blob.IfMatch(in.etag)
	}
	o, err := b.Put(ctx, in.key, strings.NewReader(in.value), opts)
	if errors.Is(err, blob.ErrPrecondition) {
		return output{}, nil
	}
	if err != nil {
		return output{}, err
	}
	return output{true, in.value, o.ETag}, nil
}

// longest shows the calls around the one that no order explains, for a start.
func longest(history []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var b strings.Builder
	for _, partial := range info.PartialLinearizationsOperations() {
		var best []porcupine.Operation
		for _, ops := range partial {
			if len(ops) > len(best) {
				best = ops
			}
		}
		if len(best) == 0 {
			continue
		}
		key := best[0].Input.(input).key
		total := 0
		for _, op := range history {
			if op.Input.(input).key == key {
				total++
			}
		}
		if total == len(best) {
			continue
		}
		fmt.Fprintf(&b, "\n%s: an order explains %d of %d calls, up to", key, len(best), total)
		for _, op := range best[max(0, len(best)-5):] {
			fmt.Fprintf(&b, "\n  client %d, %d–%d ns: %s", op.ClientId, op.Call, op.Return, register.DescribeOperation(op.Input, op.Output))
		}
	}
	return b.String()
}
