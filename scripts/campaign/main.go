// Command campaign runs maelraft test over a matrix of cluster sizes, networks and faults, several seeds each, and prints a table of what it
// saw. results/ holds its tables; each names the command that made it.
//
//	go run ./scripts/campaign -bin bin/maelraft -nodes 3,5 -latency 0,10,100,10e,50e -every 1,4,10 -seeds 10
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	bin      = flag.String("bin", "bin/maelraft", "the bench, and the node that it tests")
	nodes    = flag.String("nodes", "5", "cluster sizes")
	latency  = flag.String("latency", "10", "mean one-way delays in ms; 10e is exponential, 10u uniform")
	every    = flag.String("every", "0", "seconds between faults; 0 is none")
	nemesis  = flag.String("nemesis", "partition", "the faults, as maelraft test takes them")
	first    = flag.Int("first", 1, "the first seed")
	seeds    = flag.Int("seeds", 1, "runs of each cell, with seeds that follow each other")
	rate     = flag.Int("rate", 100, "operations per second")
	duration = flag.Int("time", 0, "seconds for a run; 0: 20, or seven intervals between faults if that is longer")
	parallel = flag.Int("parallel", 1, "runs at the same time")
	extra    = flag.String("extra", "", "further arguments for maelraft test")
)

// cell is one place of the matrix.
type cell struct {
	nodes, latency, every string

	runs    []figures
	wg      sync.WaitGroup
	started chan struct{} // closed when all runs have begun
}

// figures is what we read of a results.json.
type figures struct {
	Verdict        string `json:"verdict"`
	ViolationCount int    `json:"violation_count"`
	Figures        struct {
		ServedShare        float64              `json:"served_share"`
		ServableShare      float64              `json:"servable_share"`
		Servable           int                  `json:"servable"`
		OKShare            float64              `json:"ok_share"`
		Unanswered         int                  `json:"unanswered"`
		UnansweredHalted   int                  `json:"unanswered_halted"`
		Code11             int                  `json:"code_11"`
		Code13             int                  `json:"code_13"`
		UnknownOutcomes    int                  `json:"unknown_outcomes"`
		LatencyAtFollowers map[string]quantiles `json:"latency_at_followers_ms"`
		LatencyAtLeader    map[string]quantiles `json:"latency_at_leader_ms"`
		Latency            map[string]quantiles `json:"latency_ms"`
		LongestGapMS       float64              `json:"longest_gap_ms"`
		ServersPerOK       float64              `json:"servers_per_ok"`
		Outages            struct {
			Each    []float64 `json:"each_ms"`
			CutOff  int       `json:"nodes_cut_from_leader"`
			Unended int       `json:"unended"`
		} `json:"outages"`
		Kills map[string]kills `json:"kills"`
	} `json:"figures"`
	FinalReads finalReads `json:"final_reads"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func main() {
	flag.Parse()
	fmt.Printf("Made by `go run ./scripts/campaign %s` on %s.\n\n", strings.Join(os.Args[1:], " "), time.Now().Format(time.DateOnly))
	fmt.Println("| nodes | delay ms | faults every s | runs | valid | violations | served %, least | of servable %, median / least |" +
		" unanswered (at nodes stopped or killed) | unknown per node cut off | outage ms, median / longest (cuts) | longest gap ms, median |" +
		" read p50 leader / follower / all | write p50 leader / follower / all | server messages per ok |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	var cells []*cell
	for _, n := range strings.Split(*nodes, ",") {
		for _, l := range strings.Split(*latency, ",") {
			for _, e := range strings.Split(*every, ",") {
				cells = append(cells, &cell{nodes: n, latency: l, every: e, runs: make([]figures, *seeds), started: make(chan struct{})})
			}
		}
	}
	go start(cells)
	bad := false
	for _, c := range cells {
		<-c.started
		c.wg.Wait()
		bad = !c.print() || bad
	}
	printKills(cells)
	if bad {
		os.Exit(1)
	}
}

// start runs all seeds of all cells, so many at a time.
func start(cells []*cell) {
	slots := make(chan struct{}, *parallel)
	for _, c := range cells {
		for i := range c.runs {
			slots <- struct{}{}
			c.wg.Go(func() {
				c.runs[i] = run(c, *first+i)
				<-slots
			})
		}
		close(c.started)
	}
}

func run(c *cell, seed int) (f figures) {
	store, err := os.MkdirTemp("", "campaign")
	if err != nil {
		return f
	}
	defer os.RemoveAll(store)
	out, err := exec.Command(*bin, arguments(c, seed, store)...).CombinedOutput()
	text, readErr := os.ReadFile(filepath.Join(store, "latest", "results.json"))
	if readErr == nil {
		readErr = json.Unmarshal(text, &f)
	}
	if err != nil || readErr != nil {
		keep := filepath.Join(os.TempDir(), fmt.Sprintf("campaign-%s-%s-%s-%d.log", c.nodes, c.latency, c.every, seed))
		_ = os.WriteFile(keep, out, 0o644)
		fmt.Fprintf(os.Stderr, "%s nodes, %s ms, faults every %s s, seed %d: %v %v; see %s\n", c.nodes, c.latency, c.every, seed, err, readErr, keep)
	}
	return f
}

func arguments(c *cell, seed int, store string) []string {
	mean, dist := strings.TrimRight(c.latency, "eu"), "constant"
	switch {
	case strings.HasSuffix(c.latency, "e"):
		dist = "exponential"
	case strings.HasSuffix(c.latency, "u"):
		dist = "uniform"
	}
	seconds := *duration
	interval, _ := strconv.ParseFloat(c.every, 64)
	if seconds == 0 {
		seconds = max(20, int(7*interval))
	}
	args := []string{
		"test", "--node-count", c.nodes, "--latency", mean, "--latency-dist", dist, "--rate", strconv.Itoa(*rate),
		"--time-limit", strconv.Itoa(seconds), "--seed", strconv.Itoa(seed), "--store", store,
	}
	if interval > 0 {
		args = append(args, "--nemesis", *nemesis, "--nemesis-interval", c.every)
	}
	return append(args, strings.Fields(*extra)...)
}

// print prints the row of a cell, and says whether every run was valid.
func (c *cell) print() bool {
	runs := c.runs
	valid, violations, unanswered, halted, unknown, cutOff := 0, 0, 0, 0, 0, 0
	var served, servable, outages, gaps, perOK []float64
	for _, r := range runs {
		f := r.Figures
		if r.Verdict == "valid" {
			valid++
		}
		violations += r.ViolationCount
		unanswered += f.Unanswered
		halted += f.UnansweredHalted
		unknown += f.UnknownOutcomes
		cutOff += f.Outages.CutOff
		served = append(served, 100*f.ServedShare)
		servable = append(servable, 100*f.ServableShare)
		outages = append(outages, f.Outages.Each...)
		gaps = append(gaps, f.LongestGapMS)
		perOK = append(perOK, f.ServersPerOK)
	}
	perCut := "-"
	if cutOff > 0 {
		perCut = fmt.Sprintf("%.2f", float64(unknown)/float64(cutOff))
	}
	fmt.Printf("| %s | %s | %s | %d | %d | %d | %.2f | %.2f / %.2f | %d (%d) | %s | %.0f / %.0f (%d) | %.0f | %s | %s | %.1f |\n",
		c.nodes, c.latency, c.every, len(runs), valid, violations, quantile(served, 0), quantile(servable, 0.5), quantile(servable, 0),
		unanswered, halted, perCut, quantile(outages, 0.5), quantile(outages, 1), len(outages), quantile(gaps, 0.5),
		latencies(runs, "read"), latencies(runs, "write"), quantile(perOK, 0.5))
	return valid == len(runs)
}

// latencies returns the medians over the runs of the median latency at the leader, at followers, and of all.
func latencies(runs []figures, f string) string {
	var leader, follower, all []float64
	for _, r := range runs {
		if q, ok := r.Figures.LatencyAtLeader[f]; ok {
			leader = append(leader, q.P50)
		}
		if q, ok := r.Figures.LatencyAtFollowers[f]; ok {
			follower = append(follower, q.P50)
		}
		if q, ok := r.Figures.Latency[f]; ok {
			all = append(all, q.P50)
		}
	}
	return fmt.Sprintf("%.1f / %.1f / %.1f", quantile(leader, 0.5), quantile(follower, 0.5), quantile(all, 0.5))
}

func quantile(of []float64, q float64) float64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[int(q*float64(len(of)-1)+0.5)]
}
