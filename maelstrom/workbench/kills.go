package workbench

import (
	"fmt"
	"strings"
)

// Kills counts what the kill nemesis did with one kind of target.
type Kills struct {
	// Times is how often it struck, Nodes how many processes it killed.
	Times int `json:"times"`
	Nodes int `json:"nodes"`
}

// countKills counts by whom the kills hit: one, the leader, a minority, a majority, all.
func countKills(phases []phase) map[string]Kills {
	all := map[string]Kills{}
	for _, p := range phases {
		if p.Begun == nil || p.Begun.Fault != nemesisKill {
			continue
		}
		whom := strings.TrimPrefix(p.Begun.Kind, nemesisKill+" ")
		k := all[whom]
		k.Times, k.Nodes = k.Times+1, k.Nodes+len(p.Begun.Killed)
		all[whom] = k
	}
	return all
}

// reportKills says how many processes were killed, and in what company.
func reportKills(b *strings.Builder, kills map[string]Kills) {
	sum, parts := Kills{}, []string(nil)
	for _, whom := range hits {
		if k := kills[whom]; k.Times > 0 {
			sum.Times, sum.Nodes = sum.Times+k.Times, sum.Nodes+k.Nodes
			parts = append(parts, fmt.Sprintf("%s %d (%d)", whom, k.Nodes, k.Times))
		}
	}
	if sum.Times > 0 {
		fmt.Fprintf(b, "Kills: %d processes at %d times; by target, processes (times): %s\n", sum.Nodes, sum.Times, strings.Join(parts, ", "))
	}
}
