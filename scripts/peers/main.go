// Command peers measures what a commit costs in our core and in etcd's, side by side: three nodes in this process and in memory, whose messages arrive at
// once and in order, on one goroutine. So it is the cores that are measured, with the loop around each that its users write, and nothing else.
//
//	go run -C scripts/peers .
//
// A commit begins when the leader is asked and ends when nothing is under way any more: the leader has executed the command and answered. In bursts of B the
// leader is asked B times before anything is sent. Both take a snapshot every 10,000 entries and keep 1,000. Rounds alternate between the two, so that both see
// the same machine; the ratio is that of the medians.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

var (
	rounds  = flag.Int("rounds", 15, "rounds of each")
	commits = flag.Int("commits", 20_000, "commits in a round")
	payload = flag.Int("payload", 64, "bytes of a command")
)

// When snapshots are taken, and how much of the log before them is kept.
const (
	snapshotEntries = 10_000
	trailingEntries = 1_000
)

// cluster is three nodes, one of which leads.
type cluster interface {
	// commit has the leader asked for so many commands at once, and returns when nothing is under way any more, with the number of messages it took.
	commit(burst int, command []byte) (messages int)
	// executed is how many commands each node has executed.
	executed() []int
}

// cost is what a commit takes.
type cost struct {
	nanoseconds, allocations, bytes, messages float64
}

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	fmt.Printf("Three nodes in memory, one CPU, %d bytes a command, medians of %d rounds of %d commits each; %s.\n\n", *payload, *rounds, *commits, runtime.Version())
	fmt.Println("| burst | core | ns per commit | allocations | bytes allocated | messages | time, ours / etcd |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, burst := range []int{1, 16, 256} {
		if err := compare(burst); err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(1)
		}
	}
}

func compare(burst int) error {
	ours, err := newOurs()
	if err != nil {
		return err
	}
	theirs, err := newEtcd()
	if err != nil {
		return err
	}
	var costs [2][]cost
	for range *rounds {
		for i, c := range []cluster{ours, theirs} {
			costs[i] = append(costs[i], measure(c, burst))
		}
	}
	for _, c := range []cluster{ours, theirs} {
		if got, want := slices.Max(c.executed()), (*rounds)*(*commits/burst)*burst; got != want {
			return fmt.Errorf("%T has executed %d commands, not %d", c, got, want)
		}
	}
	us, them := median(costs[0]), median(costs[1])
	row := func(name string, c cost, ratio string) {
		fmt.Printf("| %d | %s | %.0f | %.1f | %.0f | %.2f | %s |\n", burst, name, c.nanoseconds, c.allocations, c.bytes, c.messages, ratio)
	}
	row("maelraft", us, fmt.Sprintf("%.2f", us.nanoseconds/them.nanoseconds))
	row("etcd/raft "+etcdVersion, them, "")
	return nil
}

// measure is one round.
func measure(c cluster, burst int) cost {
	command := make([]byte, *payload)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	messages, n := 0, 0
	for ; n+burst <= *commits; n += burst {
		messages += c.commit(burst, command)
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	per := func(x float64) float64 { return x / float64(n) }
	return cost{
		per(float64(took.Nanoseconds())), per(float64(after.Mallocs - before.Mallocs)), per(float64(after.TotalAlloc - before.TotalAlloc)), per(float64(messages)),
	}
}

func median(costs []cost) cost {
	of := func(get func(cost) float64) float64 {
		var all []float64
		for _, c := range costs {
			all = append(all, get(c))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return cost{
		of(func(c cost) float64 { return c.nanoseconds }), of(func(c cost) float64 { return c.allocations }),
		of(func(c cost) float64 { return c.bytes }), of(func(c cost) float64 { return c.messages }),
	}
}
