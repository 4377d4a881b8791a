package raft

import (
	"errors"
	"testing"
	"time"
)

// leading returns the leader of three nodes, whose followers have everything that it has.
func leading(t *testing.T, change ...func(*Config[string])) *host {
	h := start(t, 3, change...)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	h.sent = nil
	return h
}

func (h *host) transfer(to NodeID) Ticket {
	h.t.Helper()
	k := h.TransferLeadership(h.now, to, h.now+time.Second)
	h.drain()
	return k
}

func isNil(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// wantTransfer checks that a transfer has ended, and how.
func (h *host) wantTransfer(k Ticket, want error) {
	h.t.Helper()
	o, ok := h.outcomes[k]
	if !ok || !errors.Is(o.Err, want) {
		h.t.Errorf("transfer %d: ended %t with %q, want %q", k, ok, isNil(o.Err), isNil(want))
	}
}

func (h *host) wantNoOutcome(k Ticket) {
	h.t.Helper()
	if o, ok := h.outcomes[k]; ok {
		h.t.Errorf("ticket %d has ended: %+v", k, o)
	}
}

// A target that has the whole log is told at once; the leader steps down when the target asks for its vote, although it has heard from everybody.
func TestTransfer(t *testing.T) {
	h := leading(t)
	k := h.transfer("n2")
	if m := only[TimeoutNow](h, "n2"); m.Term != 1 {
		t.Errorf("sent %+v", m)
	}
	h.wantRole(Leader)
	h.wantNoOutcome(k)
	h.gets("n2", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1, Transfer: true})
	if m := only[VoteReply](h, "n2"); !m.Granted {
		t.Error("the old leader does not vote for its successor")
	}
	h.wantRole(Follower)
	h.wantNoOutcome(k)
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.wantTransfer(k, nil)
}

// A target that lacks entries gets them first, and is told when it has acknowledged the last one.
func TestTransferWaitsForTheLog(t *testing.T) {
	h := leading(t)
	h.Propose(h.now, "x", h.now+time.Second)
	h.drain()
	h.transfer("n2")
	h.acksUpTo("n3", 2)
	if len(take[TimeoutNow](h, "n2")) > 0 {
		t.Error("told a node to stand that lacks an entry")
	}
	h.acksUpTo("n2", 2)
	only[TimeoutNow](h, "n2")
}

func (h *host) acksUpTo(from NodeID, match Index) {
	h.gets(from, AppendReply{Term: h.Status().Term, OK: true, Match: match, At: h.now})
}

// Nothing is appended while a transfer is under way, and everything is when it is given up: own proposals and those of others.
func TestProposalsAreHeldDuringTransfer(t *testing.T) {
	h := leading(t)
	k := h.transfer("n2")
	own := h.Propose(h.now, "x", h.now+10*time.Second)
	h.drain()
	h.gets("n3", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 7, Command: "y"}}})
	h.wantLog(1)
	read := h.Read(h.now, "q", h.now+time.Second)
	h.drain()
	h.acks("n3")
	if _, ok := h.outcomes[read]; !ok {
		t.Error("reads wait for a transfer")
	}
	for range 10 { // it is given up after the longest election time-out
		h.wait(25 * time.Millisecond)
		h.acks("n3")
	}
	h.wantRole(Leader)
	h.wantTransfer(k, ErrNotTransferred)
	h.wantLog(1, 1, 1)
	h.acks("n3")
	h.wantOutcome(own, "did x")
}

// The order may get lost, so it is repeated, and the last one is given up with the transfer.
func TestTimeoutNowIsRepeated(t *testing.T) {
	h := leading(t)
	h.transfer("n2")
	h.wait(h.core.pace.heartbeatEvery())
	if n := len(take[TimeoutNow](h, "n2")); n != 2 {
		t.Errorf("told %d times after one heartbeat", n)
	}
	for range 20 {
		h.wait(25 * time.Millisecond)
		h.acks("n3")
	}
	if n := len(take[TimeoutNow](h, "n2")); n > 7 {
		t.Errorf("told %d times", n)
	}
}

// Held proposals have a bound, and what is beyond it is dropped as where the log has no room.
func TestHeldProposalsAreBounded(t *testing.T) {
	h := leading(t, func(c *Config[string]) { c.MaxRequests = 3 })
	h.transfer("n2")
	for seq := range uint64(5) {
		h.gets("n3", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: seq + 1, Command: "y"}}})
	}
	if n := len(h.core.role.(*leader[string]).handover.held); n != 3 {
		t.Errorf("%d are held", n)
	}
	for range 10 {
		h.wait(25 * time.Millisecond)
		h.acks("n3")
	}
	h.wantLog(1, 1, 1, 1)
}

// Who leads already, or is no voter, or is dead, or comes second.
func TestTransferIsRefused(t *testing.T) {
	h := leading(t)
	h.wantTransfer(h.transfer("n1"), nil)
	h.wantTransfer(h.transfer("n9"), ErrNoVoter)
	for range 20 {
		h.wait(25 * time.Millisecond)
		h.acks("n3")
	}
	h.wantTransfer(h.transfer("n2"), ErrUnreachable)
	first := h.transfer("n3")
	h.wantTransfer(h.transfer("n2"), ErrTransferring)
	again := h.transfer("n3")
	whoever := h.transfer("")
	h.wantNoOutcome(again)
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	for _, k := range []Ticket{first, again, whoever} {
		h.wantTransfer(k, nil)
	}
	alone := start(t, 1)
	alone.wait(time.Second)
	alone.wantTransfer(alone.transfer(""), ErrUnreachable)
}

// Left to the leader, the one with most of the log is chosen.
func TestMostCaughtUpIsChosen(t *testing.T) {
	h := leading(t)
	h.Propose(h.now, "x", h.now+time.Second)
	h.drain()
	h.acksUpTo("n3", 2)
	k := h.transfer("")
	only[TimeoutNow](h, "n3")
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 2)})
	h.wantTransfer(k, nil) // some other node leads, and that was all that was wanted
}

// If another node than the target wins, the transfer has failed.
func TestTransferToAnotherNode(t *testing.T) {
	h := leading(t)
	k := h.transfer("n2")
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.wantTransfer(k, ErrNotTransferred)
}

// A follower asks the leader, and sees for itself what comes of it.
func TestFollowerAsksForTransfer(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.wantTransfer(h.transfer("n2"), nil) // leads already
	for _, c := range []struct {
		why  Refusal
		want error
	}{{RefusedBusy, ErrTransferring}, {RefusedUnreachable, ErrUnreachable}, {RefusedGivenUp, ErrNotTransferred}, {RefusedNoVoter, ErrNoVoter}} {
		k := h.transfer("n3")
		if m := only[TransferRequest](h, "n2"); m.Term != 1 || m.To != "n3" {
			t.Errorf("asked %+v", m)
		}
		h.gets("n2", TransferReply{Term: 1, To: "n3", Why: c.why})
		h.wantTransfer(k, c.want)
	}
	k := h.transfer("n3")
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.wantTransfer(k, nil)
	k = h.transfer("n1")
	h.gets("n3", TimeoutNow{Term: 2})
	h.gets("n2", VoteReply{Term: 3, Granted: true})
	h.wantTransfer(k, nil) // it is this node
}

// Without a leader the wish waits, and was never put to anybody; else its fate is unknown.
func TestTransferAtItsDeadline(t *testing.T) {
	h := start(t, 3)
	k := h.transfer("n2")
	h.wait(2 * time.Second)
	h.wantTransfer(k, ErrUnavailable)
	h.follow(9, 9)
	k = h.transfer("n3")
	h.wait(2 * time.Second)
	h.wantTransfer(k, ErrUnknown)
	k = h.transfer("n3")
	for _, o := range h.Close() {
		h.outcomes[o.Ticket] = o
	}
	h.wantTransfer(k, ErrUnavailable)
}

// A leader answers a node that asks for what cannot be, and for what is given up.
func TestLeaderRefusesOthersWishes(t *testing.T) {
	h := leading(t)
	h.gets("n2", TransferRequest{Term: 1, To: "n9"})
	if m := only[TransferReply](h, "n2"); m != (TransferReply{1, "n9", RefusedNoVoter}) {
		t.Errorf("sent %+v", m)
	}
	h.gets("n2", TransferRequest{Term: 1, To: "n1"}) // itself
	h.gets("n2", TransferRequest{Term: 1, To: "n3"})
	h.gets("n2", TransferRequest{Term: 1, To: "n3"})
	h.gets("n3", TransferRequest{Term: 1, To: "n2"})
	if m := only[TransferReply](h, "n3"); m != (TransferReply{1, "n2", RefusedBusy}) {
		t.Errorf("sent %+v", m)
	}
	for range 10 {
		h.wait(25 * time.Millisecond)
		h.acks("n2")
	}
	if m := only[TransferReply](h, "n2"); m != (TransferReply{1, "n3", RefusedGivenUp}) {
		t.Errorf("sent %+v", m)
	}
}

// The target stands at once, asks nobody for a promise first, and says why it may disturb. In a second attempt it may not any more.
func TestTargetStandsAtOnce(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.gets("n2", TimeoutNow{Term: 1})
	h.wantRole(Candidate)
	if m := only[VoteRequest](h, "n3"); m.Term != 2 || !m.Transfer {
		t.Errorf("sent %+v", m)
	}
	h.gets("n2", TimeoutNow{Term: 1}) // a copy
	h.gets("n2", TimeoutNow{Term: 1})
	if got := h.Status(); got.Term != 2 || got.Role != Candidate {
		t.Errorf("after copies: %+v", got)
	}
	for h.Status().Role != PreCandidate {
		h.wait(10 * time.Millisecond)
	}
	h.gets("n3", PreVoteReply{Term: 3, Granted: true, At: h.now})
	for _, m := range take[VoteRequest](h, "n3") {
		if m.Term > 2 && m.Transfer {
			t.Errorf("sent %+v", m)
		}
	}
}

// A pre-candidate obeys, a candidate and a leader have better to do.
func TestWhoObeysTimeoutNow(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	for h.Status().Role != PreCandidate {
		h.wait(10 * time.Millisecond)
	}
	h.gets("n2", TimeoutNow{Term: 1})
	h.wantRole(Candidate)
	h.gets("n2", TimeoutNow{Term: 2})
	if s := h.Status(); s.Term != 2 {
		t.Errorf("a candidate stands again: %+v", s)
	}
}

// Who hears a leader votes against it only if that very leader wants it.
func TestSanctionedVotes(t *testing.T) {
	for _, c := range []struct {
		request VoteRequest
		votes   bool
	}{
		{VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1}, false},
		{VoteRequest{Term: 3, LastIndex: 1, LastTerm: 1, Transfer: true}, false}, // some leader of term 2 wanted it
		{VoteRequest{Term: 2, LastIndex: 0, LastTerm: 0, Transfer: true}, false}, // no log
		{VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1, Transfer: true}, true},
	} {
		h := start(t, 3)
		h.follow(1, 1)
		h.gets("n3", c.request)
		voted := false
		for _, m := range take[VoteReply](h, "n3") {
			voted = voted || m.Granted
		}
		if voted != c.votes {
			t.Errorf("%+v: voted %t", c.request, voted)
		}
	}
}

// What no correct peer says.
func TestTransferLies(t *testing.T) {
	h := start(t, 3)
	h.follow(5, 1)
	h.refuses("n3", TimeoutNow{Term: 5})
	h.refuses("n2", TimeoutNow{Term: 6})
	h.refuses("n2", TimeoutNow{})
	h.refuses("n3", TransferReply{Term: 5, To: "n3", Why: RefusedBusy})
	h.refuses("n2", TransferReply{Term: 5, To: "n3", Why: "bored"})
	h.gets("n2", TimeoutNow{Term: 4}) // old
	h.wantRole(Follower)

	h = leading(t)
	h.refuses("n2", TimeoutNow{Term: 1})
	h.refuses("n2", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1, Transfer: true})
	h.transfer("n2")
	h.gets("n2", VoteRequest{Term: 2, LastIndex: 1, LastTerm: 1, Transfer: true})
}

// A leader that has told its successor to stand promises nothing more in that term, whatever comes of it.
func TestAbdicationIsForTheTerm(t *testing.T) {
	h := leading(t)
	abdicated := func() bool { return h.core.role.(*leader[string]).abdicated }
	h.Propose(h.now, "x", h.now+time.Second)
	h.drain()
	h.transfer("n2")
	if abdicated() {
		t.Error("abdicated before the target was told")
	}
	h.acksUpTo("n2", 2)
	for range 10 {
		if !abdicated() {
			t.Fatal("not abdicated")
		}
		h.wait(25 * time.Millisecond)
		h.acks("n3")
	}
	if l := h.core.role.(*leader[string]); l.handover != nil {
		t.Error("never given up")
	}
}

// A leader hears the wishes of those it replicates to, and of nobody else: so there are never more of them than two for each.
func TestStrangersWishForNoTransfer(t *testing.T) {
	h := start(t, 3)
	term := h.lead()
	h.acks("n2")
	h.acks("n3")
	h.sent = nil
	h.gets("n9", TransferRequest{Term: term, To: "n2"})
	if n := len(h.sent); n > 0 || h.View().Successor != "" {
		t.Errorf("sent %v, hands over to %q", h.sent, h.View().Successor)
	}
	h.gets("n3", TransferRequest{Term: term, To: "n2"})
	only[TimeoutNow](h, "n2")
}
