package explore

import (
	"flag"
	"testing"
)

var deep = flag.Bool("deep", false, "go as far as memory and patience allow: make explore")

// leads are the first steps after which n1 leads term 1, and its no-op is on its way to the others. Which node is first does not matter:
// but for their names they are alike.
var leads = []string{"n1 times out", "n1 -> n2: raft.VoteRequest", "n2 -> n1: raft.VoteReply"}

// started is leads, and the no-op has been committed.
var started = append(append([]string{}, leads...), "n1 -> n2: raft.AppendRequest", "n2 -> n1: raft.AppendReply")

// figure8 is the paper's Figure 8 up to (c): n1 led term 1 alone with its no-op, n2 led term 2 with another, and n1 leads term 3 and
// brings its old entry to n3.
var figure8 = append(append([]string{}, leads...),
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
	explore(t, b.with(7, 10_000), b.with(12, 300_000))
}

func TestReadsOfANewLeader(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 5, Prefix: started}
	explore(t, b.with(9, 12_000), b.with(12, 300_000))
}

func TestReadsWithEarlyCommit(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 2, Writes: 1, Reads: 1, InFlight: 5, EarlyCommit: true, Prefix: started}
	explore(t, b.with(9, 12_000), b.with(12, 300_000))
}

func TestFigure8(t *testing.T) {
	b := Bounds{Nodes: 3, Terms: 4, InFlight: 8, MaxAppendBytes: 1, Prefix: figure8}
	explore(t, b.with(9, 12_000), b.with(12, 300_000))
}
