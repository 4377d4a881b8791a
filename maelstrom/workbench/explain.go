package workbench

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	// explainLimit bounds each check that explain makes.
	explainLimit = 5 * time.Second
	// explainLines is how many operations an explanation lists at most.
	explainLines = 12
)

// Explanation shows why a key's history is impossible.
type Explanation struct {
	// Key is the register concerned.
	Key int `json:"key"`
	// Words lists the shortest failing part found, an operation per line.
	Words []string `json:"words"`
	// File is the path of porcupine's visualisation of that part, or "".
	File string `json:"file,omitempty"`

	part *problem
}

// explain cuts an impossible history of one key down. First it drops events
// from the end as long as the rest is impossible, then from the start as long
// as the rest is impossible from any value at all.
func explain(key int, ops []*op, rd reading) *Explanation {
	end := shortestPrefix(ops, rd)
	part, start := shortestSuffix(ops, rd, end)
	e := &Explanation{Key: key, part: part}
	shown := shownOps(part)
	if start < 0 {
		e.Words = append(e.Words, fmt.Sprintf("key %d, from its first operation on:", key))
	} else {
		e.Words = append(e.Words, fmt.Sprintf("key %d, whatever its value was before:", key))
	}
	if left := len(shown) - explainLines; left > 0 {
		e.Words = append(e.Words, fmt.Sprintf("(%d earlier operations)", left))
		shown = shown[left:]
	}
	for _, o := range shown {
		e.Words = append(e.Words, tell(o))
	}
	e.Words = append(e.Words, "no order of these operations, each between its start and its end, explains the answers")
	if n := len(part.unknown); n > 0 {
		e.Words[len(e.Words)-1] += fmt.Sprintf(" (%d more, without an outcome or under way when this part begins, may have happened wherever that helps)", n)
	}
	return e
}

// ofKey returns the operations of one key.
func ofKey(key int, ops []*op) []*op {
	var mine []*op
	for _, o := range ops {
		if o.Key == key {
			mine = append(mine, o)
		}
	}
	return mine
}

func tell(o *op) string {
	where := ""
	if o.Node != "" { // a history that was read from a file does not say
		where = fmt.Sprintf(" at %-3s", o.Node)
	}
	return fmt.Sprintf("%9.4f s to %9.4f s  process %-3d%s %s",
		o.Invoke.Seconds(), o.Return.Seconds(), o.Process, where, describe(o))
}

// shownOps lists the operations with known outcome in order of invocation.
func shownOps(p *problem) []*op {
	var shown []*op
	for _, k := range p.known {
		shown = append(shown, k.Input.(step).op)
	}
	slices.SortFunc(shown, func(a, b *op) int { return a.InvokeIndex - b.InvokeIndex })
	return shown
}

// shortestPrefix returns the first event after which the history is
// impossible. Every longer prefix is, too, which is what the search relies on.
// In a long history it starts at a part that is impossible on its own.
func shortestPrefix(ops []*op, rd reading) int {
	w, _ := impossiblePart(ops, rd, partOps, time.Now().Add(checkLimit))
	var ends []int
	for _, o := range ops {
		if w.start < o.ReturnIndex && o.ReturnIndex <= w.end {
			ends = append(ends, o.ReturnIndex)
		}
	}
	slices.Sort(ends)
	i := sort.Search(len(ends), func(i int) bool {
		w.end = ends[i]
		return w.pose(ops, rd).check(explainLimit) == Invalid
	})
	if i == len(ends) {
		return math.MaxInt // a check ran out of time
	}
	return ends[i]
}

// shortestSuffix returns the part from the latest start at which it is still
// impossible from any value, or from the beginning (-1) if there is none.
func shortestSuffix(ops []*op, rd reading, end int) (*problem, int) {
	var starts []int
	for _, o := range ops {
		if o.InvokeIndex <= end {
			starts = append(starts, o.InvokeIndex)
		}
	}
	slices.Sort(starts)
	impossible := func(size int) *problem {
		p := part{anyValue, starts[len(starts)-size], end}.pose(ops, rd)
		if p.check(explainLimit) == Invalid {
			return p
		}
		return nil
	}
	for size := 1; size/2 < len(starts); size *= 2 {
		if impossible(min(size, len(starts))) == nil {
			continue
		}
		for s := size/2 + 1; s <= min(size, len(starts)); s++ {
			if p := impossible(s); p != nil {
				return p, starts[len(starts)-s]
			}
		}
	}
	return part{absent, -1, end}.pose(ops, rd), -1
}

// draw writes porcupine's interactive page about the part to path.
func (e *Explanation) draw(path string) error {
	p := e.part
	if p == nil {
		return nil // porcupine had no part in it
	}
	ops := slices.Clone(p.known)
	last := int64(0)
	for _, o := range ops {
		last = max(last, o.Return)
	}
	for _, o := range p.unknown {
		last = max(last, int64(o.InvokeIndex))
	}
	for _, o := range p.unknown {
		ops = append(ops, porcupine.Operation{
			ClientId: maxThreads + len(ops), Call: int64(o.InvokeIndex), Return: last + 1,
			Input: step{act: actNothing, invoked: o.InvokeIndex, returned: math.MaxInt, op: o},
		})
	}
	// porcupine draws a line per client; an unknown operation overlaps what its
	// thread did next, which is why it got a client of its own.
	compactClients(ops)
	ops = p.register.index(ops)
	model := p.register.model()
	_, info := porcupine.CheckOperationsVerbose(model, ops, explainLimit)
	if err := porcupine.VisualizePath(model, info, path); err != nil {
		return err
	}
	e.File = path
	return nil
}

// compactClients renumbers clients from 0 on.
func compactClients(ops []porcupine.Operation) {
	numbers := map[int]int{}
	for i := range ops {
		n, ok := numbers[ops[i].ClientId]
		if !ok {
			n = len(numbers)
			numbers[ops[i].ClientId] = n
		}
		ops[i].ClientId = n
	}
}

// text joins an explanation for the report.
func (e *Explanation) text() string { return strings.Join(e.Words, "\n    ") }

// describe tells an operation in words.
func describe(o *op) string {
	var text string
	switch o.F {
	case fRead:
		text = "read"
		if o.Result != "" {
			text += " " + o.Result
		}
	case fWrite:
		text = "write " + o.Value
	default:
		from, to := casArgs(o.Value)
		text = fmt.Sprintf("cas %s to %s", from, to)
	}
	switch {
	case o.Code == codeNotFound:
		return text + ": no such key"
	case o.Code == codePrecondition:
		return text + ": value differs"
	case o.Outcome == outcomeInfo:
		return text + ": unknown"
	case o.Outcome == outcomeFail:
		return text + ": refused"
	}
	return text + ": ok"
}
