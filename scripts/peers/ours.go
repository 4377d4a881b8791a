package main

import (
	"encoding/binary"
	"errors"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// counter is a state machine that counts commands.
type counter struct{ n int }

func (c *counter) Apply(raft.Index, []byte) int { c.n++; return c.n }
func (c *counter) Query([]byte) int             { return c.n }
func (c *counter) Snapshot() []byte             { return binary.AppendUvarint(nil, uint64(c.n)) }

func (c *counter) Restore(state []byte) error {
	n, _ := binary.Uvarint(state)
	c.n = int(n)
	return nil
}

// ours is a cluster of our nodes. Their clocks stand still, so nothing is ever due.
type ours struct {
	nodes    map[raft.NodeID]*ourNode
	leader   *ourNode
	network  []raft.Message
	now      time.Duration
	answered int
}

type ourNode struct {
	*raft.Node[[]byte, int]
	machine *counter
	to      driver.Effects[[]byte, int]
}

func newOurs() (*ours, error) {
	c := &ours{nodes: map[raft.NodeID]*ourNode{}}
	members := []raft.NodeID{"a", "b", "c"}
	for _, id := range members {
		machine := &counter{}
		config := raft.Config[[]byte]{
			ID: id, Members: members, Seed: 1, EarlyCommit: true, Thrifty: true, Resend: true,
			SizeOf: func(b []byte) int { return len(b) }, SnapshotEntries: snapshotEntries, TrailingEntries: trailingEntries,
		}
		node, err := raft.New(config, machine, raft.Saved[[]byte]{}, 0)
		if err != nil {
			return nil, err
		}
		c.nodes[id] = &ourNode{node, machine, driver.Effects[[]byte, int]{
			Storage: &raft.MemoryStorage[[]byte]{},
			Send:    func(m []raft.Message) { c.network = append(c.network, m...) },
			Answer:  func(o []raft.Outcome[int]) { c.answered += len(o) },
		}}
	}
	c.leader = c.nodes["a"]
	for c.now = 0; c.leader.Status().Commit == 0; c.now += time.Millisecond {
		c.leader.Tick(c.now)
		if err := c.settle(c.leader); err != nil {
			return nil, err
		}
		if c.now > time.Minute {
			return nil, errors.New("nobody is elected")
		}
	}
	return c, nil
}

func (c *ours) drain(n *ourNode) error {
	return driver.Drain(n.Node, func() time.Duration { return c.now }, n.to)
}

// settle carries out what a node has to do, and what follows from it.
func (c *ours) settle(n *ourNode) error {
	if err := c.drain(n); err != nil {
		return err
	}
	for i := 0; i < len(c.network); i++ {
		m := c.network[i]
		to := c.nodes[m.To]
		if err := to.Step(c.now, m); err != nil {
			return err
		}
		if err := c.drain(to); err != nil {
			return err
		}
	}
	return nil
}

func (c *ours) commit(burst int, command []byte) (messages int) {
	c.network, c.answered = c.network[:0], 0
	for range burst {
		c.leader.Propose(c.now, command, c.now+time.Hour)
	}
	if err := c.settle(c.leader); err != nil || c.answered != burst {
		panic(err)
	}
	return len(c.network)
}

func (c *ours) executed() (all []int) {
	for _, n := range c.nodes {
		all = append(all, n.machine.n)
	}
	return all
}
