package explore

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"maelraft/raft"
)

// deepStates is how many states a deep search may keep: they take less than a gigabyte.
const deepStates = 150_000

var deep = flag.Bool("deep", false, "go as far as memory and patience allow: make explore")

// leads are the first steps after which n1 leads term 1, and its no-op is on its way to the others. Which node is first does not matter:
// but for their names they are alike.
var leads = []string{"n1 times out", "n1 -> n2: raft.VoteRequest", "n2 -> n1: raft.VoteReply"}

// started is leads, and the no-op has been committed.
var started = append(slices.Clone(leads), "n1 -> n2: raft.AppendRequest", "n2 -> n1: raft.AppendReply")

// handing is started, and n1 is about to hand over to n2.
var handing = append(slices.Clone(started), "n1 is asked to have n2 lead")

// late is handing, but that n1 has given it up and committed a write with n3. n2 may yet get the order to stand.
var late = append(slices.Clone(handing), "n1 gives a transfer up", "n1 -> n3: raft.AppendRequest", "n3 -> n1", "n1 is asked to write",
	"n1 -> n3: raft.AppendRequest", "n3 -> n1: raft.AppendReply")

// changing is started, and n1 has been asked for another membership.
var changing = append(slices.Clone(started), "n1 is asked for another membership")

// passed is changing to n3 alone. n3 has everything, has committed it with n1 and been told to stand; n2 knows of nothing.
var passed = append(slices.Clone(changing), "n1 -> n3: raft.AppendRequest[int]{Term:1 PrevIndex:0", "n1 -> n3: raft.AppendRequest[int]{Term:1 PrevIndex:1",
	"n3 -> n1: raft.AppendReply{Term:1 OK:true Match:2", "n1 -> n3: raft.AppendRequest[int]{Term:1 PrevIndex:2",
	"n3 -> n1: raft.AppendReply{Term:1 OK:true Match:3", "n1 -> n3: raft.TimeoutNow")

// answered is started, and a write on n1 has been answered, of which n3 knows nothing.
var answered = append(slices.Clone(started), "n1 is asked to write", "n1 -> n2: raft.AppendRequest", "n2 -> n1: raft.AppendReply")

// fourStarted is started with four nodes, where followers read without their leader: n4 has the no-op, too.
var fourStarted = []string{
	"n1 times out", "n1 -> n2: raft.VoteRequest", "n2 -> n1: raft.VoteReply", "n1 -> n3: raft.VoteRequest", "n3 -> n1: raft.VoteReply",
	"n1 -> n2: raft.AppendRequest", "n1 -> n3: raft.AppendRequest", "n1 -> n4: raft.AppendRequest", "n2 -> n1: raft.AppendReply", "n3 -> n1: raft.AppendReply",
}

// fourAnswered is fourStarted, and a write on n1 has been answered, of which n4 knows nothing.
var fourAnswered = append(slices.Clone(fourStarted), "n1 is asked to write", "n1 -> n2: raft.AppendRequest", "n1 -> n3: raft.AppendRequest",
	"n2 -> n1: raft.AppendReply", "n3 -> n1: raft.AppendReply")

// secondOfFour has n2 lead term 2, and tell n4.
var secondOfFour = []string{
	"n2 times out", "n2 -> n3: raft.VoteRequest", "n2 -> n4: raft.VoteRequest", "n3 -> n2: raft.VoteReply", "n4 -> n2: raft.VoteReply",
	"n2 -> n4: raft.AppendRequest",
}

// overtaken is started, and when all promises are over n2 has been elected, which n1 does not know.
var overtaken = append(slices.Clone(started), "time passes", "time passes", "n2 times out", "n2 -> n3: raft.VoteRequest", "n3 -> n2: raft.VoteReply")

// figure8 is the paper's Figure 8 up to (c), with three nodes: n1 led term 1 and kept two entries to itself, n2 led term 2 with one of its
// own, and n1 leads term 3 and is about to bring its old entries to n3.
var figure8 = append(slices.Clone(leads), "n1 is asked to write",
	"n2 times out", "n2 -> n3: raft.VoteRequest", "n3 -> n2: raft.VoteReply",
	"n1 times out", "n1 times out", "n1 -> n3: raft.VoteRequest{Term:3", "n3 -> n1: raft.VoteReply{Term:3")

func explore(t *testing.T, short, long Bounds) {
	t.Helper()
	b := short
	if *deep {
		b = long
	}
	began := time.Now()
	r, err := Run(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Err != nil {
		t.Fatal(r)
	}
	t.Logf("%v, %.1f s", r, time.Since(began).Seconds())
}

// with returns bounds with other limits of depth and states.
func (b Bounds) with(depth, states int) Bounds {
	b.Depth, b.States = depth, states
	return b
}

func TestElections(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 2, Crashes: 1, InFlight: 6}
	explore(t, b.with(6, 15_000), b.with(12, deepStates))
}

// Reads must hold what was answered under an earlier leader, and what follower or leader answers under the same one.
func TestReads(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early commit %t", early), func(t *testing.T) {
			t.Run("of a new leader", func(t *testing.T) {
				b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 5, EarlyCommit: early, Prefix: answered}
				explore(t, b.with(6, 8_000), b.with(12, deepStates))
			})
			t.Run("of one leader", func(t *testing.T) {
				b := Bounds{Nodes: 3, Terms: 1, Writes: 1, Reads: 1, InFlight: 6, EarlyCommit: early, Prefix: started}
				explore(t, b.with(6, 8_000), b.with(20, deepStates))
			})
		})
	}
}

// A follower of four that reads without its leader must hold what was answered: by this leader, by another follower that counts for itself, by the next
// leader or by an earlier one, and what was acknowledged before a restart.
func TestReadsAside(t *testing.T) {
	for _, c := range []struct {
		name    string
		prefix  []string
		terms   raft.Term
		crashes int
		short   int // states
	}{
		{"of one leader", fourAnswered, 1, 0, 1_000},
		{"beside a write", fourStarted, 1, 0, 1_000},
		{"after restarts", append(slices.Clone(fourAnswered), "n2 crashes", "n3 crashes"), 1, 2, 1_000},
		{"when another may lead", fourAnswered, 2, 0, 1_000},
		{"when another leads", append(slices.Clone(fourAnswered), secondOfFour...), 2, 0, 4_500},
		{"when another leads whose log does not match", append(append(slices.Clone(fourStarted), "n1 is asked to write"), secondOfFour...), 2, 0, 1_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := Bounds{Nodes: 4, Terms: c.terms, Crashes: c.crashes, Writes: 1, Reads: 1, InFlight: 8, EarlyCommit: true, Prefix: c.prefix}
			explore(t, b.with(6, c.short), b.with(20, deepStates))
		})
	}
}

// Time passes, by clocks as different as they may be: while n1 has a lease, nobody else is elected, and its reads are not stale.
func TestLease(t *testing.T) {
	t.Run("and a crash", func(t *testing.T) {
		b := Bounds{Nodes: 3, Terms: 2, Crashes: 1, Ticks: 3, InFlight: 4, Prefix: started}
		explore(t, b.with(5, 8_000), b.with(12, deepStates))
	})
	t.Run("and delays", func(t *testing.T) {
		b := Bounds{Nodes: 3, Terms: 2, Ticks: 3, InFlight: 4, Prefix: leads}
		explore(t, b.with(7, 30_000), b.with(20, deepStates))
	})
	t.Run("and reads", func(t *testing.T) {
		b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, Ticks: 3, InFlight: 4, Prefix: overtaken}
		explore(t, b.with(5, 8_000), b.with(12, deepStates))
	})
}

func TestFigure8(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 4, Writes: 1, InFlight: 8, MaxAppendBytes: 1, Prefix: figure8}
	explore(t, b.with(8, 8_000), b.with(12, deepStates))
}

// A transfer with a write and a read beside it: the order to stand arrives in time, late, after the leader has gone back to work, beside another
// candidate, or never.
func TestTransfers(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early commit %t", early), func(t *testing.T) {
			b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, Transfers: 1, InFlight: 5, EarlyCommit: early, Prefix: handing}
			explore(t, b.with(5, 8_000), b.with(12, deepStates/3))
		})
	}
}

// An order to stand that arrives late, at a node that lacks what has been committed meanwhile.
func TestLateOrders(t *testing.T) {
	for _, early := range []bool{false, true} {
		b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, Transfers: 1, InFlight: 6, EarlyCommit: early, Prefix: late}
		explore(t, b.with(5, 8_000), b.with(12, deepStates/3))
	}
}

// What is only tried must hold what was answered, too, whether it is answered like a read or executed; here with leaders that ask no more nodes
// than it takes.
func TestTries(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early commit %t", early), func(t *testing.T) {
			b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Tries: 1, InFlight: 5, EarlyCommit: early, Thrifty: true, Prefix: answered}
			explore(t, b.with(6, 8_000), b.with(12, deepStates))
		})
	}
}

// Changes of the membership with a write and a read beside them: to a leader alone, so that the others are a majority of what was before; to somebody else
// alone, who may be elected without those who do not know of it yet; and two changes one after the other.
func TestMembership(t *testing.T) {
	replace := func(ids ...raft.NodeID) raft.Change { return raft.Change{Kind: raft.Replace, Nodes: ids} }
	for name, changes := range map[string][]raft.Change{
		"to the leader alone": {replace("n1")},
		"to a follower alone": {replace("n3")},
		"one after the other": {replace("n1", "n2"), replace("n2", "n3")},
		"without a follower":  {replace("n1", "n2")},
		"two that contradict": {replace("n1"), replace("n3")},
	} {
		t.Run(name, func(t *testing.T) {
			b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 6, EarlyCommit: true, Changes: changes, Prefix: changing}
			explore(t, b.with(5, 8_000), b.with(14, deepStates/5))
		})
	}
}

// A node that knows nothing of the change that has put another one in charge: what it reads must hold what that one has answered.
func TestReadsAcrossConfigurations(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("early commit %t", early), func(t *testing.T) {
			changes := []raft.Change{{Kind: raft.Replace, Nodes: []raft.NodeID{"n3"}}}
			b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 8, EarlyCommit: early, Changes: changes, Prefix: passed}
			explore(t, b.with(5, 8_000), b.with(12, deepStates/3))
		})
	}
}

// A step from a state must not change the state, and must lead to the same place again.
func TestStepsLeaveTheStateAlone(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, Crashes: 1, Transfers: 1, InFlight: 6}
	w, err := newWorld(b)
	if err != nil {
		t.Fatal(err)
	}
	for range 25 {
		steps := w.steps(b)
		var next *world
		for _, s := range steps {
			first, err := w.after(b, s)
			again, errAgain := w.after(b, s)
			if err != nil || errAgain != nil {
				t.Fatal(s, err, errAgain)
			}
			if first.digest() != again.digest() {
				t.Fatalf("%v leads to two places:\n%s\n%s", s, first.members[s.node].print, again.members[s.node].print)
			}
			for _, m := range w.members {
				if now := m.node.Fingerprint(nil); !bytes.HasPrefix(m.print, now) {
					t.Fatalf("%v changed a state:\n%s\n%s", s, m.print, now)
				}
			}
			if next == nil || s.kind == deliver {
				next = first
			}
		}
		if next == nil {
			return
		}
		w = next
	}
}

// A log that does not match, a second leader and a write that a read does not show are seen.
func TestChecksCanFail(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 1, InFlight: 6}
	w, err := newWorld(b)
	if err != nil {
		t.Fatal(err)
	}
	w.members[1].view.Log = []entry{{Index: 1, Term: 1, Command: 1}}
	bad := raft.View[int]{Role: raft.Leader, HardState: raft.HardState{Term: 1}, Log: []entry{{Index: 1, Term: 1, Command: 2}}}
	if w.logMatching("n1", bad) == nil {
		t.Error("log matching")
	}
	w.history.leaders[1] = "n2"
	if w.electionSafety("n1", bad) == nil {
		t.Error("election safety")
	}
	bad.Commit = 1
	bad.Configurations = []*raft.Configuration{{Voters: []raft.NodeID{"n1", "n2", "n3"}}}
	if w.commits("n1", bad, 0) == nil {
		t.Error("committed on a quorum")
	}
	m := w.members[0]
	m.reads[1] = 2
	if w.answered(m, raft.Outcome[set]{Ticket: 1, Result: 5}) == nil {
		t.Error("stale read")
	}
}
