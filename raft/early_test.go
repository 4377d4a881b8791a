package raft

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func early(c *Config[string]) { c.EarlyCommit = true }

// own returns an entry that a node has proposed.
func own(node NodeID, index Index, term Term) Entry[string] {
	return Entry[string]{Index: index, Term: term, ID: ProposalID{node, uint64(index)}, Command: "x"}
}

// Of three nodes, a follower and its leader are the majority: what it has on disk of this term is committed.
func TestEarlyCommitOfThree(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 2, Early: true, Entries: []Entry[string]{own("n1", 1, 2)}})
	h.wantCommit(1)
	if n := len(take[AppendReply](h, "n3")); n != 0 {
		t.Errorf("acknowledged %d times where nobody counts", n)
	}
}

// Its own copy counts when it is on disk, and not before.
func TestEarlyCommitWantsItsOwnCopySaved(t *testing.T) {
	h := start(t, 3)
	m := Message{From: "n2", To: "n1", Body: AppendRequest[string]{Term: 2, Early: true, Entries: []Entry[string]{own("n1", 1, 2)}}}
	if err := h.Step(h.now, m); err != nil {
		t.Fatal(err)
	}
	b := h.Take(h.now)
	h.Take(h.now)
	h.wantCommit(0)
	h.Saved(b)
	h.drain()
	h.wantCommit(1)
}

// Entries of earlier terms are not committed by counting, whoever counts (Figure 8).
func TestEarlyCommitCountsThisTermOnly(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 4, Early: true, Entries: entries(1, 2, 3)})
	h.wantCommit(0)
	h.gets("n2", AppendRequest[string]{Term: 4, Early: true, PrevIndex: 2, PrevTerm: 3, Entries: entries(3, 4)})
	h.wantCommit(3)
}

// A follower counts for itself only if its leader gives read indices that allow for that.
func TestEarlyCommitIsTheLeadersChoice(t *testing.T) {
	h := start(t, 3, early)
	h.gets("n2", AppendRequest[string]{Term: 2, Entries: []Entry[string]{own("n1", 1, 2)}})
	h.wantCommit(0)
	h.gets("n3", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 1, PrevTerm: 2, Entries: []Entry[string]{own("n1", 2, 3)}})
	h.wantCommit(2)
	h.gets("n2", AppendRequest[string]{Term: 4, PrevIndex: 2, PrevTerm: 3, Entries: []Entry[string]{own("n1", 3, 4)}})
	h.wantCommit(2)
}

// Of five, one more acknowledgement is needed. It must be of this term, and it counts up to where the follower's own log is known to
// agree with the leader's.
func TestEarlyCommitOfFive(t *testing.T) {
	h := start(t, 5)
	h.gets("n3", AppendReply{Term: 1, OK: true, Match: 2})
	h.gets("n2", AppendRequest[string]{Term: 2, Early: true, Entries: []Entry[string]{own("n1", 1, 2), own("n1", 2, 2)}})
	h.wantCommit(0)
	h.gets("n3", AppendReply{Term: 2, OK: false, HintIndex: 0, PrevIndex: 2})
	h.wantCommit(0)
	h.gets("n3", AppendReply{Term: 2, OK: true, Match: 1})
	h.wantCommit(1)
	h.gets("n3", AppendReply{Term: 2, OK: true, Match: 1})
	h.wantCommit(1)
	h.gets("n4", AppendReply{Term: 2, OK: true, Match: 9})
	h.gets("n5", AppendReply{Term: 2, OK: true, Match: 9})
	h.wantCommit(2)
	h.gets("n2", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 2, PrevTerm: 2, Entries: []Entry[string]{own("n1", 3, 3)}})
	h.wantCommit(2) // what was acknowledged to the last leader's entries says nothing about this one's
}

// A follower that is behind the others commits what it has; and of a tail that the leader knows nothing of, nothing.
func TestEarlyCommitOfAFollowerBehind(t *testing.T) {
	h := start(t, 5)
	h.follow(2, 1, 1, 2)
	h.gets("n3", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 1, PrevTerm: 1})
	for _, other := range []NodeID{"n2", "n4", "n5"} {
		h.gets(other, AppendReply{Term: 3, OK: true, Match: 9})
	}
	h.wantCommit(0)
	h.wantLog(1, 1, 2)
	h.gets("n3", AppendRequest[string]{Term: 3, Early: true, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 3)})
	h.wantCommit(2)
}

// A follower names those that were the last to confirm a term to it, as many as it takes, and one to spare where round trips vary; not the leader, and
// nobody of three nodes.
func TestSecondersAreNamed(t *testing.T) {
	for _, c := range []struct {
		size int
		rtt  RoundTrip
		want string
	}{{3, steady, "[]"}, {4, steady, "[n4]"}, {5, steady, "[n5]"}, {5, unsteady, "[n5 n3]"}, {7, steady, "[n5 n3]"}} {
		h := start(t, c.size, thrifty)
		h.gets("n2", AppendRequest[string]{Term: 2, Early: true, RTT: c.rtt, Entries: entries(1, 2)})
		h.core.prefer("n4")
		h.core.prefer("n2")
		if c.size > 4 {
			h.core.prefer("n5")
			h.core.confirmers = slices.DeleteFunc(h.core.confirmers, func(id NodeID) bool { return id == "n4" })
		}
		h.Propose(h.now, "x", h.now+second)
		h.drain()
		if m := only[ForwardRequest[string]](h, "n2"); fmt.Sprint(m.Second) != c.want {
			t.Errorf("%d nodes, round trips of %v: named %v, want %s", c.size, c.rtt, m.Second, c.want)
		}
	}
}

// The leader passes that on with the entries, to those who are named, for proposals of this term.
func TestSecondersAreAsked(t *testing.T) {
	h := start(t, 5, early, thrifty)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	h.sent = nil
	h.gets("n5", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 1, Command: "x"}, {Seq: 2, Command: "y"}}, Second: []NodeID{"n3"}})
	for id, want := range map[NodeID]string{"n2": "[]", "n3": "[n5]", "n4": "[]", "n5": "[]"} {
		if m := take[AppendRequest[string]](h, id); len(m) != 1 || fmt.Sprint(m[0].Second) != want {
			t.Errorf("sent %s %+v, want that it acknowledges to %s", id, m, want)
		}
	}
	h.sent = nil
	h.Propose(h.now, "z", h.now+second)
	h.drain()
	if m := only[AppendRequest[string]](h, "n3"); len(m.Second) != 0 {
		t.Errorf("asked to acknowledge the leader's own to %v", m.Second)
	}
}

// Who is asked acknowledges entries once to everyone named, when they are new to it.
func TestSeconds(t *testing.T) {
	h := start(t, 5, early)
	m := AppendRequest[string]{Term: 2, Early: true, Entries: []Entry[string]{own("n5", 1, 2)}, Second: []NodeID{"n5", "n5", "n4"}}
	h.gets("n2", m)
	for id, want := range map[NodeID]int{"n3": 0, "n4": 1, "n5": 1} {
		if n := len(take[AppendReply](h, id)); n != want {
			t.Errorf("acknowledged %d times to %s, want %d", n, id, want)
		}
	}
	h.sent = nil
	h.gets("n2", m)
	if n := len(take[AppendReply](h, "n5")); n != 0 {
		t.Errorf("acknowledged %d times what it had", n)
	}
	h.gets("n2", AppendRequest[string]{Term: 2, Early: true, PrevIndex: 1, PrevTerm: 2, Entries: entries(2, 2), Second: []NodeID{"n9", "n1"}})
	if len(take[AppendReply](h, "n9"))+len(take[AppendReply](h, "n1")) > 0 {
		t.Error("acknowledged to a stranger, or to itself")
	}
}

// Where those who should acknowledge a proposal to the proposer have not been heard of lately, the leader tells it of the commit.
func TestEarlyCommitNoticeForTheDead(t *testing.T) {
	h := start(t, 5, early, thrifty)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	propose := func(seq uint64) (notices int) {
		h.gets("n5", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: seq, Command: "x"}}, Second: []NodeID{"n2"}})
		h.sent = nil
		h.acks("n4")
		h.acks("n3")
		return len(take[CommitNotice](h, "n5"))
	}
	if n := propose(1); n != 0 {
		t.Errorf("n2 is alive and acknowledges n5's proposal; the leader told of it %d times", n)
	}
	for end := h.now + h.core.pace.electionMax() + time.Millisecond; h.now < end; {
		h.wait(10 * time.Millisecond)
		for _, id := range []NodeID{"n3", "n4", "n5"} {
			h.acks(id)
		}
	}
	if n := propose(2); n != 1 {
		t.Errorf("n2 is dead; the leader told of n5's proposal %d times", n)
	}
}

// The leader's commit index is no read index then: a follower may have answered for an entry that the leader does not know
// to be committed. A read waits for everything that has been appended when it begins, and no longer.
func TestEarlyCommitReadsTheEndOfTheLog(t *testing.T) {
	h := start(t, 3, early)
	h.lead()
	h.acks("n2")
	h.wantCommit(1)
	h.gets("n3", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 1, Command: "x"}}})
	h.sent = nil
	k := h.Read(h.now, "q", h.now+second)
	h.gets("n3", ReadRequest{Term: 1, ID: 7})
	if m := only[ReadReply](h, "n3"); m.Index != 2 || m.Commit != 1 {
		t.Errorf("named %+v, want index 2 of which 1 is committed", m)
	}
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now, Round: h.round()})
	h.wantOutcome(k, "")
	h.acks("n2")
	h.wantOutcome(k, "q:1")
}

// A follower's read waits for the entries that it was told of, also if they were lost with their leader: then it asks anew.
func TestEarlyCommitReadOutlivesALostEntry(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 1, Early: true, Commit: 1, Entries: entries(1, 1)})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 1, ID: id, Index: 9, Commit: 1})
	h.wantOutcome(k, "")
	h.gets("n3", AppendRequest[string]{Term: 2, Early: true, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.gets("n3", ReadReply{Term: 2, ID: only[ReadRequest](h, "n3").ID, Index: 2, Commit: 2})
	h.wantOutcome(k, "q:2")
}

// Where a follower cannot know by itself when what its read waits for is committed, the leader answers it then; the follower whose
// proposal that is knows it by itself, as all do where there are three nodes.
func TestEarlyCommitHoldsReads(t *testing.T) {
	for size, want := range map[int]map[NodeID]Index{3: {"n2": 1, "n3": 1}, 5: {"n2": 1, "n3": 2}} {
		h := start(t, size, early)
		h.lead()
		h.acks("n2")
		h.acks("n3")
		h.gets("n2", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 1, Command: "x"}}, Second: []NodeID{"n3"}})
		h.sent = nil
		h.gets("n2", ReadRequest{Term: 1, ID: 7})
		h.gets("n3", ReadRequest{Term: 1, ID: 8})
		h.acks("n2")
		h.acks("n3")
		h.wantCommit(2)
		for id, commit := range want {
			if m := take[ReadReply](h, id); len(m) != 1 || m[0].Index != 2 || m[0].Commit != commit {
				t.Errorf("%d nodes: answered %s's read with %+v, want index 2, of which %d is committed", size, id, m, commit)
			}
			if n := len(take[CommitNotice](h, id)); n != 0 {
				t.Errorf("%d nodes: told %s %d times besides", size, id, n)
			}
		}
	}
}
