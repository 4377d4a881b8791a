package maelstrom

import (
	"fmt"
	"testing"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
	"maelraft/raft/sim"
)

// copies is a cluster whose clients' requests arrive more than once.
type copies struct {
	*sim.Cluster[command, result]
	t  *testing.T
	id uint64
}

// step is a cas that can succeed once only: the next one needs what it sets.
func (c *copies) step() command {
	c.id++
	return command{Client: "c1", ID: c.id, Op: kv.Command{Op: kv.CAS, Key: number(0), From: number(int(c.id) - 1), To: number(int(c.id)), CreateIfNotExists: true}}
}

// send hands a copy of a request to a node, stamped there as a request of a client is, and returns where its outcome will be.
func (c *copies) send(node raft.NodeID, r command, fresh bool) *outcome {
	if fresh {
		r.Seen = c.Node(node).Status().Applied
	}
	o := &outcome{Err: errWaiting}
	c.Propose(node, r, 3*time.Second, func(got outcome) { *o = got })
	return o
}

var errWaiting = fmt.Errorf("no answer yet")

// want waits until all have been answered, each with the first answer.
func (c *copies) want(when string, outcomes ...*outcome) {
	c.t.Helper()
	first := result{Status: session.Executed, Result: kv.Result{Status: kv.OK}}
	for i, o := range outcomes {
		if !c.RunUntil(5*time.Second, func() bool { return o.Err != errWaiting }) || o.Err != nil || o.Result != first {
			c.t.Errorf("%s, copy %d: %+v", when, i, *o)
		}
	}
}

// others returns the nodes that are not the leader.
func (c *copies) others() (others []raft.NodeID) {
	for _, id := range c.IDs {
		if id != c.Leader() {
			others = append(others, id)
		}
	}
	return others
}

// fill lets other clients write until everybody has taken a few snapshots.
func (c *copies) fill(at raft.NodeID) {
	for i := range 60 {
		r := command{Client: fmt.Sprint("other", i%3), ID: uint64(1000*c.id) + uint64(i), Op: kv.Command{Op: kv.Write, Key: number(1), Value: number(i)}}
		c.want("filling", c.send(at, r, true))
	}
}

// A request that arrives more than once is executed once, and every copy gets the first answer: before and after its commit, at the leader, at followers,
// at an old and at a new leader, at a node that knows of it by a snapshot only, and after a restart from one.
func TestEveryCopyGetsTheFirstAnswer(t *testing.T) {
	for seed := range uint64(max(4/slowdown, 2)) {
		config := raft.Config[command]{Resend: true, EarlyCommit: seed%2 == 1, SnapshotEntries: 20, TrailingEntries: 5, MaxChunkBytes: 100}
		c := &copies{t: t, Cluster: sim.New(seed, 3, config, func() raft.StateMachine[command, result] {
			store := kv.New()
			m, _ := session.New(store, kv.Digest, session.Limits{})
			return replica{m, store}
		})}
		c.Digest = digest
		c.Network = sim.Network{Latency: 5 * time.Millisecond}
		_ = c.Run(5 * time.Second)
		leader, away := c.Leader(), c.others()[1]

		r := c.step()
		c.want("before the commit", c.send(leader, r, true), c.send(away, r, true), c.send(leader, r, false), c.send(c.others()[0], r, true))
		c.want("after the commit", c.send(leader, r, true), c.send(away, r, true))

		c.Isolate(away)
		r = c.step()
		c.want("without one", c.send(leader, r, true))
		c.fill(leader)
		if base, commit := c.Node(leader).View().Base, c.Node(away).View().Commit; base <= commit {
			t.Fatalf("seed %d: no snapshot is needed", seed)
		}
		c.Heal()
		_ = c.Run(5 * time.Second)
		if c.Node(away).Status().Snapshot < 20 {
			t.Fatalf("seed %d: no snapshot came", seed)
		}
		c.want("behind a snapshot", c.send(away, r, true), c.send(away, r, false), c.send(leader, r, true))
		c.Crash(away)
		c.Restart(away)
		c.want("after a restart from a snapshot", c.send(away, r, true), c.send(leader, r, false))

		r = c.step()
		c.Isolate(leader)
		lost := c.send(leader, r, true) // in the old leader's log, and nowhere else
		_ = c.Run(4 * time.Second)
		fresh := c.Leader()
		if fresh == leader || lost.Err != raft.ErrUnknown {
			t.Fatalf("seed %d: the leader is %s, the old one's request ended as %+v", seed, fresh, *lost)
		}
		c.want("at the new leader", c.send(fresh, r, true))
		c.fill(fresh)
		c.Heal()
		_ = c.Run(5 * time.Second)
		c.want("at the old and the new leader", c.send(leader, r, true), c.send(leader, r, false), c.send(fresh, r, true))
		for _, id := range c.IDs {
			if got := c.Machine(id).(replica).store.Query(kv.Command{Op: kv.Read, Key: number(0)}).Value.String(); got != fmt.Sprint(c.id) {
				t.Errorf("seed %d: %s has %s after %d steps", seed, id, got, c.id)
			}
		}
		if err := c.Err(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
