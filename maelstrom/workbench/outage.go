package workbench

import (
	"slices"
	"time"
)

// Outages says how long writing stopped when a cut took the leader away.
//
// An outage lasts from a cut that leaves the node that said it led without a
// two-way link to a majority, to the next served write or cas on the majority's
// side: at a node that is linked both ways to a node with a majority. An
// operation that was under way at the cut counts only if it ends more than
// 4 L + 20 ms later; before that it may be the old leader's last work.
type Outages struct {
	// Cuts counts faults that were started; LeaderKnown those before which a
	// node said it led; LeaderLost those that took it from the majority.
	Cuts        int `json:"cuts"`
	LeaderKnown int `json:"leader_known"`
	LeaderLost  int `json:"leader_lost"`
	// Unended counts outages that lasted to the end of the test.
	Unended int `json:"unended"`
	// Each lists the outages in milliseconds, in order of time. Those that did
	// not end are listed as far as they went.
	Each      []float64 `json:"each_ms"`
	MedianMS  float64   `json:"median_ms"`
	LongestMS float64   `json:"longest_ms"`
	// NodesCutFromLeader counts, over all cuts, nodes that lost their two-way
	// link to the leader.
	NodesCutFromLeader int `json:"nodes_cut_from_leader"`
}

// measureOutages needs the served writes and cas in order of their end.
func measureOutages(phases []phase, e eras, nodes []string, mutations []*op, meanLatency, end time.Duration) Outages {
	var out Outages
	settle := settleLatencies*meanLatency + settleBase
	for _, p := range phases {
		if p.Kind == "" || p.Ends {
			continue
		}
		out.Cuts++
		if p.Leader == "" {
			continue
		}
		out.LeaderKnown++
		for _, id := range nodes {
			if !p.Grudge.linked(id, p.Leader) {
				out.NodesCutFromLeader++
			}
		}
		if !p.takesLeader(nodes, e) {
			continue
		}
		side := p.Grudge.reach(nodes, e.at(p.At))
		out.LeaderLost++
		i := slices.IndexFunc(mutations, func(o *op) bool {
			return side[o.Node] && (o.Invoke >= p.At || o.Return >= p.At+settle) && o.Return >= p.At
		})
		until := end
		if i >= 0 {
			until = mutations[i].Return
		} else {
			out.Unended++
		}
		out.Each = append(out.Each, ms(until-p.At))
	}
	out.MedianMS, out.LongestMS = quantile(out.Each, 0.5), quantile(out.Each, 1)
	return out
}

// takesLeader says whether a fault took a known leader from a majority that is
// left to replace it: the condition of an outage.
func (p phase) takesLeader(nodes []string, e eras) bool {
	now := e.at(p.At)
	if p.Kind == "" || p.Leader == "" || p.Grudge.hasMajority(p.Leader, now) {
		return false
	}
	side := p.Grudge.reach(nodes, now)
	return slices.ContainsFunc(nodes, func(id string) bool { return side[id] })
}

// longestGap is the longest time without the end of a served write or cas.
func longestGap(mutations []*op, end time.Duration) time.Duration {
	last, gap := time.Duration(0), time.Duration(0)
	for _, o := range mutations {
		gap, last = max(gap, o.Return-last), max(last, o.Return)
	}
	return max(gap, end-last)
}

// leadership tells from samples who led at a time.
type leadership []struct {
	at     time.Duration
	leader string
}

// newLeadership reads samples in order of time: at each moment the leader is
// who, by the latest answer of every node, leads in the highest term.
func newLeadership(samples []sample) leadership {
	var l leadership
	latest := map[string]sample{}
	for _, s := range samples {
		latest[s.Node] = s
		if leader := leaderOf(latest); len(l) == 0 || l[len(l)-1].leader != leader {
			l = append(l, struct {
				at     time.Duration
				leader string
			}{s.At, leader})
		}
	}
	return l
}

// at returns the leader at a time, or "".
func (l leadership) at(t time.Duration) string {
	leader := ""
	for _, change := range l {
		if change.at > t {
			break
		}
		leader = change.leader
	}
	return leader
}

// during returns who led before, through and for some time after an operation;
// "" if that changed or nobody knows.
func (l leadership) during(o *op) string {
	leader := l.at(o.Invoke)
	if leader != l.at(o.Return+2*watchPeriod) {
		return ""
	}
	return leader
}
