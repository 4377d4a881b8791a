package sim

import (
	"math/rand/v2"
	"testing"
	"time"

	"maelraft/raft"
)

// nothing is a state machine for tests that look at the simulator itself.
type nothing struct{}

func (nothing) Apply(raft.Index, int) int { return 0 }
func (nothing) Query(int) int             { return 0 }
func (nothing) Snapshot() []byte          { return nil }
func (nothing) Restore([]byte) error      { return nil }

func newCluster(nodes int) *Cluster[int, int] {
	return New(1, nodes, raft.Config[int]{}, func() raft.StateMachine[int, int] { return nothing{} })
}

// Each shape of a cut leaves each node to hear as many as its name says.
func TestShapesOfCuts(t *testing.T) {
	for _, nodes := range []int{2, 3, 4, 5, 7} {
		for seed := range uint64(20) {
			for _, shape := range cutShapes.each() {
				c := newCluster(nodes)
				c.cutSome(shape, rand.New(rand.NewPCG(seed, 0)))
				heard := map[int]int{} // how many nodes hear so many, themselves included
				for _, to := range c.IDs {
					n := 0
					for _, from := range c.IDs {
						if !c.cuts[link{from, to}] {
							n++
						}
					}
					heard[n]++
				}
				if !shapely(shape, nodes, heard) {
					t.Errorf("%v of %d nodes, seed %d: %v", shape, nodes, seed, heard)
				}
			}
		}
	}
}

// shapely says whether so many nodes may hear so many in a shape.
func shapely(shape Faults, nodes int, heard map[int]int) bool {
	quorum, half := nodes/2+1, nodes/2
	switch shape {
	case Ring:
		return heard[quorum] == nodes
	case Bridge:
		return heard[nodes] >= 1 && (nodes == 2 || heard[half+1]+heard[nodes-half] >= nodes-1)
	case Leak: // of seven, three hear three or four, and four hear four or five
		less := max((nodes-1)/2, 1)
		return heard[less]+heard[nodes-less] >= nodes-2
	case Minority, Majority:
		cutOff := 0
		for n, of := range heard {
			if n < quorum {
				cutOff += of
			}
		}
		return cutOff < quorum || nodes == 2 || nodes%2 == 0
	}
	return heard[0] == 0 // every node hears itself
}

// A clock that stands still wakes nobody, and goes on from where it stood.
func TestClockThatStops(t *testing.T) {
	k := clock{base: 10 * time.Second, since: time.Minute}
	if at := k.shows(time.Hour); at != 10*time.Second {
		t.Errorf("shows %v", at)
	}
	if when := k.when(10*time.Second + 1); when != forever {
		t.Errorf("shows more at %v", when)
	}
	if when := k.when(10 * time.Second); when != time.Minute {
		t.Errorf("shows it from %v on", when)
	}
}

// What a disk keeps of what was not synced is a beginning of it, now and then with a torn end; and what was synced stays.
func TestDiskTears(t *testing.T) {
	kept := map[int]bool{}
	for seed := range uint64(100) {
		no := func() bool { return false }
		d := &disk[int]{Hazards: Hazards{Rand: rand.New(rand.NewPCG(seed, 0)), Crash: no, SyncFails: no}}
		entries := make([]raft.Entry[int], 6)
		for i := range entries {
			entries[i] = raft.Entry[int]{Index: raft.Index(i + 1), Term: 1}
		}
		_ = d.Write(raft.Changes[int]{Entries: entries[:2]})
		_ = d.Sync()
		_ = d.Write(raft.Changes[int]{Entries: entries[2:4]})
		_ = d.Write(raft.Changes[int]{Entries: entries[4:]})
		_ = d.Lose()
		saved, _ := d.Load()
		kept[len(saved.Entries)] = true
	}
	for n := range 8 {
		if kept[n] != (n >= 2 && n <= 6) {
			t.Errorf("%d entries left: %v", n, kept[n])
		}
	}
}

// A disk that fails takes its node out, which stays up and silent until it is started anew.
func TestDiskFailure(t *testing.T) {
	c := newCluster(3)
	if !c.RunUntil(time.Minute, func() bool { return c.Leader() != "" }) {
		t.Fatal("no leader")
	}
	old := c.Leader()
	c.Fill(old, true)
	var outcome error
	c.Propose(old, 1, time.Second, func(o raft.Outcome[int]) { outcome = o.Err })
	if outcome != raft.ErrUnknown || !c.Node(old).Status().Failed || c.Leader() == old {
		t.Errorf("the outcome is %v, the node %+v", outcome, c.Node(old).Status())
	}
	c.Fill(old, false)
	if !c.RunUntil(time.Minute, func() bool { return !c.Node(old).Status().Failed && c.Leader() != "" }) || c.Err() != nil {
		t.Errorf("not back: %v", c.Err())
	}
}

// Faults have names, and the mix of a seed does not change with what is switched off.
func TestDraw(t *testing.T) {
	if f, err := ParseFaults(AllFaults.String()); err != nil || f != AllFaults {
		t.Errorf("%v is read as %v, %v", AllFaults, f, err)
	}
	if _, err := ParseFaults("loss,flood"); err == nil {
		t.Error("a flood is read")
	}
	drawn := Faults(0)
	for seed := range uint64(100) {
		all, some := Draw(seed, time.Second, 0, 0), Draw(seed, time.Second, 0, Loss|Kills)
		drawn |= all.Faults
		if some != all.Only(AllFaults&^(Loss|Kills)) {
			t.Errorf("seed %d: %+v without some faults is %+v", seed, all, some)
		}
	}
	if s := Draw(1, time.Second, Members, AllFaults&^Members); s.Faults != Members {
		t.Errorf("drawn %v, and members were wanted", s.Faults)
	}
	if drawn != AllFaults {
		t.Errorf("only %v are ever drawn", drawn)
	}
}

// Shrinking keeps what a failure needs, and no more.
func TestShrink(t *testing.T) {
	s := Swarm{Span: time.Minute, Faults: AllFaults}
	small := Shrink(s, func(s Swarm) (time.Duration, bool) {
		return 5 * time.Second, s.Faults.has(Torn) && s.Faults.has(Ring) && s.Span > 4*time.Second
	})
	if small.Faults != Torn|Ring || small.Span > 5*time.Second+1 {
		t.Errorf("%v, %v", small.Faults, small.Span)
	}
}

// drifting is a state machine that breaks its word: its state depends on the node.
type drifting struct {
	nothing
	salt uint64
	sum  uint64
}

func (d *drifting) Apply(_ raft.Index, n int) int {
	d.sum += uint64(n) * d.salt
	return 0
}

// Rules about states and reads notice what they are there for. (Those about logs and terms are tried in scripts/gallery.)
func TestRulesCanBreak(t *testing.T) {
	for _, c := range []struct {
		rule   string
		differ uint64
		harm   func(*Cluster[int, int])
	}{
		{"equal states at equal index", 1, func(*Cluster[int, int]) {}},
		{"read freshness", 0, func(c *Cluster[int, int]) { c.readFreshness("n1", c.known.applied+1, raft.Outcome[int]{}) }},
		{"committed on a quorum", 0, func(c *Cluster[int, int]) {
			for _, id := range c.IDs[:2] {
				c.nodes[id].disk.(*disk[int]).durable = raft.MemoryStorage[int]{}
			}
			c.Crash("n1")
		}},
		{"only what is committed is announced", 0, func(c *Cluster[int, int]) { c.announced(c.nodes["n1"], 1000) }},
	} {
		salt := uint64(1)
		sim := New(1, 3, raft.Config[int]{}, func() raft.StateMachine[int, int] {
			salt += c.differ
			return &drifting{salt: salt}
		})
		sim.Digest = func(m raft.StateMachine[int, int]) uint64 { return m.(*drifting).sum }
		sim.Propose("n1", 5, time.Minute, func(raft.Outcome[int]) {})
		_ = sim.Run(10 * time.Second)
		c.harm(sim)
		if sim.broken == nil || sim.broken.Rule != c.rule {
			t.Errorf("%s: %v", c.rule, sim.Err())
		}
	}
}
