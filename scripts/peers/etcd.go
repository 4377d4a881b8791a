package main

import (
	"errors"
	"io"
	"log"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// etcdVersion is the quickest there is: v3.7.0 allocates several times as often, for its messages are pointers.
const etcdVersion = "v3.6.0"

// theirs is a cluster of etcd's nodes, each with the loop that its documentation asks for. Nothing ticks.
type theirs struct {
	nodes   []*theirNode
	network []raftpb.Message
}

type theirNode struct {
	*etcd.RawNode
	storage  *etcd.MemoryStorage
	state    raftpb.ConfState
	snapshot uint64
	commands int
}

func newEtcd() (*theirs, error) {
	c := &theirs{}
	state := raftpb.ConfState{Voters: []uint64{1, 2, 3}}
	for id := uint64(1); id <= 3; id++ {
		storage := etcd.NewMemoryStorage()
		first := raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{ConfState: state, Index: 1, Term: 1}}
		if err := storage.ApplySnapshot(first); err != nil {
			return nil, err
		}
		node, err := etcd.NewRawNode(&etcd.Config{
			ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, Applied: 1, MaxSizePerMsg: 48 << 10, MaxInflightMsgs: 128,
			MaxUncommittedEntriesSize: 64 << 20, CheckQuorum: true, PreVote: true, Logger: &etcd.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
		})
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, &theirNode{RawNode: node, storage: storage, state: state, snapshot: 1})
	}
	if err := c.nodes[0].Campaign(); err != nil {
		return nil, err
	}
	if err := c.settle(c.nodes[0]); err != nil {
		return nil, err
	}
	if c.nodes[0].BasicStatus().RaftState != etcd.StateLeader {
		return nil, errors.New("nobody is elected")
	}
	return c, nil
}

// ready carries out what a node has to do: persist, send, apply, advance.
func (c *theirs) ready(n *theirNode) error {
	for n.HasReady() {
		r := n.Ready()
		if !etcd.IsEmptyHardState(r.HardState) {
			if err := n.storage.SetHardState(r.HardState); err != nil {
				return err
			}
		}
		if err := n.storage.Append(r.Entries); err != nil {
			return err
		}
		c.network = append(c.network, r.Messages...)
		for _, e := range r.CommittedEntries {
			if len(e.Data) > 0 {
				n.commands++
			}
			if e.Index-n.snapshot >= snapshotEntries {
				if err := n.compact(e.Index); err != nil {
					return err
				}
			}
		}
		n.Advance(r)
	}
	return nil
}

func (n *theirNode) compact(index uint64) error {
	n.snapshot = index
	if _, err := n.storage.CreateSnapshot(index, &n.state, []byte("state")); err != nil {
		return err
	}
	return n.storage.Compact(index - trailingEntries)
}

// settle carries out what a node has to do, and what follows from it.
func (c *theirs) settle(n *theirNode) error {
	if err := c.ready(n); err != nil {
		return err
	}
	for i := 0; i < len(c.network); i++ {
		m := c.network[i]
		to := c.nodes[m.To-1]
		if err := to.Step(m); err != nil {
			return err
		}
		if err := c.ready(to); err != nil {
			return err
		}
	}
	return nil
}

func (c *theirs) commit(burst int, command []byte) (messages int) {
	c.network = c.network[:0]
	want := c.nodes[0].commands + burst
	for range burst {
		if err := c.nodes[0].Propose(command); err != nil {
			panic(err)
		}
	}
	if err := c.settle(c.nodes[0]); err != nil || c.nodes[0].commands != want {
		panic(errors.Join(err, errors.New("etcd has not executed what it was asked to")))
	}
	return len(c.network)
}

func (c *theirs) executed() (all []int) {
	for _, n := range c.nodes {
		all = append(all, n.commands)
	}
	return all
}
