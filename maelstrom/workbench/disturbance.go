package workbench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Faults that --nemesis can name. Any mix of them may be at work at once.
const (
	nemesisNone      = "none"
	nemesisPartition = "partition"
	nemesisOneWay    = "one-way"
	nemesisBridge    = "bridge"
	nemesisLeaderCut = "leader-cut"
	nemesisKill      = "kill"
	nemesisPause     = "pause"
	nemesisLoss      = "loss"
	nemesisDuplicate = "duplicate"
	nemesisReorder   = "reorder"
	nemesisSlow      = "slow"
	// nemesisMembership is no fault but a habit of the cluster: membership.go.
	nemesisMembership = "membership"
)

// nemesisNames lists them in the order of the help.
var nemesisNames = []string{
	nemesisPartition, nemesisOneWay, nemesisBridge, nemesisLeaderCut, nemesisKill, nemesisPause,
	nemesisLoss, nemesisDuplicate, nemesisReorder, nemesisSlow, nemesisMembership,
}

// Whom a fault of single nodes hits, equally likely. The leader is whoever says
// so in its status; if nobody does, it is a node at random.
const (
	hitOne      = "one"
	hitLeader   = "leader"
	hitMinority = "minority"
	hitMajority = "majority"
	hitAll      = "all"
)

var hits = []string{hitOne, hitLeader, hitMinority, hitMajority, hitAll}

// episode is one fault from its start to its end: what it does, and to whom.
type episode struct {
	// Fault is its name in --nemesis, Kind says more closely what it is.
	Fault, Kind          string
	Grudge               grudge
	Killed, Paused, Slow []string
	Loss                 bool
	Duplicate            bool
	Reorder              bool
}

// hit lists the nodes that the fault is aimed at, if it is aimed at nodes.
func (e *episode) hit() []string { return slices.Concat(e.Killed, e.Paused, e.Slow) }

// disturbance is one kind of fault: when it comes and whom it hits. Both come
// from a stream of its own, so they depend on the seed alone, but for the
// leader's name.
type disturbance struct {
	fault    string
	nodes    []string
	interval time.Duration
	draws    *rand.Rand
}

// newDisturbances returns the faults that the options ask for.
func newDisturbances(opts Options, nodes []string) []*disturbance {
	var all []*disturbance
	for _, fault := range opts.faults() {
		if fault == nemesisMembership {
			continue
		}
		id := fault
		if fault == nemesisPartition || fault == nemesisLeaderCut {
			id = "" // never both, and seeds keep their meaning
		}
		all = append(all, &disturbance{
			fault: fault, nodes: nodes, interval: seconds(opts.NemesisInterval), draws: stream(opts.Seed, purposeNemesis, id),
		})
	}
	return all
}

// faults are the names in Nemesis.
func (o Options) faults() []string {
	if o.Nemesis == nemesisNone {
		return nil
	}
	return strings.Split(o.Nemesis, ",")
}

// first is the time of the first start: Maelstrom's partitions begin at once,
// and a leader gets an interval to be elected in.
func (d *disturbance) first() time.Duration {
	switch d.fault {
	case nemesisPartition:
		return 0
	case nemesisLeaderCut:
		return d.interval
	}
	return d.gap()
}

// gap draws the time from one event, start or stop, to the next: uniform in
// [0, 2*interval], and always the interval for leader-cut, so that 20 cuts take
// 40 intervals.
func (d *disturbance) gap() time.Duration {
	if d.fault == nemesisLeaderCut {
		return d.interval
	}
	return time.Duration(d.draws.Float64() * 2 * float64(d.interval))
}

// begin draws the next fault. leader is who leads, or "" if nobody knows.
func (d *disturbance) begin(leader string) *episode {
	e := &episode{Fault: d.fault, Kind: d.fault}
	switch d.fault {
	case nemesisPartition:
		e.Kind, e.Grudge = drawPartition(d.draws, d.nodes)
	case nemesisOneWay:
		e.Kind = []string{kindDeaf, kindMute}[d.draws.IntN(2)]
		e.Grudge = partition(d.draws, e.Kind, d.nodes)
	case nemesisBridge:
		e.Grudge = partition(d.draws, kindBridge, d.nodes)
	case nemesisLeaderCut:
		victim := d.oneOr(leader)
		e.Grudge = split([]string{victim}, d.others(victim))
	case nemesisKill:
		e.Killed = d.victims(e, leader)
	case nemesisPause:
		e.Paused = d.victims(e, leader)
	case nemesisSlow:
		e.Slow = []string{d.oneOr("")}
	case nemesisLoss:
		e.Loss = true
	case nemesisDuplicate:
		e.Duplicate = true
	case nemesisReorder:
		e.Reorder = true
	}
	return e
}

// victims draws whom a kill or a pause hits, and adds that to its kind.
func (d *disturbance) victims(e *episode, leader string) []string {
	n := len(d.nodes)
	shuffled := slices.Clone(d.nodes)
	d.draws.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	whom := hits[d.draws.IntN(len(hits))]
	e.Kind = fmt.Sprintf("%s %s", d.fault, whom)
	switch whom {
	case hitMinority:
		return shuffled[:max(n-majority(n), 1)]
	case hitMajority:
		return shuffled[:majority(n)]
	case hitAll:
		return shuffled
	case hitLeader:
		if leader != "" {
			return []string{leader}
		}
	}
	return shuffled[:1]
}

// oneOr draws a node, but returns the one that is given if there is one. It
// draws always, so that the stream keeps step.
func (d *disturbance) oneOr(id string) string {
	drawn := d.nodes[d.draws.IntN(len(d.nodes))]
	if id != "" {
		return id
	}
	return drawn
}

func (d *disturbance) others(id string) []string {
	return slices.DeleteFunc(slices.Clone(d.nodes), func(other string) bool { return other == id })
}
