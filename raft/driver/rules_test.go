package driver_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// After the end of Run every request is answered at once, and none gets lost in the inbox.
func TestRequestsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a")
		c.stop["a"]()
		synctest.Wait() // Run has returned
		answered := 0
		for range 100 {
			c.drivers["a"].Read(1, time.Hour, func(o raft.Outcome[int]) {
				if errors.Is(o.Err, raft.ErrUnavailable) {
					answered++
				}
			})
		}
		if answered != 100 {
			t.Errorf("%d of 100 answered", answered)
		}
	})
}

// watched is a disk that looks at its node, and notes when the state machine is called.
type watched struct {
	raft.MemoryStorage[int]
	node  *raft.Node[int, int]
	calls []string
	early bool
}

func (w *watched) Write(c raft.Changes[int]) error {
	if n := len(c.Entries); n > 0 && w.node.View().Saved >= c.Entries[n-1].Index {
		w.early = true
	}
	w.calls = append(w.calls, "write")
	return w.MemoryStorage.Write(c)
}

func (w *watched) Sync() error { w.calls = append(w.calls, "sync"); return nil }

func (w *watched) Apply(_ raft.Index, n int) int { w.calls = append(w.calls, "apply"); return n }
func (w *watched) Query(n int) int               { return n }
func (w *watched) Snapshot() []byte              { return nil }
func (w *watched) Restore([]byte) error          { return nil }

// A follower that gets an entry together with its commit writes it first; nothing counts as saved before it is.
func TestPersistBeforeApply(t *testing.T) {
	w := &watched{}
	n, err := raft.New(raft.Config[int]{ID: "a", Members: []raft.NodeID{"a", "b"}}, w, raft.Saved[int]{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.node = n
	m := raft.AppendRequest[int]{Term: 1, Commit: 1, Entries: []raft.Entry[int]{{Index: 1, Term: 1, ID: raft.ProposalID{Node: "b", Seq: 1}}}}
	if err := n.Step(0, raft.Message{From: "b", To: "a", Body: m}); err != nil {
		t.Fatal(err)
	}
	err = driver.Drain(n, func() time.Duration { return 0 }, driver.Effects[int, int]{
		Storage: w, Answer: func([]raft.Outcome[int]) {},
		Send: func(ms []raft.Message) {
			if len(ms) > 0 {
				w.calls = append(w.calls, "send")
			}
		},
	})
	if want := []string{"write", "sync", "send", "apply"}; err != nil || !slices.Equal(w.calls, want) || w.early {
		t.Errorf("did %v, want %v; counted as saved too early: %v; %v", w.calls, want, w.early, err)
	}
}

// slowDisk takes a second for a sync.
type slowDisk struct{ raft.MemoryStorage[int] }

func (*slowDisk) Sync() error { time.Sleep(time.Second); return nil }

// A panic in the state machine ends every request, also those that the broken batch had taken with it.
func TestPanicEndsEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, &slowDisk{}, "a")
		time.Sleep(10 * time.Second)
		var answered atomic.Int32
		c.drivers["a"].Propose(13, time.Hour, func(raft.Outcome[int]) { answered.Add(1) })
		c.drivers["a"].Propose(1, time.Second/2, func(raft.Outcome[int]) { answered.Add(1) }) // expires in the batch that panics
		time.Sleep(10 * time.Second)
		if answered.Load() != 2 {
			t.Errorf("%d of 2 requests ended", answered.Load())
		}
		c.stop["a"]()
	})
}

// A follower that was busy for longer than its time-out looks at what has arrived meanwhile before it holds the leader for dead.
func TestBusyFollowerReadsItsMailFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		n := node(t, "a", "a", "b", "c")
		d := driver.New(driver.Options[int, int]{
			Node: n, Storage: &slowDisk{}, Epoch: time.Now(),
			Send: func(ms []raft.Message) {
				for _, m := range ms {
					if _, ok := m.Body.(raft.PreVoteRequest); ok {
						asked.Add(1)
					}
				}
			},
		})
		m := raft.AppendRequest[int]{Term: 1}
		d.Receive(raft.Message{From: "b", To: "a", Body: m})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		for i := range raft.Index(400) { // the leader writes every 50 ms, and each sync takes a second
			m.PrevIndex, m.PrevTerm = i, raft.Term(min(i, 1))
			m.Entries = []raft.Entry[int]{{Index: i + 1, Term: 1, ID: raft.ProposalID{Node: "b", Seq: uint64(i + 1)}}}
			d.Receive(raft.Message{From: "b", To: "a", Body: m})
			time.Sleep(50 * time.Millisecond)
		}
		if asked.Load() > 0 || n.Status().Leader != "b" {
			t.Errorf("asked for %d pre-votes while the leader spoke all the time, and follows %q", asked.Load(), n.Status().Leader)
		}
		stop()
		running.Wait()
	})
}
