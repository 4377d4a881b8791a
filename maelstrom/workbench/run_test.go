package workbench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testWriter collects output. The printer serialises writes.
type testWriter struct{ bytes.Buffer }

// TestToys runs nodes with one defect each and expects the right verdict,
// strictly and as Maelstrom judges.
func TestToys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		defect           string
		strict, official Verdict
		says             string // part of a reason in the strict run
	}{
		{"none", Valid, Valid, ""},
		{"local-read", Invalid, Invalid, "not linearizable"},
		{"lost-write", Invalid, Invalid, "not linearizable"},
		{"double-cas", Invalid, Invalid, "not linearizable"},
		{"definite-lie", Invalid, Invalid, "not linearizable"},
		{"stale-20", Invalid, Valid, "not linearizable"},
		{"spurious-22", Invalid, Valid, "not linearizable"},
		{"null-read", Invalid, Valid, "read with null"},
		{"double-reply", Invalid, Valid, "a second time"},
		{"garbage", Invalid, Valid, "oops, a debug line"},
		{"unknown-dest", Invalid, Valid, `"n99" is unknown`},
		{"extra-field", Invalid, Invalid, `malformed field "extra"`},
		{"missing-value", Invalid, Valid, "no value"},
		{"mute", Invalid, Invalid, "none of"},
		{"spoof", Invalid, Valid, "somebody else's"},
	} {
		for _, quirks := range []bool{false, true} {
			for seed := range *toySeeds {
				t.Run(fmt.Sprintf("%s/quirks=%v/%d", c.defect, quirks, seed), func(t *testing.T) {
					t.Parallel()
					o := toyOptions(t, 1)
					o.MaelstromQuirks, o.Seed = quirks, seed+1
					r, text, err := run(t, c.defect, o)
					if err != nil {
						t.Fatal(err)
					}
					want := c.strict
					if quirks {
						want = c.official
					}
					if r.Strict != c.strict || r.Verdict != want {
						t.Errorf("verdict %s, strictly %s, want %s, %s", r.Verdict, r.Strict, want, c.strict)
					}
					if !quirks && !strings.Contains(strings.Join(r.Reasons, "\n"), c.says) {
						t.Errorf("reasons %q do not say %q", r.Reasons, c.says)
					}
					last := map[Verdict]string{Valid: lineValid, Invalid: lineInvalid, Unknown: lineUnknown}[want]
					if !strings.HasSuffix(text, "\n"+last+"\n") {
						t.Errorf("the last line is not %q", last)
					}
				})
			}
		}
	}
}

// toySeeds is how many seeds each defect is tested with.
var toySeeds = flag.Uint64("toy-seeds", max(3/slowdown, 1), "how many seeds TestToys runs each toy with")

func TestHangIsInvalid(t *testing.T) {
	t.Parallel()
	r, _, err := run(t, "hang", toyOptions(t, 6.5))
	if err != nil || r.Strict != Invalid || r.Official != Valid || !strings.Contains(r.Reasons[0], "answered nothing") {
		t.Errorf("%v %v %v %v", r.Strict, r.Official, r.Reasons, err)
	}
}

func TestClosedStdoutIsInvalid(t *testing.T) {
	t.Parallel()
	r, _, err := runProcesses(t.Context(), t, "close-stdout", toyOptions(t, 600))
	if err != nil || r.Strict != Invalid || !strings.Contains(r.Reasons[0], "closed its stdout") {
		t.Errorf("%v %v %v", r.Strict, r.Reasons, err)
	}
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	for defect, says := range map[string]string{"exit-0": "my last words", "no-init": "I refuse"} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			for _, quirks := range []bool{false, true} {
				o := toyOptions(t, 600)
				o.MaelstromQuirks = quirks
				r, _, err := runProcesses(t.Context(), t, defect, o) // it would take ten minutes if it did not end at once
				crash := (*CrashError)(nil)
				if !errors.As(err, &crash) || !strings.Contains(err.Error(), says) {
					t.Fatalf("error %v", err)
				}
				if _, err := os.Stat(filepath.Join(r.Store, historyFile)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestPartitionedToy runs everything at once: delays, faults and questions.
func TestPartitionedToy(t *testing.T) {
	t.Parallel()
	o := toyOptions(t, 4)
	o.NodeCount, o.Concurrency, o.Latency, o.LatencyDist = 5, "4n", 5, distExponential
	o.Nemesis, o.NemesisInterval, o.WatchLeader = nemesisPartition, 0.4, watchAuto
	r, text, err := run(t, "none", o)
	if err != nil || r.Verdict != Valid {
		t.Fatalf("%v %v %v", r.Verdict, r.Reasons, err)
	}
	f := r.Figures
	if !r.LeaderWatched || f.Outages.LeaderKnown == 0 || f.LatencyAtLeader["read"].Count == 0 || f.LatencyAtFollowers["read"].Count == 0 {
		t.Errorf("leader was not seen: %+v", f.Outages)
	}
	if f.Messages.Dropped == 0 || f.UnknownOutcomes == 0 || f.Servable == f.Operations.Total || f.Servable == 0 {
		t.Errorf("no effect of partitions: %+v", f)
	}
	if f.LatencyAtLeader["read"].P50 > f.LatencyAtFollowers["read"].P50 {
		t.Error("a follower of this toy cannot be faster than its leader")
	}
	if !strings.Contains(text, "took the leader from the majority") && f.Outages.LeaderLost > 0 {
		t.Error("the report is silent about outages")
	}
	checkStore(t, r)
}

// checkStore reads back what a test left behind.
func checkStore(t *testing.T, r Result) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Store, resultsFile))
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Figures.Operations.Total != r.Figures.Operations.Total || back.Options.Seed != r.Options.Seed {
		t.Error("results.json does not hold the result")
	}
	checkHistoryFile(t, r)
	checkMessagesFile(t, r)
	checkReportFile(t, r)
	latest, err := filepath.EvalSymlinks(filepath.Join(r.Options.Store, latestLink))
	store, _ := filepath.EvalSymlinks(r.Store)
	if err != nil || latest != store {
		t.Errorf("latest is %s, %v", latest, err)
	}
	if _, err := os.Stat(filepath.Join(r.Store, logsDir, "n0.log")); err != nil {
		t.Error(err)
	}
}

func checkHistoryFile(t *testing.T, r Result) {
	t.Helper()
	lines, err := os.ReadFile(filepath.Join(r.Store, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(lines)) {
		var e struct {
			Index   int
			Process any
			Type, F string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Index != count || e.Process == nil || e.Type == "" || e.F == "" {
			t.Fatalf("line %d: %v %s", count, err, line)
		}
		count++
	}
	if count < 2*r.Figures.Operations.Total {
		t.Errorf("%d events for %d operations", count, r.Figures.Operations.Total)
	}
}

func TestLeaderCut(t *testing.T) {
	t.Parallel()
	o := toyOptions(t, 2)
	o.Nemesis, o.NemesisInterval, o.Quiet, o.WatchLeader = nemesisLeaderCut, 0.2, true, watchOn
	r, text, err := run(t, "none", o)
	if err != nil || r.Verdict != Valid || text != lineValid+"\n" {
		t.Fatalf("%v %v %v", r.Verdict, r.Reasons, err)
	}
	if out := r.Figures.Outages; out.Cuts != 5 || out.LeaderKnown != 5 || out.LeaderLost != 5 || out.NodesCutFromLeader != 10 {
		t.Errorf("%+v", out)
	}
}

// TestEcho: the seam for workloads holds another one.
func TestEcho(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		defect string
		strict Verdict
		says   string
	}{{"none", Valid, ""}, {"mumble", Invalid, "Echoes equal"}, {"extra-field", Invalid, `malformed field "extra"`}, {"mute", Invalid, "none of"}} {
		for _, quirks := range []bool{false, true} {
			o := toyOptions(t, 2)
			o.Workload, o.Concurrency, o.MaelstromQuirks, o.NodeCount = workloadEcho, "1n", quirks, 25
			o.Latency, o.Nemesis, o.NemesisInterval = 5, nemesisPartition, 0.3 // which is nothing to an echo
			r, text, err := run(t, c.defect, o)
			if err != nil || r.Strict != c.strict || !strings.Contains(text, c.says) {
				t.Errorf("%s: %v %v %v", c.defect, r.Strict, r.Reasons, err)
			}
			if n := r.Figures.Operations; c.defect == "none" && (n.OK != n.Total || n.Total < 400) {
				t.Errorf("%+v", n)
			}
		}
	}
}

// TestAvailability: the nodes' own names, and what they must serve.
func TestAvailability(t *testing.T) {
	t.Parallel()
	for share, want := range map[string]Verdict{"": Valid, "0.5": Valid, "0.99": Invalid, "total": Invalid} {
		for _, quirks := range []bool{false, true} {
			o := toyOptions(t, 1)
			o.Nodes, o.Availability, o.MaelstromQuirks = []string{"a", "b", "x-1", "z"}, share, quirks
			r, _, err := run(t, "none", o)
			if err != nil || r.Official != want || r.Strict != want {
				t.Errorf("%q: %v %v %v %v", share, r.Official, r.Strict, r.Reasons, err)
			}
			if _, err := os.Stat(filepath.Join(r.Store, logsDir, "x-1.log")); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRealProcesses runs toys as they run outside of tests. A busy machine may make this slow, but not fail.
func TestRealProcesses(t *testing.T) {
	t.Parallel()
	o := toyOptions(t, 1)
	o.Latency, o.WatchLeader = 2, watchAuto
	r, text, err := runProcesses(t.Context(), t, "none", o)
	if err != nil || r.Strict == Invalid || r.Figures.Operations.Total == 0 {
		t.Fatalf("%v %v %v", r.Strict, r.Reasons, err)
	}
	if !strings.Contains(text, "Verdict: ") {
		t.Error("no verdict")
	}
	checkStore(t, r)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _, err := runProcesses(ctx, t, "none", toyOptions(t, 600))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*Options){
		"--workload":            func(o *Options) { o.Workload = "kafka" },
		"--node-count":          func(o *Options) { o.NodeCount = 0 },
		"multiple of 2n":        func(o *Options) { o.Concurrency = "3n" },
		"number such as":        func(o *Options) { o.Concurrency = "many" },
		"number such as 20":     func(o *Options) { o.Concurrency = "0" },
		"--rate":                func(o *Options) { o.Rate = -1 },
		"--time-limit":          func(o *Options) { o.TimeLimit = 0 },
		"--latency must":        func(o *Options) { o.Latency = -1 },
		"--latency-dist":        func(o *Options) { o.LatencyDist = "normal" },
		"--nemesis must":        func(o *Options) { o.Nemesis = "partition,earthquake" },
		"pause twice":           func(o *Options) { o.Nemesis = "pause,kill,pause" },
		"do not go together":    func(o *Options) { o.Nemesis = "partition,leader-cut" },
		"--availability":        func(o *Options) { o.Availability = "most" },
		"between 0 and 1":       func(o *Options) { o.Availability = "1.5" },
		"--test-count":          func(o *Options) { o.TestCount = 0 },
		"a twice":               func(o *Options) { o.Nodes = []string{"a", "b", "a"} },
		"for a client":          func(o *Options) { o.Nodes = []string{"a", "c3po"} },
		"letters, digits":       func(o *Options) { o.Nodes = []string{"a", `b"`} },
		"somebody must be left": func(o *Options) { o.Nemesis, o.NodeCount = nemesisMembership, 1 },
		"unlike \"\"":           func(o *Options) { o.Nodes = []string{"a", ""} },
		"--max-rss":             func(o *Options) { o.MaxRSS = -1 },
		"--nemesis-interval":    func(o *Options) { o.NemesisInterval = 0 },
		"--messages-limit":      func(o *Options) { o.MessagesLimit = -1 },
		"--election-timeout":    func(o *Options) { o.ElectionTimeout = -1 },
		"--watch-leader":        func(o *Options) { o.WatchLeader = "maybe" },
		"--store":               func(o *Options) { o.Store = "" },
		"no such file":          func(o *Options) { o.Bin = "/nowhere/node" },
		"is a directory":        func(o *Options) { o.Bin = "/" },
		"not executable":        func(o *Options) { o.Bin = "/etc/passwd" },
		"Maelstrom hangs":       func(o *Options) { o.NodeCount, o.MaelstromQuirks = 11, true },
	} {
		o := DefaultOptions()
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", says, err)
		}
		if _, err := Run(t.Context(), o, nil); err == nil {
			t.Errorf("%s: Run took it", says)
		}
	}
	if err := DefaultOptions().Validate(); err != nil {
		t.Error(err)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for v, code := range map[Verdict]int{Valid: 0, Invalid: 1, Unknown: 2} {
		if got := (Result{Verdict: v}).ExitCode(); got != code {
			t.Errorf("%s: %d", v, got)
		}
	}
}
