package workbench

import (
	"math/rand/v2"
	"time"
)

// How badly a link behaves under a fault of that name.
const (
	// lossShare is the share of messages that get lost.
	lossShare = 0.2
	// duplicateShare is the share of messages that arrive twice.
	duplicateShare = 0.2
	// reorderShare is the share of messages that are held back, so that later
	// ones overtake them, by up to reorderLatencies mean latencies.
	reorderShare     = 0.3
	reorderLatencies = 4
	// slowLatencies is by how many mean latencies everything to and from a slow
	// node is late.
	slowLatencies = 5
	// leastUnit stands for a mean latency where that is less.
	leastUnit = 5 * time.Millisecond
)

// weather is the state of the network: what is in force of all faults. It is
// not changed once it is in force; the zero value is a clear day.
type weather struct {
	grudge                   grudge
	down                     map[string]bool // nodes that are not running: what is sent to them is lost
	slow                     map[string]bool
	loss, duplicate, reorder bool
}

// fate draws what becomes of a message between nodes: how many copies arrive,
// and how much later than usual each of them does. It draws nothing on a clear
// day, so that faults do not shift the delays of a link.
func (w weather) fate(r *rand.Rand, src, dest string, unit time.Duration) (late []time.Duration) {
	if w.loss && r.Float64() < lossShare {
		return nil
	}
	copies := 1
	if w.duplicate && r.Float64() < duplicateShare {
		copies = 2
	}
	for range copies {
		extra := time.Duration(0)
		if w.reorder && r.Float64() < reorderShare {
			extra += time.Duration(r.Float64() * reorderLatencies * float64(unit))
		}
		if w.slow[src] || w.slow[dest] {
			extra += slowLatencies * unit
		}
		late = append(late, extra)
	}
	return late
}
