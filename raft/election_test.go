package raft

import (
	"testing"
	"time"
)

// §5.2: "To prevent split votes ... election timeouts are chosen randomly", and the first node of a new cluster goes first.
func TestFirstNodeStandsFirst(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.FirstElection = 150 * time.Millisecond })
	h.wait(149 * time.Millisecond)
	h.wantRole(Follower)
	h.wait(2 * time.Millisecond)
	h.wantRole(Candidate)
	if m := only[VoteRequest](h, "n2"); m.Term != 1 || m.LastIndex != 0 {
		t.Errorf("asked for a vote with %+v", m)
	}
}

func TestOtherNodesAskFirst(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Members[0], c.Members[2] = "n3", "n1" })
	h.wait(time.Second)
	h.wantRole(PreCandidate)
	if h.Status().Term != 0 || len(take[VoteRequest](h, "n2")) > 0 {
		t.Error("stood for election without knowing that it could win")
	}
}

// Thesis §9.6: a node that cannot win does not raise its term, however long it is cut off.
func TestIsolatedNodeKeepsItsTerm(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1, 2)
	h.wait(time.Minute)
	h.wantRole(PreCandidate)
	if got := h.Status().Term; got != 3 {
		t.Errorf("term rose to %d", got)
	}
}

// A vote counts in the term that asked for it, and in no other: raftz made a leader of a term that it had never won.
func TestVoteCountsOnlyInItsTerm(t *testing.T) {
	h := start(t, 5)
	h.wait(200 * time.Millisecond) // candidate of term 1
	for h.Status().Term < 2 {      // and, in vain, of term 2
		h.wait(10 * time.Millisecond)
		h.gets("n2", PreVoteReply{Term: 2, Granted: true, At: h.now})
		h.gets("n3", PreVoteReply{Term: 2, Granted: true, At: h.now})
	}
	for _, p := range h.core.others() {
		h.gets(p, VoteReply{Term: 1, Granted: true, At: h.now})
		h.gets(p, PreVoteReply{Term: 2, Granted: true, At: h.now})
	}
	h.wantRole(Candidate)
	h.gets("n2", VoteReply{Term: 2, Granted: true, At: h.now})
	h.gets("n2", VoteReply{Term: 2, Granted: true, At: h.now}) // twice is once
	h.gets("n3", VoteReply{Term: 2, At: h.now})
	h.wantRole(Candidate)
	h.gets("n3", VoteReply{Term: 2, Granted: true, At: h.now})
	h.wantRole(Leader)
}

// A promise counts for the term that it names: one for an earlier term may have been given to the same node before it fell behind.
func TestPromiseCountsOnlyForItsTerm(t *testing.T) {
	h := start(t, 3)
	h.follow(3, 1, 3)
	h.wait(time.Second)
	h.wantRole(PreCandidate)
	for _, p := range h.core.others() {
		h.gets(p, PreVoteReply{Term: 3, Granted: true, At: h.now})
	}
	h.wantRole(PreCandidate)
	h.gets("n3", PreVoteReply{Term: 4, Granted: true, At: h.now})
	h.wantRole(Candidate)
}

// Votes that come after the candidate has given way are void: the role has changed, even if the term has not.
func TestVoteAfterGivingWay(t *testing.T) {
	h := start(t, 3)
	h.wait(200 * time.Millisecond)
	h.gets("n2", AppendRequest[string]{Term: 1})
	h.gets("n3", VoteReply{Term: 1, Granted: true, At: h.now})
	h.gets("n2", PreVoteReply{Term: 2, Granted: true, At: h.now})
	h.wantRole(Follower)
}

// §5.2: one vote per term, also to a candidate that asks after a crash.
func TestOneVotePerTerm(t *testing.T) {
	h := start(t, 5)
	h.gets("n2", VoteRequest{Term: 7})
	if m := only[VoteReply](h, "n2"); !m.Granted {
		t.Fatal("refused the first vote of a term")
	}
	again := restart(t, h.disk, 5)
	again.gets("n3", VoteRequest{Term: 7})
	if m := only[VoteReply](again, "n3"); m.Granted {
		t.Error("voted twice in a term")
	}
	again.gets("n2", VoteRequest{Term: 7})
	if m := only[VoteReply](again, "n2"); !m.Granted {
		t.Error("refused to repeat a vote whose answer may have been lost")
	}
}

// A term begins without a vote and without a leader, whatever was known in the one before (miniraft kept both).
func TestNewTermNewVote(t *testing.T) {
	h := start(t, 5)
	h.gets("n2", VoteRequest{Term: 1})
	h.follow(1, 1)
	h.now += time.Hour
	h.gets("n3", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
	if m := take[VoteReply](h, "n3"); len(m) != 1 || !m[0].Granted || h.Status().Leader != "" {
		t.Errorf("answered %+v, and believes in leader %q", m, h.Status().Leader)
	}
	h.gets("n4", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1})
	if got := h.Status().Leader; got != "n4" {
		t.Errorf("follows %q, want n4", got)
	}
}

// §5.1: a leader that learns of a later term leads no more, neither in its own nor in that one (raftz went on, with the new number).
func TestLaterTermEndsLeadership(t *testing.T) {
	for _, b := range []Body{
		AppendReply{Term: 9, PrevIndex: 1, HintIndex: 0},
		VoteReply{Term: 9},
		PreVoteReply{Term: 9},
		ConfirmRequest{Term: 9, ID: 1},
		AppendRequest[string]{Term: 9},
	} {
		h := start(t, 3)
		h.lead()
		h.Propose(h.now, "x", h.now+time.Second)
		h.drain()
		h.sent = nil
		h.gets("n2", b)
		h.wait(60 * time.Millisecond) // a heartbeat would be due
		if s := h.Status(); s.Role != Follower || s.Term != 9 || len(take[AppendRequest[string]](h, "n3")) > 0 {
			t.Errorf("after %T: %v of term %d, sent %+v", b, s.Role, s.Term, h.sent)
		}
	}
}

// Figure 2: term and vote are one record, and durable before the vote is known to anyone.
func TestVoteIsDurableBeforeItLeaves(t *testing.T) {
	h := start(t, 3)
	if err := h.Step(h.now, Message{From: "n2", To: "n1", Body: VoteRequest{Term: 7}}); err != nil {
		t.Fatal(err)
	}
	b := h.Take(h.now)
	if b.HardState == nil || *b.HardState != (HardState{7, "n2"}) || len(b.Messages) != 1 {
		t.Errorf("a batch with vote %+v and messages %v", b.HardState, b.Messages)
	}
	own := start(t, 3)
	own.now = time.Second
	own.Tick(own.now)
	b = own.Take(own.now)
	if b.HardState == nil || *b.HardState != (HardState{1, "n1"}) || len(b.Messages) != 2 {
		t.Errorf("a batch with own vote %+v and messages %v", b.HardState, b.Messages)
	}
}

// §5.4.1: a vote goes only to a log that is at least as up to date.
func TestVoteNeedsAnUpToDateLog(t *testing.T) {
	for _, c := range []struct {
		index Index
		term  Term
		want  bool
	}{{2, 3, false}, {3, 3, true}, {9, 2, false}, {1, 4, true}} {
		h := start(t, 3)
		h.follow(3, 1, 3, 3)
		h.now += time.Hour // nobody has heard of a leader for long
		h.gets("n3", PreVoteRequest{Term: 5, LastIndex: c.index, LastTerm: c.term})
		if m := only[PreVoteReply](h, "n3"); m.Granted != c.want {
			t.Errorf("pre-vote for a log that ends at %d of term %d: %v", c.index, c.term, m.Granted)
		}
		h.gets("n3", VoteRequest{Term: 5, LastIndex: c.index, LastTerm: c.term})
		if m := only[VoteReply](h, "n3"); m.Granted != c.want {
			t.Errorf("vote for a log that ends at %d of term %d: %v", c.index, c.term, m.Granted)
		}
	}
}

// Thesis §4.2.3: who hears a leader helps nobody to depose it, and a returning node raises no terms.
func TestStickyVotes(t *testing.T) {
	h := start(t, 3)
	h.follow(3, 1)
	h.gets("n3", PreVoteRequest{Term: 9, LastIndex: 9, LastTerm: 8})
	if m := only[PreVoteReply](h, "n3"); m.Granted || m.Term != 3 {
		t.Errorf("answered %+v while the leader is alive", m)
	}
	h.gets("n3", VoteRequest{Term: 9, LastIndex: 9, LastTerm: 8})
	if h.Status().Term != 3 || len(h.sent) > 0 {
		t.Error("let itself be drawn into a term while the leader is alive")
	}
	l := start(t, 3)
	term := l.lead()
	l.acks("n2")
	l.gets("n3", VoteRequest{Term: term + 5, LastIndex: 9, LastTerm: term})
	l.wantRole(Leader)
}

// A refused pre-vote tells a candidate that has fallen behind which term to try next (canonical/raft #279).
func TestRefusedPreVoteRaisesTheTerm(t *testing.T) {
	h := start(t, 3)
	h.follow(3, 1)
	h.wait(time.Second)
	h.gets("n3", PreVoteReply{Term: 8})
	if s := h.Status(); s.Term != 8 || s.Role != Follower {
		t.Errorf("%v in term %d", s.Role, s.Term)
	}
	h.gets("n3", PreVoteRequest{Term: 8, LastIndex: 1, LastTerm: 1})
	if m := only[PreVoteReply](h, "n3"); m.Granted || m.Term != 8 {
		t.Errorf("answered %+v: a vote in the present term may have been given away", m)
	}
}

// Thesis §6.2: a leader that hears from no majority steps down within an election time-out.
func TestLeaderWithoutQuorumStepsDown(t *testing.T) {
	h := start(t, 5)
	h.lead()
	for range 20 {
		h.wait(20 * time.Millisecond)
		h.gets("n2", AppendReply{Term: 1, OK: true, At: h.now})
		h.gets("n3", AppendReply{Term: 1, OK: true, At: h.now})
	}
	h.wantRole(Leader)
	timeout := h.Status().ElectionTimeout
	for range 20 {
		h.wait(timeout / 20)
		h.gets("n2", AppendReply{Term: 1, OK: true, At: h.now}) // one of four is too few
	}
	h.wait(timeout / 10)
	if h.Status().Role == Leader {
		t.Error("still leads without a majority")
	}
}

// A paused process must know at its first input that time has passed, not at its next tick.
func TestPausedLeaderPromisesNothing(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.now += 3 * time.Second
	k := h.Propose(h.now, "x", h.now+time.Second)
	if h.Status().Role == Leader {
		t.Error("took a proposal as leader after a pause of three seconds")
	}
	h.wait(2 * time.Second)
	h.wantOutcome(k, ErrUnavailable.Error())
}

// Failed elections widen the range of time-outs; the lower end stays.
func TestBackOff(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.core.failures = maxBackoff
	longest := time.Duration(0)
	for range 1000 {
		h.core.resetElectionTimer()
		d := h.core.electionAt - h.core.now
		if d < h.core.pace.electionMin() {
			t.Fatalf("time-out %v below the least", d)
		}
		longest = max(longest, d)
	}
	if longest < 4*h.core.pace.electionMax() {
		t.Errorf("longest time-out after failures is %v", longest)
	}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	if h.core.failures != 0 {
		t.Error("a leader did not end the back-off")
	}
}

// A refused vote, or any other message that is not from a leader, puts no election off (zaft postponed its own for ever).
func TestRefusedVoteDoesNotResetTheTimer(t *testing.T) {
	h := start(t, 3)
	h.follow(3, 1, 2)
	at := h.core.electionAt
	h.gets("n3", VoteRequest{Term: 3, LastIndex: 1, LastTerm: 2})
	h.gets("n3", PreVoteRequest{Term: 4, LastIndex: 0})
	h.gets("n3", AppendRequest[string]{Term: 2})
	h.now = 150 * time.Millisecond
	h.gets("n3", VoteRequest{Term: 4})
	if h.core.electionAt != at {
		t.Error("election put off")
	}
}

func TestSingleNode(t *testing.T) {
	h := start(t, 1)
	k := h.Propose(h.now, "x", time.Second)
	r := h.Read(h.now, "q", time.Second)
	h.wait(10 * time.Millisecond)
	h.wantOutcome(k, "did x")
	h.wantOutcome(r, "q:1")
	again := restart(t, h.disk, 1)
	again.wait(time.Second)
	again.wantRole(Leader)
	if len(again.journal.commands) != 1 {
		t.Errorf("replayed %v", again.journal.commands)
	}
}

// Of two nodes that suspect the leader at the same time, the one that is later in the list gives way.
func TestPreCandidateGivesWay(t *testing.T) {
	ask := PreVoteRequest{Term: 2, LastIndex: 1, LastTerm: 1}
	first := start(t, 3)
	first.follow(1, 1)
	first.wait(time.Second)
	first.gets("n2", ask)
	first.wantRole(PreCandidate)
	later := start(t, 3, func(c *Config[string]) { c.Members[0], c.Members[1] = "n2", "n1" })
	later.follow(1, 1)
	later.wait(time.Second)
	later.gets("n2", PreVoteRequest{Term: 2})
	later.wantRole(PreCandidate) // that one could not win
	later.gets("n2", ask)
	later.wantRole(Follower)
	later.gets("n3", PreVoteReply{Term: 2, Granted: true})
	later.wantRole(Follower)
}
