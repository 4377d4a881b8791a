package driver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// small is a disk that has no room at times.
type small struct {
	raft.MemoryStorage[int]
	full atomic.Bool
}

func (s *small) Write(c raft.Changes[int]) error {
	if s.full.Load() {
		return fmt.Errorf("small: %w", raft.ErrFull)
	}
	return s.MemoryStorage.Write(c)
}

// inTime asks for 10 and gives up after twice the limit.
func inTime(t *testing.T, f ask) raft.Outcome[int] {
	t.Helper()
	done := make(chan raft.Outcome[int], 1)
	f(10, time.Second, func(o raft.Outcome[int]) { done <- o })
	select {
	case o := <-done:
		return o
	case <-time.After(2 * time.Second):
		t.Error("not answered")
		return raft.Outcome[int]{}
	}
}

// While the disk is full the request under way is unknown, later ones are not executed, and peers get no answer. When there is room
// again the node goes on, with everything that it had.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &small{}
		c := newCluster(t, s, "a")
		if o := outcome(t, c.drivers["a"].Propose, 1, time.Second); o.Err != nil {
			t.Fatalf("answered %+v", o)
		}
		s.full.Store(true)
		for i, want := range []error{raft.ErrUnknown, raft.ErrUnavailable, raft.ErrUnavailable} {
			if o := inTime(t, c.drivers["a"].Propose); !errors.Is(o.Err, want) {
				t.Errorf("request %d: answered %+v, want %v", i, o, want)
			}
		}
		if o := inTime(t, c.drivers["a"].Read); !errors.Is(o.Err, raft.ErrUnavailable) {
			t.Errorf("a read was answered %+v", o)
		}
		s.full.Store(false)
		time.Sleep(2 * time.Second)
		if o := outcome(t, c.drivers["a"].Propose, 100, time.Second); o.Err != nil || o.Result != 111 {
			t.Errorf("with room again: %+v, want 111: the first request was under way", o)
		}
		c.stop["a"]()
	})
}

// A node whose disk is full hears and says nothing, and ends when it is told to.
func TestFullDiskIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &small{}
		s.full.Store(true)
		var sent atomic.Int32
		d := driver.New(driver.Options[int, int]{
			Node: node(t, "a", "a", "b", "c"), Storage: s, Epoch: time.Now(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Send: func(ms []raft.Message) { sent.Add(int32(len(ms))) },
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { d.Run(ctx); close(ended) }()
		d.Receive(raft.Message{From: "b", To: "a", Body: raft.VoteRequest{Term: 1}})
		d.Receive(raft.Message{From: "b", To: "a", Body: raft.VoteRequest{Term: 2}})
		time.Sleep(time.Minute)
		if sent.Load() > 0 {
			t.Errorf("sent %d messages", sent.Load())
		}
		stop()
		<-ended
	})
}
