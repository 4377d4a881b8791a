package raft

import (
	"testing"
	"time"
)

// A witness' copy counts only while a voter that has the state does not answer: else one loss could take the only other copy of what clients were told.
func TestWitnessCountsInNeed(t *testing.T) {
	h := leadingIn(t, twoAndAWitness)
	k := h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	h.ack("n3")
	h.wantCommit(2)
	h.beats(4, "n3") // 200 of 300 ms
	h.wantCommit(2)
	h.beats(4, "n3")
	h.wantCommit(3)
	h.wantOutcome(k, "did x")
	h.gets("n2", AppendReply{Term: 2, OK: true, Match: 2, At: h.now})
	h.Propose(h.now, "y", h.now+time.Minute)
	h.drain()
	h.ack("n3")
	h.wantCommit(3) // n2 is back
	h.ack("n2")
	h.wantCommit(4)
}

// Of the log a witness gets terms and configurations, and no-ops for commands.
func TestWitnessGetsNoCommands(t *testing.T) {
	h := leadingIn(t, twoAndAWitness)
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	if e := only[AppendRequest[string]](h, "n3").Entries[0]; e.Index != 3 || e.Term != 2 || e.hasCommand() || e.Command != "" {
		t.Errorf("a witness gets %+v", e)
	}
	h = leadingIn(t, twoAndAWitness)
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	if e := only[AppendRequest[string]](h, "n2").Entries[0]; e.Command != "x" {
		t.Errorf("another node gets %+v", e)
	}
}

// Behind a configuration that is not committed commands stay commands: it may be truncated, and the node be no witness.
func TestWitnessGetsCommandsBeforeItIsOne(t *testing.T) {
	h := leading(t)
	h.change(AddWitness, "n4")
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	var commands string
	for _, m := range take[AppendRequest[string]](h, "n4") {
		for _, e := range m.Entries {
			commands += e.Command
		}
	}
	if commands != "x" {
		t.Errorf("a node that may become a witness gets %q", commands)
	}
	h.ack("n2", "n3")
	h.Propose(h.now, "y", h.now+time.Minute)
	h.drain()
	for _, m := range take[AppendRequest[string]](h, "n4") {
		for _, e := range m.Entries {
			if e.Command == "y" {
				t.Error("a witness gets a command")
			}
		}
	}
}

// A witness votes, but never stands, whatever it hears: it has nothing to lead with.
func TestWitnessNeverStands(t *testing.T) {
	h := within(t, Configuration{Voters: ids("n1 n2 n3"), Witnesses: ids("n1")})
	h.wantVoteWithoutStanding()
}

// Nobody hands over to a witness.
func TestNoTransferToAWitness(t *testing.T) {
	h := leadingIn(t, twoAndAWitness)
	h.wantTransfer(h.transfer("n3"), ErrNoVoter)
	h.gets("n2", TransferRequest{Term: 2, To: "n3"})
	if m := only[TransferReply](h, "n2"); m.Why != RefusedNoVoter {
		t.Errorf("answered %+v", m)
	}
	h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	h.ack("n3") // which now has more of the log than n2
	h.sent = nil
	h.transfer("")
	h.ack("n2")
	only[TimeoutNow](h, "n2")
}

// A witness' snapshots have a configuration, and no state: its own, and those that it gets.
func TestWitnessKeepsNoState(t *testing.T) {
	often := func(c *Config[string]) { c.SnapshotEntries, c.TrailingEntries = 2, -1 }
	g := Configuration{Voters: ids("n1 n2 n3"), Witnesses: ids("n1")}
	h := within(t, g, often)
	stripped := entries(2, 1, 1)
	for i := range stripped {
		stripped[i].ID, stripped[i].Command = ProposalID{}, ""
	}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: stripped, Commit: 3})
	if s := h.View().Snapshot; s.Index != 3 || s.State != nil || !s.Configuration.Witness("n1") {
		t.Errorf("took %+v", s)
	}
	h.gets("n2", SnapshotRequest{Term: 1, Index: 9, LastTerm: 1, Configuration: g})
	if m := only[SnapshotReply](h, "n2"); !m.Done || m.Index != 9 {
		t.Errorf("answered %+v", m)
	}
	h = restart(t, h.disk, 3, often)
	if !h.core.config().Witness("n1") || h.Status().Applied != 9 {
		t.Errorf("is at %d after a restart, in %s", h.Status().Applied, h.core.config())
	}
}

// A leader sends a witness its snapshot without the state.
func TestSnapshotForAWitness(t *testing.T) {
	g := twoAndAWitness
	g.Index = 1
	h := restart(t, &MemoryStorage[string]{saved: Saved[string]{
		HardState: HardState{Term: 1}, Snapshot: Snapshot{Index: 5, Term: 1, Configuration: g, State: []byte("x y")},
	}}, 3)
	h.lead()
	for _, id := range ids("n2 n3") {
		h.gets(id, AppendReply{Term: 2, PrevIndex: 5, At: h.now})
	}
	if m := only[SnapshotRequest](h, "n2"); string(m.Data) != "x y" {
		t.Errorf("n2 gets %+v", m)
	}
	h.wait(2 * h.core.pace.resendAfter())
	if m := take[SnapshotRequest](h, "n3"); len(m) == 0 || m[0].Size != 0 || !m[0].Configuration.Witness("n3") {
		t.Errorf("the witness gets %+v", m)
	}
}

// A node that becomes a witness, if only as a learner yet, cannot tell any more what became of a proposal: it gets no-ops in the place of commands, its own
// among them. So it ends them, as unknown if they were sent to a leader, and does not take them for dead.
func TestNewWitnessEndsItsRequests(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	sent := h.Propose(h.now, "x", h.now+time.Minute)
	h.drain()
	kept := h.Read(h.now, "q", h.now+time.Minute)
	g := Configuration{Index: 2, Voters: ids("n2 n3"), Learners: ids("n1"), Witnesses: ids("n1")}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{{Index: 2, Term: 1, Config: &g}}, Commit: 2})
	h.wantOutcome(sent, ErrUnknown.Error())
	h.wantOutcome(kept, ErrUnavailable.Error())
}
