package sim_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maelraft/raft/sim"
)

// defaultSeeds keeps make test short.
const defaultSeeds = 150 / slowdown

var (
	seeds   = flag.Uint64("seeds", defaultSeeds, "how many seeds TestSwarm runs")
	first   = flag.Uint64("first", 0, "the first of them")
	span    = flag.Duration("span", 20*time.Second, "how long phase one takes, in virtual time")
	with    = flag.String("with", "", "faults that every mix has, with commas between them")
	without = flag.String("without", "", "faults that are switched off, with commas between them")
	trace   = flag.String("events", "", "the file that gets the whole trace of the first seed")
)

// TestSwarm runs many mixes of faults.
func TestSwarm(t *testing.T) {
	campaign(t, *seeds, *span, newWorkload, (*workload).run)
}

// A campaign shrinks and explains this many failing seeds; the others it names. A trace shows the last lines.
const (
	explained  = 2
	traceLines = 60
)

// campaign runs many seeds on all processors, and says what came of it.
func campaign(t *testing.T, seeds uint64, span time.Duration, build func(sim.Swarm) *workload, run func(*workload) error) {
	t.Helper()
	on, errOn := sim.ParseFaults(*with)
	off, errOff := sim.ParseFaults(*without)
	if err := errors.Join(errOn, errOff); err != nil {
		t.Fatal(err)
	}
	var (
		next     atomic.Uint64
		mu       sync.Mutex
		total    tally
		failures []sim.Swarm
		workers  sync.WaitGroup
		start    = time.Now()
	)
	if *trace != "" {
		writeTrace(t, build(sim.Draw(*first, span, on, off)), run)
	}
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := next.Add(1); n <= seeds; n = next.Add(1) {
				s := sim.Draw(*first+n-1, span, on, off)
				w := build(s)
				err := run(w)
				mu.Lock()
				total.add(w.tally)
				if err != nil {
					t.Errorf("seed %d: %v", s.Seed, strings.SplitN(err.Error(), "\n", 2)[0])
					failures = append(failures, s)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	real := time.Since(start)
	t.Logf("%d seeds, %.0f virtual seconds in %.1f s (%.0f per second), %d operations (%.1f per virtual second): %d ok, %d unknown, "+
		"%d not executed; longest recovery %v; %d histories undecided; in %d runs the membership changed, %d configurations were committed", seeds, total.virtual.Seconds(), real.Seconds(),
		total.virtual.Seconds()/real.Seconds(), total.ok+total.unknown+total.failed,
		float64(total.ok+total.unknown+total.failed)/total.virtual.Seconds(), total.ok, total.unknown, total.failed,
		total.recovery, total.undecided, total.changing, total.configs)
	for _, s := range failures[:min(len(failures), explained)] {
		explain(t, s, build, run)
	}
}

// explain shrinks a failing run, and prints how to replay it and how it ended.
func explain(t *testing.T, s sim.Swarm, build func(sim.Swarm) *workload, run func(*workload) error) {
	t.Helper()
	var found *sim.Violation
	if !errors.As(run(build(s)), &found) {
		t.Errorf("seed %d failed, and does not fail again", s.Seed)
		return
	}
	small := sim.Shrink(s, func(s sim.Swarm) (time.Duration, bool) {
		var v *sim.Violation
		same := errors.As(run(build(s)), &v) && v.Rule == found.Rule
		if !same {
			return 0, false
		}
		return v.At, true
	})
	var lines []string
	w := build(small)
	w.Trace = func(line string) { lines = append(lines, line) }
	err := run(w)
	t.Logf("%v\nto replay: go test ./raft/sim -run '^%s$' -first %d -seeds 1 -span %v -with \"%v\" -without %v\nwhat goes wrong there: %v\n"+
		"the last of %d events (all of them with -events FILE):\n%s", err, t.Name(), small.Seed, small.Span,
		small.Faults, (sim.AllFaults &^ small.Faults), small.Faults, len(lines), strings.Join(lines[max(0, len(lines)-traceLines):], "\n"))
}

// writeTrace writes everything that happens in a run into the file of -trace.
func writeTrace(t *testing.T, w *workload, run func(*workload) error) {
	t.Helper()
	var out bytes.Buffer
	w.Trace = func(line string) { fmt.Fprintln(&out, line) }
	_ = run(w)
	if err := os.WriteFile(*trace, out.Bytes(), 0o644); err != nil {
		t.Error(err)
	}
}
