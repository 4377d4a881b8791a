package workbench

import (
	"context"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// Verdict says whether something was right.
type Verdict string

// Verdicts. Unknown means that the checker gave up or had nothing to check.
const (
	Valid   Verdict = "valid"
	Invalid Verdict = "invalid"
	Unknown Verdict = "unknown"
)

// worse merges verdicts as Jepsen does: invalid beats unknown beats valid.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Invalid, Unknown} {
		if a == v || b == v {
			return v
		}
	}
	return Valid
}

// reading is a way of understanding a history.
type reading int

const (
	// official is Maelstrom's: refused operations say nothing, a null read is
	// always fine.
	official reading = iota
	// strict takes "no such key" and "value differs" as observations of the
	// state and a null read as wrong.
	strict
)

// checkResult is what a workload's checker finds.
type checkResult struct {
	Official, Strict Reading
}

// Reading is the verdict on a history under one reading.
type Reading struct {
	// Verdict merges those of all keys.
	Verdict Verdict `json:"verdict"`
	// Keys is how many keys were checked.
	Keys int `json:"keys"`
	// BadKeys and UnknownKeys list keys that are not valid.
	BadKeys     []int `json:"bad_keys,omitempty"`
	UnknownKeys []int `json:"unknown_keys,omitempty"`
}

// checkRegisters judges registers, one per key, under both readings. It takes
// at most checkLimit per reading.
func checkRegisters(ctx context.Context, ops []*op) checkResult {
	byKey := map[int][]*op{}
	for _, o := range ops {
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	return checkResult{
		Official: checkKeys(ctx, byKey, official),
		Strict:   checkKeys(ctx, byKey, strict),
	}
}

func checkKeys(ctx context.Context, byKey map[int][]*op, rd reading) Reading {
	deadline := time.Now().Add(checkLimit)
	keys := slices.Sorted(maps.Keys(byKey))
	verdicts := make([]Verdict, len(keys))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, key := range keys {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			verdicts[i] = Unknown
			if time.Now().Before(deadline) && ctx.Err() == nil {
				verdicts[i] = checkKey(byKey[key], rd, deadline)
			}
		})
	}
	wg.Wait()
	result := Reading{Verdict: Valid, Keys: len(keys)}
	for i, v := range verdicts {
		result.Verdict = worse(result.Verdict, v)
		switch v {
		case Invalid:
			result.BadKeys = append(result.BadKeys, keys[i])
		case Unknown:
			result.UnknownKeys = append(result.UnknownKeys, keys[i])
		}
	}
	return result
}

// checkKey judges one key. If the search in the whole gives up, one in parts
// may still find that a part is impossible; time is kept back for that.
func checkKey(ops []*op, rd reading, deadline time.Time) Verdict {
	v := whole(ops, rd).check(time.Until(deadline) * 3 / 4)
	if v == Unknown {
		if _, found := impossiblePart(ops, rd, partOps, deadline); found {
			return Invalid
		}
	}
	return v
}

// part is what happened between two event indices, from an initial value on.
type part struct {
	initial    string
	start, end int
}

// everything is the part that is the whole.
var everything = part{initial: absent, start: -1, end: math.MaxInt}

// impossiblePart looks for a part of size operations that is impossible
// whatever the value was before, by halves of that size. Operations are in
// order of invocation. A history that is not much longer has no parts.
func impossiblePart(ops []*op, rd reading, size int, deadline time.Time) (part, bool) {
	for first := 0; len(ops) > 2*size && first < len(ops) && time.Now().Before(deadline); first += size / 2 {
		w := everything
		if first > 0 {
			w.initial, w.start = anyValue, ops[first].InvokeIndex
		}
		if first+size < len(ops) {
			w.end = ops[first+size].InvokeIndex
		}
		if w.pose(ops, rd).check(min(partLimit, time.Until(deadline))) == Invalid {
			return w, true
		}
	}
	return everything, false
}

// problem is one key's history, or a part of it, ready for porcupine.
type problem struct {
	known    []porcupine.Operation
	register *register
	unknown  []*op // behind register.kinds
	tooMany  bool  // more unknown operations of one kind than the model counts
}

// whole poses the problem of a complete history of one key.
func whole(ops []*op, rd reading) *problem { return everything.pose(ops, rd) }

// pose poses the problem of a part of a history.
// What had not returned by the end, or had begun before the start, has an
// unknown outcome there; what is outside is left out. Both only widen what is
// allowed, so a part that is impossible makes the whole impossible.
func (w part) pose(ops []*op, rd reading) *problem {
	p := &problem{register: &register{initial: w.initial}}
	kinds := map[maybe]int{}
	for _, o := range ops {
		switch {
		case o.InvokeIndex > w.end:
		case o.Outcome == outcomeInfo || o.ReturnIndex > w.end || (o.InvokeIndex < w.start && o.ReturnIndex >= w.start):
			p.addUnknown(o, kinds)
		case o.InvokeIndex >= w.start:
			p.addKnown(o, rd)
		}
	}
	p.known = p.register.index(p.known)
	return p
}

func (p *problem) addKnown(o *op, rd reading) {
	act, from, to := observation(o, rd)
	if act == actNothing {
		return
	}
	p.known = append(p.known, porcupine.Operation{
		ClientId: o.Thread, Input: step{act: act, from: from, to: to, invoked: o.InvokeIndex, returned: o.ReturnIndex, op: o},
		Call: int64(o.InvokeIndex), Return: int64(o.ReturnIndex),
	})
}

// observation says what an operation with a known outcome tells.
func observation(o *op, rd reading) (act action, from, to string) {
	if o.F == fCAS {
		from, to = casArgs(o.Value)
	}
	switch {
	case o.Outcome != outcomeOK:
		return refusal(o, rd), from, ""
	case o.F == fWrite:
		return actWrite, "", o.Value
	case o.F == fCAS:
		return actCAS, from, to
	case o.Result != "null":
		return actRead, "", o.Result
	case rd == strict:
		return actForbidden, "", ""
	default:
		return actNothing, "", ""
	}
}

// refusal says what an operation tells that did not happen.
func refusal(o *op, rd reading) action {
	switch {
	case rd == official || o.F == fWrite:
		return actNothing
	case o.Code == codeNotFound:
		return actMissing
	case o.Code == codePrecondition && o.F == fCAS:
		return actDiffers
	default:
		return actNothing
	}
}

// addUnknown adds an operation that may or may not have taken effect. Those
// that cannot have had an effect are left out.
func (p *problem) addUnknown(o *op, kinds map[maybe]int) {
	m := maybe{from: anyValue, to: o.Value}
	switch o.F {
	case fRead:
		return
	case fCAS:
		if m.from, m.to = casArgs(o.Value); m.from == m.to {
			return
		}
	}
	k, known := kinds[m]
	if !known {
		k = len(p.register.kinds)
		kinds[m] = k
		p.register.kinds = append(p.register.kinds, m)
		p.register.invoked = append(p.register.invoked, nil)
	}
	invoked := append(p.register.invoked[k], o.InvokeIndex)
	slices.Sort(invoked)
	p.register.invoked[k] = invoked
	p.unknown = append(p.unknown, o)
	p.tooMany = p.tooMany || len(invoked) > math.MaxUint8
}

// check asks porcupine. A search that runs out of time or memory is Unknown.
func (p *problem) check(limit time.Duration) Verdict {
	if p.tooMany {
		return Unknown
	}
	result := porcupine.CheckOperationsTimeout(p.register.model(), p.known, limit)
	switch {
	case result == porcupine.Ok:
		return Valid
	case result == porcupine.Unknown || p.register.budget.exhausted:
		return Unknown
	default:
		return Invalid
	}
}

// checkStats is Maelstrom's other rule: every function that was tried must
// have succeeded at least once. Without operations there is nothing to say.
func checkStats(ops []*op) (Verdict, string) {
	tried, done := map[string]int{}, map[string]int{}
	for _, o := range ops {
		tried[o.F]++
		if o.Outcome == outcomeOK {
			done[o.F]++
		}
	}
	if len(tried) == 0 {
		return Unknown, "no operation was issued"
	}
	for _, f := range slices.Sorted(maps.Keys(tried)) {
		if done[f] == 0 {
			return Invalid, "none of " + strconv.Itoa(tried[f]) + " " + f + " operations succeeded"
		}
	}
	return Valid, ""
}

// withStats returns both verdicts on a whole history, and what is wrong with
// it beside linearizability.
func (c checkResult) withStats(ops []*op) (official, strict Verdict, why string) {
	stats, why := checkStats(ops)
	if stats == Unknown {
		return c.Official.Verdict, Unknown, why
	}
	return worse(c.Official.Verdict, stats), worse(c.Strict.Verdict, stats), why
}

// blame says what the checker found wrong: in the reading that counts or else
// in the strict one. The key is the one to explain, or nil.
func (c checkResult) blame(quirks bool) (key *int, rd reading, reasons []string) {
	shown, rd := c.Strict, strict
	if quirks {
		shown, rd = c.Official, official
	}
	if len(shown.UnknownKeys) > 0 {
		reasons = append(reasons, "the checker ran out of time or memory before it could decide every key")
	}
	if len(shown.BadKeys) == 0 {
		shown, rd = c.Strict, strict
	}
	if len(shown.BadKeys) == 0 {
		return nil, rd, reasons
	}
	return &shown.BadKeys[0], rd, append(reasons, "the history is not linearizable ("+rd.String()+" reading)")
}

// String names the reading.
func (rd reading) String() string {
	switch rd {
	case official:
		return "official"
	case strict:
		return "strict"
	default:
		return fmt.Sprintf("reading %d", int(rd))
	}
}

// checkAvailability is Maelstrom's third rule, if asked for: a least share of
// operations that are ok.
func checkAvailability(ops []*op, least float64) (Verdict, string) {
	ok := 0
	for _, o := range ops {
		if o.Outcome == outcomeOK {
			ok++
		}
	}
	if len(ops) == 0 || float64(ok) >= least*float64(len(ops)) {
		return Valid, ""
	}
	return Invalid, fmt.Sprintf("%.4f of the operations were ok, less than --availability asks for", float64(ok)/float64(len(ops)))
}
