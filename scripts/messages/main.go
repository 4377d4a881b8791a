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

	"maelraft/kv"
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
	lease   = flag.Bool("lease", false, "reads by a lease")
	queue   = flag.Bool("queue", false, "requests wait at their node as in Maelstrom's queue: until the message is there that is the next to arrive (constant delays only)")
	span    = flag.Duration("span", 60*time.Second, "virtual time to measure")
	seed    = flag.Uint64("seed", 1, "seed of everything random")
)

func main() {
	flag.Parse()
	distribution, known := map[string]sim.Distribution{"constant": sim.Constant, "exponential": sim.Exponential}[*dist]
	if !known || *queue && distribution != sim.Constant {
		fmt.Fprintf(os.Stderr, "no such distribution, or not with -queue: %s\n", *dist)
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
	// tookBy is took by operation and place.
	tookBy map[kind][]time.Duration
}

// kind is an operation at a kind of node.
type kind struct {
	op       kv.Op
	atLeader bool
}

// print prints the table of a cluster size.
func print(n int, columns []column) {
	fmt.Printf("\n%d nodes, messages per operation:\n\n| |", n)
	for _, c := range columns {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(columns)))
	for _, name := range kinds {
		row(name, columns, func(c column) string { return perOp(c.sent[name], c.ops) })
	}
	row("**without heartbeats**", columns, func(c column) string { return perOp(c.total()-c.idle(), c.ops) })
	row("floor", columns, func(c column) string { return c.floor(n) })
	row("classic (etcd/raft)", columns, func(c column) string { return c.classic(n) })
	row("**all**", columns, func(c column) string { return perOp(c.total(), c.ops) })
	row("latency in L, mean", columns, func(c column) string { return mean(c.took) })
	for _, q := range quantiles {
		row(fmt.Sprintf("latency in L, p%.0f", 100*q), columns, func(c column) string { return quantile(c.took, q) })
	}
	fmt.Printf("\n%d nodes, %s, latency in L:\n\n| | mean | p50 | p95 | p99 |\n|---|---|---|---|---|\n", n, columns[len(columns)-1].name)
	for _, op := range []kv.Op{kv.Read, kv.Write, kv.CAS} {
		for _, atLeader := range []bool{true, false} {
			columns[len(columns)-1].printKind(kind{op, atLeader})
		}
	}
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

// printKind prints what one operation took at one kind of node.
func (c column) printKind(k kind) {
	place := "at followers"
	if k.atLeader {
		place = "at the leader"
	}
	took := c.tookBy[k]
	fmt.Printf("| %s %s | %s |", k.op, place, mean(took))
	for _, q := range quantiles {
		fmt.Printf(" %s |", quantile(took, q))
	}
	fmt.Println()
}

var quantiles = []float64{0.5, 0.95, 0.99}

func mean(took []time.Duration) string {
	sum := time.Duration(0)
	for _, t := range took {
		sum += t
	}
	return fmt.Sprintf("%.2f", float64(sum)/float64(max(len(took), 1))/float64(*latency))
}

func quantile(took []time.Duration, q float64) string {
	if len(took) == 0 {
		return ""
	}
	slices.Sort(took)
	return fmt.Sprintf("%.2f", float64(took[int(q*float64(len(took)-1))])/float64(*latency))
}
