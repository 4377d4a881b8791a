package workbench

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// The model of one register, for porcupine.
//
// Operations with a known outcome are porcupine's operations. Those with an
// unknown one are not: each may have happened at any time after its invocation
// or never, so k of them as operations would make the search try 2^k subsets
// at every step. They live in the state instead. A state is the set of ways in
// which the register can have come to its value; a way is a value and the
// unknown operations spent on it. Spending one can be put off until right
// before the first operation that needs it: what comes between either does not
// care, or overwrites it and makes it pointless. So an operation that needs
// another value than there is spends the cheapest chains of unknown operations
// that lead there, and all of them at once, in one step of the search.
//
// Two rules keep this exact. An operation that ended before an unknown one was
// invoked cannot come after it: a way remembers the latest invocation that it
// spent (floor). And a way that has spent a superset of what another spent for
// the same value is worse in every respect and is dropped.

// Operations that change nothing make the search branch in vain, too: if one
// may come next and every way agrees with what it saw, taking it now is as good
// as taking it later, since it leaves everything as it is. So while there is
// such an operation, step refuses all others. For that the state also knows
// what has been done.

// absent is the value of a missing key. It is no JSON text.
const absent = ""

// anyValue is the value of a register of which nothing is known. It is used
// when only a part of a history is looked at.
const anyValue = "*"

// kind of observation or change, over and above the function's name.
type action int

const (
	actRead      action = iota // saw value to
	actMissing                 // saw that there is no value
	actDiffers                 // saw a value other than from
	actWrite                   // wrote to
	actCAS                     // saw from and wrote to
	actNothing                 // no constraint; shown for the reader only
	actForbidden               // a reply that the reading does not accept
)

// step is the input of one porcupine operation.
type step struct {
	act      action
	from, to string
	// id is the operation's place in register.steps.
	id int
	// invoked and returned are the indices of its events.
	invoked, returned int
	op                *op
}

// maybe is an unknown write (from == anyValue) or cas.
type maybe struct{ from, to string }

// register is the model of one key under one reading: its unknown operations
// grouped by what they would do, each group in order of invocation.
type register struct {
	initial string
	kinds   []maybe
	invoked [][]int // per kind: indices of invocation events
	steps   []step  // the known operations in order of invocation
	budget  *budget
}

// way is one way of having reached a value. spent counts used operations per
// kind, one byte each, and is "" if none is used.
type way struct {
	value string
	spent string
}

// state is a set of ways that none of the others beats, sorted. key tells
// sets of ways apart.
type state struct {
	ways []way
	key  string
	done progress
}

func newState(ways []way, done progress) state {
	if len(ways) == 1 {
		return state{ways, ways[0].value + "\x00" + ways[0].spent, done}
	}
	slices.SortFunc(ways, func(a, b way) int {
		if c := strings.Compare(a.value, b.value); c != 0 {
			return c
		}
		return strings.Compare(a.spent, b.spent)
	})
	var key strings.Builder
	for _, w := range ways {
		key.WriteString(w.value)
		key.WriteByte(0)
		key.WriteString(w.spent)
		key.WriteByte(0)
	}
	return state{ways, key.String(), done}
}

// index makes the register ready for one search among these operations, which
// it returns in order of invocation.
func (g *register) index(ops []porcupine.Operation) []porcupine.Operation {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	g.steps = make([]step, len(ops))
	for i := range ops {
		s := ops[i].Input.(step)
		s.id = i
		g.steps[i], ops[i].Input = s, s
	}
	g.budget = newBudget(len(ops))
	return ops
}

// model returns the register as porcupine wants it.
func (g *register) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return newState([]way{{value: g.initial}}, progress{}) },
		Step: func(s, in, _ any) (bool, any) {
			next, ok := g.step(s.(state), in.(step))
			return ok, next
		},
		// porcupine asks whether it has been at a state before: Equal(new, old)
		// with the same operations done. Then old led nowhere, and a new state
		// that is no better leads nowhere, too. Without a Hash nothing else
		// depends on Equal being symmetric.
		Equal:             func(a, b any) bool { return a.(state).noBetter(b.(state)) },
		DescribeOperation: func(in, _ any) string { return describe(in.(step).op) },
		DescribeState:     func(s any) string { return s.(state).describe() },
	}
}

// step returns the state after an operation, or false if the operation is
// impossible there or another one goes first.
func (g *register) step(s state, in step) (state, bool) {
	if g.budget.exhausted {
		return state{}, false
	}
	if first := g.free(s); first >= 0 {
		if first != in.id {
			return state{}, false
		}
		g.budget.spend(g.budget.perStep)
		return state{s.ways, s.key, s.done.with(in.id)}, true
	}
	var next []way
	for _, w := range s.ways {
		if g.floor(w) >= in.returned {
			continue
		}
		for _, after := range g.after(w, in) {
			if g.floor(after) < in.returned {
				next = addWay(next, after)
			}
		}
	}
	if len(next) == 0 {
		return state{}, false
	}
	out := newState(next, s.done.with(in.id))
	g.budget.spend(g.budget.perStep + int64(len(out.key)+64*len(next)))
	return out, true
}

// free returns the first operation that may come next and changes nothing
// whichever way the value came about, or -1. An operation may come next if no
// other one that is still to come had returned before it was invoked.
func (g *register) free(s state) int {
	earliest := math.MaxInt // return among those still to come
	found := -1
	for id := s.done.low; id < len(g.steps); id++ {
		if g.steps[id].invoked > earliest {
			break
		}
		if s.done.has(id) {
			continue
		}
		earliest = min(earliest, g.steps[id].returned)
		if found < 0 && g.agrees(s, g.steps[id]) {
			found = id
		}
	}
	return found
}

// agrees says whether in changes nothing, whichever way the value came about.
func (g *register) agrees(s state, in step) bool {
	if in.act == actWrite || in.act == actCAS && in.from != in.to {
		return false
	}
	for _, w := range s.ways {
		if g.floor(w) >= in.returned || !in.sees(w.value) {
			return false
		}
	}
	return true
}

// sees says whether an operation is right about a value.
func (in step) sees(value string) bool {
	switch in.act {
	case actNothing:
		return true
	case actMissing:
		return value == absent
	case actRead:
		return value == in.to
	case actCAS:
		return value == in.from
	case actDiffers:
		return value != in.from && value != absent && value != anyValue
	default:
		return false
	}
}

// after returns the ways that lead from w through the operation.
func (g *register) after(w way, in step) []way {
	switch in.act {
	case actWrite:
		return []way{{in.to, w.spent}}
	case actNothing:
		return []way{w}
	case actForbidden:
		return nil
	case actMissing:
		if w.value == absent || w.value == anyValue {
			return []way{{absent, w.spent}}
		}
		return nil
	case actRead:
		return g.chains(w, func(v string) bool { return v == in.to }, in.to)
	case actCAS:
		ways := g.chains(w, func(v string) bool { return v == in.from }, in.from)
		for i := range ways {
			ways[i].value = in.to
		}
		return ways
	default:
		return g.chains(w, func(v string) bool { return v != in.from && v != absent }, anyValue)
	}
}

// chains returns the ways from w to a wanted value: w itself if it has one,
// or else through unknown operations, no value twice. From anyValue it is
// enough that the register may have held pick all along.
func (g *register) chains(w way, wanted func(string) bool, pick string) []way {
	if w.value == anyValue {
		return []way{{pick, w.spent}}
	}
	if wanted(w.value) {
		return []way{w}
	}
	var found []way
	visited := []string{w.value}
	var walk func(w way)
	walk = func(w way) {
		for k, m := range g.kinds {
			if (m.from != anyValue && m.from != w.value) || slices.Contains(visited, m.to) {
				continue
			}
			next, ok := g.spend(w, k)
			if !ok {
				continue
			}
			if wanted(m.to) {
				found = addWay(found, next)
				continue
			}
			visited = append(visited, m.to)
			walk(next)
			visited = visited[:len(visited)-1]
		}
	}
	walk(w)
	return found
}

// spend uses the earliest unused operation of a kind: a later one that does
// the same could do no more.
func (g *register) spend(w way, k int) (way, bool) {
	spent := []byte(w.spent)
	if len(spent) == 0 {
		spent = make([]byte, len(g.kinds))
	}
	if int(spent[k]) >= len(g.invoked[k]) {
		return way{}, false
	}
	spent[k]++
	return way{g.kinds[k].to, string(spent)}, true
}

// floor is the latest invocation among the spent operations, or -1.
func (g *register) floor(w way) int {
	latest := -1
	for k, n := range []byte(w.spent) {
		if n > 0 {
			latest = max(latest, g.invoked[k][n-1])
		}
	}
	return latest
}

// addWay adds a way unless one at hand is as good, and drops worse ones.
func addWay(ways []way, w way) []way {
	for _, other := range ways {
		if other.value == w.value && cheaper(other.spent, w.spent) {
			return ways
		}
	}
	ways = slices.DeleteFunc(ways, func(other way) bool {
		return other.value == w.value && cheaper(w.spent, other.spent)
	})
	return append(ways, w)
}

// cheaper says whether a spends no more of any kind than b.
func cheaper(a, b string) bool {
	for k := range len(a) {
		if b == "" && a[k] > 0 || b != "" && a[k] > b[k] {
			return false
		}
	}
	return true
}

// noBetter says whether each way in s is matched by one in other that has
// spent no more.
func (s state) noBetter(other state) bool {
	if s.key == other.key {
		return true
	}
	for _, w := range s.ways {
		if !slices.ContainsFunc(other.ways, func(o way) bool {
			return o.value == w.value && cheaper(o.spent, w.spent)
		}) {
			return false
		}
	}
	return true
}

func (s state) describe() string {
	var names []string
	for _, w := range s.ways {
		name := w.value
		switch w.value {
		case absent:
			name = "missing"
		case anyValue:
			name = "anything"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}
