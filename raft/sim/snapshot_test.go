package sim_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// A follower that was cut off until the leader had dropped what it lacks catches up by a snapshot, also if it crashes in the middle of it. The leader
// commits meanwhile as if nothing were the matter.
func TestCatchUpBySnapshot(t *testing.T) {
	for seed := range uint64(20 / slowdown) {
		config := raft.Config[op]{
			Resend: true, FirstElection: 150 * time.Millisecond, EarlyCommit: seed%2 == 1, SnapshotEntries: 20, TrailingEntries: 5, MaxChunkBytes: 40,
		}
		c := sim.New(seed, 3, config, newRegisters)
		c.Network = sim.Network{Latency: 5 * time.Millisecond, Distribution: sim.Distribution(seed % 3)}
		_ = c.Run(5 * time.Second)
		leader, away := c.Leader(), c.IDs[2]
		c.Isolate(away)
		slowest := writeAll(t, c, leader, 200)
		if base := c.Node(leader).View().Base; base <= c.Node(away).View().Commit {
			t.Fatalf("seed %d: the leader has dropped up to %d only", seed, base)
		}
		c.Heal()
		chunks := 0
		c.Trace = func(line string) {
			if strings.Contains(line, "SnapshotRequest") {
				chunks++
			}
		}
		if !c.RunUntil(time.Minute, func() bool { return chunks > 3 }) {
			t.Fatalf("seed %d: no chunks", seed)
		}
		c.Crash(away)
		c.After(100*time.Millisecond, func() { c.Restart(away) })
		if during := writeAll(t, c, leader, 20); during > 10*slowest {
			t.Errorf("seed %d: a write took %v, and %v while a snapshot was on its way", seed, slowest, during)
		}
		_ = c.Run(time.Minute)
		if l, a := c.Node(leader).View(), c.Node(away).View(); c.Leader() != leader || a.Applied != l.Applied || c.Err() != nil {
			t.Fatalf("seed %d: applied %d, the leader %s of term %d %d: %v", seed, a.Applied, c.Leader(), l.Term, l.Applied, c.Err())
		}
		if !bytes.Equal(c.Machine(leader).Snapshot(), c.Machine(away).Snapshot()) {
			t.Errorf("seed %d: the states differ", seed)
		}
	}
}

// writeAll writes one by one, and returns how long the slowest took.
func writeAll(t *testing.T, c *sim.Cluster[op, result], at raft.NodeID, n int) (slowest time.Duration) {
	t.Helper()
	for i := range n {
		slowest = max(slowest, untilWritten(t, c, at))
		_ = c.Run(time.Millisecond * time.Duration(1+i%3))
	}
	return slowest
}

// A snapshot of the test's own machine brings everything back.
func TestRegistersTravel(t *testing.T) {
	a, b := newRegisters(), newRegisters()
	for i := range 100 {
		a.Apply(raft.Index(i), op{id: i * 7 % 90, key: i % 5, kind: []string{"write", "cas"}[i%2], from: i % 3, to: -i})
	}
	if err := b.Restore(a.Snapshot()); err != nil || !bytes.Equal(a.Snapshot(), b.Snapshot()) {
		t.Errorf("restored %x, want %x: %v", b.Snapshot(), a.Snapshot(), err)
	}
	if a.Query(op{key: 3}) != b.Query(op{key: 3}) || b.Restore([]byte{0x80}) == nil {
		t.Error("restored another state, or nonsense")
	}
}
