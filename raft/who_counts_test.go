package raft

import (
	"testing"
	"time"
)

// stand makes the node a pre-candidate.
func (h *host) stand() {
	h.t.Helper()
	for h.Status().Role != PreCandidate {
		h.wait(10 * time.Millisecond)
	}
}

// prevotes lets peers grant their pre-votes.
func (h *host) prevotes(peers string) {
	h.t.Helper()
	for _, id := range ids(peers) {
		h.gets(id, PreVoteReply{Term: h.Status().Term + 1, Granted: true, At: h.now})
	}
}

func (h *host) votes(peers string) {
	h.t.Helper()
	for _, id := range ids(peers) {
		h.gets(id, VoteReply{Term: h.Status().Term, Granted: true, At: h.now})
	}
}

// Who wins a joint election has a majority of both halves, of promises as of votes.
func TestJointElection(t *testing.T) {
	for _, half := range []string{"n2 n3", "n4 n5", "n8 n9"} {
		h := within(t, joint)
		h.stand()
		h.prevotes(half)
		h.wantRole(PreCandidate)
	}
	for _, half := range []string{"n2 n3", "n4 n5", "n8 n9"} {
		h := within(t, joint)
		h.stand()
		h.prevotes("n2 n4")
		h.wantRole(Candidate)
		h.votes(half)
		h.wantRole(Candidate)
		h.votes("n2 n4")
		h.wantRole(Leader)
	}
}

// Learners may say what they like, and so may nodes that have been removed: their votes do not count.
func TestOnlyVotersVote(t *testing.T) {
	h := within(t, withALearner)
	h.stand()
	h.prevotes("n4 n9")
	h.wantRole(PreCandidate)
	h.prevotes("n2")
	h.votes("n4 n9")
	h.wantRole(Candidate)
	h.votes("n3")
	h.wantRole(Leader)
}

// A joint leader commits what majorities of both halves have.
func TestJointCommit(t *testing.T) {
	for acks, want := range map[string]Index{"n2 n3": 0, "n4 n5": 0, "n2 n4": 2} {
		h := within(t, joint)
		h.lead()
		h.ack(ids(acks)...)
		h.wantCommit(want)
	}
}

// leadingJoint returns a leader in the midst of the change that makes of n1 n2 n3 n1 n4 n5.
func leadingJoint(t *testing.T, change ...func(*Config[string])) *host {
	t.Helper()
	h := leadingIn(t, Configuration{Voters: ids("n1 n2 n3"), Learners: ids("n4 n5")}, change...)
	h.beats(catchUpRounds+1, "n2 n3 n4 n5")
	h.change(Replace, "n1 n4 n5")
	h.wantConfiguration("n1 n4 n5, outgoing n1 n2 n3")
	h.sent = nil
	return h
}

// A joint leader that reads asks both halves, and so does one that wants to know whether it still leads.
func TestJointReadsAndCheckQuorum(t *testing.T) {
	for _, half := range []string{"n2 n3", "n4 n5"} {
		h := leadingJoint(t)
		k := h.Read(h.now, "q", h.now+time.Minute)
		h.drain()
		for range 20 {
			h.wait(h.core.pace.heartbeatEvery())
			for _, id := range ids(half) {
				h.gets(id, AppendReply{Term: 2, OK: true, Match: 1, Round: h.round(), At: h.now})
			}
		}
		h.wantOutcome(k, "")
		if h.Status().Role == Leader {
			t.Errorf("leads by %s alone", half)
		}
	}
	h := leadingJoint(t)
	k := h.Read(h.now, "q", h.now+time.Minute)
	h.drain()
	h.ack("n2", "n5")
	h.wantOutcome(k, "q:0")
}

// A lease rests on both halves.
func TestJointLease(t *testing.T) {
	for _, half := range []string{"n2 n3", "n4 n5"} {
		h := leadingJoint(t, leases)
		h.wait(h.core.pace.electionMin()) // what was promised before is over
		for _, id := range ids(half) {
			h.gets(id, AppendReply{Term: 2, OK: true, Match: 1, Promise: 100 * time.Millisecond, At: h.now})
		}
		if h.View().Leased > h.now {
			t.Errorf("a lease by %s alone", half)
		}
	}
	h := leadingJoint(t, leases)
	h.wait(h.core.pace.electionMin())
	for _, id := range ids("n2 n4") {
		h.gets(id, AppendReply{Term: 2, OK: true, Match: 1, Promise: 100 * time.Millisecond, At: h.now})
	}
	if h.View().Leased <= h.now {
		t.Error("no lease by majorities of both halves")
	}
}

// What a learner has does not count.
func TestLearnerDoesNotCount(t *testing.T) {
	h := leadingIn(t, withALearner)
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	h.ack("n4")
	h.wantCommit(2)
	h.ack("n3")
	h.wantCommit(3)
}

// A round of reads goes to those whose word counts, and not to learners.
func TestRoundsGoToVoters(t *testing.T) {
	h := leadingIn(t, withALearner)
	h.Read(h.now, "q", h.now+time.Minute)
	h.drain()
	if n := len(take[AppendRequest[string]](h, "n4")); n > 0 {
		t.Errorf("asked a learner %d times", n)
	}
	only[AppendRequest[string]](h, "n2")
}

// A follower that reads counts who confirms in the configuration that its leader names, or not at all.
func TestReadAcrossConfigurations(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	k := h.Read(h.now, "q", h.now+time.Minute)
	h.drain()
	h.gets("n2", ReadReply{Term: 1, ID: only[ReadRequest](h, "n2").ID, Configuration: 5})
	h.gets("n3", ConfirmReply{Term: 1, ID: uint64(k) + 1})
	h.wantOutcome(k, "")
	h.wait(h.core.pace.resendAfter())
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	if again := only[ReadRequest](h, "n2"); !again.Round {
		t.Error("the leader is not asked for a round")
	}
}

// Two configurations at the same place are not the same: what a leader names counts only where the logs are known to agree.
func TestReadByAStaleConfiguration(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", changes(1, 2, "n1 n2 n3", "n4"))
	h.gets("n3", AppendRequest[string]{Term: 3, PrevIndex: 4, PrevTerm: 3, Configuration: 2})
	h.sent = nil
	k := h.Read(h.now, "q", h.now+time.Minute)
	h.drain()
	h.gets("n3", ReadReply{Term: 3, ID: only[ReadRequest](h, "n3").ID, Configuration: 2})
	h.wantOutcome(k, "")
}

// A learner that reads is no part of the majority.
func TestLearnerReads(t *testing.T) {
	h := within(t, Configuration{Voters: ids("n2 n3 n4"), Learners: ids("n1")})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1, Configuration: 1})
	h.sent = nil
	k := h.Read(h.now, "q", h.now+time.Minute)
	h.drain()
	id := take[ReadRequest](h, "n2")[0].ID
	h.gets("n2", ReadReply{Term: 1, ID: id, Index: 1, Configuration: 1})
	h.wantOutcome(k, "")
	h.gets("n4", ConfirmReply{Term: 1, ID: id})
	h.wantOutcome(k, "q:0")
}

// earlyIn returns a follower of n2 that has an entry which it might count for itself, and what the others have acknowledged of it.
func earlyIn(t *testing.T, g Configuration, named Index, acks string) *host {
	t.Helper()
	h := within(t, g)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 1), Early: true, Configuration: named})
	for _, id := range ids(acks) {
		h.gets(id, AppendReply{Term: 1, OK: true, Match: 2})
	}
	return h
}

// A follower counts for itself only in the configuration that is in force at its leader, and only if that is plain.
func TestEarlyCommitInWhichConfiguration(t *testing.T) {
	earlyIn(t, threeVoters, 1, "").wantCommit(2)
	earlyIn(t, threeVoters, 2, "n3").wantCommit(0)
	earlyIn(t, joint, 1, "n3 n4 n5").wantCommit(0)
	earlyIn(t, twoAndAWitness, 1, "n3").wantCommit(0)
	earlyIn(t, Configuration{Voters: ids("n2 n3"), Learners: ids("n1")}, 1, "n3").wantCommit(0)
	five := Configuration{Voters: ids("n1 n2 n3 n4 n5"), Learners: ids("n6")}
	earlyIn(t, five, 1, "n6 n9").wantCommit(0)
	earlyIn(t, five, 1, "n3").wantCommit(2)
}
