package workbench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stage stands in for a cluster: it notes what the nemesis does to it.
type stage struct {
	mu      sync.Mutex
	deeds   []string
	weather weather
	running map[string]bool // nil: nobody looks
	paused  map[string]bool
}

func (s *stage) note(format string, args ...any) {
	s.deeds = append(s.deeds, fmt.Sprintf(format, args...))
}

func (s *stage) setWeather(w weather) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weather = w
}

func (s *stage) kill(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note("kill %s", id)
	if s.running != nil {
		if !s.running[id] {
			s.note("which was dead")
		}
		s.running[id] = false
	}
}

func (s *stage) restart(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note("restart %s", id)
	if s.running != nil {
		if s.running[id] {
			s.note("which was alive")
		}
		s.running[id], s.paused[id] = true, false
	}
	return nil
}

func (s *stage) initNode(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note("init %s", id)
	return nil
}

func (s *stage) pause(id string, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused != nil {
		s.paused[id] = paused
	}
}

// TestFaultsOverlap lets kills, pauses and partitions overlap at random, and looks after each change whether the nodes and the network are
// in the state that the active faults together ask for.
func TestFaultsOverlap(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(5)
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			o := DefaultOptions()
			o.Nemesis, o.NemesisInterval, o.Seed = strings.Join(slices.DeleteFunc(slices.Clone(nemesisNames), func(s string) bool { return s == nemesisLeaderCut }), ","), 1, seed
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			s := &stage{running: set(nodes), paused: map[string]bool{}}
			h := newHistory(newClock())
			h.begin()
			n := &nemesis{target: s, nodes: nodes, history: h, limit: time.Minute, board: &board{now: h.now}}
			var wg sync.WaitGroup
			for _, d := range newDisturbances(o, nodes) {
				wg.Go(func() { n.run(t.Context(), d) })
			}
			done := make(chan struct{})
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(7 * time.Millisecond):
						synctest.Wait()
						checkStage(t, n, s)
					}
				}
			})
			time.Sleep(time.Minute)
			close(done)
			wg.Wait()
			if text := strings.Join(s.deeds, "\n"); strings.Contains(text, "which was") || strings.Count(text, "restart") < 10 {
				t.Errorf("seed %d:\n%s", seed, text)
			}
		})
	}
}

func checkStage(t *testing.T, n *nemesis, s *stage) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	killed := n.down()
	paused := n.victims(func(e *episode) []string { return e.Paused })
	for _, id := range n.nodes {
		if s.running[id] == slices.Contains(killed, id) || s.weather.down[id] != slices.Contains(killed, id) {
			t.Errorf("%s runs: %v, killed %v, weather %v", id, s.running[id], killed, s.weather.down)
		}
		if s.running[id] && s.paused[id] != slices.Contains(paused, id) {
			t.Errorf("%s is paused: %v, should be %v", id, s.paused[id], paused)
		}
	}
	p := n.history.phases[len(n.history.phases)-1]
	for _, id := range slices.Concat(killed, paused) {
		if p.Grudge.linked(id, id) || p.Grudge.reach(n.nodes, everybody(n.nodes))[id] {
			t.Errorf("%s is down and counts as reachable", id)
		}
	}
	if (p.Kind == "") != (len(n.active) == 0) {
		t.Errorf("phase %q with %d faults active", p.Kind, len(n.active))
	}
}

// TestFate: how often the weather does what it threatens.
func TestFate(t *testing.T) {
	t.Parallel()
	const n = 20_000
	unit := 10 * time.Millisecond
	r := stream(1, purposeFate, "a>b")
	before := *r
	if late := (weather{}).fate(r, "a", "b", unit); len(late) != 1 || late[0] != 0 || *r != before {
		t.Errorf("a clear day: %v", late)
	}
	for name, c := range map[string]struct {
		weather               weather
		lost, twice, heldBack float64
	}{
		"loss":      {weather{loss: true}, lossShare, 0, 0},
		"duplicate": {weather{duplicate: true}, 0, duplicateShare, 0},
		"reorder":   {weather{reorder: true}, 0, 0, reorderShare},
		"slow src":  {weather{slow: set([]string{"a"})}, 0, 0, 1},
		"slow dest": {weather{slow: set([]string{"b"})}, 0, 0, 1},
		"slow else": {weather{slow: set([]string{"c"})}, 0, 0, 0},
	} {
		var lost, twice, heldBack, copies float64
		for range n {
			late := c.weather.fate(r, "a", "b", unit)
			switch len(late) {
			case 0:
				lost++
			case 2:
				twice++
			}
			for _, d := range late {
				copies++
				if d > 0 {
					heldBack++
				}
				if d < 0 || d > slowLatencies*unit {
					t.Errorf("%s: %v late", name, d)
				}
			}
		}
		for _, x := range [][2]float64{{lost / n, c.lost}, {twice / n, c.twice}, {heldBack / copies, c.heldBack}} {
			if d := x[0] - x[1]; d > 0.015 || d < -0.015 {
				t.Errorf("%s: lost %v, twice %v, held back %v", name, lost/n, twice/n, heldBack/copies)
			}
		}
	}
}
