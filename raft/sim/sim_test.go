package sim_test

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"maelraft/raft"
	"maelraft/raft/sim"
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
	if res.matched {
		r.values[o.key] = o.to
	}
	r.done[o.id] = res
	return res
}

// Snapshot writes both maps in order, as numbers.
func (r *registers) Snapshot() []byte {
	out := binary.AppendVarint(nil, int64(r.twice))
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
	r.twice = numbers[0]
	values, done := numbers[2:2+2*numbers[1]], numbers[2+2*numbers[1]:]
	for i := 0; i < len(values); i += 2 {
		r.values[values[i]] = values[i+1]
	}
	for i := 0; i < len(done); i += 2 {
		r.done[done[i]] = result{value: done[i+1] >> 1, matched: done[i+1]&1 == 1}
	}
	return nil
}

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

// A key is left after some operations, and earlier if the outcome of a few is unknown: checking for linearizability takes time that is
// exponential in those.
const (
	opsPerKey     = 60
	unknownPerKey = 4
)

// workload makes clients call a cluster until it is stopped, and keeps the history.
type workload struct {
	*sim.Cluster[op, result]
	rng     *rand.Rand
	history []porcupine.Operation
	stopped bool
	never   map[int]bool // operations that were said never to be executed
	once    bool         // the core itself is to see to it that nothing is executed twice
	readers int          // clients from this number on only read, if not zero: one that writes waits where nothing can be committed
	ops     int
	key     int
	onKey   int // operations, the unknown ones weighted
	ok      int
	failed  int // definitely not executed
	unknown int
}

func (w *workload) client(n int, pause time.Duration) {
	if w.stopped {
		return
	}
	w.ops++
	if w.onKey++; w.onKey > opsPerKey {
		w.key, w.onKey = w.key+1, 0
	}
	o := op{id: w.ops, key: w.key, from: w.rng.IntN(5), to: w.rng.IntN(5)}
	o.kind = []string{"read", "write", "cas"}[w.rng.IntN(3)]
	if w.readers > 0 && n >= w.readers {
		o.kind = "read"
	}
	id := w.IDs[n%len(w.IDs)]
	call := w.Now()
	ended := false
	limit := time.Second
	done := func(out raft.Outcome[result]) {
		if ended {
			return
		}
		ended = true
		w.record(n, o, call, out)
		w.After(pause, func() { w.client(n, pause) })
	}
	if o.kind == "read" {
		w.Read(id, o, limit, done)
	} else {
		w.Propose(id, o, limit, done)
	}
	w.After(2*limit, func() { done(raft.Outcome[result]{Err: raft.ErrUnknown}) }) // the node has crashed
}

func (w *workload) record(client int, o op, call time.Duration, out raft.Outcome[result]) {
	event := porcupine.Operation{ClientId: client, Input: o, Call: int64(call), Return: int64(w.Now())}
	switch {
	case out.Err == nil:
		w.ok++
		event.Output = out.Result
	case out.Err == raft.ErrUnknown && o.kind != "read":
		w.unknown++
		w.onKey += opsPerKey / unknownPerKey
		event.Return = 1 << 62
	default:
		w.failed++
		w.never[o.id] = o.kind != "read" && out.Err != raft.ErrUnknown
		return
	}
	w.history = append(w.history, event)
}

// faults draws what goes wrong in a run, the swarm way: every seed has its own mix.
func (w *workload) faults(every time.Duration, crashes bool) {
	if w.stopped {
		return
	}
	a, b := w.IDs[w.rng.IntN(len(w.IDs))], w.IDs[w.rng.IntN(len(w.IDs))]
	switch w.rng.IntN(8) {
	case 0:
		w.Heal()
	case 1:
		w.Heal()
		w.Isolate(a)
	case 2:
		w.Cut(a, b)
	case 3:
		w.Split(a, b)
	case 4:
		if leader := w.Leader(); leader != "" {
			w.Isolate(leader)
		}
	case 5:
		w.Pause(a)
		w.After(every/2, func() { w.Resume(a) })
	case 6:
		if crashes {
			w.Crash(a)
			w.After(every/2, func() { w.Restart(a) })
		}
	case 7:
		if crashes {
			for _, id := range w.IDs {
				w.Crash(id)
				w.After(every/4, func() { w.Restart(id) })
			}
		}
	}
	w.After(time.Duration(w.rng.Int64N(int64(2*every))), func() { w.faults(every, crashes) })
}

func newWorkload(seed uint64) *workload {
	rng := rand.New(rand.NewPCG(seed, 1))
	nodes := []int{1, 2, 3, 3, 4, 5, 5, 7}[rng.IntN(8)]
	config := raft.Config[op]{Resend: rng.IntN(4) > 0, FirstElection: 150 * time.Millisecond, EarlyCommit: seed%2 == 1}
	if rng.IntN(3) == 0 {
		config.MaxInflight, config.MaxAppendBytes = 1+rng.IntN(3), 4+rng.IntN(8)
	}
	compact(&config, seed)
	w := &workload{Cluster: sim.New(seed, nodes, config, newRegisters), rng: rng, never: map[int]bool{}, once: !config.Resend}
	w.Network = sim.Network{
		Latency:      time.Duration(rng.IntN(60)) * time.Millisecond,
		Distribution: sim.Distribution(rng.IntN(3)),
	}
	if rng.IntN(2) == 0 {
		w.Network.Loss, w.Network.Duplicate = rng.Float64()*0.2, rng.Float64()*0.2
	}
	if !config.Resend {
		w.Network.Duplicate = 0 // a forward that arrives twice is executed twice, unless the machine sees to that
	}
	if rng.IntN(2) == 0 {
		w.Crashes = 0.002
	}
	return w
}

// compact draws thresholds so low that logs are cut, and followers get snapshots in tiny chunks, all the time. Other draws stay as they were.
func compact(config *raft.Config[op], seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	if rng.IntN(2) == 0 {
		return
	}
	config.SnapshotEntries = 5 + rng.IntN(16)
	config.TrailingEntries = rng.IntN(4) - 1 // none, the default of many, one, two
	config.MaxChunkBytes = []int{50, 500, 10_000}[rng.IntN(3)]
}

// run goes through both phases: anything may fail; then everything is healed, and the cluster must serve again.
func (w *workload) run(t *testing.T, d time.Duration) {
	t.Helper()
	for n := range 2 * len(w.IDs) {
		w.client(n, 100*time.Millisecond)
	}
	w.faults(d/10, w.Crashes > 0)
	if err := w.Run(d); err != nil {
		t.Fatal(err)
	}
	w.stopped = true
	w.Heal()
	w.Crashes, w.Network.Loss, w.Network.Duplicate = 0, 0, 0
	for _, id := range w.IDs {
		w.Resume(id)
		w.Restart(id)
	}
	_ = w.Run(20 * time.Second) // the smallest windows take long to catch up
	for _, id := range w.IDs {
		answered := false
		w.ops++
		w.Propose(id, op{id: w.ops, kind: "write"}, 5*time.Second, func(o raft.Outcome[result]) { answered = o.Err == nil })
		if !w.RunUntil(5*time.Second, func() bool { return answered }) {
			t.Fatalf("node %s does not serve after everything was healed (%v)", id, w.Err())
		}
	}
	w.checkMachines(t)
	if porcupine.CheckOperations(model, w.history) != true {
		t.Fatal("the history is not linearizable")
	}
}

// checkMachines looks for what clients were told would never happen, and for what happened twice.
func (w *workload) checkMachines(t *testing.T) {
	t.Helper()
	for _, id := range w.IDs {
		m := w.Machine(id).(*registers)
		for o := range m.done {
			if w.never[o] {
				t.Errorf("node %s executed operation %d, which was answered as never executed", id, o)
			}
		}
		if w.once && m.twice > 0 {
			t.Errorf("node %s was given %d operations twice", id, m.twice)
		}
	}
}

var (
	seeds = flag.Uint64("seeds", 150/slowdown, "how many seeds TestSwarm runs")
	first = flag.Uint64("first", 0, "the first of them")
)

func TestSwarm(t *testing.T) {
	for seed := *first; seed < *first+*seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorkload(seed)
			w.run(t, 20*time.Second)
		})
	}
}
