package workbench

import (
	"math"
	"slices"
	"time"
)

// Figures are the measurements of one test. Shares are between 0 and 1, and 0
// where there is nothing to share.
type Figures struct {
	// Seconds is how long operations were issued and awaited.
	Seconds float64 `json:"seconds"`
	// Operations counts all client operations; ByFunction splits them.
	Operations Counts            `json:"operations"`
	ByFunction map[string]Counts `json:"by_function"`
	// OKShare is Maelstrom's ok-fraction.
	OKShare float64 `json:"ok_share"`
	// ServedShare is the share answered ok, 20 or 22.
	ServedShare float64 `json:"served_share"`
	// Servable counts requests whose node could have served them in time, and
	// how many of these were served.
	Servable       int     `json:"servable"`
	ServableServed int     `json:"servable_served"`
	ServableShare  float64 `json:"servable_share"`
	// Unanswered counts requests without an answer within the client's limit.
	Unanswered int `json:"unanswered"`
	// UnansweredHalted counts those of them whose node was stopped when the
	// client gave up, or killed before.
	UnansweredHalted int `json:"unanswered_halted"`
	Code11           int `json:"code_11"`
	Code13           int `json:"code_13"`
	// UnknownOutcomes counts writes and cas that timed out or got 13, and
	// UnknownPerNodeCut divides them by Outages.NodesCutFromLeader.
	UnknownOutcomes   int     `json:"unknown_outcomes"`
	UnknownPerNodeCut float64 `json:"unknown_per_node_cut"`
	// Latency has the served operations by function: all of them, and those at
	// nodes that led or followed all the time (where nodes answer status).
	Latency            map[string]Quantiles `json:"latency_ms"`
	LatencyAtLeader    map[string]Quantiles `json:"latency_at_leader_ms"`
	LatencyAtFollowers map[string]Quantiles `json:"latency_at_followers_ms"`
	// Outages are measured where nodes answer status.
	Outages Outages `json:"outages"`
	// Membership is nil unless nodes came and went.
	Membership *Membership `json:"membership,omitempty"`
	// Kills counts processes that the kill nemesis ended, by its target.
	Kills map[string]Kills `json:"kills,omitempty"`
	// LongestGapMS is the longest time without a served write or cas.
	LongestGapMS float64 `json:"longest_gap_ms"`
	// Messages counts messages; the rest puts those between nodes in relation.
	Messages             NetStats           `json:"messages"`
	ServersPerInvocation float64            `json:"servers_per_invocation"`
	ServersPerOK         float64            `json:"servers_per_ok"`
	ServersPerServed     float64            `json:"servers_per_served"`
	PerServedByType      map[string]float64 `json:"servers_per_served_by_type"`
	// RouterLateMeanMS and RouterLateWorstMS are how late the bench's own
	// sleeps ended: its error in every delay.
	RouterLateMeanMS  float64 `json:"router_late_mean_ms"`
	RouterLateWorstMS float64 `json:"router_late_worst_ms"`
}

// Counts counts operations by outcome.
type Counts struct {
	Total  int `json:"total"`
	OK     int `json:"ok"`
	Fail   int `json:"fail"`
	Info   int `json:"info"`
	Served int `json:"served"`
	// Errors counts them by the name of their error code.
	Errors map[string]int `json:"errors,omitempty"`
}

func (c *Counts) add(o *op) {
	c.Total++
	switch o.Outcome {
	case outcomeOK:
		c.OK++
	case outcomeFail:
		c.Fail++
	default:
		c.Info++
	}
	if o.served() {
		c.Served++
	}
	if o.Code != codeNone {
		if c.Errors == nil {
			c.Errors = map[string]int{}
		}
		c.Errors[codeName(o.Code)]++
	}
}

// Quantiles describes latencies in milliseconds.
type Quantiles struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func newQuantiles(values []float64) Quantiles {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return Quantiles{
		Count: len(values), Mean: share(sum, len(values)),
		P50: quantile(values, 0.50), P95: quantile(values, 0.95),
		P99: quantile(values, 0.99), Max: quantile(values, 1),
	}
}

// quantile returns the nearest-rank quantile q in (0, 1] of values in any
// order, or 0 if there are none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// share divides, and is 0 where it cannot.
func share(part float64, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return part / float64(whole)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measurement is what figures are made from.
type measurement struct {
	opts     Options
	nodes    []string
	workload workload
	record   record
	eras     eras
	samples  []sample
	net      NetStats
	late     *lateness
	end      time.Duration
}

func (m measurement) figures(s *servability) Figures {
	f := Figures{Seconds: m.end.Seconds(), ByFunction: map[string]Counts{}, Messages: m.net}
	var mutations []*op
	for _, o := range m.record.ops {
		m.count(&f, o, s)
		if o.served() && m.workload.mutates(o.F) {
			mutations = append(mutations, o)
		}
	}
	slices.SortFunc(mutations, func(a, b *op) int { return a.ReturnIndex - b.ReturnIndex })
	total := f.Operations.Total
	f.OKShare = share(float64(f.Operations.OK), total)
	f.ServedShare = share(float64(f.Operations.Served), total)
	f.ServableShare = share(float64(f.ServableServed), f.Servable)
	f.Outages = measureOutages(m.record.phases, m.eras, m.nodes, mutations, m.opts.meanLatency(), m.end)
	f.Kills = countKills(m.record.phases)
	f.UnknownPerNodeCut = share(float64(f.UnknownOutcomes), f.Outages.NodesCutFromLeader)
	f.LongestGapMS = ms(longestGap(mutations, m.end))
	if m.opts.changesMembers() {
		f.Membership = newMembership(m.nodes, m.record.admin)
	}
	m.latencies(&f)
	m.messages(&f)
	mean, worst := m.late.summary()
	f.RouterLateMeanMS, f.RouterLateWorstMS = ms(mean), ms(worst)
	return f
}

func (m measurement) count(f *Figures, o *op, s *servability) {
	f.Operations.add(o)
	c := f.ByFunction[o.F]
	c.add(o)
	f.ByFunction[o.F] = c
	if s.servable(o.Node, o.Invoke) {
		f.Servable++
		if o.served() {
			f.ServableServed++
		}
	}
	switch o.Code {
	case codeTimeout:
		f.Unanswered++
		if s.halted(o.Node, o.Invoke) {
			f.UnansweredHalted++
		}
	case 11:
		f.Code11++
	case 13:
		f.Code13++
	}
	if m.workload.mutates(o.F) && (o.Code == codeTimeout || o.Code == 13) {
		f.UnknownOutcomes++
	}
}

func (m measurement) latencies(f *Figures) {
	all, leaders, followers := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	who := newLeadership(m.samples)
	for _, o := range m.record.ops {
		if !o.served() {
			continue
		}
		took := ms(o.Return - o.Invoke)
		all[o.F] = append(all[o.F], took)
		switch who.during(o) {
		case "":
		case o.Node:
			leaders[o.F] = append(leaders[o.F], took)
		default:
			followers[o.F] = append(followers[o.F], took)
		}
	}
	f.Latency, f.LatencyAtLeader, f.LatencyAtFollowers = byFunction(all), byFunction(leaders), byFunction(followers)
}

func byFunction(values map[string][]float64) map[string]Quantiles {
	out := map[string]Quantiles{}
	for f, v := range values {
		out[f] = newQuantiles(v)
	}
	return out
}

func (m measurement) messages(f *Figures) {
	sent := float64(m.net.Servers.Sent)
	f.ServersPerInvocation = share(sent, f.Operations.Total)
	f.ServersPerOK = share(sent, f.Operations.OK)
	f.ServersPerServed = share(sent, f.Operations.Served)
	f.PerServedByType = map[string]float64{}
	for kind, n := range m.net.ServersByType {
		f.PerServedByType[kind] = share(float64(n), f.Operations.Served)
	}
}
