package workbench

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// workload is the seam between the bench and what it tests: it says what
// clients ask, what replies mean, and whether a history is right. One file
// holds one workload; linkv.go and echo.go are two. All methods are pure
// functions of their arguments and safe for concurrent use.
type workload interface {
	// claim names the property that is checked, as in "Linearizable".
	claim() string
	// block is how many threads share a key, and halves says that one half of
	// them reads while the other writes.
	block(nodes, threads int) (size int, halves bool)
	// clientLimit is how long a client waits for a reply.
	clientLimit(meanLatency time.Duration) time.Duration
	// next fills in F and Value of a thread's next operation from the thread's
	// own stream.
	next(r *rand.Rand, reader bool, o *op)
	// request returns the request body of an operation.
	request(o *op, msgID int64) []byte
	// interpret sets Outcome, Code and Result from a reply, and says what is
	// wrong with a reply that is not what the request asks for.
	interpret(o *op, r reply) *fault
	// silent sets the outcome of an operation that got no reply: code says why.
	silent(o *op, code int)
	// mutates says whether an operation with this F changes state.
	mutates(f string) bool
	// check judges a history under both readings.
	check(ctx context.Context, ops []*op) checkResult
	// explain shows what is wrong with a bad key.
	explain(key int, ops []*op, rd reading) *Explanation
}

// workloads are the values of --workload.
var workloads = map[string]workload{workloadLinKV: linKV{}, workloadEcho: echo{}}

// workloadNames lists them.
func workloadNames() []string { return slices.Sorted(maps.Keys(workloads)) }

// definiteCodes are Maelstrom's errors that say: it did not and will not happen.
var definiteCodes = []int{1, 10, 11, 12, 14, 20, 21, 22, 30}

// interpretError sets outcome and code from an error reply.
func interpretError(w workload, o *op, r reply) *fault {
	code, ok := asInt(r.fields["code"])
	switch {
	case !ok:
		w.silent(o, codeUnknown)
		return &fault{why: "it is an error without an integer code", asks: `an error has "code", an integer from Maelstrom's table`}
	case code == 0:
		w.silent(o, codeZero)
	case code < 0 || code > 1<<30:
		w.silent(o, codeUnknown)
	default:
		w.silent(o, int(code))
		if slices.Contains(definiteCodes, o.Code) {
			o.Outcome = outcomeFail
		}
	}
	return nil
}

// checkReplySchema tests the closed schema of a reply that is not an error. The
// reply has one field of its own, or none if its name is empty.
func checkReplySchema(f, own, kind string, r reply) *fault {
	field := ""
	if own != "" {
		field = fmt.Sprintf(", %q", own)
	}
	asks := fmt.Sprintf(`a %s is answered with "type":"%s_ok"%s and "in_reply_to", and optionally an integer "msg_id", and no other field`, f, f, field)
	if kind != f+"_ok" {
		return &fault{why: fmt.Sprintf("it answers a %s with type %q", f, kind), asks: asks}
	}
	for name, raw := range r.fields {
		switch {
		case name == "type" || name == "in_reply_to" || name == own && own != "":
		case name == "msg_id" && isInteger(bytes.TrimSpace(raw)):
		default:
			return &fault{why: fmt.Sprintf("its %s has the extra or malformed field %q", kind, name), asks: asks}
		}
	}
	if _, ok := r.fields[own]; !ok && own != "" {
		return &fault{why: fmt.Sprintf("its %s has no %s", kind, own), asks: asks}
	}
	return nil
}
