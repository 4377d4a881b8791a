package workbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Operations of lin-kv.
const (
	fRead  = "read"
	fWrite = "write"
	fCAS   = "cas"
)

// valueRange is how many values there are: 0 to 4, as in Maelstrom.
const valueRange = 5

// casWeight is how many cas there are per write.
const casWeight = 2

// definiteCodes are Maelstrom's errors that say: it did not and will not happen.
var definiteCodes = []int{1, 10, 11, 12, 14, 20, 21, 22, 30}

// linKV is Maelstrom's lin-kv: registers that are read, written and compared
// and set, and must be linearizable.
type linKV struct{}

func (linKV) mutates(f string) bool { return f != fRead }

func (linKV) next(r *rand.Rand, reader bool, o *op) {
	switch {
	case reader:
		o.F, o.Value = fRead, "null"
	case r.IntN(1+casWeight) == 0:
		o.F, o.Value = fWrite, fmt.Sprint(r.IntN(valueRange))
	default:
		o.F, o.Value = fCAS, fmt.Sprintf("[%d,%d]", r.IntN(valueRange), r.IntN(valueRange))
	}
}

func (linKV) request(o *op, msgID int64) []byte {
	switch o.F {
	case fRead:
		return fmt.Appendf(nil, `{"type":"read","key":%d,"msg_id":%d}`, o.Key, msgID)
	case fWrite:
		return fmt.Appendf(nil, `{"type":"write","key":%d,"value":%s,"msg_id":%d}`, o.Key, o.Value, msgID)
	default:
		from, to := casArgs(o.Value)
		return fmt.Appendf(nil, `{"type":"cas","key":%d,"from":%s,"to":%s,"msg_id":%d}`, o.Key, from, to, msgID)
	}
}

// casArgs splits the value of a cas. Both parts are canonical JSON text.
func casArgs(value string) (from, to string) {
	var pair [2]json.RawMessage
	if json.Unmarshal([]byte(value), &pair) != nil {
		return "null", "null"
	}
	return canonical(pair[0]), canonical(pair[1])
}

func (linKV) silent(o *op, code int) {
	o.Code, o.Outcome = code, outcomeInfo
	if o.F == fRead {
		o.Outcome = outcomeFail // a read without an answer says nothing
	}
}

func (w linKV) interpret(o *op, r reply) *fault {
	kind, _ := asString(r.fields["type"])
	if kind == "error" {
		return w.interpretError(o, r)
	}
	if f := checkReplySchema(o.F, kind, r); f != nil {
		o.Outcome, o.Code = outcomeInfo, codeBadBody
		return f
	}
	o.Outcome = outcomeOK
	if o.F == fRead {
		o.Result = canonical(r.fields["value"])
		if o.Result == "null" {
			return &fault{
				why:  "it answers a read with null",
				asks: "a read of a missing key is answered with error 20; null is not a value",
			}
		}
	}
	return nil
}

func (w linKV) interpretError(o *op, r reply) *fault {
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

// checkReplySchema tests the closed schema of a reply that is not an error.
func checkReplySchema(f, kind string, r reply) *fault {
	asks := fmt.Sprintf(`a %s is answered with "type":"%s_ok" and "in_reply_to", and optionally an integer "msg_id", and no other field`, f, f)
	if f == fRead {
		asks = `a read is answered with "type":"read_ok", "value" and "in_reply_to", and optionally an integer "msg_id", and no other field`
	}
	if kind != f+"_ok" {
		return &fault{why: fmt.Sprintf("it answers a %s with type %q", f, kind), asks: asks}
	}
	for name, raw := range r.fields {
		switch {
		case name == "type" || name == "in_reply_to" || name == "value" && f == fRead:
		case name == "msg_id" && isInteger(bytes.TrimSpace(raw)):
		default:
			return &fault{why: fmt.Sprintf("its %s has the extra or malformed field %q", kind, name), asks: asks}
		}
	}
	if _, ok := r.fields["value"]; !ok && f == fRead {
		return &fault{why: "its read_ok has no value", asks: asks}
	}
	return nil
}

func (linKV) check(ctx context.Context, ops []*op) checkResult { return checkRegisters(ctx, ops) }
