package workbench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFaultsOnToys: the toy keeps its promises under every fault but those that it knows nothing of.
func TestFaultsOnToys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		nemesis, defect, flag string
		strict                Verdict
	}{
		{"one-way,bridge,loss,reorder,slow,pause", "none", "", Valid},
		{"duplicate", "none", "", Valid},
		{"duplicate,reorder", "none", "", Valid},
		{"duplicate,reorder", "double-apply", "", Invalid},
		{"kill", "none", toyData, Valid},
		{"kill", "none", "", Invalid}, // a memory that is lost with the process
		{"partition,one-way,bridge,kill,pause,loss,duplicate,reorder,slow", "none", toyData, Valid},
	} {
		for seed := range *toySeeds {
			t.Run(fmt.Sprintf("%s/%s%s/%d", c.nemesis, c.defect, c.flag, seed), func(t *testing.T) {
				t.Parallel()
				o := toyOptions(t, 15)
				o.Nemesis, o.NemesisInterval, o.DataFlag, o.Seed = c.nemesis, 0.3, c.flag, seed+1
				if c.defect == "double-apply" {
					o.NemesisInterval, o.TimeLimit = 2, 60 // long enough to overlap
				}
				if c.flag != "" {
					o.Rate = 50 // what is on disk is really there, and takes real time
				}
				o.Latency, o.WatchLeader = 2, watchOn
				r, _, err := run(t, c.defect, o)
				if c.strict == Invalid {
					if err != nil || r.Strict != Invalid {
						t.Fatalf("%v %v %v", r.Strict, r.Reasons, err)
					}
					return // and ended early, perhaps
				}
				// Silence is no reproach: all depends on the toy's first node.
				bad := slices.ContainsFunc(r.Violations, func(v *Violation) bool { return !strings.Contains(v.Why, "answered nothing") })
				if err != nil || r.LinearizableStrict.Verdict != Valid || bad {
					t.Fatalf("%v %v %v", r.LinearizableStrict.Verdict, r.Reasons, err)
				}
				if r.Figures.Outages.Cuts < 5 {
					t.Errorf("%d faults", r.Figures.Outages.Cuts)
				}
				m := r.Figures.Messages
				if lost := strings.Contains(c.nemesis, "loss") || strings.Contains(c.nemesis, "kill"); lost != (m.Lost > 0) {
					t.Errorf("%d messages lost", m.Lost)
				}
				if strings.Contains(c.nemesis, "duplicate") != (m.Duplicated > 0) {
					t.Errorf("%d messages duplicated", m.Duplicated)
				}
			})
		}
	}
}

// TestScripts tests nodes that are not in Go.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script, needs string
		nodes         int
		strict        Verdict
	}{{"alone.sh", "sh", 1, Valid}, {"alone.sh", "sh", 2, Invalid}, {"gossip.py", "python3", 3, Invalid}} {
		if _, err := exec.LookPath(c.needs); err != nil {
			t.Logf("no %s: %s is not tested", c.needs, c.script)
			continue
		}
		o := toyOptions(t, 4)
		o.Bin, o.NodeCount, o.Rate, o.Latency = filepath.Join("testdata", c.script), c.nodes, 100, 20
		out := &testWriter{}
		r, err := Run(t.Context(), o, out)
		if err != nil || r.Strict != c.strict || r.ViolationCount > 0 {
			t.Errorf("%s on %d nodes: %v %v %v\n%s", c.script, c.nodes, r.Strict, r.Reasons, err, out)
		}
	}
}

// TestKilledBench: the nodes of a bench that is killed die with it.
func TestKilledBench(t *testing.T) {
	t.Parallel()
	if !canPause {
		t.Skip("this system does not tell a node that its bench is gone")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("--mark-%d", os.Getpid())
	bench := exec.Command(self)
	bench.Env = append(os.Environ(), benchVariable+"="+mark, "TMPDIR="+t.TempDir())
	if err := bench.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "three nodes", func() bool { return marked(mark) == 3 })
	_ = bench.Process.Kill()
	_ = bench.Wait()
	await(t, "no nodes", func() bool { return marked(mark) == 0 })
}

// await looks again and again until it sees what it waits for.
func await(t *testing.T, what string, seen func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !seen(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not %s after a minute", what)
		}
	}
}

// marked counts the processes that were started with an argument.
func marked(mark string) (n int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if text, err := os.ReadFile(path); err == nil && slices.Contains(strings.Split(string(text), "\x00"), mark) {
			n++
		}
	}
	return n
}

// TestKilledProcesses does with real processes what else is done with functions.
func TestKilledProcesses(t *testing.T) {
	t.Parallel()
	o := toyOptions(t, 3)
	o.Nemesis, o.NemesisInterval, o.DataFlag, o.Rate = "kill,pause", 0.3, toyData, 100
	if !canPause {
		o.Nemesis = nemesisKill
	}
	r, _, err := runProcesses(t.Context(), t, "none", o)
	if err != nil || r.LinearizableStrict.Verdict != Valid || r.Figures.Outages.Cuts == 0 {
		t.Fatalf("%v %v %v", r.LinearizableStrict, r.Reasons, err)
	}
}

func TestGrowingMemoryIsInvalid(t *testing.T) {
	t.Parallel()
	o := toyOptions(t, 600)
	o.MaxRSS = 150
	r, _, err := runProcesses(t.Context(), t, "hog", o)
	if err != nil || r.Strict != Invalid || !strings.Contains(strings.Join(r.Reasons, " "), "MiB of memory") {
		t.Fatalf("%v %v %v", r.Strict, r.Reasons, err)
	}
}
