// Command messages counts what nodes send each other, by type and per operation, on virtual time: the same numbers at every run. It prints a table for
// each size of cluster, with a column for each kind of operation at each kind of node, beside the floor of the design and the
// classic way of etcd/raft, and the latencies in units of the one-way delay.
//
//	go run ./scripts/messages
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"maelraft/raft/sim"
)

var (
	sizes   = flag.String("nodes", "3,5", "cluster sizes")
	latency = flag.Duration("latency", 10*time.Millisecond, "mean one-way delay")
	dist    = flag.String("dist", "constant", "its distribution: constant or exponential")
	rate    = flag.Int("rate", 100, "operations per second")
	early   = flag.Bool("early-commit", true, "followers find out for themselves what is committed")
	try     = flag.Bool("cas-reads", true, "a cas that cannot match is answered like a read")
	thrifty = flag.Bool("thrifty", true, "no more nodes are asked than it takes")
	span    = flag.Duration("span", 60*time.Second, "virtual time to measure")
	seed    = flag.Uint64("seed", 1, "seed of everything random")
)

func main() {
	flag.Parse()
	distribution, known := map[string]sim.Distribution{"constant": sim.Constant, "exponential": sim.Exponential}[*dist]
	if !known {
		fmt.Fprintf(os.Stderr, "no such distribution: %s\n", *dist)
		os.Exit(2)
	}
	fmt.Printf("Made by `%s`.\n", strings.TrimSpace("go run ./scripts/messages "+strings.Join(os.Args[1:], " ")))
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 3 {
			fmt.Fprintf(os.Stderr, "not a size to measure: %s\n", size)
			os.Exit(2)
		}
		var columns []column
		for _, s := range scenarios {
			columns = append(columns, s.run(n, sim.Network{Latency: *latency, Distribution: distribution}))
		}
		print(n, columns)
	}
}

// column is what a scenario was seen to cost.
type column struct {
	scenario
	ops  int
	sent map[string]int
	took []time.Duration
}

// print prints the table of a cluster size.
func print(n int, columns []column) {
	fmt.Printf("\n%d nodes, messages per operation:\n\n| |", n)
	for _, c := range columns {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(columns)))
	for _, kind := range kinds {
		row(kind, columns, func(c column) string { return perOp(c.sent[kind], c.ops) })
	}
	row("**without heartbeats**", columns, func(c column) string { return perOp(c.total()-c.idle(), c.ops) })
	row("floor", columns, func(c column) string { return c.floor(n) })
	row("classic (etcd/raft)", columns, func(c column) string { return c.classic(n) })
	row("**all**", columns, func(c column) string { return perOp(c.total(), c.ops) })
	row("latency in L, p50", columns, func(c column) string { return c.quantile(0.5) })
	row("latency in L, p95", columns, func(c column) string { return c.quantile(0.95) })
	row("latency in L, p99", columns, func(c column) string { return c.quantile(0.99) })
}

func row(name string, columns []column, value func(column) string) {
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = value(c)
	}
	fmt.Printf("| %s | %s |\n", name, strings.Join(cells, " | "))
}

func perOp(messages, ops int) string {
	if messages == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(messages)/float64(ops))
}

func (c column) total() (sum int) {
	for _, n := range c.sent {
		sum += n
	}
	return sum
}

// idle counts what is sent whether there are operations or not.
func (c column) idle() int { return c.sent["heartbeat"] + c.sent["its reply"] }

func (c column) quantile(q float64) string {
	slices.Sort(c.took)
	at := c.took[int(q*float64(len(c.took)-1))]
	return fmt.Sprintf("%.2f", float64(at)/float64(*latency))
}
