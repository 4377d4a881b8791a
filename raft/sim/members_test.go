package sim_test

import (
	"fmt"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// fleet returns a cluster of some nodes, and as many others that are to take their places, which has elected a leader and written a little.
func fleet(t *testing.T, seed uint64, nodes int, change func(*raft.Config[op])) *sim.Cluster[op, result] {
	t.Helper()
	config := raft.Config[op]{Resend: true, FirstElection: 150 * time.Millisecond, EarlyCommit: seed%2 == 1, Thrifty: seed%4 > 1}
	for i := range nodes {
		config.Members = append(config.Members, raft.NodeID(fmt.Sprint("n", i+1)))
	}
	if change != nil {
		change(&config)
	}
	c := sim.New(seed, 2*nodes, config, newRegisters)
	c.Network = sim.Network{Latency: 10 * time.Millisecond, Distribution: sim.Distribution(seed % 3)}
	for range 20 {
		untilWritten(t, c, "n1")
	}
	return c
}

// change asks a node for another membership, and waits for the outcome.
func change(t *testing.T, c *sim.Cluster[op, result], at raft.NodeID, kind raft.ChangeKind, nodes ...raft.NodeID) error {
	t.Helper()
	ended, err := false, error(nil)
	c.Change(at, raft.Change{Kind: kind, Nodes: nodes}, time.Minute, func(o raft.Outcome[result]) { ended, err = true, o.Err })
	if !c.RunUntil(time.Minute, func() bool { return ended }) {
		t.Fatalf("%s %v at %s has no outcome: %v", kind, nodes, at, c.Err())
	}
	return err
}

// All five nodes are replaced one after the other while clients write and read at every member: every request is served, and there is never a longer
// pause between two writes than two election time-outs. Who leads is replaced, too.
func TestRollingReplacement(t *testing.T) {
	for seed := range uint64(24 / slowdown) {
		c := fleet(t, seed, 5, func(config *raft.Config[op]) { config.SnapshotEntries = 200 })
		ops, over, last, longest := 1<<20, false, c.Now(), time.Duration(0)
		var client func(n int)
		client = func(n int) {
			id := c.IDs[n%len(c.IDs)]
			if over || !c.Serves(id) { // its own client would be passed on to another node
				if !over {
					c.After(10*time.Millisecond, func() { client(n) })
				}
				return
			}
			ops++
			o := op{id: ops, key: n, kind: []string{"write", "read"}[ops%2], to: ops}
			done := func(out raft.Outcome[result]) {
				if out.Err != nil && out.Err != raft.ErrNotServing {
					t.Errorf("seed %d, %v: a %s at %s: %v", seed, c.Now(), o.kind, id, out.Err)
				}
				if o.kind == "write" && out.Err == nil {
					last, longest = c.Now(), max(longest, c.Now()-last)
				}
				c.After(5*time.Millisecond, func() { client(n) })
			}
			if o.kind == "read" {
				c.Read(id, o, 5*time.Second, done)
				return
			}
			c.Propose(id, o, 5*time.Second, done)
		}
		for n := range 2 * len(c.IDs) {
			client(n)
		}
		limit := 2 * c.Node("n1").Status().ElectionTimeout
		led := 0
		for i := range 5 {
			var voters []raft.NodeID
			for j := range 5 {
				at := j
				if j <= i {
					at += 5 // n1 to n5 go, n6 to n10 come
				}
				voters = append(voters, c.IDs[at])
			}
			if c.Leader() == c.IDs[i] {
				led++
			}
			if err := change(t, c, c.IDs[4], raft.Replace, voters...); err != nil {
				t.Fatalf("seed %d: %v in the place of %s: %v", seed, voters, c.IDs[i], err)
			}
			_ = c.Run(300 * time.Millisecond)
		}
		over = true
		if err := c.Run(10 * time.Second); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if longest > limit || led == 0 {
			t.Errorf("seed %d: a pause of %v between two writes, at most %v; leaders replaced: %d", seed, longest, limit, led)
		}
	}
}

// Two nodes with the state and a witness survive the loss of either of the two, without losing what was acknowledged; and while both are there, the
// witness' copy is worth nothing.
func TestWitnessKeepsTwoNodesGoing(t *testing.T) {
	for seed := range uint64(20 / slowdown) {
		c := fleet(t, seed, 2, nil)
		if err := change(t, c, "n2", raft.AddWitness, "n3"); err != nil {
			t.Fatal(err)
		}
		leader := c.Leader()
		other := raft.NodeID("n1")
		if leader == other {
			other = "n2"
		}
		lost := []raft.NodeID{leader, other}[seed%2]
		stays := map[raft.NodeID]raft.NodeID{"n1": "n2", "n2": "n1"}[lost]
		for range 10 {
			untilWritten(t, c, lost)
		}
		acknowledged := c.Node(lost).View().Commit
		c.Isolate(lost)
		if took := untilWritten(t, c, stays); took > 2*time.Second {
			t.Errorf("seed %d: without %s a write took %v", seed, lost, took)
		}
		if v := c.Node(stays).View(); v.Commit <= acknowledged || c.Leader() == "n3" {
			t.Errorf("seed %d: committed %d, and %d was acknowledged; %s leads", seed, v.Commit, acknowledged, c.Leader())
		}
		c.Heal()
		untilWritten(t, c, lost)
		if err := c.Run(5 * time.Second); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if a, b := c.Machine("n1").(*registers), c.Machine("n2").(*registers); a.digest != b.digest {
			t.Errorf("seed %d: the states differ", seed)
		}
	}
}

// A change that would leave the cluster without a quorum that answers is refused, and so is one to a node that cannot catch up; the old configuration
// goes on.
func TestChangesThatCannotGoOn(t *testing.T) {
	c := fleet(t, 1, 3, func(config *raft.Config[op]) { config.CatchUp = time.Second })
	c.Crash("n4")
	if err := change(t, c, "n2", raft.AddVoter, "n4"); err != raft.ErrNotCaughtUp {
		t.Errorf("a dead node is to vote: %v", err)
	}
	c.Isolate("n3")
	_ = c.Run(2 * time.Second)
	at := c.Leader()
	if err := change(t, c, at, raft.Replace, at, "n3"); err != raft.ErrNoQuorum {
		t.Errorf("one of two voters cannot be reached: %v", err)
	}
	g := c.Node(at).Status().Configuration
	if untilWritten(t, c, at); g.String() != "n1 n2 n3" || c.Err() != nil {
		t.Errorf("in force is %v, %v", &g, c.Err())
	}
}
