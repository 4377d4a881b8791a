package driver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// slow is a counter whose snapshots take as long to be written as the test wants.
type slow struct {
	counter
	gate chan struct{}
}

func (s *slow) Capture() func() []byte {
	state := s.Snapshot()
	return func() []byte {
		if _, ok := <-s.gate; !ok {
			panic("no snapshot can be made of this")
		}
		return state
	}
}

func startSlow(t *testing.T) (*driver.Driver[int, int], chan struct{}) {
	t.Helper()
	return startSlowOn(t, &raft.MemoryStorage[int]{})
}

func startSlowOn(t *testing.T, storage raft.Storage[int]) (*driver.Driver[int, int], chan struct{}) {
	t.Helper()
	machine := &slow{gate: make(chan struct{})}
	n, err := raft.New(raft.Config[int]{ID: "a", Members: []raft.NodeID{"a"}, SnapshotEntries: 5}, machine, raft.Saved[int]{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options[int, int]{
		Node: n, Storage: storage, Send: func([]raft.Message) {}, Epoch: time.Now(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { d.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return d, machine.gate
}

// However long it takes to write a snapshot, the node goes on.
func TestLoopGoesOnWhileASnapshotIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, gate := startSlow(t)
		for i := range 50 {
			if o := outcome(t, d.Propose, 1, time.Second); o.Err != nil || o.Result != i+1 {
				t.Fatalf("request %d: %+v", i, o)
			}
		}
		if s := d.Node.Status(); s.Snapshot != 0 {
			t.Errorf("there is a snapshot at %d already", s.Snapshot)
		}
		gate <- struct{}{}
		synctest.Wait()
		if s := d.Node.Status(); s.Snapshot != 5 || s.Applied < 50 {
			t.Errorf("snapshot at %d, applied up to %d", s.Snapshot, s.Applied)
		}
		gate <- struct{}{}
	})
}

// A state that cannot be written breaks the node, and not the process.
func TestSnapshotThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, gate := startSlow(t)
		close(gate)
		for range 5 {
			outcome(t, d.Propose, 1, time.Second)
		}
		if o := outcome(t, d.Propose, 1, time.Second); !errors.Is(o.Err, raft.ErrUnknown) || !d.Node.Status().Failed {
			t.Errorf("answered %+v", o)
		}
	})
}

// staging is a storage that takes as long over a snapshot as the test wants, and fails if the test says so.
type staging struct {
	raft.MemoryStorage[int]
	result chan error
	staged []raft.Index
}

func (s *staging) Stage(snapshot raft.Snapshot) error {
	err := <-s.result
	s.staged = append(s.staged, snapshot.Index)
	return err
}

// However long the storage takes over a snapshot, the node goes on; and if it cannot do so beside its work, the snapshot is written all the same.
func TestLoopGoesOnWhileASnapshotIsStaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := &staging{result: make(chan error)}
		d, gate := startSlowOn(t, storage)
		end := func(err error) {
			gate <- struct{}{}
			select {
			case storage.result <- err:
			case <-time.After(time.Minute):
				t.Fatal("nothing is staged")
			}
			synctest.Wait()
		}
		for i, c := range []struct {
			err  error
			want raft.Index
		}{{nil, 5}, {raft.ErrFull, 51}, {nil, 101}} {
			for range 50 {
				if o := outcome(t, d.Propose, 1, time.Second); o.Err != nil {
					t.Fatalf("round %d: %+v", i, o)
				}
			}
			end(c.err)
			if s := d.Node.Status(); s.Snapshot != c.want || storage.staged[i] != c.want {
				t.Errorf("round %d: snapshot at %d, staged %v, want %d", i, s.Snapshot, storage.staged, c.want)
			}
		}
		end(nil)
	})
}
