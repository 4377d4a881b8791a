package main

import (
	"fmt"
	"strings"
)

// kills counts the processes that were killed with one kind of target, and how often that was.
type kills struct {
	Times int `json:"times"`
	Nodes int `json:"nodes"`
}

// finalReads is what came of --final-reads.
type finalReads struct {
	Keys   int `json:"keys"`
	Reads  int `json:"reads"`
	Served int `json:"served"`
}

// printKills adds up the kills of all runs, and the reads at their ends.
func printKills(cells []*cell) {
	by, sum, final, runs := map[string]kills{}, kills{}, finalReads{}, 0
	for _, c := range cells {
		runs += len(c.runs)
		for _, r := range c.runs {
			for whom, k := range r.Figures.Kills {
				k.Times, k.Nodes = k.Times+by[whom].Times, k.Nodes+by[whom].Nodes
				by[whom] = k
			}
			f := r.FinalReads
			final = finalReads{final.Keys + f.Keys, final.Reads + f.Reads, final.Served + f.Served}
		}
	}
	var parts []string
	for _, whom := range []string{"one", "leader", "minority", "majority", "all"} {
		k := by[whom]
		sum = kills{sum.Times + k.Times, sum.Nodes + k.Nodes}
		parts = append(parts, fmt.Sprintf("%s %d (%d)", whom, k.Nodes, k.Times))
	}
	if sum.Times > 0 {
		fmt.Printf("\nKills in %d runs: %d processes at %d times; by target, processes (times): %s.\n", runs, sum.Nodes, sum.Times, strings.Join(parts, ", "))
	}
	if final.Reads > 0 {
		fmt.Printf("\nFinal reads: %d of %d answered, of %d keys.\n", final.Served, final.Reads, final.Keys)
	}
}
