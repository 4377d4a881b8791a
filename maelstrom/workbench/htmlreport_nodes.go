package workbench

import (
	"slices"
	"time"
)

const (
	// sampleLasts is how long an answer to status is taken for the truth if no
	// other follows: a question is asked every watchPeriod.
	sampleLasts = 3 * watchPeriod
	// maxRoles is how many stretches of one role a node's strip shows.
	maxRoles = 1000
	// maxStretches is how many stretches of time are looked at for nodes apart.
	maxStretches = 2 * maxFaults
)

// stripData is what is known of one node over time.
type stripData struct {
	Node  string     `json:"node"`
	Roles []roleData `json:"roles"`
	// Asked and Served count requests per bin (that of rateData) by invocation.
	Asked  []int `json:"asked"`
	Served []int `json:"served"`
	// Apart lists stretches without a two-way link to a majority, or to a node
	// that has one.
	Apart [][2]float64 `json:"apart"`
}

// roleData is a stretch of time in which a node had one role in one term.
type roleData struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Role string  `json:"role"`
	Term int64   `json:"term"`
}

func strips(s story) []stripData {
	bin := binFor(s.end)
	n := bins(s.end, bin)
	out := make([]stripData, len(s.nodes))
	samples := map[string][]sample{}
	for _, x := range s.samples {
		samples[x.Node] = append(samples[x.Node], x)
	}
	alone := apart(s)
	for i, id := range s.nodes {
		out[i] = stripData{
			Node: id, Roles: roles(samples[id], s.end), Apart: alone[id],
			Asked: make([]int, n), Served: make([]int, n),
		}
	}
	for _, o := range s.record.ops {
		i := slices.Index(s.nodes, o.Node)
		if i < 0 {
			continue
		}
		b := binOf(o.Invoke, bin, n)
		out[i].Asked[b]++
		if o.served() {
			out[i].Served[b]++
		}
	}
	return out
}

// roles joins a node's answers to stretches. Where answers are too far apart
// nothing is known.
func roles(samples []sample, end time.Duration) []roleData {
	var out []roleData
	for i, x := range samples {
		to := min(x.At+sampleLasts, end)
		if i+1 < len(samples) {
			to = min(to, samples[i+1].At)
		}
		role := clip(x.Role, 40)
		if last := len(out) - 1; last >= 0 && out[last].Role == role && out[last].Term == x.Term && out[last].To == millis(x.At) {
			out[last].To = millis(to)
			continue
		}
		if len(out) == maxRoles {
			break
		}
		out = append(out, roleData{millis(x.At), millis(to), role, x.Term})
	}
	return out
}

// apart lists for each node when it could not have been served by any majority.
func apart(s story) map[string][][2]float64 {
	out := map[string][][2]float64{}
	all := stretchesOf(s.record.phases, s.eras)
	for _, t := range all[:min(len(all), maxStretches)] {
		reach := t.grudge.reach(s.nodes, t.electorate)
		from, to := millis(t.from), millis(min(t.to, max(s.end, t.from)))
		for _, id := range s.nodes {
			last := len(out[id]) - 1
			switch {
			case reach[id]:
			case last >= 0 && out[id][last][1] == from:
				out[id][last][1] = to
			default:
				out[id] = append(out[id], [2]float64{from, to})
			}
		}
	}
	return out
}
