package sim_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// delay is one way between any two nodes in TestDelays.
const delay = 50 * time.Millisecond

// load asks any node for reads and writes, about a hundred a second, and keeps how long each took, by kind and by whether the node leads.
type load struct {
	*sim.Cluster[op, result]
	rng  *rand.Rand
	took map[string][]time.Duration
	ops  int
}

func (l *load) next() {
	l.ops++
	id, o, began := l.IDs[l.rng.IntN(len(l.IDs))], op{id: l.ops, kind: []string{"read", "write"}[l.rng.IntN(2)]}, l.Now()
	ask, kind := l.Propose, o.kind
	if o.kind == "read" {
		ask = l.Read
	}
	if id == l.Leader() {
		kind += " at the leader"
	}
	ask(id, o, 5*time.Second, func(raft.Outcome[result]) { l.took[kind] = append(l.took[kind], l.Now()-began) })
	l.After(time.Duration(l.rng.ExpFloat64()*float64(10*time.Millisecond)), l.next)
}

func (l *load) median(kind string) time.Duration {
	slices.Sort(l.took[kind])
	return l.took[kind][len(l.took[kind])/2]
}

// TestDelays holds the medians under load against what the ways to read and to commit promise, in network delays, and shows the messages
// between nodes that a request costs.
func TestDelays(t *testing.T) {
	for _, c := range []struct {
		nodes                int
		reads                raft.Reads
		early                bool
		atLeader, atFollower float64 // of reads
		messages             float64 // at most, for each request
	}{
		{3, raft.ReadIndex, true, 2, 2, 4.2},
		{3, raft.ReadIndex, false, 2, 2, 4.6},
		{3, raft.LeaseReads, true, 1.8, 2, 3.7},
		{3, raft.LeaseReads, false, 0, 2, 4},
		{5, raft.ReadIndex, true, 2, 3.6, 9.8},
		{5, raft.ReadIndex, false, 2, 2, 9.2},
		{5, raft.LeaseReads, true, 1.8, 3.6, 7.5},
		{5, raft.LeaseReads, false, 0, 2, 6.9},
	} {
		config := raft.Config[op]{Resend: true, FirstElection: delay, Reads: c.reads, EarlyCommit: c.early}
		l := &load{sim.New(1, c.nodes, config, newRegisters), rand.New(rand.NewPCG(1, 1)), map[string][]time.Duration{}, 0}
		l.Network.Latency = delay
		_ = l.Run(5 * time.Second)
		before := l.Sent
		l.next()
		if err := l.Run(20 * time.Second / slowdown); err != nil {
			t.Fatal(err)
		}
		leader, follower, messages := l.median("read at the leader"), l.median("read"), float64(l.Sent-before)/float64(l.ops)
		t.Logf("%d nodes, %v, early commit %t: reads %v at the leader, %v elsewhere; writes %v and %v; %.1f messages each",
			c.nodes, c.reads, c.early, leader, follower, l.median("write at the leader"), l.median("write"), messages)
		if float64(leader) > c.atLeader*float64(delay) || float64(follower) > c.atFollower*float64(delay) || messages > c.messages {
			t.Errorf("want %v and %v delays, %v messages", c.atLeader, c.atFollower, c.messages)
		}
	}
}
