package raft

import (
	"slices"
	"testing"
	"time"
)

// pair connects a leader that is driven by hand with a real follower, n2, over a network with a delay. The follower never stands for
// election.
type pair struct {
	*host
	n2    *Node[string, string]
	delay time.Duration
	wires []wire // in the order of arrival
}

type wire struct {
	at time.Duration
	m  Message
}

// beat lets time pass: the leader is read from and acknowledged by n3, and messages between it and n2 arrive.
func (p *pair) beat(d time.Duration) {
	p.t.Helper()
	p.now += d
	p.Read(p.now, "q", p.now+time.Minute)
	p.acks("n3")
	for len(p.wires) > 0 && p.wires[0].at <= p.now {
		m := p.wires[0].m
		p.wires = p.wires[1:]
		if m.To == "n1" {
			p.gets("n2", m.Body)
		} else if err := p.n2.Step(p.now, m); err != nil {
			p.t.Fatal(err)
		}
	}
	for b := p.n2.Take(p.now); !b.Empty(); b = p.n2.Take(p.now) {
		p.n2.Saved(b)
		p.sent = append(p.sent, b.Messages...)
		p.n2.Apply(b)
	}
	for _, m := range p.sent {
		if m.To == "n2" || m.From == "n2" && m.To == "n1" {
			p.wires = append(p.wires, wire{p.now + p.delay, m})
		}
	}
	p.sent = nil
}

// A follower whose log agrees only at its beginning catches up, also while every few milliseconds a round of reads is acknowledged at the
// place where the logs agree.
func TestStaleTailIsReplacedUnderReads(t *testing.T) {
	h := start(t, 3)
	h.follow(4, 1, 2, 2, 2, 2)
	term := h.lead()
	stale := Saved[string]{HardState: HardState{Term: term}, Entries: append(entries(1, 1, 1, 1), entries(4, 3, 3)...)}
	n2, err := New(Config[string]{ID: "n2", Members: []NodeID{"n1", "n2", "n3"}, Seed: 2}, &journal{}, stale, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.acks("n3")
	h.gets("n2", AppendReply{Term: term, PrevIndex: 5, HintIndex: 3, HintTerm: 1, At: h.now}) // now a probe behind 1, which is lost
	h.wait(40 * time.Millisecond)
	h.gets("n2", AppendReply{Term: term, OK: true, Match: 1, At: h.now}) // a heartbeat behind 1; what follows it is lost
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	h.sent = nil // none of this arrives
	h.now += h.core.pace.replyTime() + 1
	p := &pair{host: h, n2: n2, delay: 10 * time.Millisecond}
	for range 5 {
		p.beat(2 * time.Millisecond)
	}
	h.gets("n2", AppendReply{Term: term, PrevIndex: 6, HintIndex: 5, HintTerm: 3, At: h.now}) // the append of x, late
	for range 2000 {
		p.beat(2 * time.Millisecond)
	}
	var got []Term
	for _, e := range n2.View().Log {
		got = append(got, e.Term)
	}
	if !slices.Equal(got, h.logTerms()) {
		t.Errorf("after four seconds the follower has terms %v, want %v", got, h.logTerms())
	}
}
