package driver

import (
	"context"
	"errors"
	"time"

	"maelraft/raft"
)

// retryEvery is the time between two attempts to write to a storage that has no room.
const retryEvery = time.Second

// patient is the driver's storage: one that waits in Write until there is room. Until then the node stands still. Whoever waits for it learns
// that the outcome is unknown, whoever comes is told that nothing was done, and peers hear nothing, as if the network had lost it all.
type patient[C, R any] struct {
	raft.Storage[C]
	driver *Driver[C, R]
	ctx    context.Context // of Run
}

// Write implements raft.Storage.
func (p patient[C, R]) Write(c raft.Changes[C]) error {
	err := p.Storage.Write(c)
	if !errors.Is(err, raft.ErrFull) {
		return err
	}
	d := p.driver
	d.Log.Error("STORAGE FULL: this node takes no part in the cluster until there is room", "error", err)
	d.full = true
	defer func() { d.full = false }()
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	d.endWaiting()
	for errors.Is(err, raft.ErrFull) {
		select {
		case <-p.ctx.Done():
			return err
		case <-retry.C:
			err = p.Storage.Write(c)
		case input := <-d.inbox:
			input(d.now())
		}
	}
	if err == nil {
		d.Log.Error("there is room in the storage again: this node goes on")
	}
	return err
}

// endWaiting ends every request that the node has, as unknown. What the node says of them later is not passed on.
func (d *Driver[C, R]) endWaiting() {
	for ticket, done := range d.waiting {
		delete(d.waiting, ticket)
		done(raft.Outcome[R]{Ticket: ticket, Err: raft.ErrUnknown})
	}
}
