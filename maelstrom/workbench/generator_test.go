package workbench

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func planFor(n int, quirks bool, concurrency string, seed uint64) *plan {
	o := DefaultOptions()
	o.NodeCount, o.MaelstromQuirks, o.Concurrency, o.Seed = n, quirks, concurrency, seed
	threads, err := o.threads()
	if err != nil {
		panic(err)
	}
	return newPlan(o, nodeNames(n), threads)
}

// TestFirstThreadBias compares shares with those seen in official runs, where
// nodes answered at once: facts 1.10.
func TestFirstThreadBias(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n           int
		concurrency string
		block, half int     // whose first thread
		share       float64 // (C + 2 - h) / (C + 1)
	}{
		{3, "2n", 0, 0, 5. / 7},
		{3, "2n", 0, 1, 5. / 7},
		{5, "2n", 0, 0, 7. / 11},
		{7, "2n", 0, 1, 9. / 15},
		{5, "4n", 0, 0, 17. / 21},
		{5, "4n", 1, 0, 12. / 21},
	} {
		p := planFor(c.n, true, c.concurrency, 3)
		first := c.block*2*c.n + c.half*c.n
		hits, all := 0, 0
		for range 20_000 {
			th, o := p.next(linKV{})
			p.done(th, false)
			if th.block != c.block || (c.block == 0 && (th.id-first < 0 || th.id-first >= c.n)) {
				continue
			}
			all++
			if th.id == first {
				hits++
			}
			if (o.F == fRead) != (c.block == 0 && th.id < c.n) {
				t.Fatalf("thread %d does %s", th.id, o.F)
			}
		}
		if got := float64(hits) / float64(all); math.Abs(got-c.share) > 0.02 {
			t.Errorf("%+v: share %.3f", c, got)
		}
	}
}

// TestMix: what is asked, of whom, in the strict form and with quirks.
func TestMix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		quirks      bool
		concurrency string
		reads       float64
	}{{false, "2n", .5}, {false, "4n", .5}, {true, "2n", .5}, {true, "4n", .25}, {true, "10n", .1}} {
		p := planFor(5, c.quirks, c.concurrency, 1)
		count, byNode, values := map[string]int{}, map[string]int{}, map[string]int{}
		const ops = 40_000
		for range ops {
			th, o := p.next(linKV{})
			p.done(th, false)
			count[o.F]++
			byNode[o.Node]++
			values[o.Value]++
		}
		if got := float64(count[fRead]) / ops; math.Abs(got-c.reads) > 0.01 {
			t.Errorf("%+v: reads %.3f", c, got)
		}
		if got := float64(count[fCAS]) / float64(count[fWrite]); math.Abs(got-2) > 0.15 {
			t.Errorf("%+v: %.2f cas per write", c, got)
		}
		if len(values) != 1+5+25 {
			t.Errorf("%d values", len(values))
		}
		for node, n := range byNode {
			if share := float64(n) / ops; !c.quirks && math.Abs(share-.2) > .01 {
				t.Errorf("%+v: %s gets %.3f", c, node, share)
			}
		}
	}
}

// TestOpsDependOnSeedAlone: a thread's k-th operation is the same whoever else
// is busy; the key aside.
func TestOpsDependOnSeedAlone(t *testing.T) {
	t.Parallel()
	sequence := func(seed uint64, keepBusy int) map[int]string {
		p := planFor(3, false, "2n", seed)
		out := map[int]string{}
		var held []*thread
		for range 3000 {
			if p.freeN == 0 || len(held) > keepBusy {
				p.done(held[0], len(held)%2 == 0)
				held = held[1:]
			}
			th, o := p.next(linKV{})
			held = append(held, th)
			out[th.id] += o.F + o.Value + " "
		}
		for id := range out {
			out[id] = out[id][:600]
		}
		return out
	}
	a, b, c := fmt.Sprint(sequence(1, 0)), fmt.Sprint(sequence(1, 4)), fmt.Sprint(sequence(2, 0))
	if a != b || a == c {
		t.Error("operations depend on more or less than the seed")
	}
}

// TestKeysRetire: by processes, and strictly by operations, too.
func TestKeysRetire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n         int
		quirks    bool
		survivals int // unknown outcomes that a key survives
	}{{3, true, 14}, {5, true, 10}, {10, true, 0}, {5, false, 10}, {10, false, 20}, {25, false, 50}} {
		p := planFor(c.n, c.quirks, "2n", 1)
		for i := range c.survivals + 1 {
			th, o := p.next(linKV{})
			if o.Key != 0 {
				t.Fatalf("%+v: key %d after %d unknown outcomes", c, o.Key, i)
			}
			p.done(th, true)
		}
		if _, o := p.next(linKV{}); o.Key != 1 {
			t.Errorf("%+v: key %d", c, o.Key)
		}
	}
	for _, quirks := range []bool{false, true} {
		p := planFor(1, quirks, "4n", 1)
		keys := map[int]int{}
		for range 4*perKeyLimit + 10 {
			th, o := p.next(linKV{})
			p.done(th, false)
			keys[o.Key]++
		}
		for key, n := range keys {
			if n > perKeyLimit != quirks {
				t.Errorf("quirks %v: key %d got %d operations", quirks, key, n)
			}
		}
	}
}

// TestStagger: in virtual time, how many operations are issued, that threads
// are awaited, and that lost time is not made up for.
func TestStagger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		rate      float64
		takes     time.Duration
		low, high int
	}{
		{"idle", 100, 0, 900, 1100},
		{"saturated", 1000, 100 * time.Millisecond, 570, 600},
		{"none", 0, 0, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := DefaultOptions()
			o.NodeCount, o.Rate, o.TimeLimit, o.Seed = 3, c.rate, 10, 9
			h := newHistory(newClock())
			h.begin()
			var mu sync.Mutex
			ops, out, maxOut := 0, 0, 0
			var first, last time.Duration = -1, 0
			g := newGenerator(o, newPlan(o, nodeNames(3), 6), linKV{}, h, func(_ context.Context, _ *thread, o *op) {
				mu.Lock()
				ops++
				out++
				maxOut = max(maxOut, out)
				last = h.now()
				if first < 0 {
					first = last
				}
				mu.Unlock()
				time.Sleep(c.takes)
				mu.Lock()
				out--
				mu.Unlock()
				o.Outcome = outcomeOK
			})
			g.loop(t.Context())
			if ops < c.low || ops > c.high || maxOut > 6 || last >= 10*time.Second {
				t.Errorf("%s: %d operations, %d at once, last at %v", c.name, ops, maxOut, last)
			}
			if ops > 0 && first != 0 {
				t.Errorf("%s: first at %v", c.name, first)
			}
			if end := h.now(); end < 10*time.Second || end > 10*time.Second+c.takes {
				t.Errorf("%s: ended at %v", c.name, end)
			}
		})
	}
}

// TestNemesisTimetable: in virtual time, twice the same seed, once another.
func TestNemesisTimetable(t *testing.T) {
	t.Parallel()
	timetable := func(kind string, seed uint64) string {
		var out string
		synctest.Test(t, func(t *testing.T) {
			o := DefaultOptions()
			o.Nemesis, o.NemesisInterval, o.Seed = kind, 2, seed
			h := newHistory(newClock())
			h.begin()
			n := &nemesis{
				target: &stage{}, nodes: nodeNames(5), history: h, limit: 40 * time.Second, board: &board{now: h.now}, patient: o.statusLimit(),
			}
			n.run(t.Context(), newDisturbances(o, nodeNames(5))[0])
			var gaps time.Duration
			phases := h.finish().phases[1:]
			for i, p := range phases {
				out += fmt.Sprintln(p.At.Round(time.Millisecond), p.Kind, p.Grudge.lists())
				if (p.Kind == "") != (i%2 == 1) {
					t.Errorf("start and stop do not alternate")
				}
				if i > 0 {
					gap := p.At - phases[i-1].At
					gaps += gap
					if gap > 4*time.Second+time.Millisecond {
						t.Errorf("gap %v", gap)
					}
				}
			}
			if mean := gaps / time.Duration(len(phases)-1); mean < time.Second || mean > 3*time.Second {
				t.Errorf("mean gap %v", mean)
			}
		})
		return out
	}
	a, b, c := timetable(nemesisPartition, 1), timetable(nemesisPartition, 1), timetable(nemesisPartition, 2)
	if a != b || a == c || !strings.HasPrefix(a, "0s ") {
		t.Errorf("%s\n%s\n%s", a, b, c)
	}
	cuts := timetable(nemesisLeaderCut, 1)
	if lines := strings.Count(cuts, "\n"); lines != 19 || !strings.HasPrefix(cuts, "2s leader-cut") || !strings.Contains(cuts, "\n38s leader-cut") {
		t.Errorf("%d\n%s", lines, cuts)
	}
}
