package raft

import (
	"fmt"
	"testing"
	"time"
)

const second = time.Second

// ---- Linearizable reads: ReadIndex, thesis §6.4.

// A read waits for a commit in the present term, for a majority of distinct voters, for a round that began after it, and then for
// the state to be new enough.
func TestReadIndex(t *testing.T) {
	h := start(t, 5)
	h.follow(1, 1)
	term := h.lead()
	ok := func(from NodeID, match Index, round uint64) {
		h.gets(from, AppendReply{Term: term, OK: true, Match: match, Round: round, At: h.now})
	}
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	for _, p := range h.core.others() {
		ok(p, 1, 0)
	}
	h.wantOutcome(k, "") // nothing of this term is committed
	h.sent = nil
	ok("n2", 2, 0)
	ok("n3", 2, 0)
	h.wantCommit(2)
	if m := only[AppendRequest[string]](h, "n4"); m.Round != 1 {
		t.Errorf("the round is asked for with %+v", m)
	}
	ok("n2", 2, 1)
	ok("n2", 2, 1)
	ok("n3", 2, 0) // of before the round
	h.wantOutcome(k, "")
	ok("n4", 0, 1)
	h.wantOutcome(k, "q:1")
}

// A reply that denies the log confirms the leadership all the same.
func TestRejectionConfirmsARound(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	h.gets("n3", AppendReply{Term: 1, PrevIndex: 1, Round: 1, At: h.now})
	h.wantOutcome(k, "q:0")
}

// All reads of a batch share one round, and reads cost neither log entries nor disk.
func TestReadsAreBatched(t *testing.T) {
	h := start(t, 5)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	h.sent = nil
	var tickets []Ticket
	for range 50 {
		tickets = append(tickets, h.Read(h.now, "q", h.now+second))
	}
	h.gets("n3", ReadRequest{Term: 1, ID: 77})
	if got := len(take[AppendRequest[string]](h, "n2")); got != 1 {
		t.Errorf("%d messages for 51 reads", got)
	}
	h.acks("n2")
	h.acks("n4")
	for _, k := range tickets {
		h.wantOutcome(k, "q:0")
	}
	if m := only[ReadReply](h, "n3"); m.ID != 77 || m.Index != 1 {
		t.Errorf("answered %+v", m)
	}
	h.wantLog(1)
}

// A follower's request is a confirmation by itself: it was sent in the leader's term, after the reads had begun. Of three
// nodes that makes two, and no round is needed; of five it is one of three, and counts once.
func TestAskingConfirms(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.gets("n3", ReadRequest{Term: 1, ID: 7})
	if len(take[ReadReply](h, "n3")) != 0 {
		t.Error("answered before a commit in the present term")
	}
	h.acks("n2")
	if m := only[ReadReply](h, "n3"); m.Index != 1 {
		t.Errorf("answered %+v", m)
	}
	h.gets("n3", ReadRequest{Term: 1, ID: 8})
	if len(h.sent) != 1 {
		t.Errorf("sent %v, want the answer only", h.sent)
	}
	h = start(t, 5)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	h.sent = nil
	h.gets("n3", ReadRequest{Term: 1, ID: 9, Round: true})
	h.acks("n3")
	if len(take[ReadReply](h, "n3")) != 0 {
		t.Error("counted the node that asked twice")
	}
	h.acks("n4")
	if len(take[ReadReply](h, "n3")) != 1 {
		t.Error("did not answer")
	}
}

// A follower of five gets its read in one round trip: the leader names an index while others confirm the term. Each counts once, in the
// term that was asked about.
func TestReadInOneRoundTrip(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n2", CommitNotice{Term: 3, Commit: 1})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	m := only[ReadRequest](h, "n2")
	if m.Round {
		t.Error("asked for a round at once")
	}
	h.gets("n3", ConfirmReply{Term: 3, ID: m.ID + 1})
	h.gets("n2", ConfirmReply{Term: 3, ID: m.ID}) // the leader's answer is the read reply
	h.gets("n2", ReadReply{Term: 3, ID: m.ID, Index: 1, Commit: 1})
	h.gets("n2", ReadReply{Term: 3, ID: m.ID, Index: 1, Commit: 1})
	h.wantOutcome(k, "")
	h.gets("n4", ConfirmReply{Term: 3, ID: m.ID})
	h.wantOutcome(k, "q:1")
	h.Read(h.now, "q", h.now+second)
	h.drain()
	if len(take[ConfirmRequest](h, "n4")) != 1 || len(take[ConfirmRequest](h, "n3")) != 1 || len(take[ConfirmRequest](h, "n5")) != 0 {
		t.Errorf("asked %v, want n4, which has answered, and one to spare", h.sent)
	}
}

// Without enough confirmations the leader is asked for a round; a new leader is asked anew, and nothing of the old term counts.
func TestReadFallsBackToARound(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n2", CommitNotice{Term: 3, Commit: 1})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1, Commit: 1})
	for len(take[ReadRequest](h, "n2")) == 0 {
		h.wait(10 * time.Millisecond)
		h.gets("n2", AppendRequest[string]{Term: 3, PrevIndex: 1, PrevTerm: 1})
	}
	if n := len(take[ConfirmRequest](h, "n5")); n != 1 {
		t.Errorf("asked the third of the others %d times", n)
	}
	if m := only[ReadRequest](h, "n2"); !m.Round || m.ID != id {
		t.Errorf("asked again with %+v", m)
	}
	h.gets("n3", AppendRequest[string]{Term: 4, PrevIndex: 1, PrevTerm: 1})
	if m := only[ReadRequest](h, "n3"); m.Round || m.Term != 4 {
		t.Errorf("asked the new leader with %+v", m)
	}
	h.gets("n4", ConfirmReply{Term: 3, ID: id})
	h.gets("n3", ReadReply{Term: 4, ID: id, Index: 1, Commit: 1})
	h.wantOutcome(k, "")
	h.gets("n3", ReadReply{Term: 4, ID: id, Index: 1, Commit: 1, Confirmed: true})
	h.wantOutcome(k, "q:1")
}

// A read that expires before its second attempt is not in vain: the next one asks everybody, and the one after that those who answered.
func TestDeadConfirmersAreLeftAside(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n2", CommitNotice{Term: 3, Commit: 1})
	asked := func() (id uint64, whom string) {
		h.Read(h.now, "q", h.now+h.core.pace.replyTime()+time.Millisecond)
		h.drain()
		for _, to := range []NodeID{"n3", "n4", "n5"} {
			if len(take[ConfirmRequest](h, to)) > 0 {
				whom += string(to)
			}
		}
		return only[ReadRequest](h, "n2").ID, whom
	}
	if _, whom := asked(); whom != "n3n4" {
		t.Fatalf("asked %s first", whom)
	}
	h.wait(h.core.pace.replyTime() + time.Millisecond) // both are dead
	id, whom := asked()
	if whom != "n3n4n5" {
		t.Fatalf("after that, asked %s", whom)
	}
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1, Commit: 1})
	h.gets("n5", ConfirmReply{Term: 3, ID: id})
	if _, whom := asked(); whom != "n3n5" {
		t.Errorf("in the end, asked %s", whom)
	}
}

// Index and confirmations belong to one term: what was gathered in the last one does not add up with what comes in this one.
func TestNewTermNewIndex(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n2", CommitNotice{Term: 3, Commit: 1})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1, Commit: 1}) // one confirmation is missing
	h.gets("n3", AppendRequest[string]{Term: 4, PrevIndex: 1, PrevTerm: 1})
	h.gets("n4", ConfirmReply{Term: 4, ID: id})
	h.wantOutcome(k, "") // n3 may have committed since it was elected, and has named no index
	h.gets("n3", ReadReply{Term: 4, ID: id, Index: 1, Commit: 1})
	h.wantOutcome(k, "q:1")
}

// A node confirms the term that it is in, and no other.
func TestConfirm(t *testing.T) {
	h := start(t, 5)
	h.follow(3, 1)
	h.gets("n4", ConfirmRequest{Term: 2, ID: 7})
	if len(h.sent) != 0 {
		t.Errorf("answered %v to a question about an earlier term", h.sent)
	}
	h.gets("n4", ConfirmRequest{Term: 3, ID: 7})
	if m := only[ConfirmReply](h, "n4"); m != (ConfirmReply{Term: 3, ID: 7}) {
		t.Errorf("answered %+v", m)
	}
	h.gets("n4", ConfirmRequest{Term: 5, ID: 8})
	if m := only[ConfirmReply](h, "n4"); m.Term != 5 || h.Status().Term != 5 {
		t.Errorf("answered %+v in term %d", m, h.Status().Term)
	}
}

// A deposed leader answers no reads; the next leader does.
func TestDeposedLeaderAnswersNoReads(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2), Commit: 2})
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, Round: 1, At: h.now})
	h.wantOutcome(k, "")
	m := only[ReadRequest](h, "n3")
	h.gets("n3", ReadReply{Term: 2, ID: m.ID, Index: 3, Commit: 3})
	h.wantOutcome(k, "") // the state is not new enough
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 2, Entries: entries(3, 2), Commit: 2})
	h.wantOutcome(k, "q:2") // the read reply had named 3 as committed
}

func TestReadExpires(t *testing.T) {
	h := start(t, 3)
	waiting := h.Read(h.now, "q", 50*time.Millisecond)
	h.follow(1, 1)
	asked := h.Read(h.now, "q", 60*time.Millisecond)
	h.drain()
	h.wait(59 * time.Millisecond)
	h.wantOutcome(waiting, ErrUnavailable.Error())
	h.wantOutcome(asked, "")
	h.wait(2 * time.Millisecond)
	h.wantOutcome(asked, ErrUnavailable.Error())
	if n := h.Status().Requests; n != 0 {
		t.Errorf("%d requests still wait", n)
	}
}

// ---- Proposals, and what can be said of them.

// A follower forwards with the term that it means, and recognises its own when it is applied.
func TestForward(t *testing.T) {
	h := start(t, 3)
	h.follow(4, 1)
	k := h.Propose(h.now, "x", h.now+second)
	h.drain()
	m := only[ForwardRequest[string]](h, "n2")
	if m.Term != 4 || len(m.Proposals) != 1 || m.Proposals[0].Command != "x" {
		t.Fatalf("forwarded %+v", m)
	}
	own := Entry[string]{Index: 2, Term: 4, ID: ProposalID{"n1", m.Proposals[0].Seq}, Command: "x"}
	h.gets("n2", AppendRequest[string]{Term: 4, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{own}})
	h.wantOutcome(k, "")
	h.gets("n2", CommitNotice{Term: 4, Commit: 2})
	h.wantOutcome(k, "did x")
}

// Requests that wait for a leader are sent along with the vote, and the candidate takes them once it has won.
func TestRequestsTravelWithTheVote(t *testing.T) {
	h := start(t, 3)
	h.Propose(h.now, "x", second)
	h.Read(h.now, "q", second)
	h.gets("n2", VoteRequest{Term: 1})
	if len(take[ForwardRequest[string]](h, "n2")) != 1 || len(take[ReadRequest](h, "n2")) != 1 {
		t.Fatalf("sent %v with the vote", h.sent)
	}
	h.sent = nil
	h.gets("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 1)})
	if len(h.sent) != 1 {
		t.Errorf("sent %v, want no more than a confirmation", h.sent)
	}
	c := start(t, 5)
	c.wait(200 * time.Millisecond)
	c.wantRole(Candidate)
	c.gets("n2", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{7, "x"}}})
	c.gets("n2", ReadRequest{Term: 1, ID: 8})
	for range 2 * maxStash {
		c.gets("n2", ReadRequest{Term: 1, ID: 9})
	}
	if n := len(c.core.role.(*candidate).early); n != maxStash {
		t.Errorf("keeps %d early requests", n)
	}
	c.lead()
	c.wantLog(1, 1)
	if l := c.core.role.(*leader[string]); len(l.waiting) != maxStash-1 {
		t.Errorf("%d reads wait", len(l.waiting))
	}
}

// A leader appends what was meant for its term, and tells whoever waits when it is committed.
func TestLeaderTakesForwards(t *testing.T) {
	h := start(t, 5)
	term := h.lead()
	h.acks("n2")
	h.acks("n3")
	h.gets("n4", ForwardRequest[string]{Term: term - 1, Proposals: []Proposal[string]{{7, "old"}}})
	h.gets("n4", ForwardRequest[string]{Term: term, Proposals: []Proposal[string]{{8, "new"}}})
	h.wantLog(term, term)
	if e := h.View().Log[1]; e.ID != (ProposalID{"n4", 8}) || e.Command != "new" {
		t.Errorf("appended %+v", e)
	}
	h.sent = nil
	h.acks("n2")
	h.acks("n3")
	if m := only[CommitNotice](h, "n4"); m.Commit != 2 {
		t.Errorf("told %+v", m)
	}
	if len(take[CommitNotice](h, "n2")) != 0 {
		t.Error("told a node where nobody waits")
	}
}

// The completion belongs to the entry, not to its place: zaft acknowledged whatever was applied at the index.
func TestOverwrittenProposalIsNotAcknowledged(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	k := h.Propose(h.now, "mine", h.now+second)
	h.drain() // entry 2 of term 1, on this node only
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2), Commit: 2})
	if h.journal.commands[0] == "mine" {
		t.Fatal("not overwritten")
	}
	h.wantOutcome(k, "")
}

// Once an entry of a later term is applied, a proposal that was sent under earlier terms only is dead, and starts over; without a leader,
// it ends as what it is: never executed.
func TestDeadProposal(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	deadline := h.now + second
	k := h.Propose(h.now, "x", deadline)
	h.drain()
	h.sent = nil
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	if n := len(take[ForwardRequest[string]](h, "n2")); n != 0 {
		t.Error("sent a proposal again that may still be alive")
	}
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 2, Commit: 2})
	if m := only[ForwardRequest[string]](h, "n2"); m.Term != 2 {
		t.Errorf("forwarded %+v", m)
	}
	// The new leader dies too. The next one has an entry of its term applied here before contact is lost for good.
	h.gets("n3", AppendRequest[string]{Term: 3, PrevIndex: 2, PrevTerm: 2, Entries: entries(3, 3)})
	h.core.role.(*follower[string]).heardAt = never
	h.gets("n3", ReadReply{Term: 3, Index: 3, Commit: 3})
	h.wait(deadline - h.now + 1)
	h.wantOutcome(k, ErrUnavailable.Error())
}

// An entry of the very term under which a proposal was sent proves nothing, though it be the first of that term: the proposal's own may follow it.
func TestEntryOfItsOwnTermKillsNoProposal(t *testing.T) {
	h := start(t, 3)
	h.follow(4, 1)
	k := h.Propose(h.now, "x", h.now+50*time.Millisecond)
	h.drain() // sent under term 4
	h.sent = nil
	h.gets("n2", AppendRequest[string]{Term: 4, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 4), Commit: 2}) // the first of term 4
	if n := len(take[ForwardRequest[string]](h, "n2")); n != 0 {
		t.Error("sent a proposal again that the leader may have appended")
	}
	h.wait(51 * time.Millisecond)
	h.wantOutcome(k, ErrUnknown.Error())
}

// A proposal that is out and not heard of again is unknown at its deadline; one that never left was never executed.
func TestDeadline(t *testing.T) {
	h := start(t, 3)
	never := h.Propose(h.now, "x", 50*time.Millisecond)
	h.wait(51 * time.Millisecond)
	h.wantOutcome(never, ErrUnavailable.Error())
	h.follow(1, 1)
	sent := h.Propose(h.now, "y", h.now+50*time.Millisecond)
	h.drain()
	h.wait(51 * time.Millisecond)
	h.wantOutcome(sent, ErrUnknown.Error())
}

// A node that has missed two heartbeats keeps its requests.
func TestHoldWhenLeaderIsSilent(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.now += h.core.pace.contactLost() + 1
	k := h.Propose(h.now, "x", h.now+second)
	r := h.Read(h.now, "q", h.now+second)
	h.drain()
	if len(h.sent) != 0 {
		t.Errorf("sent %v to a leader that may be gone", h.sent)
	}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	if len(take[ForwardRequest[string]](h, "n2")) != 1 || len(take[ReadRequest](h, "n2")) != 1 {
		t.Errorf("sent %v when the leader was back", h.sent)
	}
	_, _ = k, r
}

// A leader that has not heard from a majority for two heartbeats appends nothing either.
func TestLeaderHoldsWithoutContact(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.now += h.core.pace.contactLost() + 1
	h.Propose(h.now, "x", h.now+second)
	h.drain()
	h.wantLog(1)
	h.acks("n2")
	h.wantLog(1, 1)
}

// With Resend, a proposal follows the leadership at once, and is repeated with growing pauses.
func TestResend(t *testing.T) {
	resend := func(c *Config[string]) { c.Resend = true }
	h := start(t, 3, resend)
	h.follow(1, 1)
	h.Propose(h.now, "x", h.now+10*second)
	h.drain()
	h.sent = nil
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1})
	if m := only[ForwardRequest[string]](h, "n3"); m.Term != 2 {
		t.Errorf("forwarded %+v", m)
	}
	beat := func(d time.Duration) {
		for end := h.now + d; h.now < end; {
			h.wait(20 * time.Millisecond)
			h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1})
		}
	}
	h.sent = nil
	beat(3 * second)
	if n := len(take[ForwardRequest[string]](h, "n3")); n < 3 || n > 6 {
		t.Errorf("repeated %d times in three seconds", n)
	}
}

// That another request has expired meanwhile puts no repetition off.
func TestResendSurvivesAnotherDeadline(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Resend = true })
	h.follow(1, 1)
	h.Propose(h.now, "x", h.now+10*second)
	h.Propose(h.now, "y", h.now+10*time.Millisecond)
	h.drain()
	h.sent = nil
	for range 25 {
		h.wait(20 * time.Millisecond)
		h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	}
	if m := take[ForwardRequest[string]](h, "n2"); len(m) == 0 || m[0].Proposals[0].Command != "x" {
		t.Errorf("sent again %+v, want x", m)
	}
}

// Every waiter ends, also at shutdown, and after it.
func TestEveryWaiterEnds(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	asked := h.Read(h.now, "q", h.now+second)
	sent := h.Propose(h.now, "x", h.now+second)
	h.drain()
	held := h.Propose(h.now, "y", h.now+second)
	waiting := h.Read(h.now, "q", h.now+second)
	for _, o := range h.Close() {
		h.outcomes[o.Ticket] = o
	}
	h.wantOutcome(sent, ErrUnknown.Error())
	for _, k := range []Ticket{asked, held, waiting} {
		h.wantOutcome(k, ErrUnavailable.Error())
	}
	late := h.Propose(h.now, "z", h.now+second)
	h.drain()
	h.wantOutcome(late, ErrUnavailable.Error())
}

func TestStepDownEndsNoRequestTwice(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Resend = true })
	h.lead()
	h.acks("n2")
	k := h.Propose(h.now, "x", h.now+second)
	h.drain()
	mine := h.View().Log[1]
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 2), Commit: 3})
	h.wantOutcome(k, "did x")
	again := mine
	again.Index, again.Term = 4, 2 // the copy that was sent to the new leader
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 3, PrevTerm: 2, Entries: []Entry[string]{again}, Commit: 4})
	h.wantOutcome(k, "did x")
}

func TestRequestsAreBounded(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.MaxRequests = 3 })
	for range 3 {
		h.Propose(h.now, "x", second)
	}
	p, r := h.Propose(h.now, "x", second), h.Read(h.now, "q", second)
	h.drain()
	h.wantOutcome(p, ErrOverloaded.Error())
	h.wantOutcome(r, ErrOverloaded.Error())
	h.wait(2 * second)
	k := h.Propose(h.now, "x", h.now+second)
	h.drain()
	h.wantOutcome(k, "")
	l := start(t, 3, func(c *Config[string]) { c.MaxRequests = 3 })
	term := l.lead()
	for i := range uint64(20) {
		l.gets("n2", ForwardRequest[string]{Term: term, Proposals: []Proposal[string]{{i + 1, "x"}}})
		l.gets("n2", ReadRequest{Term: term, ID: i})
	}
	if n := len(l.View().Log); n != 3 {
		t.Errorf("a log of %d uncommitted entries", n)
	}
	if ld := l.core.role.(*leader[string]); len(ld.waiting)+len(ld.reads) > 3 {
		t.Errorf("%d reads wait", len(ld.waiting)+len(ld.reads))
	}
}

// The bytes are bounded that wait on a node, and those that a leader has appended and not committed. What is refused was not executed.
func TestBytesAreBounded(t *testing.T) {
	bound := func(c *Config[string]) { c.MaxUncommittedBytes, c.SizeOf = 10, func(s string) int { return len(s) } }
	refused := func(h *host) {
		t.Helper()
		p, r := h.Propose(h.now, "x", h.now+second), h.Read(h.now, "q", h.now+second)
		h.drain()
		h.wantOutcome(p, ErrOverloaded.Error())
		h.wantOutcome(r, ErrOverloaded.Error())
	}
	f := start(t, 3, bound)
	f.Propose(f.now, "12345", second)
	f.Read(f.now, "12345", second)
	refused(f)
	f.wait(2 * second)
	if f.core.requests.bytes != 0 {
		t.Errorf("nothing waits, but %d bytes are counted", f.core.requests.bytes)
	}

	l := start(t, 3, bound)
	term := l.lead()
	l.acks("n2")
	for i := range uint64(20) {
		l.gets("n2", ForwardRequest[string]{Term: term, Proposals: []Proposal[string]{{i + 1, "12345"}}})
	}
	if n := len(l.View().Log); n != 1+2 {
		t.Errorf("a log of %d entries", n)
	}
	refused(l)
	l.acks("n2")
	k, r := l.Propose(l.now, "12345", l.now+second), l.Read(l.now, "q", l.now+second)
	l.drain()
	l.acks("n2")
	l.wantOutcome(k, "did 12345")
	l.wantOutcome(r, "q:3")
	if n := l.core.role.(*leader[string]).uncommitted; n != 0 || l.core.requests.bytes != 0 {
		t.Errorf("nothing is uncommitted and nothing waits, but %d and %d bytes are counted", n, l.core.requests.bytes)
	}
}

func TestForwardsAreCutToSize(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.MaxAppendBytes, c.SizeOf = 10, func(s string) int { return len(s) } })
	h.follow(1, 1)
	for range 5 {
		h.Propose(h.now, "four", h.now+second)
	}
	h.drain()
	if n := len(take[ForwardRequest[string]](h, "n2")); n != 3 {
		t.Errorf("%d forwards of at most two proposals", n)
	}
}

// ---- What a peer sends is checked.

func TestNonsenseIsRefused(t *testing.T) {
	leaderOf5 := func() *host {
		h := start(t, 3)
		h.follow(4, 1, 2)
		h.lead()
		h.acks("n2")
		return h
	}
	follower := func() *host {
		h := start(t, 3)
		h.follow(5, 1, 2)
		h.gets("n2", CommitNotice{Term: 5, Commit: 2})
		return h
	}
	for i, c := range []struct {
		host func() *host
		from NodeID
		body Body
	}{
		{follower, "n1", VoteRequest{Term: 6}},
		{follower, "", VoteRequest{Term: 6}},
		{follower, "n1", VoteRequest{Term: 6}}, // which is itself
		{follower, "n2", nil},
		{follower, "n2", AppendRequest[int]{Term: 5}},
		{follower, "n2", VoteRequest{Term: 5 + maxJump + 1}},
		{follower, "n2", VoteRequest{Term: 6, LastIndex: 3}},
		{follower, "n2", VoteRequest{Term: 6, LastTerm: 3}},
		{follower, "n2", VoteRequest{Term: 6, LastIndex: 3, LastTerm: 6}},
		{follower, "n2", VoteRequest{Term: 6, LastIndex: maxNumber + 1, LastTerm: 3}},
		{follower, "n2", PreVoteRequest{Term: 6, LastIndex: 3, LastTerm: 6}},
		{follower, "n2", AppendRequest[string]{Term: 0}},
		{follower, "n3", AppendRequest[string]{Term: 5}},
		{leaderOf5, "n3", AppendRequest[string]{Term: 5}},
		{follower, "n2", AppendRequest[string]{Term: 5, PrevIndex: 2}},
		{follower, "n2", AppendRequest[string]{Term: 5, Commit: maxNumber + 1}},
		{follower, "n2", AppendRequest[string]{Term: 5, RTT: RoundTrip{Mean: -1}}},
		{follower, "n2", AppendRequest[string]{Term: 5, RTT: RoundTrip{Deviation: time.Hour}}},
		{follower, "n2", AppendRequest[string]{Term: 5, PrevIndex: 2, PrevTerm: 2, Entries: entries(4, 5)}},
		{follower, "n2", AppendRequest[string]{Term: 5, PrevIndex: 2, PrevTerm: 2, Entries: entries(3, 1)}},
		{follower, "n2", AppendRequest[string]{Term: 5, PrevIndex: 2, PrevTerm: 2, Entries: entries(3, 6)}},
		{follower, "n2", AppendRequest[string]{Term: 5, Entries: entries(1, 3)}},
		{follower, "n2", CommitNotice{Term: 5, Commit: maxNumber + 1}},
		{follower, "n2", ReadReply{Term: 5, Index: maxNumber + 1}},
		{follower, "n2", ForwardRequest[string]{Term: 5, Proposals: []Proposal[string]{{0, "x"}}}},
		{leaderOf5, "n2", AppendReply{Term: 5, OK: true, Match: 99}},
		{leaderOf5, "n2", AppendReply{Term: 5, Round: 99}},
		{leaderOf5, "n2", AppendReply{Term: 5, PrevIndex: 2, HintIndex: 2}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			h := c.host()
			h.t = t
			h.refuses(c.from, c.body)
		})
	}
	h := follower()
	if h.Step(h.now, Message{From: "n2", To: "n3", Body: ReadRequest{}}) == nil {
		t.Error("took in a message for another node")
	}
}

// ---- Timing.

func TestPaceFollowsTheNetwork(t *testing.T) {
	for _, c := range []struct {
		oneWay           time.Duration
		least, mostUpper time.Duration
	}{
		{0, 200 * time.Millisecond, 200 * time.Millisecond},
		{10 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond},
		{100 * time.Millisecond, 400 * time.Millisecond, 500 * time.Millisecond},
		{500 * time.Millisecond, 2 * second, 2500 * time.Millisecond},
		{4 * second, 2 * DefaultMaxElectionTimeout, 2 * DefaultMaxElectionTimeout},
	} {
		p := newPace(DefaultMinElectionTimeout, DefaultMaxElectionTimeout, 0)
		for i := range time.Duration(50) {
			p.sample(i*second, i*second+2*c.oneWay)
		}
		if top := p.electionMax(); top < c.least || top > c.mostUpper {
			t.Errorf("at a latency of %v the election time-out is %v", c.oneWay, top)
		}
		if p.heartbeatEvery()*heartbeatsPerTimeout > p.electionMin() {
			t.Errorf("heartbeat every %v, time-out from %v", p.heartbeatEvery(), p.electionMin())
		}
	}
	p := newPace(1, 2, 0)
	p.sample(5*second, second)
	p.sample(-second, second)
	p.sample(0, time.Hour)
	if p.measured {
		t.Error("took nonsense for a measurement")
	}
}

func TestFlagsOverrideMeasuring(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.ElectionTimeout, c.Heartbeat = second, 70*time.Millisecond })
	h.gets("n2", AppendRequest[string]{Term: 1, RTT: RoundTrip{Mean: 3 * second}})
	if s := h.Status(); s.ElectionTimeout != 2*second || s.Heartbeat != 70*time.Millisecond {
		t.Errorf("time-out %v, heartbeat %v", s.ElectionTimeout, s.Heartbeat)
	}
}
