package raft

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// A copy is like its original, does the same with the same input, and whatever else happens to it, the original does not notice. Tried in
// all the states into which liars bring three nodes.
func TestClone(t *testing.T) {
	for seed := range uint64(8) {
		rng, noise := rand.New(rand.NewPCG(seed, 1)), make([]byte, 1500)
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		d := &dice{noise}
		w := newTown(t, seed%2 == 0, seed%4 < 2, Reads(seed%3))
		for len(d.bytes) > 0 {
			w.step(d)
			i := d.roll(len(members))
			w.checkClone(i, d.forge(w.told))
		}
	}
}

func (w *town) checkClone(i int, m Message) {
	w.t.Helper()
	n := w.nodes[i]
	before := string(n.Fingerprint(nil))
	clone := func() *Node[string, string] { return n.Clone(&journal{}) }
	twins := []*Node[string, string]{clone(), clone()}
	for _, c := range twins {
		if got := string(c.Fingerprint(nil)); got != before {
			w.t.Fatalf("the original is\n%s\nits copy\n%s", before, got)
		}
		c.ForgetLeader()
		_ = c.Step(w.now, m)
		c.Propose(w.now, "x", w.now+time.Second)
		c.Read(w.now, "x", w.now+time.Second)
		c.TransferLeadership(w.now, "", w.now+time.Second)
		c.TimeOut(w.now)
	}
	if !reflect.DeepEqual(twins[0].Take(w.now), twins[1].Take(w.now)) || !slices.Equal(twins[0].Fingerprint(nil), twins[1].Fingerprint(nil)) {
		w.t.Fatal("two copies differ after the same inputs")
	}
	if after := string(n.Fingerprint(nil)); after != before {
		w.t.Fatalf("the original was\n%s\nand has become\n%s", before, after)
	}
}
