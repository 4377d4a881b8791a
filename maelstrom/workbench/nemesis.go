package workbench

import (
	"context"
	"math/rand/v2"
	"time"
)

// disturbance is a kind of fault: when it comes and whom it hits. Both come
// from the nemesis' own stream, so they depend on the seed alone.
type disturbance interface {
	// first is the time of the first start.
	first() time.Duration
	// gap draws the time from one event, start or stop, to the next.
	gap(r *rand.Rand) time.Duration
	// begin draws the fault; leader is who leads, or "" if nobody knows.
	begin(r *rand.Rand, leader string) (kind string, g grudge)
}

// newDisturbance returns the fault that the options ask for, or nil.
func newDisturbance(opts Options, nodes []string) disturbance {
	interval := seconds(opts.NemesisInterval)
	switch opts.Nemesis {
	case nemesisPartition:
		return partitions{nodes: nodes, interval: interval}
	case nemesisLeaderCut:
		return leaderCuts{nodes: nodes, interval: interval}
	default:
		return nil
	}
}

// partitions are Maelstrom's: the first at once, gaps uniform in [0, 2*interval].
type partitions struct {
	nodes    []string
	interval time.Duration
}

func (partitions) first() time.Duration { return 0 }

func (p partitions) gap(r *rand.Rand) time.Duration {
	return time.Duration(r.Float64() * 2 * float64(p.interval))
}

func (p partitions) begin(r *rand.Rand, _ string) (string, grudge) {
	return drawPartition(r, p.nodes)
}

// leaderCuts isolate the leader from everybody, in regular time. The first cut
// leaves one interval for an election; 20 cuts take 40 intervals.
type leaderCuts struct {
	nodes    []string
	interval time.Duration
}

func (l leaderCuts) first() time.Duration { return l.interval }

func (l leaderCuts) gap(*rand.Rand) time.Duration { return l.interval }

func (l leaderCuts) begin(r *rand.Rand, leader string) (string, grudge) {
	victim := l.nodes[r.IntN(len(l.nodes))] // drawn always: the stream keeps step
	if leader != "" {
		victim = leader
	}
	var others []string
	for _, id := range l.nodes {
		if id != victim {
			others = append(others, id)
		}
	}
	return nemesisLeaderCut, split([]string{victim}, others)
}

// questionAhead is when nodes are asked a second time who leads before a cut.
const questionAhead = 20 * time.Millisecond

// nemesis starts and stops a disturbance by its timetable until ctx ends.
type nemesis struct {
	fault   disturbance
	draws   *rand.Rand
	history *history
	setNet  func(grudge)
	limit   time.Duration // time limit of the test
	board   *board
	askers  []*asker // empty if nobody is asked
	patient time.Duration
}

func (n *nemesis) loop(ctx context.Context) {
	cut := false
	for at := n.fault.first(); at < n.limit; at += n.fault.gap(n.draws) {
		leader := ""
		if !cut {
			leader = n.whoLeads(ctx, at)
		}
		if !n.sleepTo(ctx, at) {
			return
		}
		if cut {
			n.history.changeNetwork("stop-partition", phase{}, func() { n.setNet(nil) })
		} else {
			kind, g := n.fault.begin(n.draws, leader)
			n.history.changeNetwork("start-partition", phase{Kind: kind, Grudge: g, Leader: leader}, func() { n.setNet(g) })
		}
		cut = !cut
	}
}

func (n *nemesis) sleepTo(ctx context.Context, at time.Duration) bool {
	return coarseSleep(ctx, at-n.history.now())
}

// whoLeads asks all nodes right before a cut at the given time: once early
// enough that an answer may sit behind delayed messages, and once again just
// before. It returns no later than the cut is due.
func (n *nemesis) whoLeads(ctx context.Context, at time.Duration) string {
	if len(n.askers) == 0 {
		return ""
	}
	begun := max(n.history.now(), at-n.patient)
	for _, q := range []struct{ ahead, limit time.Duration }{
		{n.patient, n.patient - questionAhead}, {questionAhead, questionAhead},
	} {
		if !n.sleepTo(ctx, at-q.ahead) {
			return ""
		}
		if left := at - n.history.now() - (q.ahead - q.limit); left > 0 {
			askAll(ctx, n.askers, left)
		}
	}
	return n.board.leader(begun)
}
