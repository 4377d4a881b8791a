package explore

import (
	"flag"
	"slices"
	"testing"
)

// deepStates is how many states a deep search may keep: some two gigabytes of them.
const deepStates = 150_000

var deep = flag.Bool("deep", false, "go as far as memory and patience allow: make explore")

// leads are the first steps after which n1 leads term 1, and its no-op is on its way to the others. Which node is first does not matter:
// but for their names they are alike.
var leads = []string{"n1 times out", "n1 -> n2: raft.VoteRequest", "n2 -> n1: raft.VoteReply"}

// started is leads, and the no-op has been committed.
var started = append(slices.Clone(leads), "n1 -> n2: raft.AppendRequest", "n2 -> n1: raft.AppendReply")

// answered is started, and a write on n1 has been answered, of which n3 knows nothing.
var answered = append(slices.Clone(started), "n1 is asked to write", "n1 -> n2: raft.AppendRequest", "n2 -> n1: raft.AppendReply")

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
	r, err := Run(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Err != nil {
		t.Fatal(r)
	}
	t.Logf("%v, %.1f s", r, r.Took.Seconds())
}

// with returns bounds with other limits of depth and states.
func (b Bounds) with(depth, states int) Bounds {
	b.Depth, b.States = depth, states
	return b
}

func TestElections(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 2, Crashes: 1, InFlight: 6}
	explore(t, b.with(6, 4_000), b.with(12, deepStates))
}

// Reads must hold what was answered under an earlier leader, and what follower or leader answers under the same one.
func TestReads(t *testing.T) {
	for name, early := range map[string]bool{"classic": false, "early commit": true} {
		t.Run(name, func(t *testing.T) {
			t.Run("of a new leader", func(t *testing.T) {
				b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 5, EarlyCommit: early, Prefix: answered}
				explore(t, b.with(6, 8_000), b.with(12, deepStates))
			})
			t.Run("of one leader", func(t *testing.T) {
				b := Bounds{Nodes: 3, Terms: 1, Writes: 1, Reads: 1, InFlight: 6, EarlyCommit: early, Prefix: started}
				explore(t, b.with(7, 8_000), b.with(20, deepStates))
			})
		})
	}
}

func TestFigure8(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 4, Writes: 1, InFlight: 8, MaxAppendBytes: 1, Prefix: figure8}
	explore(t, b.with(8, 8_000), b.with(12, deepStates))
}
