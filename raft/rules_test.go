package raft

import (
	"testing"
	"time"
)

// A pre-vote counts in the attempt that asked for it, and each peer once.
func TestPreVoteCountsOnceAndInItsTerm(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.wait(time.Second)
	h.wantRole(PreCandidate) // of term 4
	for _, p := range h.core.others() {
		h.gets(p, PreVoteReply{Term: 3, Granted: true, At: h.now})
		h.gets(p, PreVoteReply{Term: 5, Granted: true, At: h.now})
	}
	h.wantRole(PreCandidate)
	for range 5 {
		h.gets("n2", PreVoteReply{Term: 4, Granted: true, At: h.now})
	}
	h.wantRole(PreCandidate)
	h.gets("n3", PreVoteReply{Term: 4, Granted: true, At: h.now})
	h.wantRole(Candidate)
}

// A read request of an earlier term confirms nothing: whoever sent it may have elected another leader since.
func TestStaleReadRequestIsNotAnswered(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	term := h.lead()
	h.acks("n2")
	h.sent = nil
	h.gets("n3", ReadRequest{Term: term - 1, ID: 7})
	if len(h.sent) != 0 {
		t.Errorf("answered %v", h.sent)
	}
}

// §5.1: a candidate of an earlier term gets no vote, and uses up none.
func TestStaleVoteRequestUsesNoVote(t *testing.T) {
	h := start(t, 3)
	h.follow(5, 1)
	h.now += time.Hour
	h.gets("n3", VoteRequest{Term: 4, LastIndex: 9, LastTerm: 3})
	if m := only[VoteReply](h, "n3"); m.Granted || m.Term != 5 || h.View().VotedFor != "" {
		t.Errorf("answered %+v, voted for %q", m, h.View().VotedFor)
	}
}

// A vote that is given in a term which the node had entered before is durable too, and survives the leader's first append.
func TestVoteInAnOldTermIsDurable(t *testing.T) {
	h := start(t, 3)
	h.gets("n3", PreVoteReply{Term: 7}) // enters the term without a vote
	h.gets("n2", VoteRequest{Term: 7})
	if saved, _ := h.disk.Load(); saved.HardState != (HardState{7, "n2"}) {
		t.Errorf("disk has %+v", saved.HardState)
	}
	h.gets("n3", AppendRequest[string]{Term: 7}) // who was elected by others
	if got := h.View().HardState; got != (HardState{7, "n2"}) {
		t.Errorf("the vote became %+v", got)
	}
}

// A number is one node's own: the same number of another node's proposal completes nothing here.
func TestOtherNodesNumberCompletesNothing(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	k := h.Propose(h.now, "mine", h.now+second)
	h.drain()
	theirs := Entry[string]{Index: 2, Term: 1, ID: ProposalID{"n3", uint64(k)}, Command: "theirs"}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{theirs}, Commit: 2})
	h.wantOutcome(k, "")
}

// What a batch had taken with it ends too if the batch fails.
func TestFailEndsWhatTheBatchHolds(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	read := h.Read(h.now, "q", h.now+second)
	h.drain()
	late := h.Propose(h.now, "x", h.now)
	if err := h.Step(h.now, Message{From: "n2", To: "n1", Body: AppendReply{Term: 1, OK: true, Match: 1, Round: h.round(), At: h.now}}); err != nil {
		t.Fatal(err)
	}
	b := h.Take(h.now)
	if len(b.reads) != 1 || len(b.ended) != 1 {
		t.Fatalf("a batch with reads %v and endings %v", b.reads, b.ended)
	}
	for _, o := range h.Fail(b) {
		h.outcomes[o.Ticket] = o
	}
	h.wantOutcome(read, ErrUnknown.Error())
	h.wantOutcome(late, ErrUnavailable.Error())
}

// A proposal that was sent under two terms is dead only after an entry of a later term than both.
func TestResentProposalDiesWithItsLatestTerm(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Resend = true })
	h.follow(1, 1)
	k := h.Propose(h.now, "x", h.now+second)
	h.drain()
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1}) // sent again, under term 2
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.core.role.(*follower[string]).heardAt = never // contact is lost, so nothing is sent a third time
	h.gets("n3", ReadReply{Term: 2, Index: 2, Commit: 2})
	h.wantCommit(2)
	h.wait(2 * second)
	h.wantOutcome(k, ErrUnknown.Error()) // the leader of term 2 may still append it
}

// What the disk refused is not sent later either.
func TestFailedNodeSendsNothingMore(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.Propose(h.now, "x", h.now+second)
	b := h.Take(h.now)
	_ = h.Fail(b)
	h.now += 40 * time.Millisecond // a heartbeat is due
	if b := h.Take(h.now); !b.Changes.Empty() || len(b.Messages) > 0 {
		t.Errorf("a failed node wants to write %+v and to send %v", b.Changes, b.Messages)
	}
}

// What an answer has landed makes room in the window again, and a follower that has accepted a probe is sent more than one append at a time.
func TestWindowOpensAgain(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.MaxInflightBytes, c.MaxAppendBytes = 4, 1 })
	term := h.lead()
	h.gets("n2", AppendReply{Term: term, PrevIndex: 0, At: h.now}) // changes nothing
	for range 20 {
		for range 2 {
			h.Propose(h.now, "x", h.now+second)
		}
		h.sent = nil
		h.drain()
		if n := len(take[AppendRequest[string]](h, "n2")); n != 2 {
			t.Fatalf("%d appends at once, want 2", n)
		}
		h.acks("n2")
	}
}

func TestAcceptedProbeEndsProbing(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.MaxAppendBytes = 1 })
	h.follow(1, 1, 1, 1)
	term := h.lead()
	h.gets("n2", AppendReply{Term: term, PrevIndex: 3, HintIndex: 1, HintTerm: 1, At: h.now})
	h.sent = nil
	h.gets("n2", AppendReply{Term: term, OK: true, Match: 2, At: h.now})
	if n := len(take[AppendRequest[string]](h, "n2")); n != 2 {
		t.Errorf("%d appends after the probe was accepted, want both that are missing", n)
	}
}

// A term that this node has merely entered kills no proposal: what is applied decides.
func TestEnteringATermKillsNoProposal(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.Propose(h.now, "x", h.now+second)
	h.drain() // sent under term 1
	h.sent = nil
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Commit: 1}) // applies an entry of term 1
	if n := len(take[ForwardRequest[string]](h, "n3")); n != 0 {
		t.Error("sent a proposal again that an entry of term 1 may still fulfil")
	}
}

// What one leader sent too early is not appended for the next.
func TestStashDiesWithTheTerm(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 1)})
	h.sent = nil
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 1)})
	if m := only[AppendReply](h, "n3"); m.Match != 2 {
		t.Errorf("confirmed %+v, want match 2", m)
	}
	h.wantLog(1, 1)
}

// Of two appends that came too early at one place the longer is kept.
func TestStashKeepsTheLonger(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 1)})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 1, 1)})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 1)})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 1)})
	h.wantLog(1, 1, 1, 1)
}

// Every way in which a request ends gives its place back.
func TestEndedRequestsGiveTheirPlaceBack(t *testing.T) {
	h := start(t, 1, func(c *Config[string]) { c.MaxRequests = 2 })
	h.wait(second)
	for range 5 {
		k, r := h.Propose(h.now, "x", h.now+second), h.Read(h.now, "q", h.now+second)
		h.drain()
		if h.outcomes[k].Err != nil || h.outcomes[r].Err != nil || h.Status().Requests != 0 {
			t.Fatalf("ended as %+v and %+v, %d still counted", h.outcomes[k], h.outcomes[r], h.Status().Requests)
		}
	}
}

// A leader that steps down gives others the time to be elected.
func TestDeposedLeaderWaits(t *testing.T) {
	h := start(t, 3)
	h.lead()
	for range 100 {
		h.wait(10 * time.Millisecond)
		h.acks("n2")
	}
	h.gets("n3", PreVoteReply{Term: 9})
	h.wait(h.core.pace.electionMin() - 1)
	h.wantRole(Follower)
}

// The clock does not go back, whatever a caller says.
func TestClockDoesNotGoBack(t *testing.T) {
	h := start(t, 3)
	h.Tick(5 * second)
	h.Tick(second)
	if h.core.now != 5*second {
		t.Errorf("the clock went back to %v", h.core.now)
	}
}

// Only the place before the first entry has term zero.
func TestEntryOfTermZeroIsRefused(t *testing.T) {
	h := start(t, 3)
	h.refuses("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 0)})
}

// A commit notice proves the leader alive.
func TestCommitNoticeIsASignOfLife(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.now += 90 * time.Millisecond
	h.gets("n2", CommitNotice{Term: 1, Commit: 1})
	h.now += 90 * time.Millisecond
	h.gets("n3", PreVoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
	if m := only[PreVoteReply](h, "n3"); m.Granted {
		t.Error("granted a pre-vote 90 ms after the leader had spoken")
	}
}

// A commit index is believed from the leader only.
func TestCommitNoticeOfAnotherIsNothing(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.gets("n3", CommitNotice{Term: 1, Commit: 1})
	h.wantCommit(0)
}

// §5.2: a vote given away puts the own election off.
func TestGrantedVoteResetsTheTimer(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.now = h.core.electionAt - 1
	h.gets("n3", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
	if h.core.electionAt < h.now+h.core.pace.electionMin() {
		t.Errorf("stands %v after giving its vote away", h.core.electionAt-h.now)
	}
}

func TestMoreNonsenseIsRefused(t *testing.T) {
	h := start(t, 3)
	h.follow(5, 1, 2)
	h.refuses("n2", AppendRequest[string]{Term: 5, PrevIndex: 3})
	h.refuses("n2", AppendRequest[string]{Term: 5, PrevIndex: 3, PrevTerm: 6})
	h.refuses("n2", AppendRequest[string]{Term: 5, Round: maxNumber + 1})
	h.refuses("n2", ForwardRequest[string]{Term: 5, Proposals: []Proposal[string]{{2*maxNumber + 1, "x"}}})
}

func TestAttemptsInVainBackOff(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.wait(time.Minute)
	if h.core.failures != maxBackoff {
		t.Errorf("%d failures counted in a minute", h.core.failures)
	}
}

func TestGivingWayTakesANewTimeout(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Members[0], c.Members[1] = "n2", "n1" })
	h.follow(1, 1)
	h.wait(time.Second)
	h.now = h.core.electionAt - 1
	h.gets("n2", PreVoteRequest{Term: 2, LastIndex: 1, LastTerm: 1})
	h.wantRole(Follower)
	if h.core.electionAt < h.now+h.core.pace.electionMin() {
		t.Error("asks again at once after giving way")
	}
}

// A commit notice wants no answer, so it replaces no heartbeat: a follower whose clients write all the time would never be heard
// again after a cut, and get nothing.
func TestNoticesDoNotReplaceHeartbeats(t *testing.T) {
	h := start(t, 3)
	term := h.lead()
	h.acks("n2")
	h.acks("n3")
	for range 100 { // the answers of n3 are lost for a while
		h.wait(10 * time.Millisecond)
		h.acks("n2")
	}
	h.sent = nil
	for i := range uint64(500) { // n3 is back, and its clients write every 10 ms
		h.wait(10 * time.Millisecond)
		h.gets("n3", ForwardRequest[string]{Term: term, Proposals: []Proposal[string]{{i + 1, "x"}}})
		h.acks("n2")
	}
	if n := len(take[AppendRequest[string]](h, "n3")); n < 100 {
		t.Errorf("%d appends or heartbeats to n3 in five seconds", n)
	}
}

// What has expired leaves the queue, also while there is no leader to empty it.
func TestExpiredProposalsLeaveTheQueue(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.MaxRequests = 10 })
	for range 1000 {
		for range 10 {
			h.Propose(h.now, "x", h.now+10*time.Millisecond)
		}
		h.wait(20 * time.Millisecond)
	}
	if n := len(h.core.requests.queue); n > 10 {
		t.Errorf("%d proposals in the queue, %d requests wait", n, h.Status().Requests)
	}
}

// A leader's own reads are bounded by the requests it takes, and not dropped for those of others.
func TestLeadersOwnReadIsNotForgotten(t *testing.T) {
	h := start(t, 5, func(c *Config[string]) { c.MaxRequests = 3 })
	term := h.lead()
	h.acks("n2")
	h.acks("n3")
	for i := range uint64(3) {
		h.gets("n4", ReadRequest{Term: term, ID: i + 1})
	}
	k := h.Read(h.now, "q", h.now+10*second)
	h.drain()
	for range 300 {
		h.wait(10 * time.Millisecond)
		h.acks("n2")
		h.acks("n3")
	}
	h.wantOutcome(k, "q:0")
}

// Proposals of two lives of a node never share a number, even with the same seed: else the old entry would answer the new request.
func TestSameSeedAfterRestart(t *testing.T) {
	h := start(t, 1)
	h.Propose(h.now, "old", second)
	h.wait(10 * time.Millisecond)
	again := restart(t, h.disk, 1)
	k := again.Propose(again.now, "new", 10*second)
	again.wait(second)
	again.wantOutcome(k, "did new")
}

// Entries that were dropped and came back while they were being written count as written.
func TestSavedOfRestoredEntries(t *testing.T) {
	h := start(t, 3)
	step := func(from NodeID, b Body) {
		if err := h.Step(h.now, Message{From: from, To: "n1", Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	step("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 1, 1, 1)})
	b := h.Take(h.now)
	step("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	step("n2", AppendRequest[string]{Term: 3, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 1, 1)})
	_ = h.disk.Write(b.Changes)
	h.Saved(b)
	if err := h.CheckInvariants(); err != nil {
		t.Error(err)
	}
}

// A node that is in a later term confirms nothing of an earlier one: its term may have a leader, and that leader commits.
func TestConfirmationOfAnotherTermDoesNotCount(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n2", CommitNotice{Term: 3, Commit: 1})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1})
	h.gets("n5", PreVoteReply{Term: 4}) // enters term 4, without a leader to ask anew
	h.gets("n4", ConfirmReply{Term: 4, ID: id})
	h.wantOutcome(k, "")
}
