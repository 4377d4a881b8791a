package raft

import (
	"strings"
	"testing"
	"time"
)

// within returns n1 with a configuration, the first entry of its log.
func within(t *testing.T, g Configuration, change ...func(*Config[string])) *host {
	t.Helper()
	g.Index = 1
	saved := Saved[string]{HardState: HardState{Term: 1}, Entries: []Entry[string]{{Index: 1, Term: 1, Config: &g}}}
	return restart(t, &MemoryStorage[string]{saved: saved}, 3, change...)
}

// leadingIn returns the leader of a configuration, all of whose members have everything that it has.
func leadingIn(t *testing.T, g Configuration, change ...func(*Config[string])) *host {
	t.Helper()
	h := within(t, g, change...)
	h.lead()
	h.ack(h.core.others()...)
	h.sent = nil
	return h
}

// A node that is being removed stands for election as long as it does not know that this is committed: perhaps only it has what the others need. Its own vote
// does not count (thesis §4.2.2).
func TestWhoIsBeingRemovedMayStand(t *testing.T) {
	h := within(t, Configuration{Voters: ids("n2 n3")})
	h.wait(time.Second)
	h.wantRole(PreCandidate)
	for _, id := range ids("n2 n3") {
		h.gets(id, PreVoteReply{Term: 2, Granted: true})
	}
	h.wantRole(Candidate)
	h.gets("n2", VoteReply{Term: 2, Granted: true})
	h.wantRole(Candidate)
	h.gets("n3", VoteReply{Term: 2, Granted: true})
	h.wantRole(Leader)

	h = within(t, Configuration{Voters: ids("n2 n3")})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1})
	h.sent = nil
	h.wait(10 * time.Second)
	h.wantRole(Follower)
}

// wantVoteWithoutStanding knows of its configuration that it is committed, and hears nothing for long: it does not stand, nor if it is told to, but votes.
func (h *host) wantVoteWithoutStanding() {
	h.t.Helper()
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1})
	h.sent = nil
	h.wait(10 * time.Second)
	h.wantRole(Follower)
	h.gets("n2", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
	if !only[VoteReply](h, "n2").Granted {
		h.t.Error("it does not vote")
	}
	h.gets("n2", TimeoutNow{Term: 2})
	h.wantRole(Follower)
}

// ack lets peers confirm everything that was sent to them.
func (h *host) ack(peers ...NodeID) {
	h.t.Helper()
	for _, id := range peers {
		h.acks(id)
	}
}

// beats lets heartbeats pass, which some peers answer.
func (h *host) beats(n int, peers string) {
	h.t.Helper()
	for range n {
		h.wait(h.core.pace.heartbeatEvery())
		h.ack(ids(peers)...)
	}
}

// change asks for a change of the membership.
func (h *host) change(kind ChangeKind, nodes string) Ticket {
	h.t.Helper()
	k := h.ChangeMembership(h.now, Change{kind, ids(nodes)}, h.now+time.Minute)
	h.drain()
	return k
}

// wantConfiguration checks which configuration is in force.
func (h *host) wantConfiguration(want string) {
	h.t.Helper()
	if g := h.Status().Configuration; g.String() != want {
		h.t.Errorf("the configuration is %q, want %q", g.String(), want)
	}
}

// changes returns an append to a node that lacks everything, whose last entry is a configuration.
func changes(term Term, at Index, voters, learners string) AppendRequest[string] {
	m := AppendRequest[string]{Term: term, Configuration: at}
	for i := range at - 1 {
		m.Entries = append(m.Entries, entries(i+1, term)...)
	}
	m.Entries = append(m.Entries, Entry[string]{Index: at, Term: term, Config: &Configuration{Index: at, Voters: ids(voters), Learners: ids(learners)}})
	return m
}

// A configuration is in force as soon as it stands in the log, committed or not (§6).
func TestConfigurationIsInForceWhenAppended(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", changes(1, 2, "n1 n2 n3 n4 n5", ""))
	h.wantCommit(0)
	h.wantConfiguration("n1 n2 n3 n4 n5")
	h.stand()
	h.prevotes("n2")
	h.wantRole(PreCandidate) // two of five
	h.prevotes("n5")
	h.wantRole(Candidate)
}

// One that is truncated gives way to the one before.
func TestTruncatedConfigurationIsRolledBack(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", changes(1, 2, "n1 n2 n3", "n4"))
	h.wantConfiguration("n1 n2 n3, learners n4")
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.wantConfiguration("n1 n2 n3")
	h = restart(t, h.disk, 3)
	h.wantConfiguration("n1 n2 n3")
}

// No change before the leader has committed an entry of its own term: it does not know before whether another one is under way. (That was the bug in the
// thesis' single-server changes.)
func TestChangeWaitsForTheFirstCommit(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.change(AddLearner, "n4")
	h.wantConfiguration("n1 n2 n3")
	h.ack("n2")
	h.wantConfiguration("n1 n2 n3, learners n4")
}

// Two configurations are never under way at once.
func TestConfigurationWaitsForTheOneBefore(t *testing.T) {
	h := leading(t)
	first := h.change(AddLearner, "n4")
	h.gets("n2", ChangeRequest{Term: 1, ID: 7, Change: Change{AddLearner, ids("n5")}})
	if m := only[ChangeReply](h, "n2"); m.ID != 7 || m.Why != RefusedChanging {
		t.Errorf("answered %+v", m)
	}
	h.ack("n2")
	h.wantTransfer(first, nil)
	h = leading(t)
	h.change(AddVoter, "n4")
	h.wantConfiguration("n1 n2 n3, learners n4")
	for range 3 * catchUpRounds { // its learner is ready, but that it is one is not committed
		h.beats(1, "n4")
		h.acksUpTo("n2", 1)
	}
	h.wantConfiguration("n1 n2 n3, learners n4")
	h.ack("n2")
	h.wantConfiguration("n1 n2 n3 n4, outgoing n1 n2 n3")
}

// A joint configuration is left when it is committed, and not before.
func TestJointIsLeftWhenCommitted(t *testing.T) {
	h := leadingJoint(t)
	h.ack("n2", "n3")
	h.wantConfiguration("n1 n4 n5, outgoing n1 n2 n3")
	h.ack("n4")
	h.wantConfiguration("n1 n4 n5")
	h.wantCommit(3)
	h.ack("n2", "n3") // who have no vote any more
	h.wantCommit(3)
	h.ack("n5")
	h.wantCommit(4)
}

// A leader that finds a joint configuration in its log completes it without being asked.
func TestNextLeaderCompletesAJointConfiguration(t *testing.T) {
	h := within(t, joint)
	h.lead()
	h.wantConfiguration("n1 n4 n5, outgoing n1 n2 n3")
	h.ack("n2", "n4")
	h.wantConfiguration("n1 n4 n5")
}

// A stranger that is to vote is a learner first, until it has kept up for some rounds.
func TestNewVotersLearnFirst(t *testing.T) {
	h := leading(t)
	k := h.change(AddVoter, "n4")
	h.wantConfiguration("n1 n2 n3, learners n4")
	h.ack("n2", "n3")
	for range catchUpRounds {
		h.beats(1, "n2 n3 n4")
		h.wantConfiguration("n1 n2 n3, learners n4")
	}
	h.beats(1, "n2 n3 n4")
	h.wantConfiguration("n1 n2 n3 n4, outgoing n1 n2 n3")
	h.ack("n2", "n3", "n4")
	h.wantConfiguration("n1 n2 n3 n4")
	h.wantNoOutcome(k)
	h.ack("n2", "n3", "n4")
	h.wantTransfer(k, nil)
}

// A round that took longer than an election time-out begins the count anew.
func TestSlowRoundsDoNotCount(t *testing.T) {
	h := leading(t)
	h.change(AddVoter, "n4")
	h.ack("n2", "n3")
	for range 3 {
		h.beats(catchUpRounds, "n2 n3 n4")
		h.beats(4, "n2 n3")
	}
	h.wantConfiguration("n1 n2 n3, learners n4")
}

// One that does not catch up is taken out again, and the change is given up.
func TestChangeIsGivenUp(t *testing.T) {
	h := leading(t, func(c *Config[string]) { c.CatchUp = time.Second })
	k := h.change(AddVoter, "n4")
	for h.now < 2*time.Second {
		h.beats(1, "n2 n3")
	}
	h.wantConfiguration("n1 n2 n3")
	h.wantTransfer(k, ErrNotCaughtUp)
}

// A learner that is behind is not promoted, and who asked for it is told soon.
func TestPromoteOfALearnerBehind(t *testing.T) {
	h := leadingIn(t, withALearner)
	k := h.change(Promote, "n4")
	for began := h.now; h.now < began+h.core.pace.electionMax(); {
		h.wantNoOutcome(k)
		h.beats(1, "n2 n3")
	}
	h.beats(1, "n2 n3")
	h.wantTransfer(k, ErrBehind)
	h.wantConfiguration("n1 n2 n3, learners n4")
	h.beats(catchUpRounds+1, "n2 n3 n4")
	h.change(Promote, "n4")
	h.wantConfiguration("n1 n2 n3 n4, outgoing n1 n2 n3")
}

// A change is not begun where those who are to vote do not answer: it would be the last that the cluster decides.
func TestChangeToTheDeadIsNotBegun(t *testing.T) {
	h := leading(t)
	h.beats(8, "n2")
	k := h.change(Remove, "n2")
	h.wantConfiguration("n1 n2 n3")
	h.beats(8, "n2")
	h.wantTransfer(k, ErrNoQuorum)
	h.wantConfiguration("n1 n2 n3")
	h.change(Remove, "n3")
	h.wantConfiguration("n1 n2, outgoing n1 n2 n3")
}

// A learner does not stand for election, but votes if it is asked: whoever asks may know more (thesis §4.2.1).
func TestLearner(t *testing.T) {
	h := within(t, Configuration{Voters: ids("n2 n3"), Learners: ids("n1")})
	h.wantVoteWithoutStanding()
}

// A node that has been removed gets what is sent for one election time-out more, so that it hears of it.
func TestRemovedNodeHearsOfIt(t *testing.T) {
	h := leading(t)
	h.change(Remove, "n3")
	h.ack("n2", "n3")
	h.wantConfiguration("n1 n2")
	h.ack("n2")
	h.sent = nil
	h.beats(2, "n2")
	told := take[AppendRequest[string]](h, "n3")
	if len(told) == 0 || told[len(told)-1].Commit != 3 {
		t.Errorf("told %+v", told)
	}
	h.beats(6, "n2")
	h.sent = nil
	h.beats(6, "n2")
	if n := len(take[AppendRequest[string]](h, "n3")); n > 0 {
		t.Errorf("sent %d appends to a node that was removed long ago", n)
	}
	h.acks("n3") // late, and without consequence
	h.gets("n3", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 7, Command: "y"}}})
	h.gets("n3", ChangeRequest{Term: 1, ID: 7, Change: Change{AddLearner, ids("n3")}})
	h.wantLog(1, 1, 1)
}

// A leader that is to be removed sees to that, leaves the lead to somebody else, and does not stand again (thesis §4.2.2).
func TestRemovedLeader(t *testing.T) {
	h := leading(t)
	k := h.change(Remove, "n1")
	h.ack("n2", "n3")
	h.wantConfiguration("n2 n3")
	h.wantRole(Leader)
	h.ack("n2")
	h.wantCommit(2) // its own copy does not count any more
	h.ack("n3")
	h.wantCommit(3)
	h.wantTransfer(k, nil)
	only[TimeoutNow](h, "n2")
	h.gets("n2", VoteRequest{Term: 2, LastIndex: 3, LastTerm: 1, Transfer: true})
	h.wait(10 * time.Second)
	h.wantRole(Follower)
}

// If nobody follows, it goes all the same.
func TestRemovedLeaderGivesUp(t *testing.T) {
	h := leading(t)
	h.change(Remove, "n1")
	h.ack("n2", "n3")
	h.ack("n2", "n3")
	h.beats(8, "n2 n3")
	h.wantRole(Follower)
	h.wait(10 * time.Second)
	h.wantRole(Follower)
}

// A snapshot takes along the configuration at its end, not a later one; so does a leader's.
func TestSnapshotCarriesTheConfiguration(t *testing.T) {
	often := func(c *Config[string]) { c.SnapshotEntries, c.TrailingEntries = 2, -1 }
	h := start(t, 3, often)
	m := changes(1, 2, "n1 n2 n3", "n4")
	m.Commit = 2
	m.Entries = append(m.Entries, Entry[string]{Index: 3, Term: 1, Config: &Configuration{Index: 3, Voters: ids("n1 n2 n3")}})
	h.gets("n2", m)
	h.wantConfiguration("n1 n2 n3")
	if s := h.View().Snapshot; s.Index != 2 || s.Configuration.String() != "n1 n2 n3, learners n4" {
		t.Errorf("the snapshot at %d has the configuration %s", s.Index, &s.Configuration)
	}
	h = restart(t, h.disk, 3, often)
	h.wantConfiguration("n1 n2 n3")
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 2)})
	h.wantConfiguration("n1 n2 n3, learners n4")
	h.gets("n3", SnapshotRequest{
		Term: 2, Index: 9, LastTerm: 2, Configuration: Configuration{Index: 8, Voters: ids("n1 n2")}, Size: 1, Data: []byte("x"),
	})
	h.wantConfiguration("n1 n2")
	h.refuses("n3", SnapshotRequest{Term: 2, Index: 10, LastTerm: 2, Configuration: Configuration{Index: 11, Voters: ids("n1")}})
	h.refuses("n3", SnapshotRequest{Term: 2, Index: 10, LastTerm: 2})
}

// Who does not serve says so at once: a node that has joined nothing yet, one that has been removed, and a witness.
func TestNotServing(t *testing.T) {
	for _, g := range []Configuration{
		{Voters: ids("n2 n3")},
		{Voters: ids("n1 n2 n3"), Witnesses: ids("n1")},
	} {
		h := within(t, g)
		write, read, change := h.Propose(h.now, "x", time.Minute), h.Read(h.now, "q", time.Minute), h.change(AddLearner, "n9")
		for _, k := range []Ticket{write, read, change} {
			h.wantTransfer(k, ErrNotServing)
		}
	}
}

// What waits on a node when it is removed ends: what was in no log as not served, and the rest as unknown at its deadline.
func TestRemovedNodeSendsItsClientsAway(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	sent := h.Propose(h.now, "x", h.now+10*time.Second)
	h.drain()
	h.wait(h.core.pace.contactLost() + 1)
	waiting, read := h.Propose(h.now, "y", h.now+10*time.Second), h.Read(h.now, "q", h.now+10*time.Second)
	h.gets("n2", AppendRequest[string]{
		Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{{Index: 2, Term: 1, Config: &Configuration{Index: 2, Voters: ids("n2 n3")}}},
	})
	h.sent = nil
	late := h.Propose(h.now, "z", h.now+10*time.Second)
	h.drain()
	h.wantTransfer(late, ErrNotServing)
	h.wait(h.core.pace.contactLost() + 1)
	h.wantTransfer(read, ErrNotServing)
	h.wantNoOutcome(sent)
	h.wait(10 * time.Second)
	h.wantTransfer(sent, ErrUnknown)
	h.wantTransfer(waiting, ErrUnknown)
}

// Who was cut off when it was removed hears of it from those whom it asks to vote for it, and sends its clients away until a leader tells it otherwise.
func TestRemovedNodeThatWasCutOff(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.wait(time.Second)
	h.wantRole(PreCandidate)
	waiting := h.Read(h.now, "q", h.now+10*time.Second)
	h.gets("n2", PreVoteReply{Term: 1})
	h.wantNoOutcome(waiting)
	h.gets("n2", PreVoteReply{Term: 1, Stranger: true})
	h.wantTransfer(waiting, ErrNotServing)
	late := h.Propose(h.now, "x", h.now+10*time.Second)
	h.drain()
	h.wantTransfer(late, ErrNotServing)

	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	h.gets("n3", PreVoteReply{Term: 1, Stranger: true}) // it comes too late
	welcome := h.Propose(h.now, "y", h.now+10*time.Second)
	h.drain()
	h.wantNoOutcome(welcome)
}

// A node is told that it is no member by those who know that this is committed.
func TestStrangersAreTold(t *testing.T) {
	h := within(t, Configuration{Voters: ids("n1 n2")})
	for _, c := range []struct {
		from     NodeID
		commit   Index
		stranger bool
	}{{"n3", 0, false}, {"n3", 1, true}, {"n2", 1, false}} {
		h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: c.commit})
		h.sent = nil
		h.gets(c.from, PreVoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
		if got := only[PreVoteReply](h, c.from).Stranger; got != c.stranger {
			t.Errorf("%s asks, %d is committed: stranger %t", c.from, c.commit, got)
		}
	}
}

// No node takes a message of its own, nor a configuration that is none.
func TestImpossibleConfigurationsAreRefused(t *testing.T) {
	h := start(t, 3)
	m := changes(1, 1, "n1 n1", "")
	h.refuses("n2", m)
	m = changes(1, 1, "n1 n2", "")
	m.Entries[0].Config.Index = 2
	h.refuses("n2", m)
	m = changes(1, 1, "n1 n2", "")
	m.Entries[0].ID = ProposalID{"n2", 7}
	h.refuses("n2", m)
	h.refuses("n1", changes(1, 1, "n1 n2", ""))
	saved := Saved[string]{HardState: HardState{Term: 1}, Entries: m.Entries}
	if _, err := New(Config[string]{ID: "n1", Members: ids("n1"), Seed: 1}, &journal{}, saved, 0); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("started from a disk with a command in the place of a configuration: %v", err)
	}
}
