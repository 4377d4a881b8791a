package raft

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// ---- The follower: Figure 2, AppendEntries, receiver implementation.

// The reply names prev+len(entries). raftz and miniraft named the end of the log, and leaders counted stale tails as replicated.
func TestAppendReplyNamesWhatWasVerified(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1, 1, 1) // two of these will turn out to be stale
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Commit: 3})
	if m := only[AppendReply](h, "n3"); !m.OK || m.Match != 1 {
		t.Errorf("confirmed %+v, want match 1", m)
	}
	h.wantCommit(1) // min(leaderCommit, prev+len), not the end of the log
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2), Commit: 3})
	if m := only[AppendReply](h, "n3"); !m.OK || m.Match != 2 {
		t.Errorf("confirmed %+v, want match 2", m)
	}
	h.wantCommit(2)
	h.wantLog(1, 2)
}

// An append that arrives late takes nothing away: its entries agree, and what follows them may have been acknowledged since.
func TestLateAppendDoesNotTruncate(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1, 1, 1, 1)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 1)})
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
	h.wantLog(1, 1, 1, 1)
}

func TestConflictTruncates(t *testing.T) {
	h := start(t, 3)
	h.follow(2, 1, 1, 2, 2)
	h.gets("n3", AppendRequest[string]{Term: 3, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 3)})
	h.wantLog(1, 1, 3)
	if saved, _ := h.disk.Load(); len(saved.Entries) != 3 || saved.Entries[2].Term != 3 {
		t.Errorf("disk has %+v", saved.Entries)
	}
}

// Nothing may undo what is committed. A correct leader never asks for it.
func TestCommittedIsNeverTruncated(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1, 1, 1)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 3, PrevTerm: 1, Commit: 2})
	h.wantCommit(2)
	h.refuses("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.refuses("n3", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 2})
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 2)}) // the third was not committed
	h.wantLog(1, 1, 2)
}

// §5.1: what belongs to an earlier term changes nothing; only a deposed leader is told so.
func TestStaleTermChangesNothing(t *testing.T) {
	h := start(t, 3)
	h.follow(5, 1, 2, 5)
	h.sent = nil
	for _, b := range []Body{
		VoteReply{Term: 4, Granted: true},
		PreVoteReply{Term: 4, Granted: true},
		AppendReply{Term: 4, OK: true, Match: 3},
		CommitNotice{Term: 4, Commit: 3},
		ForwardRequest[string]{Term: 4, Proposals: []Proposal[string]{{1, "x"}}},
		ReadRequest{Term: 4, ID: 1},
		ReadReply{Term: 4, ID: 1, Index: 3, Commit: 3},
	} {
		before := h.View()
		h.gets("n2", b)
		h.unchanged(before, 0)
	}
	before := h.View()
	h.gets("n3", AppendRequest[string]{Term: 4, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 4), Commit: 3})
	if m := only[AppendReply](h, "n3"); m.OK || m.Term != 5 {
		t.Errorf("answered a deposed leader %+v", m)
	}
	h.unchanged(before, 0)
}

// The same for a leader: miniraft counted acknowledgements of an earlier leadership of the same node.
func TestStaleAcknowledgementsDoNotCommit(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	term := h.lead()
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 2})
	h.gets("n3", AppendReply{Term: term - 1, OK: true, Match: 2})
	h.wantCommit(0)
	h.gets("n2", AppendReply{Term: term, OK: true, Match: 2})
	h.wantCommit(2)
}

// Figure 7: hints lead over a whole term at a time, from both sides.
func TestConflictHint(t *testing.T) {
	h := start(t, 3)
	h.follow(4, 1, 1, 2, 2, 2, 4, 4)
	h.gets("n3", AppendRequest[string]{Term: 5, PrevIndex: 7, PrevTerm: 3})
	if m := only[AppendReply](h, "n3"); m.OK || m.PrevIndex != 7 || m.HintIndex != 5 || m.HintTerm != 2 {
		t.Errorf("hint %+v: the entries of term 4 cannot agree with a log that has term 3 there", m)
	}
	h.gets("n3", AppendRequest[string]{Term: 5, PrevIndex: 20, PrevTerm: 5})
	if m := only[AppendReply](h, "n3"); m.OK || m.HintIndex != 7 || m.HintTerm != 4 {
		t.Errorf("hint %+v: the log ends at 7", m)
	}
	h.wantLog(1, 1, 2, 2, 2, 4, 4)
}

// Appends that overtake each other are put in order.
func TestOvertakingAppends(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	at := func(prev Index) AppendRequest[string] {
		return AppendRequest[string]{Term: 1, PrevIndex: prev, PrevTerm: 1, Entries: entries(prev+1, 1), Commit: 4}
	}
	h.gets("n2", at(3))
	h.gets("n2", at(2))
	h.gets("n2", at(3))
	h.wantLog(1)
	h.sent = nil
	h.gets("n2", at(1))
	if m := only[AppendReply](h, "n2"); !m.OK || m.Match != 4 {
		t.Errorf("confirmed %+v, want all four", m)
	}
	h.wantLog(1, 1, 1, 1)
	h.wantCommit(4)
}

// The place for appends that came too early is bounded, and a new term clears it.
func TestStashIsBounded(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	for i := range Index(3 * maxStash) {
		h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2 + i, PrevTerm: 1, Entries: entries(3+i, 1)})
	}
	if n := len(h.core.role.(*follower[string]).stash); n != maxStash {
		t.Errorf("%d appends put aside", n)
	}
	h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
	h.wantLog(1, 2)
}

// What was put aside is checked again when its turn comes: something else may stand before its place by then.
func TestStashIsCheckedAgain(t *testing.T) {
	h := start(t, 3)
	h.follow(2, 1)
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 2, PrevTerm: 1, Entries: entries(3, 1)}) // no correct leader sends both
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2, 2), Commit: 3})
	h.wantLog(1, 2, 2)
	h.wantCommit(3)
}

// Entries are shared between the log, batches and messages, and never change: what is on its way says what it said.
func TestEntriesHandedOutStay(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.sent = nil
	for range 5 {
		h.Propose(h.now, "mine", h.now+time.Second)
	}
	h.drain()
	sent := only[AppendRequest[string]](h, "n3").Entries
	h.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2, 2)})
	h.wantLog(1, 2, 2)
	for _, e := range sent {
		if e.Term != 1 {
			t.Errorf("the message has changed to %+v", sent)
		}
	}
}

// ---- The leader.

// §5.3: a bare majority commits, the leader included. miniraft needed all three of three.
func TestMajorityCommits(t *testing.T) {
	for size, others := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 3, 9: 4} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			h := start(t, size)
			h.lead()
			for i := range others {
				h.wantCommit(0)
				h.acks(h.core.others()[i])
				h.acks(h.core.others()[i]) // twice is once
			}
			h.wantCommit(1)
		})
	}
}

// The leader's own copy counts when it is durable, and not before.
func TestLeaderCountsItselfWhenDurable(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.wantCommit(1)
	k := h.Propose(h.now, "x", h.now+time.Second)
	b := h.Take(h.now)
	_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: AppendReply{Term: 1, OK: true, Match: 2, At: h.now}})
	h.carryOut(h.Take(h.now))
	h.wantCommit(1)
	h.Saved(b)
	h.drain()
	h.wantCommit(2)
	h.wantOutcome(k, "did x")
}

// A batch that was overtaken by a change of leader must not make entries count that took the place of its own.
func TestSavedBatchOfAReplacedLog(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.Propose(h.now, "x", h.now+time.Second)
	b := h.Take(h.now)
	_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)}})
	h.Saved(b)
	if got := h.View().Saved; got != 1 {
		t.Errorf("entries up to %d count as durable", got)
	}
}

// Acknowledgements that overtake each other: the later one takes nothing back.
func TestLateAcknowledgementTakesNothingBack(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.Propose(h.now, "x", h.now+time.Second)
	h.drain()
	h.acks("n2") // both entries
	h.sent = nil
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now})
	h.wait(40 * time.Millisecond) // a heartbeat is due
	if m := only[AppendRequest[string]](h, "n2"); m.PrevIndex != 2 {
		t.Errorf("went back to %+v", m)
	}
}

// Figure 8: an entry of an earlier term is not committed by counting, however many have it.
func TestEarlierTermsAreNotCounted(t *testing.T) {
	h := start(t, 5)
	h.follow(4, 1, 2)
	term := h.lead() // the no-op is entry 3
	for _, p := range h.core.others() {
		h.gets(p, AppendReply{Term: term, OK: true, Match: 2, At: h.now})
	}
	h.wantCommit(0)
	h.gets("n2", AppendReply{Term: term, OK: true, Match: 3, At: h.now})
	h.wantCommit(0)
	h.gets("n3", AppendReply{Term: term, OK: true, Match: 3, At: h.now})
	h.wantCommit(3)
}

// §8: the no-op commits what earlier leaders left, without waiting for a client.
func TestNoOpOpensATerm(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1, 1)
	term := h.lead()
	h.wantLog(1, 1, term)
	if e := h.View().Log[2]; !e.IsNoOp() {
		t.Errorf("the term begins with %+v", e)
	}
	h.acks("n2")
	h.wantCommit(3)
	if len(h.journal.commands) != 2 {
		t.Errorf("applied %v; a no-op is nothing to apply", h.journal.commands)
	}
}

// Pipelining, thesis §10.2.1: appends do not wait for each other, up to the window.
func TestPipelineAndWindow(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) {
		c.MaxInflight, c.MaxAppendBytes = 3, 1
	})
	h.lead()
	h.sent = nil
	for range 5 {
		h.Propose(h.now, "x", h.now+time.Second)
	}
	h.drain()
	if got := len(take[AppendRequest[string]](h, "n2")); got != 2 { // beside the no-op
		t.Errorf("%d appends in flight beside the no-op, want 2", got)
	}
	h.sent = nil
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 2, At: h.now})
	if got := len(take[AppendRequest[string]](h, "n2")); got != 2 {
		t.Errorf("%d further appends after two were answered, want 2", got)
	}
}

func TestWindowInBytes(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) {
		c.MaxInflightBytes, c.MaxAppendBytes, c.SizeOf = 100, 60, func(s string) int { return len(s) }
	})
	h.lead()
	h.acks("n2")
	h.sent = nil
	big := string(make([]byte, 90)) // more than an append may have, and still sent, alone
	for range 3 {
		h.Propose(h.now, big, h.now+time.Second)
	}
	h.drain()
	if got := len(take[AppendRequest[string]](h, "n2")); got != 2 {
		t.Errorf("%d appends of 90 bytes in a window of 100, want 2: the second fills it", got)
	}
}

// Coalescing: one append per follower for all input of a batch.
func TestOneAppendPerBatch(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.sent = nil
	for range 100 {
		h.Propose(h.now, "x", h.now+time.Second)
	}
	h.drain()
	if m := only[AppendRequest[string]](h, "n2"); len(m.Entries) != 100 {
		t.Errorf("%d entries in the append", len(m.Entries))
	}
}

// A follower whose log is in doubt is probed with one append at a time, and back-up skips whole terms.
func TestBackUp(t *testing.T) {
	h := start(t, 3)
	h.follow(7, 1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
	term := h.lead() // (f) of Figure 7 has terms 1 1 1 2 2 2 3 3 3 3 3
	h.sent = nil
	h.gets("n2", AppendReply{Term: term, PrevIndex: 10, HintIndex: 9, HintTerm: 3, At: h.now})
	m := only[AppendRequest[string]](h, "n2")
	if m.PrevIndex != 3 || m.PrevTerm != 1 {
		t.Errorf("probed at %d of term %d, want 3: the terms 4 to 6 cannot be there", m.PrevIndex, m.PrevTerm)
	}
	h.Propose(h.now, "x", h.now+time.Second)
	h.gets("n2", AppendReply{Term: term, PrevIndex: 10, HintIndex: 9, HintTerm: 3, At: h.now}) // an old rejection
	if got := take[AppendRequest[string]](h, "n2"); len(got) != 0 {
		t.Errorf("sent %+v to a follower that is being probed", got)
	}
	h.gets("n2", AppendReply{Term: term, OK: true, Match: 11, At: h.now})
	if m := only[AppendRequest[string]](h, "n2"); m.PrevIndex != 11 || len(m.Entries) != 1 {
		t.Errorf("went on with %+v", m)
	}
}

// A lost append is sent again: after a rejection that cannot be explained by overtaking, or when no answer comes.
func TestLostAppendIsRepeated(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	h.Propose(h.now, "x", h.now+time.Second)
	h.drain()
	h.sent = nil
	h.gets("n2", AppendReply{Term: 1, PrevIndex: 2, HintIndex: 1, HintTerm: 1, At: h.now})
	if len(take[AppendRequest[string]](h, "n2")) > 0 {
		t.Error("took an append that is on its way for lost")
	}
	h.now += h.core.pace.replyTime() + 1
	h.gets("n2", AppendReply{Term: 1, PrevIndex: 2, HintIndex: 1, HintTerm: 1, At: h.now})
	again := take[AppendRequest[string]](h, "n2")
	if len(again) == 0 || again[0].PrevIndex != 1 || len(again[0].Entries) != 1 {
		t.Errorf("repeated %+v", again)
	}
	h.sent = nil
	for range 10 {
		h.wait(h.core.pace.resendAfter() / 8)
		h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now}) // alive, but does not have it
	}
	found := false
	for _, m := range take[AppendRequest[string]](h, "n2") {
		found = found || m.PrevIndex == 1 && len(m.Entries) == 1
	}
	if !found {
		t.Error("an append without an answer was not repeated")
	}
}

// A follower that does not answer gets heartbeats only, and everything once it does.
func TestBlackHoledFollower(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	for range 50 {
		h.wait(20 * time.Millisecond)
		h.acks("n2")
	}
	h.sent = nil
	for range 10 {
		h.Propose(h.now, "x", h.now+time.Second)
		h.wait(20 * time.Millisecond)
		h.acks("n2")
	}
	for _, m := range take[AppendRequest[string]](h, "n3") {
		if len(m.Entries) > 0 {
			t.Errorf("sent entries into the dark: %+v", m)
		}
	}
	if n := len(take[AppendRequest[string]](h, "n3")); n < 5 || n > 8 {
		t.Errorf("%d heartbeats in 200 ms", n)
	}
	h.sent = nil
	h.gets("n3", AppendReply{Term: 1, PrevIndex: 0, HintIndex: 0, At: h.now})
	if m := take[AppendRequest[string]](h, "n3"); len(m) == 0 || len(m[0].Entries) == 0 {
		t.Error("nothing sent to a follower that is back")
	}
}

// Appends prove the leader alive, so heartbeats are sent only where there are none.
func TestHeartbeatsOnlyWhenIdle(t *testing.T) {
	h := start(t, 2)
	h.lead()
	h.acks("n2")
	h.sent = nil
	for range 30 {
		h.Propose(h.now, "x", h.now+time.Second)
		h.wait(20 * time.Millisecond)
		h.acks("n2")
	}
	if n := len(take[AppendRequest[string]](h, "n2")); n != 30 {
		t.Errorf("%d messages for 30 writes", n)
	}
}

// ---- What every node does.

// What Write and Sync have not confirmed is neither sent nor applied, and the node is silent from then on.
func TestFailedNodeIsSilent(t *testing.T) {
	h := start(t, 3)
	h.lead()
	k := h.Propose(h.now, "x", h.now+time.Second)
	r := h.Read(h.now, "q", h.now+time.Second)
	b := h.Take(h.now)
	for _, o := range h.Fail(b) {
		h.outcomes[o.Ticket] = o
	}
	h.wantOutcome(k, ErrUnknown.Error())
	h.wantOutcome(r, ErrUnknown.Error())
	h.sent = nil
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now})
	h.gets("n2", VoteRequest{Term: 9, LastIndex: 9, LastTerm: 8})
	h.wait(time.Minute)
	k = h.Propose(h.now, "y", h.now+time.Second)
	h.drain()
	h.wantOutcome(k, ErrUnknown.Error())
	if len(h.sent) > 0 || !h.Status().Failed {
		t.Errorf("a failed node sent %v", h.sent)
	}
}

// Figure 2: commitIndex and lastApplied are volatile. raftz believed its own record of what it had applied, and lost data.
func TestAppliedIsNotTrustedAcrossRestart(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1, 1)
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Commit: 2})
	if len(h.journal.commands) != 2 {
		t.Fatalf("applied %v", h.journal.commands)
	}
	again := restart(t, h.disk, 3)
	again.wantCommit(0)
	again.wantLog(1, 1)
	again.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Commit: 2})
	if len(again.journal.commands) != 2 {
		t.Errorf("applied only %v after a restart", again.journal.commands)
	}
}

func TestDamagedLogIsRefused(t *testing.T) {
	for _, saved := range []Saved[string]{
		{HardState: HardState{Term: 1}, Entries: entries(2, 1)},
		{HardState: HardState{Term: 3}, Entries: entries(1, 3, 2)},
		{HardState: HardState{Term: 1}, Entries: entries(1, 2)},
	} {
		if _, err := New(Config[string]{ID: "a", Members: []NodeID{"a"}}, &journal{}, saved, 0); err == nil {
			t.Errorf("started from %+v", saved)
		}
	}
}

func TestConfigIsValidated(t *testing.T) {
	ab := []NodeID{"a", "b"}
	for _, c := range []Config[string]{
		{ID: "", Members: ab},
		{ID: "a"},
		{ID: "a", Members: []NodeID{"a", "a"}},
		{ID: "a", Members: []NodeID{"a", ""}},
		{ID: "a", Members: ab, ElectionTimeout: -1},
		{ID: "a", Members: ab, ElectionTimeout: 2}, // its heartbeats would be due at once, for ever
		{ID: "a", Members: ab, MinElectionTimeout: 2 * time.Second, MaxElectionTimeout: time.Second},
		{ID: "a", Members: ab, Heartbeat: time.Second},
		{ID: "a", Members: ab, MaxInflight: -1},
		{ID: "a", Members: ab, MaxRequests: -1},
		{ID: "a", Members: ab, MaxChunkBytes: -1},
	} {
		if _, err := New(c, &journal{}, Saved[string]{}, 0); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
	if err := (Config[string]{ID: "a", Members: ab, ElectionTimeout: time.Second, Heartbeat: 100 * time.Millisecond}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestErrorsAreDistinct(t *testing.T) {
	if errors.Is(ErrUnavailable, ErrUnknown) || errors.Is(ErrOverloaded, ErrUnknown) {
		t.Error("a definite error passes for an unknown outcome")
	}
}

// Appending costs what is appended, not what is there: a log moves in memory about as often as its length doubles.
func TestAppendDoesNotCopyTheLog(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	moves := 0
	for i := Index(1); i < 5000; i++ {
		before := &h.core.log.entries[0]
		h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: i, PrevTerm: 1, Entries: []Entry[string]{own("n2", i+1, 1)}})
		if &h.core.log.entries[0] != before {
			moves++
		}
		h.sent = nil
	}
	if moves > 50 {
		t.Errorf("5000 appends moved the log %d times", moves)
	}
}
