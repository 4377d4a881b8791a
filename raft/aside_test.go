package raft

import (
	"testing"
	"time"
)

// asideHost returns n1 of five nodes, a follower of n2 in term 3 whose log ends with an entry of that term, which is committed.
func asideHost(t *testing.T) *host {
	h := start(t, 5, early, thrifty)
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, Entries: entries(1, 1, 3), RTT: steady, Commit: 2})
	h.sent = nil
	return h
}

// readAside begins a read, and returns its batch's number and who was asked about it, the leader last.
func (h *host) readAside() (k Ticket, id uint64, whom string) {
	k = h.Read(h.now, "q", h.now+second)
	h.drain()
	for _, m := range h.sent {
		switch b := m.Body.(type) {
		case ConfirmRequest:
			id, whom = b.ID, whom+string(m.To)
		case ReadRequest:
			id, whom = b.ID, whom+string(m.To)
		}
	}
	h.sent = nil
	return k, id, whom
}

// With early commit a follower of five asks two others and not its leader, and waits for the last entry that any of them has. What they say
// of their logs tells it also when that is committed.
func TestReadAside(t *testing.T) {
	h := asideHost(t)
	k, id, whom := h.readAside()
	if whom != "n3n4" {
		t.Fatalf("asked %s", whom)
	}
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 4})
	h.wantOutcome(k, "")
	h.gets("n4", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.wantOutcome(k, "") // n2, n3 and n5 may have committed entry 4, and n5 have answered for it
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 2, PrevTerm: 3, Entries: entries(3, 3), RTT: steady})
	h.wantOutcome(k, "")
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 3, PrevTerm: 3, Entries: entries(4, 3), RTT: steady})
	h.wantOutcome(k, "q:4")
}

// Its own log counts like any other's: this follower has entry 3, and those it asks do not.
func TestReadAsideCountsItsOwnLog(t *testing.T) {
	h := asideHost(t)
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 2, PrevTerm: 3, Entries: entries(3, 3), RTT: steady})
	h.sent = nil
	k, id, _ := h.readAside()
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.gets("n4", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.wantOutcome(k, "")
	h.gets("n5", AppendReply{Term: 3, OK: true, Match: 3})
	h.wantOutcome(k, "q:3")
}

// As long as it has no entry of the present term, all three may lack what the leaders before committed, and the leader is asked.
func TestNoReadAsideBeforeTheTermsFirstEntry(t *testing.T) {
	h := start(t, 5, early, thrifty)
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, Entries: entries(1, 1, 1), RTT: steady, Commit: 2})
	h.sent = nil
	if _, _, whom := h.readAside(); whom != "n3n2" {
		t.Errorf("asked %s", whom)
	}
}

// Without early commit the leader's commit index is the shorter wait; with leases it needs nobody's help.
func TestNoReadAsideWithoutNeed(t *testing.T) {
	for name, m := range map[string]AppendRequest[string]{
		"n3n2": {Term: 3, Entries: entries(1, 1, 3), RTT: steady, Commit: 2},
		"n2":   {Term: 3, Early: true, Promise: second / 10, Entries: entries(1, 1, 3), RTT: steady, Commit: 2},
	} {
		h := start(t, 5, early, thrifty)
		h.gets("n2", m)
		h.sent = nil
		if _, _, whom := h.readAside(); whom != name {
			t.Errorf("asked %s, not %s", whom, name)
		}
	}
}

// If those that were asked do not answer in time, the others are asked and the leader, whose log is one as well. Where it took the leader, the next
// reads ask the leader and who has answered; after a while one asks everybody, and if it did not take the leader, the next goes without.
func TestReadAsideFallsBackOnTheLeader(t *testing.T) {
	h := asideHost(t)
	k, id, _ := h.readAside()
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.wait(h.core.pace.spareAfter() + time.Millisecond)
	if n := len(take[ReadRequest](h, "n2")); n != 1 {
		t.Fatalf("asked the leader %d times", n)
	}
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 2, Commit: 2})
	h.wantOutcome(k, "q:2")
	h.sent = nil
	k, id, whom := h.readAside()
	if whom != "n3n2" {
		t.Fatalf("asked %s after that", whom)
	}
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 2, Commit: 2})
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.wantOutcome(k, "q:2")
	for end := h.now + h.core.pace.electionMax(); h.now < end; {
		h.wait(10 * time.Millisecond)
		h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 2, PrevTerm: 3, RTT: steady})
	}
	h.sent = nil
	if k, id, whom = h.readAside(); whom != "n3n4n5n2" {
		t.Fatalf("asked %s in the end", whom)
	}
	h.gets("n5", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 2})
	h.wantOutcome(k, "q:2")
	if _, _, whom = h.readAside(); whom != "n3n5" {
		t.Errorf("asked %s when others had answered", whom)
	}
}

// A node says how far its log goes, not how far it knows it to agree with the leader's: after a restart it knows nothing of that, and has acknowledged
// entries all the same. Entries of earlier terms it does not name.
func TestConfirmNamesTheLog(t *testing.T) {
	h := asideHost(t)
	ask := func(h *host, term Term, want Index) {
		t.Helper()
		h.sent = nil
		h.gets("n4", ConfirmRequest{Term: term, ID: 7})
		if m := only[ConfirmReply](h, "n4"); m != (ConfirmReply{Term: term, ID: 7, Last: want}) {
			t.Errorf("answered %+v, want %d", m, want)
		}
	}
	ask(h, 3, 2)
	h = restart(t, h.disk, 5, early)
	ask(h, 3, 2)
	ask(h, 4, 0)
}

// The index that others name lies behind a change of the configuration that this node does not know of when it counts them: they may be no majority of it.
// When it sees that, it asks the leader.
func TestReadAsideAcrossConfigurations(t *testing.T) {
	h := asideHost(t)
	k, id, _ := h.readAside()
	h.gets("n3", ConfirmReply{Term: 3, ID: id, Last: 4})
	h.gets("n4", ConfirmReply{Term: 3, ID: id, Last: 4})
	es := entries(3, 3, 3)
	es[0] = Entry[string]{Index: 3, Term: 3, Config: &Configuration{Index: 3, Voters: ids("n2 n5 n6"), Outgoing: ids("n1 n2 n3 n4 n5")}}
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 2, PrevTerm: 3, Entries: es, RTT: steady, Commit: 4, Configuration: 3})
	h.wantOutcome(k, "")
	if m := only[ReadRequest](h, "n2"); !m.Round || m.ID != id {
		t.Errorf("asked %+v, want a round", m)
	}
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 4, Commit: 4, Confirmed: true, Configuration: 3})
	h.wantOutcome(k, "q:3")
}
