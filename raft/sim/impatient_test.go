package sim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// clockSpread is how far clocks drift, as a power of two: the slowest takes 8 seconds for one, the fastest an eighth.
const clockSpread = 3

// checkLimit bounds the search for a linearization. Where hardly anything has an outcome it can take for ever; no verdict is no failure.
const checkLimit = 10 * time.Second

// newImpatient returns a cluster whose time-outs are as short as its delays, so that leaders change all the time, messages of several terms
// are under way together, and windows are tiny; and whose clocks disagree about how long a second is. Nothing need ever be served;
// but nothing may be served wrongly.
func newImpatient(seed uint64) *workload {
	const ms = time.Millisecond
	rng := rand.New(rand.NewPCG(seed, 7))
	nodes := []int{2, 3, 3, 4, 5, 5}[rng.IntN(6)]
	timeout := time.Duration(5+rng.IntN(120)) * ms
	config := raft.Config[op]{Resend: rng.IntN(3) > 0, FirstElection: 50 * ms, ElectionTimeout: timeout}
	if rng.IntN(2) == 0 {
		config.MaxInflight, config.MaxAppendBytes = 1+rng.IntN(3), 1+rng.IntN(4)
	}
	compact(&config, seed)
	w := &workload{Cluster: sim.New(seed, nodes, config, newRegisters), rng: rng, never: map[int]bool{}, once: !config.Resend}
	w.Network = sim.Network{
		Latency: time.Duration(rng.Int64N(int64(timeout))) / 2, Distribution: sim.Exponential,
		Loss: rng.Float64() * 0.2, Duplicate: rng.Float64() * 0.5,
	}
	if !config.Resend {
		w.Network.Duplicate = 0 // as in newWorkload
	}
	if rng.IntN(2) == 0 {
		w.Crashes, w.RestartAfter = 0.01, 20*ms
	}
	if rng.IntN(2) == 0 {
		w.drift(10 * timeout)
	}
	w.readers = 2 * nodes
	for n := range 3 * nodes {
		w.client(n, time.Duration(1+rng.IntN(20))*ms)
	}
	w.faults(time.Duration(20+rng.IntN(300))*ms, w.Crashes > 0)
	return w
}

// drift changes the clocks now and then. Half the time it is the leader's that goes slow while nobody can reach it: the others have elected
// another one before it suspects anything.
func (w *workload) drift(every time.Duration) {
	if w.stopped {
		return
	}
	for _, id := range w.IDs {
		w.Drift(id, math.Exp2(w.rng.Float64()*2*clockSpread-clockSpread))
	}
	if leader := w.Leader(); leader != "" && w.rng.IntN(2) == 0 {
		w.Drift(leader, math.Exp2(-clockSpread))
		w.Isolate(leader)
		w.After(every/2, w.Heal)
	}
	w.After(time.Duration(w.rng.Int64N(int64(2*every))), func() { w.drift(every) })
}

func TestImpatientClusters(t *testing.T) {
	for seed := *first; seed < *first+*seeds/3; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newImpatient(seed)
			if err := w.Run(4 * time.Second); err != nil {
				t.Fatal(err)
			}
			w.stopped, w.Crashes = true, 0 // at the end every node is up, to be looked at
			for _, id := range w.IDs {
				w.Resume(id)
				w.Restart(id)
			}
			if err := w.Run(2 * time.Second); err != nil {
				t.Fatal(err)
			}
			w.checkMachines(t)
			if porcupine.CheckOperationsTimeout(model, w.history, checkLimit) == porcupine.Illegal {
				t.Fatal("the history is not linearizable")
			}
		})
	}
}
