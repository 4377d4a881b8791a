package raft

import "testing"

// A follower saves nothing of its own when it forwards. Two lives that begin from the same disk with the same seed must not give the same
// numbers all the same: the entry of the one would answer the request of the other, and a late read index of the one would
// serve a read of the other.
func TestSameSeedSameDisk(t *testing.T) {
	first := start(t, 3)
	first.follow(1, 1)
	beat := AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1}
	life := func() (h *host, write, read Ticket) {
		h = restart(t, first.disk, 3)
		h.gets("n2", beat)
		write, read = h.Propose(h.now, "write", h.now+second), h.Read(h.now, "q", h.now+second)
		h.drain()
		return h, write, read
	}
	old, _, _ := life()
	forward, ask := take[ForwardRequest[string]](old, "n2")[0], take[ReadRequest](old, "n2")[0]
	again, write, read := life() // the old life has ended in a crash
	again.gets("n2", ReadReply{Term: 1, ID: ask.ID, Index: 1})
	again.wantOutcome(read, "")
	theirs := Entry[string]{Index: 2, Term: 1, ID: ProposalID{"n1", forward.Proposals[0].Seq}, Command: "of the old life"}
	again.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{theirs}, Commit: 2})
	again.wantOutcome(write, "")
}
