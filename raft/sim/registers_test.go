package sim_test

import (
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"

	"maelraft/raft"
)

// op is a command on one of many registers. The id makes it idempotent, which is what package session does for others.
type op struct {
	id       int
	key      int
	kind     string // read, write or cas
	from, to int
}

// result is the value read, or whether a cas matched.
type result struct {
	value   int
	matched bool
}

// registers is the smallest state machine that linearizability can be tested with.
type registers struct {
	values map[int]int
	done   map[int]result
	twice  int // commands that came a second time
	digest uint64
}

func newRegisters() raft.StateMachine[op, result] {
	return &registers{values: map[int]int{}, done: map[int]result{}}
}

func (r *registers) Apply(_ raft.Index, o op) result {
	if old, ok := r.done[o.id]; ok {
		r.twice++
		return old
	}
	value := r.values[o.key]
	res := result{value: value, matched: o.kind == "write" || value == o.from}
	r.digest = r.digest*1_000_003 + uint64(o.id*7+value)
	if res.matched {
		r.values[o.key] = o.to
	}
	r.done[o.id] = res
	return res
}

// digest tells states apart.
func digest(m raft.StateMachine[op, result]) uint64 { return m.(*registers).digest }

func (r *registers) Query(o op) result { return result{value: r.values[o.key]} }

// model is the register as porcupine sees it. An operation whose outcome is unknown may have happened at any time later, or never.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		keys := map[int][]porcupine.Operation{}
		for _, event := range history {
			keys[event.Input.(op).key] = append(keys[event.Input.(op).key], event)
		}
		return slices.Collect(maps.Values(keys))
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		value, o := state.(int), input.(op)
		switch out, known := output.(result); {
		case o.kind == "read":
			return out.value == value, value
		case o.kind == "write":
			return true, o.to
		case known && out.matched != (value == o.from):
			return false, value
		case value == o.from:
			return true, o.to
		}
		return true, value
	},
}
