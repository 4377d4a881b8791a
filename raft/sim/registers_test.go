package sim_test

import (
	"encoding/binary"
	"errors"
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
	if o.kind == "read" {
		return result{value: value} // a read that goes through the log changes nothing, and is as good the second time
	}
	res := result{value: value, matched: o.kind == "write" || value == o.from}
	r.digest = r.digest*1_000_003 + uint64(o.id*7+value)
	if res.matched {
		r.values[o.key] = o.to
	}
	r.done[o.id] = res
	return res
}

// Snapshot writes both maps in order, as numbers.
func (r *registers) Snapshot() []byte {
	out := binary.AppendVarint(nil, int64(r.twice))
	out = binary.AppendVarint(out, int64(r.digest))
	out = binary.AppendVarint(out, int64(len(r.values)))
	for _, k := range slices.Sorted(maps.Keys(r.values)) {
		out = binary.AppendVarint(binary.AppendVarint(out, int64(k)), int64(r.values[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(r.done)) {
		matched := int64(0)
		if r.done[k].matched {
			matched = 1
		}
		out = binary.AppendVarint(binary.AppendVarint(out, int64(k)), int64(r.done[k].value)*2+matched)
	}
	return out
}

func (r *registers) Restore(state []byte) error {
	var numbers []int
	for len(state) > 0 {
		v, n := binary.Varint(state)
		if n <= 0 {
			return errors.New("not a snapshot of registers")
		}
		numbers, state = append(numbers, int(v)), state[n:]
	}
	clear(r.values)
	clear(r.done)
	r.twice, r.digest = numbers[0], uint64(numbers[1])
	values, done := numbers[3:3+2*numbers[2]], numbers[3+2*numbers[2]:]
	for i := 0; i < len(values); i += 2 {
		r.values[values[i]] = values[i+1]
	}
	for i := 0; i < len(done); i += 2 {
		r.done[done[i]] = result{value: done[i+1] >> 1, matched: done[i+1]&1 == 1}
	}
	return nil
}

// digest tells states apart.
func digest(m raft.StateMachine[op, result]) uint64 { return m.(*registers).digest }

func (r *registers) Query(o op) result { return result{value: r.values[o.key]} }

// Settle answers a cas that was executed, or would not match.
func (r *registers) Settle(o op) (result, bool) {
	if old, ok := r.done[o.id]; ok {
		return old, true
	}
	value := r.values[o.key]
	return result{value: value}, o.kind == "cas" && value != o.from
}

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
