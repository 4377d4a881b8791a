package driver

import (
	"fmt"
	"time"

	"maelraft/raft"
)

// Effects is where the effects of a node go.
type Effects[C, R any] struct {
	Storage raft.Storage[C]
	// Send hands messages to the network, which may lose them. It must not call back into the node.
	Send func([]raft.Message)
	// Answer receives the outcome of requests.
	Answer func([]raft.Outcome[R])
	// Capture sees to it that a state is written and handed to raft.Node.Captured, now or later; nil does it at once.
	Capture func(raft.Capture)
}

// Drain carries out a node's batches until nothing is left to do, each in the order that Raft's safety rests on: what a message
// or an answer promises is durable before it leaves (Figure 2: "updated on stable storage before responding to RPCs"). If the
// storage fails, the node is taken out of the cluster, its requests are answered, and the error is returned.
func Drain[C, R any](node *raft.Node[C, R], now func() time.Duration, to Effects[C, R]) error {
	for {
		b := node.Take(now())
		if b.Empty() {
			return nil
		}
		if err := persist(to.Storage, b.Changes); err != nil {
			to.Answer(node.Fail(b))
			return err
		}
		node.Saved(b)
		to.Send(b.Messages)
		to.Answer(node.Apply(b))
		switch {
		case b.Capture == nil:
		case to.Capture == nil:
			node.Captured(now(), b.Capture.Write())
		default:
			to.Capture(*b.Capture)
		}
	}
}

// persist makes changes durable with one sync, or none if there are no changes: reads cost no disk access.
func persist[C any](s raft.Storage[C], changes raft.Changes[C]) error {
	if changes.Empty() {
		return nil
	}
	if err := s.Write(changes); err != nil {
		return fmt.Errorf("driver: write: %w", err)
	}
	if err := s.Sync(); err != nil {
		return fmt.Errorf("driver: sync: %w", err)
	}
	return nil
}
