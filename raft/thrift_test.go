package raft

import (
	"testing"
	"time"
)

func thrifty(c *Config[string]) { c.Thrifty = true }

var (
	steady   = RoundTrip{Mean: 20 * time.Millisecond}
	unsteady = RoundTrip{Mean: 20 * time.Millisecond, Deviation: 15 * time.Millisecond}
)

// confirmersAsked returns who was asked to confirm a term since the last call of only.
func (h *host) confirmersAsked() (whom string) {
	for _, p := range h.core.peers {
		for range take[ConfirmRequest](h, p) {
			whom += string(p)
		}
	}
	return whom
}

// A follower's read asks as many as it takes, and one more where round trips vary.
func TestThriftyRead(t *testing.T) {
	for rtt, want := range map[RoundTrip]string{steady: "n3", unsteady: "n3n4"} {
		h := start(t, 5, thrifty)
		h.gets("n2", AppendRequest[string]{Term: 3, Entries: entries(1, 1), RTT: rtt})
		h.Read(h.now, "q", h.now+second)
		h.drain()
		if whom := h.confirmersAsked(); whom != want {
			t.Errorf("round trips of %v: asked %s, want %s", rtt, whom, want)
		}
	}
}

// When those have had their time the others are asked, once; but not if only the leader's answer is missing. Who has answered is asked the next time.
func TestThriftyReadAsksTheOthers(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		h := start(t, 5, thrifty)
		h.gets("n2", AppendRequest[string]{Term: 3, Entries: entries(1, 1), RTT: steady, Commit: 1})
		k := h.Read(h.now, "q", h.now+second)
		h.drain()
		id := only[ReadRequest](h, "n2").ID
		h.wait(29 * time.Millisecond)
		if len(h.sent) > 0 {
			t.Errorf("sent %v too early", h.sent)
		}
		want := "n3n4n5"
		if confirmed {
			h.gets("n3", ConfirmReply{Term: 3, ID: id})
			want = ""
		}
		h.wait(30 * time.Millisecond)
		if whom := h.confirmersAsked(); whom != want {
			t.Errorf("n3 has confirmed: %t; asked %q, want %q", confirmed, whom, want)
		}
		h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1, Commit: 1})
		h.gets("n5", ConfirmReply{Term: 3, ID: id})
		h.wantOutcome(k, "q:1")
		h.sent = nil
		h.Read(h.now, "q", h.now+second)
		h.drain()
		if whom := h.confirmersAsked(); whom != map[bool]string{false: "n5", true: "n3"}[confirmed] {
			t.Errorf("n3 has confirmed: %t; asked %s the next time", confirmed, whom)
		}
	}
}
