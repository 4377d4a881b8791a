package sim_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// leaseDrift is the bound on clocks in these tests.
const leaseDrift = raft.DefaultMaxDrift

// newLeased returns a cluster that lives by leases where leases are in danger: leaders are cut off and paused again and again, as soon as
// they are elected, while their clocks are as slow as they may be, and those of the others as fast.
func newLeased(s sim.Swarm) *workload {
	const ms = time.Millisecond
	rng := rand.New(rand.NewPCG(s.Seed, 8))
	config := raft.Config[op]{
		Resend: true, FirstElection: 50 * ms, EarlyCommit: s.Seed%2 == 1, Reads: raft.LeaseReads, MaxDrift: leaseDrift,
	}
	if rng.IntN(2) == 0 {
		config.ElectionTimeout = time.Duration(20+rng.IntN(200)) * ms
	}
	compact(&config, s.Seed)
	s = s.Only(sim.Loss | sim.Duplicates | sim.Reorder | sim.Spikes | sim.Pauses | sim.Kills | sim.OneWay | sim.Leak).Disciplined(leaseDrift)
	s.Nodes, s.Every = []int{3, 3, 5}[rng.IntN(3)], time.Duration(200+rng.IntN(2000))*ms
	s.Network.Latency = time.Duration(rng.IntN(20)) * ms
	w := assemble(s, config, rng)
	w.RestartAfter = 20 * ms
	w.clients, w.readers, w.pause = 3*s.Nodes, s.Nodes, time.Duration(10+rng.IntN(40))*ms
	w.huntLeaders(s.Every, leaseDrift)
	return w
}

// huntLeaders sets the clocks, the leader's against all others, and then takes the leader from the others or stops it for a while. Drift beyond what the nodes are told makes
// leases fail.
func (w *workload) huntLeaders(every time.Duration, drift float64) {
	if w.stopped {
		return
	}
	if leader := w.Leader(); leader != "" && w.rng.IntN(4) > 0 {
		for _, id := range w.IDs {
			rate := math.Pow(1+drift, 0.5)
			if id == leader {
				rate = 1 / rate
			}
			w.Drift(id, rate)
		}
		if w.rng.IntN(3) == 0 {
			w.Pause(leader)
			w.After(every/3, func() { w.Resume(leader) })
		} else {
			w.Isolate(leader)
			w.After(every/2, w.Heal)
		}
	}
	w.After(every/2+time.Duration(w.rng.Int64N(int64(every))), func() { w.huntLeaders(every, drift) })
}

// TestLeases: within the drift bound no lease is ever held beside a later leader, and no read is stale.
func TestLeases(t *testing.T) {
	campaign(t, (*seeds+2)/3, min(*span, 5*time.Second), newLeased, (*workload).runImpatient)
}

// TestLeasesBeyondTheBound: clocks that drift more than the nodes are told are found out. The leader's clock takes three seconds for one of the others'.
func TestLeasesBeyondTheBound(t *testing.T) {
	found := 0
	for seed := range uint64(10) {
		w := newLeased(sim.Draw(seed, 5*time.Second, 0, 0))
		w.stopped = true // no clients, and nobody else who hunts leaders
		w.Network = sim.Network{Latency: time.Millisecond}
		w.RunUntil(5*time.Second, func() bool { return w.Leader() != "" })
		_ = w.Run(time.Second)
		leader := w.Leader()
		w.Drift(leader, 1.0/3)
		_ = w.Run(time.Second)
		w.Isolate(leader)
		_ = w.Run(time.Second)
		var v *sim.Violation
		if errors.As(w.Err(), &v) {
			if v.Rule != "a lease excludes other leaders" {
				t.Fatal(v)
			}
			found++
		}
	}
	if found < 8 {
		t.Errorf("found in %d of 10 runs", found)
	}
}

// TestRestartedVoterKeepsTheLease: one node wants another leader all the time, for it does not hear this one. The other has promised not to vote for it, and is
// started anew at any moment.
func TestRestartedVoterKeepsTheLease(t *testing.T) {
	for seed := range uint64(40) {
		config := raft.Config[op]{Resend: true, FirstElection: 50 * time.Millisecond, Reads: raft.LeaseReads}
		c := sim.New(seed, 3, config, newRegisters)
		c.Network = sim.Network{Latency: time.Millisecond}
		c.RunUntil(time.Second, func() bool { return c.Leader() != "" })
		leader, voter, deaf := c.Leader(), c.IDs[1], c.IDs[2]
		_ = c.Run(time.Second)
		c.Cut(leader, deaf)
		_ = c.Run(500*time.Millisecond + time.Duration(seed)*17*time.Millisecond)
		c.Crash(voter)
		c.Restart(voter)
		c.Isolate(leader)
		if err := c.Run(3 * time.Second); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if now := c.Leader(); leader != c.IDs[0] || now == leader || now == "" {
			t.Fatalf("seed %d: %q leads, and then %q", seed, leader, now)
		}
	}
}

// outage measures how long nothing can be written after a cut of the leader.
func outage(t *testing.T, seed uint64, nodes int, latency time.Duration, reads raft.Reads) time.Duration {
	t.Helper()
	c := sim.New(seed, nodes, raft.Config[op]{Resend: true, FirstElection: 50 * time.Millisecond, Reads: reads}, newRegisters)
	c.Network.Latency = latency
	if err := c.Run(4 * time.Second); err != nil || c.Leader() == "" {
		t.Fatalf("no leader after 4 s: %v", err)
	}
	leader := c.Leader()
	c.Isolate(leader)
	return untilWritten(t, c, slices.DeleteFunc(slices.Clone(c.IDs), func(id raft.NodeID) bool { return id == leader })[0])
}

// TestLeaseAndOutage: a promise that is no longer than the least election time-out costs no time when the leader is lost. Where round trips are long, it is
// longer, and costs some.
func TestLeaseAndOutage(t *testing.T) {
	const runs = 12/slowdown + 1
	for _, c := range []struct {
		latency time.Duration
		most    float64 // times the outage without leases
	}{
		{time.Millisecond, 1.1},
		{10 * time.Millisecond, 1.1},
		{50 * time.Millisecond, 1.4},
		{100 * time.Millisecond, 1.4},
	} {
		t.Run(c.latency.String(), func(t *testing.T) {
			t.Parallel()
			median := func(reads raft.Reads) time.Duration {
				var outages []time.Duration
				for seed := range uint64(runs) {
					outages = append(outages, outage(t, seed, 3+2*int(seed%2), c.latency, reads))
				}
				slices.Sort(outages)
				return outages[runs/2]
			}
			without, with := median(raft.ReadIndex), median(raft.LeaseReads)
			t.Logf("median outage %v, with leases %v", without, with)
			if float64(with) > c.most*float64(without) {
				t.Errorf("want at most %v times as much", c.most)
			}
		})
	}
}
