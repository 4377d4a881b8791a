package workbench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// fEcho is the one operation of echo.
const fEcho = "echo"

const (
	// echoRange is how many different texts there are (M).
	echoRange = 128
	// echoClientLimit is how long a client waits for its echo (M).
	echoClientLimit = 5 * time.Second
)

// echo is Maelstrom's echo: a node answers with the text that it got. Nothing
// is shared, so a node needs no other to be right.
type echo struct{}

func (echo) claim() string { return "Echoes equal" }

func (echo) block(_, threads int) (size int, halves bool) { return threads, false }

func (echo) clientLimit(time.Duration) time.Duration { return echoClientLimit }

func (echo) mutates(string) bool { return true }

func (echo) next(r *rand.Rand, _ bool, o *op) {
	o.F, o.Value = fEcho, strconv.Quote(fmt.Sprintf("Please echo %d", r.IntN(echoRange)))
}

func (echo) request(o *op, msgID int64) []byte {
	return fmt.Appendf(nil, `{"type":"echo","echo":%s,"msg_id":%d}`, o.Value, msgID)
}

func (w echo) interpret(o *op, r reply) *fault {
	kind, _ := asString(r.fields["type"])
	if kind == "error" {
		return interpretError(w, o, r)
	}
	if f := checkReplySchema(fEcho, fEcho, kind, r); f != nil {
		w.silent(o, codeBadBody)
		return f
	}
	o.Outcome, o.Result = outcomeOK, canonical(r.fields[fEcho])
	return nil
}

func (echo) silent(o *op, code int) { o.Code, o.Outcome = code, outcomeInfo }

// check wants every answer to be what was asked. Both readings agree on that.
func (echo) check(_ context.Context, ops []*op) checkResult {
	r := Reading{Verdict: Valid, Keys: 1}
	for _, o := range ops {
		if o.Outcome == outcomeOK && o.Result != o.Value {
			r.Verdict, r.BadKeys = Invalid, []int{o.Key}
			break
		}
	}
	return checkResult{Official: r, Strict: r}
}

func (echo) explain(key int, ops []*op, _ reading) *Explanation {
	e := &Explanation{Key: key}
	for _, o := range ops {
		if o.Outcome == outcomeOK && o.Result != o.Value && len(e.Words) < explainLines {
			e.Words = append(e.Words, fmt.Sprintf("%9.4f s  node %s answered %s with %.200s", o.Return.Seconds(), o.Node, o.Value, o.Result))
		}
	}
	return e
}
