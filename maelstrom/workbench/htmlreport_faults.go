package workbench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxFaults is how many faults are listed and shaded.
	maxFaults = 300
	// maxPhases is how many phases get a bar.
	maxPhases = 60
	// maxWho is how many bytes say who was cut.
	maxWho = 300
)

// faultRow is a line of the list of faults; numbers start at 1.
type faultRow struct {
	Number   int
	Kind     string
	From, To time.Duration
	Leader   string
	Who      string
	Outage   string
}

// faultData is a fault in the charts.
type faultData struct {
	Number int     `json:"number"`
	Kind   string  `json:"kind"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Who    string  `json:"who"`
	Lost   bool    `json:"lost"` // it took a known leader from the majority
}

func (f faultRow) data() faultData {
	return faultData{f.Number, f.Kind, millis(f.From), millis(f.To), f.Who, f.Outage != ""}
}

// Lasted is how long the fault was in force.
func (f faultRow) Lasted() time.Duration { return f.To - f.From }

// phaseEnd is when the i-th phase ended.
func (s story) phaseEnd(i int) time.Duration {
	if i+1 < len(s.record.phases) {
		return s.record.phases[i+1].At
	}
	return max(s.end, s.record.phases[i].At)
}

func faultRows(s story) ([]faultRow, string) {
	var rows []faultRow
	number, lost := 0, 0
	outages := s.result.Figures.Outages.Each
	for i, p := range s.record.phases {
		if p.Kind == "" {
			continue
		}
		number++
		row := faultRow{Number: number, Kind: p.Kind, From: p.At, To: s.phaseEnd(i), Leader: p.Leader, Who: clip(p.who(s.nodes), maxWho)}
		if !p.Ends && p.takesLeader(s.nodes, s.eras) && lost < len(outages) {
			row.Outage = fmt.Sprintf("%.0f ms", outages[lost])
			lost++
		}
		if number <= maxFaults {
			rows = append(rows, row)
		}
	}
	if number > maxFaults {
		return rows, fmt.Sprintf("The first %d of %d faults are listed and shaded.", maxFaults, number)
	}
	return rows, ""
}

// who says whom the faults in force hit.
func (p phase) who(nodes []string) string {
	if len(p.Nodes) == 0 {
		return p.Grudge.words(nodes)
	}
	return fmt.Sprintf("at %s; links: %s", strings.Join(p.Nodes, " "), p.Grudge.words(nodes))
}

// words says who was cut from whom: groups, where the network fell apart into
// groups, or else whom each node went on to hear.
func (g grudge) words(nodes []string) string {
	var groups [][]string
	for _, id := range nodes {
		i := slices.IndexFunc(groups, func(group []string) bool { return g.linked(id, group[0]) })
		if i < 0 {
			groups = append(groups, []string{id})
		} else {
			groups[i] = append(groups[i], id)
		}
	}
	if g.isSplit(nodes, groups) {
		if len(groups) < 2 {
			return "nobody"
		}
		slices.SortStableFunc(groups, func(a, b []string) int { return cmp.Compare(len(a), len(b)) })
		var parts []string
		for _, group := range groups {
			parts = append(parts, strings.Join(group, " "))
		}
		return strings.Join(parts, " | ")
	}
	var parts []string
	for _, dest := range nodes {
		var deaf []string
		for _, src := range nodes {
			if g.cuts(src, dest) {
				deaf = append(deaf, src)
			}
		}
		if len(deaf) > 0 {
			parts = append(parts, dest+" does not hear "+strings.Join(deaf, " "))
		}
	}
	return strings.Join(parts, "; ")
}

// isSplit says whether all links inside groups work and none between them.
func (g grudge) isSplit(nodes []string, groups [][]string) bool {
	of := map[string]int{}
	for i, group := range groups {
		for _, id := range group {
			of[id] = i
		}
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b && g.cuts(a, b) != (of[a] != of[b]) {
				return false
			}
		}
	}
	return true
}

// phaseData is the bar of one phase: of what was asked in it, how much could
// be served, and how much of that was.
type phaseData struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Kind     string  `json:"kind"`  // "" between faults
	Fault    int     `json:"fault"` // its number, or 0
	Asked    int     `json:"asked"`
	Servable int     `json:"servable"`
	Served   int     `json:"served"`
}

// phaseBars counts by the time of invocation. Phases in which nothing was
// asked have no bar.
func phaseBars(s story) ([]phaseData, string) {
	all := make([]phaseData, len(s.record.phases))
	fault := 0
	for i, p := range s.record.phases {
		all[i] = phaseData{From: millis(p.At), To: millis(s.phaseEnd(i)), Kind: p.Kind}
		if p.Kind != "" {
			fault++
			all[i].Fault = fault
		}
	}
	i := 0
	for _, o := range s.record.ops { // in order of invocation, as phases are
		for i+1 < len(all) && s.record.phases[i+1].At <= o.Invoke {
			i++
		}
		all[i].Asked++
		if s.servable.servable(o.Node, o.Invoke) {
			all[i].Servable++
			if o.served() {
				all[i].Served++
			}
		}
	}
	all = slices.DeleteFunc(all, func(d phaseData) bool { return d.Asked == 0 })
	if len(all) <= maxPhases {
		return all, ""
	}
	note := fmt.Sprintf("The %d of %d phases in which the least of the servable was served.", maxPhases, len(all))
	slices.SortStableFunc(all, func(a, b phaseData) int {
		return cmp.Compare(share(float64(a.Served), a.Servable), share(float64(b.Served), b.Servable))
	})
	all = all[:maxPhases]
	slices.SortStableFunc(all, func(a, b phaseData) int { return cmp.Compare(a.From, b.From) })
	return all, note
}
