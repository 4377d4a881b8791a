package driver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// counter adds up numbers. It panics at 13, as a machine with a bug does.
type counter struct{ sum int }

func (c *counter) Apply(_ raft.Index, n int) int {
	if n == 13 {
		panic("thirteen")
	}
	c.sum += n
	return c.sum
}

func (c *counter) Query(int) int { return c.sum }

func (c *counter) Snapshot() []byte { return strconv.AppendInt(nil, int64(c.sum), 10) }

func (c *counter) Restore(state []byte) (err error) {
	c.sum, err = strconv.Atoi(string(state))
	return err
}

// disk notes its calls, and fails when told to.
type disk struct {
	raft.MemoryStorage[int]
	calls               []string
	failWrite, failSync bool
}

var errDisk = errors.New("disk on fire")

func (d *disk) Write(c raft.Changes[int]) error {
	if d.failWrite {
		return errDisk
	}
	d.calls = append(d.calls, "write")
	return d.MemoryStorage.Write(c)
}

func (d *disk) Sync() error {
	if d.failSync {
		return errDisk
	}
	d.calls = append(d.calls, "sync")
	return nil
}

func node(t *testing.T, id raft.NodeID, members ...raft.NodeID) *raft.Node[int, int] {
	t.Helper()
	n, err := raft.New(raft.Config[int]{ID: id, Members: members}, &counter{}, raft.Saved[int]{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The order that safety rests on: persist, sync, send, apply and answer.
func TestOrder(t *testing.T) {
	n := node(t, "a", "a")
	d := &disk{}
	now := func() time.Duration { return time.Second }
	effects := driver.Effects[int, int]{
		Storage: d,
		Send: func(ms []raft.Message) {
			if len(ms) > 0 {
				d.calls = append(d.calls, "send")
			}
		},
		Answer: func(os []raft.Outcome[int]) {
			for _, o := range os {
				d.calls = append(d.calls, fmt.Sprint("answer ", o.Result))
			}
		},
	}
	n.Propose(now(), 5, time.Minute)
	n.Read(now(), 0, time.Minute)
	n.Tick(now())
	if err := driver.Drain(n, now, effects); err != nil {
		t.Fatal(err)
	}
	if want := []string{"write", "sync", "answer 5", "answer 5"}; !slices.Equal(d.calls, want) {
		t.Errorf("did %v, want %v: both requests in one batch with one sync", d.calls, want)
	}
	d.calls = nil
	n.Read(now(), 0, time.Minute)
	if err := driver.Drain(n, now, effects); err != nil {
		t.Fatal(err)
	}
	if want := []string{"answer 5"}; !slices.Equal(d.calls, want) {
		t.Errorf("did %v for a read, want %v", d.calls, want)
	}
}

// What is not synced is not sent and not answered, and the node is out.
func TestStorageFailure(t *testing.T) {
	for _, d := range []*disk{{failWrite: true}, {failSync: true}} {
		n := node(t, "a", "a", "b")
		var sent []raft.Message
		var outcomes []raft.Outcome[int]
		n.Propose(0, 5, time.Minute)
		n.Tick(time.Second)
		err := driver.Drain(n, func() time.Duration { return time.Second }, driver.Effects[int, int]{
			Storage: d,
			Send:    func(ms []raft.Message) { sent = append(sent, ms...) },
			Answer:  func(os []raft.Outcome[int]) { outcomes = append(outcomes, os...) },
		})
		if !errors.Is(err, errDisk) || len(sent) != 0 {
			t.Errorf("error %v, sent %v", err, sent)
		}
		if len(outcomes) != 1 || !errors.Is(outcomes[0].Err, raft.ErrUnknown) {
			t.Errorf("answered %v", outcomes)
		}
	}
}

// cluster runs drivers on an in-memory network with a latency, in a synctest bubble.
type cluster struct {
	sync.Mutex
	drivers map[raft.NodeID]*driver.Driver[int, int]
	stop    map[raft.NodeID]context.CancelFunc
	latency time.Duration
}

func newCluster(t *testing.T, storage raft.Storage[int], ids ...raft.NodeID) *cluster {
	t.Helper()
	c := &cluster{
		drivers: map[raft.NodeID]*driver.Driver[int, int]{},
		stop:    map[raft.NodeID]context.CancelFunc{}, latency: 10 * time.Millisecond,
	}
	for i, id := range ids {
		n, err := raft.New(raft.Config[int]{ID: id, Members: ids, Seed: uint64(i)}, &counter{}, raft.Saved[int]{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := storage
		if s == nil {
			s = &raft.MemoryStorage[int]{}
		}
		c.drivers[id] = driver.New(driver.Options[int, int]{
			Node: n, Storage: s, Send: c.send, Epoch: time.Now(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
	}
	for id, d := range c.drivers {
		ctx, cancel := context.WithCancel(t.Context())
		c.stop[id] = cancel
		go d.Run(ctx)
	}
	return c
}

func (c *cluster) send(ms []raft.Message) {
	for _, m := range ms {
		time.AfterFunc(c.latency, func() { c.drivers[m.To].Receive(m) })
	}
}

func (c *cluster) leader() raft.NodeID {
	for id, d := range c.drivers {
		if d.Node.Status().Role == raft.Leader {
			return id
		}
	}
	return ""
}

type ask func(command int, limit time.Duration, done func(raft.Outcome[int]))

func outcome(t *testing.T, f ask, command int, limit time.Duration) raft.Outcome[int] {
	t.Helper()
	done := make(chan raft.Outcome[int], 2)
	f(command, limit, func(o raft.Outcome[int]) { done <- o })
	o := <-done
	synctest.Wait()
	if len(done) > 0 {
		t.Error("answered twice")
	}
	return o
}

func TestClusterServesAndFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a", "b", "c")
		for i, id := range []raft.NodeID{"a", "b", "c"} {
			if o := outcome(t, c.drivers[id].Propose, 1, time.Second); o.Err != nil || o.Result != i+1 {
				t.Errorf("%s: %+v", id, o)
			}
			if o := outcome(t, c.drivers[id].Read, 0, time.Second); o.Err != nil || o.Result != i+1 {
				t.Errorf("%s: %+v", id, o)
			}
		}
		old := c.leader()
		c.stop[old]()
		synctest.Wait()
		if o := outcome(t, c.drivers[old].Propose, 1, time.Second); !errors.Is(o.Err, raft.ErrUnavailable) {
			t.Errorf("a stopped driver answered %+v", o)
		}
		for id, d := range c.drivers {
			if id == old {
				continue
			}
			if o := outcome(t, d.Propose, 1, 2*time.Second); o.Err != nil {
				t.Errorf("%s after a failover: %+v", id, o)
			}
		}
		for _, stop := range c.stop {
			stop()
		}
	})
}

// A node that has been removed says so to whoever asks it next, and the others go on without it.
func TestChangeMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a", "b", "c")
		change := func(at raft.NodeID, what raft.Change) error {
			ask := func(_ int, limit time.Duration, done func(raft.Outcome[int])) {
				c.drivers[at].ChangeMembership(what, limit, done)
			}
			return outcome(t, ask, 0, 2*time.Second).Err
		}
		if err := change("a", raft.Change{Kind: raft.Promote, Nodes: []raft.NodeID{"z"}}); !errors.Is(err, raft.ErrNoMember) {
			t.Errorf("promoting nobody: %v", err)
		}
		gone := raft.NodeID("b")
		if c.leader() == gone {
			gone = "c"
		}
		if err := change("a", raft.Change{Kind: raft.Remove, Nodes: []raft.NodeID{gone}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if o := outcome(t, c.drivers[gone].Propose, 1, time.Second); !errors.Is(o.Err, raft.ErrNotServing) {
			t.Errorf("at the node that has gone: %+v", o)
		}
		if o := outcome(t, c.drivers["a"].Propose, 1, time.Second); o.Err != nil || o.Result != 1 {
			t.Errorf("at a node that has stayed: %+v", o)
		}
		at := c.leader()
		if err := change(at, raft.Change{Kind: raft.Remove, Nodes: []raft.NodeID{at}}); err != nil {
			t.Errorf("a leader that is to remove itself: %v", err)
		}
		for _, stop := range c.stop {
			stop()
		}
		synctest.Wait()
		if err := change("a", raft.Change{Kind: raft.Remove, Nodes: []raft.NodeID{gone}}); !errors.Is(err, raft.ErrUnavailable) {
			t.Errorf("at a driver that is stopped: %v", err)
		}
	})
}

// Stopping a driver answers whoever waits, also those whose requests it had not looked at yet.
func TestStopAnswersEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a", "b", "c")
		c.stop["b"]()
		c.stop["c"]()
		var mu sync.Mutex
		answered := 0
		for range 100 {
			c.drivers["a"].Propose(1, time.Hour, func(raft.Outcome[int]) { mu.Lock(); answered++; mu.Unlock() })
		}
		c.stop["a"]()
		for range 100 {
			c.drivers["a"].Read(1, time.Hour, func(raft.Outcome[int]) { mu.Lock(); answered++; mu.Unlock() })
		}
		synctest.Wait()
		if answered != 200 {
			t.Errorf("%d of 200 answered", answered)
		}
	})
}

// A broken invariant silences the node and keeps the process.
func TestPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a")
		if o := outcome(t, c.drivers["a"].Propose, 13, time.Second); !errors.Is(o.Err, raft.ErrUnknown) {
			t.Errorf("answered %+v", o)
		}
		if o := outcome(t, c.drivers["a"].Propose, 1, time.Second); !errors.Is(o.Err, raft.ErrUnknown) {
			t.Errorf("answered %+v", o)
		}
		c.stop["a"]()
	})
}

func TestFailedStorageAnswersUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, &disk{failSync: true}, "a")
		for range 3 {
			if o := outcome(t, c.drivers["a"].Propose, 1, time.Second); !errors.Is(o.Err, raft.ErrUnknown) {
				t.Errorf("answered %+v", o)
			}
			if o := outcome(t, c.drivers["a"].Read, 1, time.Second); !errors.Is(o.Err, raft.ErrUnknown) {
				t.Errorf("answered %+v", o)
			}
		}
		c.stop["a"]()
	})
}

// A message that no correct peer can have sent is dropped, and the node goes on.
func TestNonsenseIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil, "a")
		c.drivers["a"].Receive(raft.Message{From: "z", To: "a", Body: raft.ReadRequest{Term: 99}})
		if o := outcome(t, c.drivers["a"].Propose, 1, time.Second); o.Err != nil {
			t.Errorf("answered %+v", o)
		}
		c.stop["a"]()
	})
}
