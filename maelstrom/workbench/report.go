package workbench

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Last lines, Maelstrom's own.
const (
	lineValid   = "Everything looks good! ヽ(‘ー`)ノ"
	lineInvalid = "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻"
	lineUnknown = "Errors occurred during analysis, but no anomalies found. ಠ~ಠ"
)

// maxMessageTypes is how many types of message the report lists.
const maxMessageTypes = 8

// report prints the final block; the verdict is its last line.
func (p *printer) report(r Result) {
	if !p.quiet {
		var b strings.Builder
		if r.Figures.Operations.Total > 0 {
			reportOperations(&b, r)
			reportFaults(&b, r)
			r.FinalReads.report(&b)
			reportLatency(&b, r)
			reportMessages(&b, r)
		}
		reportVerdict(&b, r)
		p.line(strings.TrimRight(b.String(), "\n"))
		p.line("")
	}
	p.verdict(r.Verdict)
}

// verdict prints the last line.
func (p *printer) verdict(v Verdict) {
	switch v {
	case Valid:
		p.line(lineValid)
	case Invalid:
		p.line(lineInvalid)
	default:
		p.line(lineUnknown)
	}
}

// table writes aligned rows; cells are separated by tabs.
func table(b *strings.Builder, rows func(row func(format string, args ...any))) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	rows(func(format string, args ...any) { _, _ = fmt.Fprintf(w, "  "+format+"\n", args...) })
	_ = w.Flush() // a strings.Builder takes everything
}

func reportOperations(b *strings.Builder, r Result) {
	f := r.Figures
	fmt.Fprintf(b, "\nOperations: %d in %.1f s (%.1f per second)\n", f.Operations.Total, f.Seconds, perSecond(f))
	reportCounts(b, f.Operations, f.ByFunction)
	fmt.Fprintf(b, "Served (ok, or rightly refused with 20 or 22): %s of all; %s of the %d that could be served\n",
		percent(f.ServedShare), percent(f.ServableShare), f.Servable)
	halted := ""
	if f.UnansweredHalted > 0 {
		halted = fmt.Sprintf(" (%d at nodes that were stopped or killed)", f.UnansweredHalted)
	}
	fmt.Fprintf(b, "  unanswered within %v: %d%s; code 11: %d; code 13: %d; ok-fraction as Maelstrom counts: %.3f\n",
		r.Options.clientLimit(), f.Unanswered, halted, f.Code11, f.Code13, f.OKShare)
}

func reportCounts(b *strings.Builder, all Counts, byFunction map[string]Counts) {
	table(b, func(row func(string, ...any)) {
		row("\ttotal\tok\tfailed\tunknown\tserved\terrors")
		for _, name := range slices.Sorted(maps.Keys(byFunction)) {
			c := byFunction[name]
			row("%s\t%d\t%d\t%d\t%d\t%d\t%s", name, c.Total, c.OK, c.Fail, c.Info, c.Served, errorList(c.Errors))
		}
		row("all\t%d\t%d\t%d\t%d\t%d\t", all.Total, all.OK, all.Fail, all.Info, all.Served)
	})
}

func perSecond(f Figures) float64 {
	if f.Seconds == 0 {
		return 0
	}
	return float64(f.Operations.Total) / f.Seconds
}

func errorList(errors map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(errors)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, errors[name]))
	}
	return strings.Join(parts, ", ")
}

func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

func reportFaults(b *strings.Builder, r Result) {
	f := r.Figures
	o := f.Outages
	fmt.Fprintf(b, "\nLongest time without a served write or cas: %.0f ms\n", f.LongestGapMS)
	reportMembership(b, f.Membership)
	if o.Cuts == 0 {
		return
	}
	fmt.Fprintf(b, "Faults: %d", o.Cuts)
	switch {
	case o.LeaderKnown == 0:
		fmt.Fprint(b, "; which node led is not known, so outages are not measured\n")
	case o.LeaderLost == 0:
		fmt.Fprintf(b, "; none of the %d with a known leader took it from the majority\n", o.LeaderKnown)
	default:
		fmt.Fprintf(b, "; %d took the leader from the majority: writing stopped for %.0f ms (median), %.0f ms (longest), %d did not recover\n",
			o.LeaderLost, o.MedianMS, o.LongestMS, o.Unended)
	}
	fmt.Fprintf(b, "  writes and cas with unknown outcome: %d", f.UnknownOutcomes)
	if o.NodesCutFromLeader > 0 {
		fmt.Fprintf(b, ", %.2f for each of the %d times a node was cut from its leader", f.UnknownPerNodeCut, o.NodesCutFromLeader)
	}
	fmt.Fprintln(b)
	reportKills(b, f.Kills)
}

// reportMembership says what came of the changes of the membership.
func reportMembership(b *strings.Builder, m *Membership) {
	if m == nil {
		return
	}
	fmt.Fprintf(b, "Membership: %d changes asked for: %d done, %d refused, %d unknown", m.Asked, m.Done, m.Refused, m.Unknown)
	if len(m.Errors) > 0 {
		fmt.Fprintf(b, " (%s)", errorList(m.Errors))
	}
	if len(m.Moves) > 0 {
		fmt.Fprintf(b, "\n  moves: %s", errorList(m.Moves))
	}
	fmt.Fprintf(b, "\n  voters at a time: %s; at last: %s\n", strings.Trim(fmt.Sprint(m.Sizes), "[]"), strings.Join(m.Last, " "))
}

func reportLatency(b *strings.Builder, r Result) {
	f := r.Figures
	fmt.Fprintln(b, "\nLatency of served operations, ms")
	table(b, func(row func(string, ...any)) {
		row("\tcount\tmean\tp50\tp95\tp99\tmax")
		for _, name := range slices.Sorted(maps.Keys(f.Latency)) {
			for _, part := range []struct {
				where string
				from  map[string]Quantiles
			}{{"", f.Latency}, {" at the leader", f.LatencyAtLeader}, {" at a follower", f.LatencyAtFollowers}} {
				if q, ok := part.from[name]; ok {
					row("%s%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f", name, part.where, q.Count, q.Mean, q.P50, q.P95, q.P99, q.Max)
				}
			}
		}
	})
}

func reportMessages(b *strings.Builder, r Result) {
	f := r.Figures
	fmt.Fprintf(b, "\nMessages between nodes: %d (%d lost to partitions); per operation: %.2f invoked, %.2f ok, %.2f served\n",
		f.Messages.Servers.Sent, f.Messages.Dropped, f.ServersPerInvocation, f.ServersPerOK, f.ServersPerServed)
	kinds := slices.SortedFunc(maps.Keys(f.PerServedByType), func(a, c string) int {
		if d := f.Messages.ServersByType[c] - f.Messages.ServersByType[a]; d != 0 {
			return d
		}
		return strings.Compare(a, c)
	})
	var parts []string
	for _, kind := range kinds[:min(len(kinds), maxMessageTypes)] {
		parts = append(parts, fmt.Sprintf("%.60s %.2f", kind, f.PerServedByType[kind]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "  per served operation: %s\n", strings.Join(parts, ", "))
	}
	if n := f.Messages.ForeignReplies; n > 0 {
		fmt.Fprintf(b, "  note: %d replies came from a node that was not asked, over the clients' free links: latencies flatter\n", n)
	}
	if n := f.Messages.SpoofedSources; n > 0 {
		fmt.Fprintf(b, "  note: %d messages carried somebody else's src: latencies and message counts flatter\n", n)
	}
	fmt.Fprintf(b, "  the bench delivered delayed messages %.2f ms late on average, %.1f ms at worst\n", f.RouterLateMeanMS, f.RouterLateWorstMS)
}

func reportVerdict(b *strings.Builder, r Result) {
	fmt.Fprintf(b, "\nProtocol: %d violations", r.ViolationCount)
	if n := r.Figures.Messages.SilencedLines; n > 0 {
		fmt.Fprintf(b, "; %d lines of silenced nodes were ignored", n)
	}
	fmt.Fprintf(b, "\n%s (%d keys): %s as Maelstrom reads it, %s as read strictly\n",
		workloads[r.Options.Workload].claim(), r.LinearizableStrict.Keys, r.LinearizableOfficial.Verdict, r.LinearizableStrict.Verdict)
	if e := r.Explanation; e != nil {
		fmt.Fprintf(b, "    %s\n", e.text())
		if e.File != "" {
			fmt.Fprintf(b, "    as a picture: %s\n", e.File)
		}
	}
	label := "Not valid"
	if r.Verdict == Valid {
		label = "Not valid if judged strictly"
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(b, "%s: %s\n", label, reason)
	}
	fmt.Fprintf(b, "Verdict: %s as Maelstrom judges, %s as judged strictly; seed %d\n", r.Official, r.Strict, r.Options.Seed)
	fmt.Fprintf(b, "Files: %s\n", r.Store)
	fmt.Fprintf(b, "All of it as a page: %s\n", filepath.Join(r.Store, reportFile))
}
