package raft

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// wantChange checks what a change leads to, as the configuration or the refusal.
func wantChange(t *testing.T, g Configuration, kind ChangeKind, nodes, want string) {
	t.Helper()
	h, why := g.after(Change{kind, ids(nodes)})
	got := h.String()
	if why != "" {
		got = "refused: " + string(why)
	}
	if got != want {
		t.Errorf("%s, %s %s: %s, want %s", &g, kind, nodes, got, want)
	}
}

// Changes name what is to be, not a step: what is so already is done at once, and another leader can go on where one has stopped.
func TestWhatChangesLeadTo(t *testing.T) {
	wantChange(t, threeVoters, AddLearner, "n4", "n1 n2 n3, learners n4")
	wantChange(t, threeVoters, AddLearner, "n3", "refused: member")
	wantChange(t, withALearner, AddLearner, "n4", "n1 n2 n3, learners n4")
	wantChange(t, twoAndAWitness, AddLearner, "n3", "refused: member")
	wantChange(t, threeVoters, AddVoter, "n4", "n1 n2 n3 n4")
	wantChange(t, threeVoters, AddVoter, "n3", "n1 n2 n3")
	wantChange(t, withALearner, AddVoter, "n4", "n1 n2 n3 n4")
	wantChange(t, withALearner, Promote, "n4", "n1 n2 n3 n4")
	wantChange(t, withALearner, Promote, "n5", "refused: no member")
	wantChange(t, withALearner, Promote, "n3", "n1 n2 n3, learners n4")
	wantChange(t, withALearner, Remove, "n4", "n1 n2 n3")
	wantChange(t, withALearner, Remove, "n1", "n2 n3, learners n4")
	wantChange(t, withALearner, Remove, "n9", "n1 n2 n3, learners n4")
	wantChange(t, Configuration{Voters: ids("n1")}, Remove, "n1", "refused: too few voters")
	wantChange(t, twoAndAWitness, Remove, "n1", "refused: too few voters")
	wantChange(t, withALearner, Replace, "n5 n4", "n5 n4")
	wantChange(t, threeVoters, AddWitness, "n4", "n1 n2 n3 n4, witnesses n4")
	wantChange(t, threeVoters, AddWitness, "n3", "refused: member")
	wantChange(t, withALearner, AddWitness, "n4", "refused: member")
}

// Who has been a witness has no state to go on from, and comes back as a witness only.
func TestFormerWitness(t *testing.T) {
	former := Configuration{Voters: ids("n1 n2 n4"), Witnesses: ids("n3")}
	wantChange(t, twoAndAWitness, Replace, "n1 n2 n4", "n1 n2 n4, witnesses n3")
	for _, kind := range []ChangeKind{AddVoter, AddLearner, Replace} {
		wantChange(t, former, kind, "n3", "refused: witness")
	}
	wantChange(t, former, Promote, "n3", "refused: no member")
	wantChange(t, former, AddWitness, "n3", "n1 n2 n4 n3, witnesses n3")
}

// A cluster remembers no more nodes than it may have.
func TestTooManyMembers(t *testing.T) {
	g := Configuration{Voters: ids("n1 n2 n3")}
	for len(g.members()) < maxMembers {
		g.Learners = append(g.Learners, NodeID("m"+string(rune('0'+len(g.Learners)))))
	}
	wantChange(t, g, AddLearner, "n9", "refused: too many")
}

// What makes no sense in any configuration never leaves the node that is asked.
func TestSenselessChanges(t *testing.T) {
	h := leading(t)
	for _, what := range []Change{
		{"double", ids("n4")}, {AddVoter, nil}, {AddVoter, ids("n4 n5")}, {AddLearner, []NodeID{""}}, {Replace, ids("n1 n1")}, {Replace, nil},
	} {
		k := h.ChangeMembership(h.now, what, h.now+time.Second)
		h.drain()
		if h.outcomes[k].Err == nil {
			t.Errorf("%v was done", what)
		}
		h.refuses("n2", ChangeRequest{Term: 1, ID: 7, Change: what})
	}
	h.wantConfiguration("n1 n2 n3")
}

// Where it is so already nothing is appended; what cannot be is refused.
func TestChangesThatNeedNoEntry(t *testing.T) {
	h := leadingIn(t, withALearner)
	h.wantTransfer(h.change(AddLearner, "n4"), nil)
	h.wantTransfer(h.change(AddVoter, "n3"), nil)
	h.wantTransfer(h.change(AddLearner, "n3"), ErrMember)
	h.wantTransfer(h.change(Promote, "n9"), ErrNoMember)
	h.wantLog(1, 2)
}

// A follower brings a wish to its leader, again while there is no answer, and hears what has become of it.
func TestFollowerAsksForAChange(t *testing.T) {
	for why, want := range map[Refusal]error{"": nil, RefusedTooFew: ErrTooFewVoters} {
		h := start(t, 3)
		h.follow(1, 1)
		k := h.change(AddLearner, "n4")
		m := only[ChangeRequest](h, "n2")
		if m.Term != 1 || m.Change.Kind != AddLearner || !slices.Equal(m.Change.Nodes, ids("n4")) {
			t.Errorf("asked for %+v", m)
		}
		h.wait(h.core.pace.resendAfter())
		h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1})
		if again := only[ChangeRequest](h, "n2"); again.ID != m.ID {
			t.Errorf("asked again as %d, before as %d", again.ID, m.ID)
		}
		h.refuses("n3", ChangeReply{Term: 1, ID: m.ID, Why: why})
		h.refuses("n2", ChangeReply{Term: 1, ID: m.ID, Why: "bad weather"})
		h.gets("n2", ChangeReply{Term: 1, ID: m.ID + 1, Why: why})
		h.wantNoOutcome(k)
		h.gets("n2", ChangeReply{Term: 1, ID: m.ID, Why: why})
		h.wantTransfer(k, want)
	}
}

// Whoever is told that a change is done may look who is a member now: so a node says so only when it knows that itself. The word of the leader may
// overtake the entry.
func TestChangeIsDoneWhenItIsKnownHere(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	k := h.change(AddLearner, "n4")
	m := only[ChangeRequest](h, "n2")
	h.gets("n2", ChangeReply{Term: 1, ID: m.ID, Configuration: 2})
	h.wantNoOutcome(k)
	config := Configuration{Index: 2, Voters: ids("n1 n2 n3"), Learners: ids("n4")}
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry[string]{{Index: 2, Term: 1, Config: &config}}, Commit: 1})
	h.wantNoOutcome(k) // it may be another one, of an earlier leader
	h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: 2, PrevTerm: 1, Commit: 2})
	h.wantTransfer(k, nil)

	h = start(t, 3)
	h.follow(1, 1)
	k = h.change(AddLearner, "n4")
	h.gets("n2", ChangeReply{Term: 1, ID: only[ChangeRequest](h, "n2").ID, Configuration: 2})
	h.wait(time.Minute)
	h.wantTransfer(k, nil) // it is done all the same
}

// A wish of which no leader has been told was not fulfilled when its time is over; of any other nobody knows.
func TestChangeAtItsDeadline(t *testing.T) {
	h := start(t, 3)
	k := h.change(AddLearner, "n4")
	h.wait(time.Minute)
	h.wantTransfer(k, ErrUnavailable)
	h = start(t, 3)
	h.follow(1, 1)
	k = h.change(AddLearner, "n4")
	h.wait(time.Minute)
	h.wantTransfer(k, ErrUnknown)
	h = start(t, 3)
	h.follow(1, 1)
	k = h.change(AddLearner, "n4")
	for _, o := range h.Close() {
		if o.Ticket != k || !errors.Is(o.Err, ErrUnknown) {
			t.Errorf("ended as %+v", o)
		}
	}
}

// If another leader had been asked before, a refusal says nothing of what that one has done; that it is done is true whoever says so.
func TestChangeAskedOfTwoLeaders(t *testing.T) {
	for why, want := range map[Refusal]error{"": nil, RefusedChanging: ErrUnknown} {
		h := start(t, 3)
		h.follow(1, 1)
		k := h.change(AddLearner, "n4")
		first := only[ChangeRequest](h, "n2")
		h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries(2, 2)})
		second := only[ChangeRequest](h, "n3")
		if second.Term != 2 || second.ID != first.ID {
			t.Errorf("asked for %+v, before for %+v", second, first)
		}
		h.gets("n2", ChangeReply{Term: 1, ID: first.ID, Why: why}) // of a term that is over
		h.wantNoOutcome(k)
		h.gets("n3", ChangeReply{Term: 2, ID: first.ID, Why: why})
		h.wantTransfer(k, want)
	}
}

// A copy of a wish that comes late is not fulfilled once more: what it asks for may have been undone since.
func TestChangeIsNotExecutedTwice(t *testing.T) {
	h := leading(t)
	add := ChangeRequest{Term: 1, ID: 7, Change: Change{AddLearner, ids("n4")}}
	remove := ChangeRequest{Term: 1, ID: 8, Change: Change{Remove, ids("n4")}}
	h.gets("n2", add)
	h.gets("n2", add)
	if n := len(take[ChangeReply](h, "n2")); n > 0 {
		t.Error("answered before it was committed")
	}
	h.ack("n2")
	only[ChangeReply](h, "n2")
	h.gets("n2", remove)
	h.ack("n2")
	only[ChangeReply](h, "n2")
	h.gets("n2", add)
	h.wantConfiguration("n1 n2 n3")
	if n := len(take[ChangeReply](h, "n2")); n > 0 {
		t.Error("a copy of an earlier wish is answered")
	}
	h.gets("n2", remove)
	if m := only[ChangeReply](h, "n2"); m.ID != 8 || m.Why != "" {
		t.Errorf("answered %+v", m)
	}
	h.wantLog(1, 1, 1)
}

// A node that was started anew asks with greater numbers than before. With others it would be taken for a copy, and get no answer.
func TestChangeOfANewLife(t *testing.T) {
	disk := &MemoryStorage[string]{}
	last := uint64(0)
	for range 8 {
		h := restart(t, disk, 3)
		h.gets("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 1)})
		h.change(AddLearner, "n4")
		m := only[ChangeRequest](h, "n2")
		if m.ID <= last {
			t.Errorf("asked as %d, in an earlier life as %d", m.ID, last)
		}
		last = m.ID
	}
}

// One wish after the other: the leader can tell a copy from the next.
func TestOneWishAtATime(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	h.change(AddLearner, "n4")
	second := h.change(AddLearner, "n5")
	m := only[ChangeRequest](h, "n2")
	h.gets("n2", ChangeReply{Term: 1, ID: m.ID})
	if m := only[ChangeRequest](h, "n2"); m.Change.Nodes[0] != "n5" {
		t.Errorf("asked for %+v", m)
	}
	h.wantNoOutcome(second)
}

// A change waits while leadership is being transferred, and goes on when that has come to nothing.
func TestChangeWaitsForATransfer(t *testing.T) {
	h := leading(t)
	h.transfer("n2")
	h.change(AddLearner, "n4")
	h.wantConfiguration("n1 n2 n3")
	h.beats(8, "n3")
	h.wantConfiguration("n1 n2 n3, learners n4")
}
