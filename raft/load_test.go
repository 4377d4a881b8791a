package raft

import (
	"testing"
	"time"
)

// arrive lets time pass in steps of 20 ms in which n2 and n3 forward so many proposals, n1 has some of its own, and everybody acknowledges.
func (h *host) arrive(d time.Duration, own, n2, n3 int) {
	h.t.Helper()
	batch := func(n int) (m ForwardRequest[string]) {
		m.Term = h.Status().Term
		for range n {
			h.seq++
			m.Proposals = append(m.Proposals, Proposal[string]{Seq: h.seq, Command: "x"})
		}
		return m
	}
	for end := h.now + d; h.now < end && h.Status().Role == Leader; h.wait(20 * time.Millisecond) {
		for range own {
			h.Propose(h.now, "x", h.now+time.Minute)
		}
		h.gets("n2", batch(n2))
		h.gets("n3", batch(n3))
		h.acks("n2")
		h.acks("n3")
	}
}

func following(c *Config[string]) { c.FollowTheLoad = true }

// A leader hands over to where clearly most requests come from, once that has lasted, and to nobody else.
func TestLoadIsFollowed(t *testing.T) {
	for _, c := range []struct {
		name        string
		own, n2, n3 int
		moves       bool
		change      func(*Config[string])
	}{
		{"all at n2", 0, 2, 0, true, following},
		{"most at n2", 1, 5, 1, true, following},
		{"even", 2, 2, 2, false, following},
		{"most at the leader", 5, 1, 1, false, following},
		{"more than half at n2, but much at the leader", 4, 6, 0, false, following},
		{"most at n2, but not more than half", 1, 4, 3, false, following},
		{"too few to matter", 0, 0, 0, false, following},
		{"not wanted", 0, 5, 0, false, func(*Config[string]) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := leading(t, c.change)
			timeout := h.Status().ElectionTimeout
			h.arrive((loadPause-loadWindow)*timeout, c.own, c.n2, c.n3)
			if len(take[TimeoutNow](h, "n2")) > 0 {
				t.Error("handed over right after the election")
			}
			h.arrive((loadWindow+loadWindows)*timeout*2, c.own, c.n2, c.n3)
			if got := len(take[TimeoutNow](h, "n2")) > 0; got != c.moves {
				t.Errorf("handed over: %t, want %t", got, c.moves)
			}
			if len(take[TimeoutNow](h, "n3")) > 0 {
				t.Error("handed over to n3")
			}
		})
	}
}

// A passing burst is not followed, and an attempt that has failed is not repeated at once.
func TestLoadMustLast(t *testing.T) {
	h := leading(t, following)
	timeout := h.Status().ElectionTimeout
	h.arrive(loadPause*timeout, 2, 2, 2)
	for range 5 {
		h.arrive((loadWindow*loadWindows-loadWindow-1)*timeout, 0, 6, 0)
		h.arrive(3*loadWindow*timeout, 6, 0, 0)
	}
	if len(take[TimeoutNow](h, "n2")) > 0 {
		t.Error("followed a burst")
	}
	attempts := 0
	for range loadPause {
		h.sent = nil
		h.arrive(2*timeout, 0, 6, 0) // n2 does not obey
		if len(take[TimeoutNow](h, "n2")) > 0 {
			attempts++
		}
	}
	if attempts == 0 || attempts > 4 {
		t.Errorf("told n2 in %d of %d spans of two time-outs", attempts, loadPause)
	}
}

// A node that is far behind, or silent, does not get the leadership however much it asks.
func TestLoadIsNotFollowedToTheWeak(t *testing.T) {
	h := leading(t, following)
	timeout := h.Status().ElectionTimeout
	for end := h.now + 2*loadPause*timeout; h.now < end; h.wait(20 * time.Millisecond) {
		h.seq += 3
		h.gets("n2", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: h.seq, Command: "x"}, {Seq: h.seq + 1, Command: "x"}}})
		h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now})
		h.acks("n3")
	}
	if len(take[TimeoutNow](h, "n2")) > 0 {
		t.Error("handed over to a node that lacks what is committed")
	}
}
