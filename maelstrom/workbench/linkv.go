package workbench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
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

// linKV is Maelstrom's lin-kv: registers that are read, written and compared
// and set, and must be linearizable.
type linKV struct{}

func (linKV) claim() string { return "Linearizable" }

// block: 2n threads share a key, and each node has a reader and a writer of it.
func (linKV) block(nodes, _ int) (size int, halves bool) { return 2 * nodes, true }

func (linKV) clientLimit(meanLatency time.Duration) time.Duration {
	return max(clientLimitLatencies*meanLatency, minClientLimit)
}

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
		return interpretError(w, o, r)
	}
	own := ""
	if o.F == fRead {
		own = "value"
	}
	if f := checkReplySchema(o.F, own, kind, r); f != nil {
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

func (linKV) check(ctx context.Context, ops []*op) checkResult { return checkRegisters(ctx, ops) }

func (linKV) explain(key int, ops []*op, rd reading) *Explanation {
	return explain(key, ofKey(key, ops), rd)
}
