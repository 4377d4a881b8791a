package sim_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// quiet returns a cluster without faults that has elected a leader.
func quiet(t *testing.T, seed uint64, nodes int, network sim.Network) *sim.Cluster[op, result] {
	t.Helper()
	config := raft.Config[op]{Resend: true, FirstElection: 150 * time.Millisecond}
	c := sim.New(seed, nodes, config, newRegisters)
	c.Network = network
	if !c.RunUntil(30*time.Second, func() bool { return c.Leader() != "" }) {
		t.Fatalf("no leader after 30 s: %v", c.Err())
	}
	if err := c.Run(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	return c
}

// untilWritten returns how long it takes until a write at a node succeeds that is tried all the time.
func untilWritten(t *testing.T, c *sim.Cluster[op, result], at raft.NodeID) time.Duration {
	t.Helper()
	start, written := c.Now(), false
	c.Propose(at, op{id: int(start), kind: "write", to: 1}, time.Minute, func(o raft.Outcome[result]) { written = o.Err == nil })
	if !c.RunUntil(time.Minute, func() bool { return written }) {
		t.Fatalf("no write at %s within a minute: %v", at, c.Err())
	}
	return c.Now() - start
}

// The defaults work from no latency to half a second, without a flag: the first leader comes soon, a cut leader is replaced soon, and
// without faults the leadership never changes.
func TestTimingFitsTheNetwork(t *testing.T) {
	const (
		ms   = time.Millisecond
		runs = 10/slowdown + 1
	)
	for _, c := range []struct {
		network    sim.Network
		start      time.Duration // until the first leader is known
		outage     time.Duration // median, until a write succeeds after a cut of the leader
		unexpected int           // changes of leader in a quiet minute
	}{
		{sim.Network{}, 155 * ms, 250 * ms, 0},
		{sim.Network{Latency: 10 * ms}, 190 * ms, 300 * ms, 0},
		{sim.Network{Latency: 50 * ms}, 260 * ms, 500 * ms, 0},
		{sim.Network{Latency: 100 * ms}, 360 * ms, 1000 * ms, 0},
		{sim.Network{Latency: 500 * ms}, 1200 * ms, 5000 * ms, 0},
		{sim.Network{Latency: 10 * ms, Distribution: sim.Exponential}, 300 * ms, 450 * ms, 0},
		{sim.Network{Latency: 50 * ms, Distribution: sim.Exponential}, 900 * ms, 1200 * ms, 1},
		{sim.Network{Latency: 100 * ms, Distribution: sim.Exponential}, 1800 * ms, 2500 * ms, 1},
	} {
		for _, nodes := range []int{3, 5} {
			t.Run(fmt.Sprintf("%v-%d/%d", c.network.Latency, c.network.Distribution, nodes), func(t *testing.T) {
				t.Parallel()
				var starts, outages []time.Duration
				changes := 0
				for seed := range uint64(runs) {
					first, outage, changed := failover(t, seed, nodes, c.network)
					starts, outages = append(starts, first), append(outages, outage)
					changes += changed
				}
				slices.Sort(starts)
				slices.Sort(outages)
				t.Logf("first leader %v, at most %v; outage %v, at most %v; %d changes in quiet minutes",
					starts[runs/2], starts[runs-1], outages[runs/2], outages[runs-1], changes)
				if starts[runs/2] > c.start || outages[runs/2] > c.outage || changes > c.unexpected {
					t.Errorf("want %v, %v, %d", c.start, c.outage, c.unexpected)
				}
			})
		}
	}
}

// failover measures the time to the first leader, the outage after a cut of the leader, and the changes of leader in a quiet minute.
func failover(t *testing.T, seed uint64, nodes int, network sim.Network) (first, outage time.Duration, changes int) {
	t.Helper()
	c := sim.New(seed, nodes, raft.Config[op]{Resend: true, FirstElection: 150 * time.Millisecond}, newRegisters)
	c.Network = network
	if !c.RunUntil(time.Minute, func() bool { return c.Leader() != "" }) {
		t.Fatalf("no leader within a minute: %v", c.Err())
	}
	first = c.Now()
	if err := c.Run(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	term := c.Node(c.Leader()).Status().Term
	if err := c.Run(time.Minute); err != nil {
		t.Fatal(err)
	}
	changes = int(c.Node(c.Leader()).Status().Term - term)
	leader := c.Leader()
	c.Isolate(leader)
	other := c.IDs[0]
	if other == leader {
		other = c.IDs[1]
	}
	return first, untilWritten(t, c, other), changes
}

// A node that was cut off for a minute has not raised its term, and its return changes no leader.
func TestReturningNodeDisturbsNobody(t *testing.T) {
	for seed := range uint64(20 / slowdown) {
		c := quiet(t, seed, 5, sim.Network{Latency: 10 * time.Millisecond, Distribution: sim.Distribution(seed % 3)})
		leader := c.Leader()
		term := c.Node(leader).Status().Term
		away := c.IDs[4]
		if away == leader {
			away = c.IDs[3]
		}
		c.Isolate(away)
		_ = c.Run(time.Minute)
		if got := c.Node(away).Status().Term; got != term {
			t.Errorf("seed %d: cut off, %s went from term %d to %d", seed, away, term, got)
		}
		c.Heal()
		_ = c.Run(5 * time.Second)
		if s := c.Node(away).Status(); s.Leader != leader || s.Term != term || c.Leader() != leader {
			t.Errorf("seed %d: after the return of %s the leader is %s in term %d, was %s in %d", seed, away, s.Leader, s.Term, leader, term)
		}
		if c.Err() != nil {
			t.Error(c.Err())
		}
	}
}

// A deposed leader that is cut off answers no read, whatever its clients ask.
func TestCutOffLeaderServesNoRead(t *testing.T) {
	c := quiet(t, 1, 5, sim.Network{Latency: 10 * time.Millisecond})
	old := c.Leader()
	c.Isolate(old)
	for range 100 {
		c.Read(old, op{kind: "read"}, 2*time.Second, func(o raft.Outcome[result]) {
			if o.Err == nil {
				t.Errorf("served a read %v after the cut", c.Now())
			}
		})
		_ = c.Run(20 * time.Millisecond)
	}
	if c.Leader() == old {
		t.Error("nobody else was elected")
	}
}

// The same seed gives the same run, byte for byte, whatever goes wrong in it.
func TestSameSeedSameTrace(t *testing.T) {
	trace := func(seed uint64) []byte {
		var out bytes.Buffer
		w := newWorkload(sim.Draw(seed, 5*time.Second, 0, 0))
		w.Trace = func(line string) { fmt.Fprintln(&out, line) }
		if err := w.run(); err != nil {
			t.Error(err)
		}
		return out.Bytes()
	}
	total := 0
	for seed := range uint64(10) {
		a, b := trace(seed), trace(seed)
		if !bytes.Equal(a, b) {
			t.Errorf("seed %d: two runs differ (%d and %d bytes)", seed, len(a), len(b))
		}
		total += len(a)
	}
	if total < 1<<20 {
		t.Errorf("hardly anything happened in any run: %d bytes of traces", total)
	}
}

// A follower whose answers were lost for a while is served again, however much its clients write.
func TestBusyFollowerIsHeardAgain(t *testing.T) {
	for phase := range time.Duration(5) {
		c := quiet(t, uint64(phase), 3, sim.Network{Latency: time.Millisecond})
		leader, at := c.Leader(), c.IDs[2]
		id, failed := 1000000, 0
		var write func()
		write = func() {
			id++
			c.Propose(at, op{id: id, kind: "write", to: 1}, time.Second, func(o raft.Outcome[result]) {
				if o.Err != nil {
					failed++
				}
			})
			c.After(10*time.Millisecond, write)
		}
		write()
		c.Cut(at, leader) // its messages to the leader are lost; it hears the leader all the time
		_ = c.Run(time.Second + phase*3*time.Millisecond)
		c.Heal()
		_ = c.Run(2 * time.Second)
		before := failed
		if err := c.Run(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		if failed > before {
			t.Errorf("phase %d: %d writes failed seconds after everything was healed", phase, failed-before)
		}
	}
}
