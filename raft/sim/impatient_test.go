package sim_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// clockSpread is how far clocks drift, as a power of two: the slowest takes 8 seconds for one, the fastest an eighth.
const clockSpread = 3

// newImpatient returns a cluster whose time-outs are as short as its delays, so that leaders change all the time, messages of several terms
// are under way together, and windows are tiny; and whose clocks disagree about how long a second is. Nothing need ever be served;
// but nothing may be served wrongly.
func newImpatient(s sim.Swarm) *workload {
	const ms = time.Millisecond
	rng := rand.New(rand.NewPCG(s.Seed, 7))
	nodes := []int{2, 3, 3, 4, 5, 5}[rng.IntN(6)]
	timeout := time.Duration(5+rng.IntN(120)) * ms
	config := raft.Config[op]{Resend: rng.IntN(3) > 0, FirstElection: 50 * ms, ElectionTimeout: timeout, EarlyCommit: s.Seed%2 == 1}
	if rng.IntN(2) == 0 {
		config.MaxInflight, config.MaxAppendBytes = 1+rng.IntN(3), 1+rng.IntN(4)
	}
	compact(&config, s.Seed)
	s.Nodes, s.Every, s.Crashes = nodes, time.Duration(20+rng.IntN(300))*ms, 0.01
	s.Network.Latency, s.Network.Distribution = time.Duration(rng.Int64N(int64(timeout)))/2, sim.Exponential
	s.Network.Spikes, s.Network.Spike = rng.Float64()*0.1, 4*timeout
	s.Network.Loss, s.Network.Duplicate = rng.Float64()*0.2, rng.Float64()*0.5
	s = s.Only(s.Faults)
	if !config.Resend {
		s = s.Only(sim.AllFaults &^ sim.Duplicates) // as in newWorkload
	}
	w := assemble(s, config, rng)
	w.RestartAfter = 20 * ms
	if s.Faults&sim.Drift != 0 {
		w.drift(10 * timeout)
	}
	w.clients, w.readers, w.pause = 3*nodes, 2*nodes, time.Duration(1+rng.IntN(20))*ms
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

// runImpatient ends with every node up, to be looked at.
func (w *workload) runImpatient() error {
	w.start()
	_ = w.Run(w.swarm.Span)
	w.stopped = true
	w.Calm(w.swarm.Only(sim.AllFaults &^ sim.Wreckage))
	_ = w.Run(2 * time.Second)
	w.checkMachines()
	w.checkHistory()
	w.sumUp()
	return w.Err()
}

func TestImpatientClusters(t *testing.T) {
	campaign(t, (*seeds+2)/3, min(*span, 4*time.Second), newImpatient, (*workload).runImpatient)
}
