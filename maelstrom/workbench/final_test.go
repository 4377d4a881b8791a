package workbench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFinalReads: whatever was in force when the time was over ends, every key is read at every node, and the figures are those of the time before.
func TestFinalReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		defect, flag string
		strict       Verdict
		says         string
	}{
		{"none", toyData, Valid, ""},
		{"lost-write", toyData, Invalid, "not linearizable"},
		{"mute", toyData, Invalid, "final reads were not answered"},
	} {
		t.Run(c.defect+c.flag, func(t *testing.T) {
			t.Parallel()
			o := toyOptions(t, 10)
			o.Nemesis, o.NemesisInterval, o.DataFlag, o.FinalReads, o.Rate = "kill,partition", 0.7, c.flag, true, 50
			if c.defect != "none" {
				o.Nemesis = nemesisNone
			}
			r, text, err := run(t, c.defect, o)
			if err != nil || r.Strict != c.strict || !strings.Contains(strings.Join(r.Reasons, "\n"), c.says) {
				t.Fatalf("%v %v %v", r.Strict, r.Reasons, err)
			}
			f := r.FinalReads
			if f == nil || f.Keys == 0 || f.Reads != 3*f.Keys || (f.Served == f.Reads) == (c.defect == "mute") || !strings.Contains(text, "Final reads: ") {
				t.Fatalf("%+v", f)
			}
			events, err := os.ReadFile(filepath.Join(r.Store, "history.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			invoked := strings.Count(string(events), `"invoke"`)
			if tries := invoked - r.Figures.Operations.Total; tries < f.Reads {
				t.Errorf("%d operations, %d in the figures, and %d final reads", invoked, r.Figures.Operations.Total, f.Reads)
			}
			times, nodes := 0, 0
			for _, k := range r.Figures.Kills {
				times, nodes = times+k.Times, nodes+k.Nodes
			}
			if struck := strings.Count(string(events), `"start-kill"`); times != struck || nodes < times || (times > 0) != strings.Contains(text, "Kills: ") {
				t.Errorf("%+v, and %d kills", r.Figures.Kills, struck)
			}
		})
	}
	o := DefaultOptions()
	o.Workload, o.FinalReads = workloadEcho, true
	if o.Validate() == nil {
		t.Error("echo has something to be read")
	}
}

// TestHeal: nothing is left of any fault.
func TestHeal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			nodes := nodeNames(5)
			o := DefaultOptions()
			o.Nemesis, o.NemesisInterval, o.Seed = "kill,pause,partition,loss,slow", 1, seed
			s := &stage{running: set(nodes), paused: map[string]bool{}}
			h := newHistory(newClock())
			h.begin()
			n := &nemesis{target: s, nodes: nodes, history: h, limit: 5 * time.Second, board: &board{now: h.now}}
			var wg sync.WaitGroup
			for _, d := range newDisturbances(o, nodes) {
				wg.Go(func() { n.run(context.Background(), d) })
			}
			wg.Wait()
			n.heal(context.Background())
			checkStage(t, n, s)
			for _, id := range nodes {
				if !s.running[id] || s.paused[id] {
					t.Errorf("seed %d: %s is running: %v, paused: %v", seed, id, s.running[id], s.paused[id])
				}
			}
			if w := s.weather; len(n.active) > 0 || len(w.grudge) > 0 || len(w.down) > 0 || w.loss || len(w.slow) > 0 {
				t.Errorf("seed %d: still %+v", seed, w)
			}
		})
	}
}
