package raft

import (
	"testing"
	"time"
)

// What would change nothing is answered like a read: without an entry, and not before a majority has confirmed the leader.
func TestTryLikeARead(t *testing.T) {
	h := start(t, 3)
	h.lead()
	h.acks("n2")
	k := h.Try(h.now, "a?", h.now+second)
	h.drain()
	h.wantOutcome(k, "")
	h.acks("n2")
	h.wantOutcome(k, "no a")
	h.wantLog(1)
}

// What would change something is proposed at once.
func TestTryProposes(t *testing.T) {
	h := start(t, 1)
	h.lead()
	first := h.Propose(h.now, "a", h.now+second)
	h.drain()
	k := h.Try(h.now, "a?", h.now+second)
	h.drain()
	h.wantOutcome(first, "did a")
	h.wantOutcome(k, "did a?")
	h.wantLog(1, 1, 1)
}

// A follower's own state, which may be old, decides nothing: the answer is taken from a state as new as a read needs, and what would change that
// is proposed after all, under its old number.
func TestTryLooksTwice(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	k := h.Try(h.now, "a?", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 1, ID: id, Index: 2, Commit: 2})
	h.wantOutcome(k, "")
	h.gets("n2", AppendRequest[string]{
		Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 2, Entries: []Entry[string]{{Index: 2, Term: 1, ID: ProposalID{"n3", 1}, Command: "a"}},
	})
	h.wantOutcome(k, "")
	m := only[ForwardRequest[string]](h, "n2")
	if len(m.Proposals) != 1 || m.Proposals[0] != (Proposal[string]{uint64(k), "a?"}) || h.Status().Requests != 1 {
		t.Errorf("forwarded %+v for ticket %d; %d requests wait", m, k, h.Status().Requests)
	}
	h.gets("n2", AppendRequest[string]{
		Term: 1, PrevIndex: 2, PrevTerm: 1, Commit: 3, Entries: []Entry[string]{{Index: 3, Term: 1, ID: ProposalID{"n1", uint64(k)}, Command: "a?"}},
	})
	h.wantOutcome(k, "did a?")
	if n := h.Status().Requests; n != 0 {
		t.Errorf("%d requests wait in the end", n)
	}
}

// What has been sent to a leader may be executed, so it goes on as a proposal whatever the state would answer by now.
func TestTryThatWasSentIsNotTriedAgain(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Resend = true })
	h.follow(1, 1)
	h.Try(h.now, "a!", h.now+second)
	h.drain()
	only[ForwardRequest[string]](h, "n2")
	for range 100 {
		h.wait(10 * time.Millisecond)
		h.gets("n2", AppendRequest[string]{
			Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 2, Entries: []Entry[string]{{Index: 2, Term: 1, ID: ProposalID{"n3", 1}, Command: "a"}},
		})
		if len(take[ForwardRequest[string]](h, "n2")) > 0 {
			return
		}
		if n := len(take[ReadRequest](h, "n2")); n > 0 {
			t.Fatal("asks for a read index")
		}
	}
	t.Error("was not sent again")
}

// A try that waits like a read ends like one: it had no effect.
func TestTryEnds(t *testing.T) {
	for name, end := range map[string]func(h *host, b Batch[string]){
		"deadline": func(h *host, b Batch[string]) { h.carryOut(b); h.wait(2 * second) },
		"shutdown": func(h *host, b Batch[string]) { h.carryOut(b); h.end(h.Close()) },
	} {
		h := start(t, 3)
		h.follow(1, 1)
		h.wait(2 * second)          // it has lost the leader
		h.Read(h.now, "q", h.now-1) // ends at once, and what ends next is looked for anew
		k := h.Try(h.now, "a?", h.now+second)
		end(h, h.Take(h.now))
		if err := h.outcomes[k].Err; err != ErrUnavailable {
			t.Errorf("%s: ended as %v", name, err)
		}
	}
	h := start(t, 3)
	h.follow(1, 1)
	looked := h.Try(h.now, "a?", h.now+second)
	b := h.Take(h.now)
	unseen := h.Try(h.now, "a?", h.now+second)
	h.end(h.Fail(b))
	late := h.Try(h.now, "a?", h.now+second)
	h.drain()
	for _, k := range []Ticket{looked, unseen, late} {
		h.wantOutcome(k, ErrUnknown.Error())
	}
}

func (h *host) end(outcomes []Outcome[string]) {
	for _, o := range outcomes {
		h.outcomes[o.Ticket] = o
	}
}

// plain is a state machine that cannot tell what would change nothing.
type plain struct{ StateMachine[string, string] }

func TestTryWithoutSettle(t *testing.T) {
	h := start(t, 1)
	h.sm = plain{h.journal}
	h.lead()
	k := h.Try(h.now, "a?", h.now+second)
	h.drain()
	h.wantOutcome(k, "did a?")
}
