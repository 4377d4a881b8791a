package workbench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// target is what a nemesis does its work on: the running cluster, or a stand-in
// in tests.
type target interface {
	setWeather(w weather)
	kill(id string)
	restart(id string) error
	initNode(ctx context.Context, id string) error
	pause(id string, paused bool)
}

// nemesis starts and ends faults. Several kinds may be at work at once, each by
// a timetable of its own; what is in force together makes the weather.
type nemesis struct {
	target  target
	nodes   []string
	history *history
	limit   time.Duration // time limit of the test
	board   *board
	askers  []*asker // empty if nobody is asked
	patient time.Duration
	fail    func(error)
	// test, if not nil, is the context in which nodes are started again. It outlives run's where somebody needs the nodes afterwards: an init that
	// is given up half way leaves a node that answers somebody who has gone.
	test context.Context

	asking sync.Mutex // held while nodes are asked who leads
	mu     sync.Mutex
	active []*episode // in the order of their start
}

// run lets a disturbance do its work by its timetable until ctx ends.
func (n *nemesis) run(ctx context.Context, d *disturbance) {
	var e *episode
	for at := d.first(); at < n.limit; at += d.gap() {
		leader := ""
		if e == nil {
			leader = n.whoLeads(ctx, at)
		}
		if !n.sleepTo(ctx, at) {
			return
		}
		if e == nil {
			e = d.begin(leader)
			n.start(e, leader)
		} else {
			if n.test != nil {
				n.end(n.test, e)
			} else {
				n.end(ctx, e)
			}
			e = nil
		}
	}
}

// start puts a fault into force.
func (n *nemesis) start(e *episode, leader string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	already := n.down()
	n.active = append(n.active, e)
	for _, id := range e.Killed {
		if !slices.Contains(already, id) {
			n.target.kill(id)
		}
	}
	for _, id := range e.Paused {
		n.target.pause(id, true)
	}
	n.change("start-"+e.Fault, e, leader)
}

// heal ends whatever is in force when the time is over.
func (n *nemesis) heal(ctx context.Context) {
	n.mu.Lock()
	active := slices.Clone(n.active)
	n.mu.Unlock()
	for _, e := range active {
		n.end(ctx, e)
	}
}

// end takes a fault out of force, as far as no other one keeps its work up.
func (n *nemesis) end(ctx context.Context, e *episode) {
	revived := n.lift(e)
	var wg sync.WaitGroup
	for _, id := range revived {
		wg.Go(func() {
			if err := n.target.initNode(ctx, id); err != nil && ctx.Err() == nil {
				n.fail(fmt.Errorf("after a restart: %w", err))
			}
		})
	}
	wg.Wait()
}

// lift ends a fault and returns the nodes that it has restarted.
func (n *nemesis) lift(e *episode) (revived []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.active = slices.DeleteFunc(n.active, func(other *episode) bool { return other == e })
	killed, paused := n.down(), n.paused()
	for _, id := range e.Killed {
		if slices.Contains(killed, id) {
			continue
		}
		if err := n.target.restart(id); err != nil {
			n.fail(err)
			continue
		}
		revived = append(revived, id)
		n.target.pause(id, slices.Contains(paused, id))
	}
	for _, id := range e.Paused {
		if !slices.Contains(paused, id) {
			n.target.pause(id, false)
		}
	}
	n.change("stop-"+e.Fault, e, "")
	return revived
}

// victims lists the nodes that any active episode hits in some way.
func (n *nemesis) victims(of func(*episode) []string) (all []string) {
	for _, e := range n.active {
		all = append(all, of(e)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// down lists the nodes that do not run.
func (n *nemesis) down() []string { return n.victims(func(e *episode) []string { return e.Killed }) }

// paused lists the nodes that are stopped.
func (n *nemesis) paused() []string { return n.victims(func(e *episode) []string { return e.Paused }) }

// change makes what is active the weather, and records it. A leader is named
// by starts only.
func (n *nemesis) change(event string, e *episode, leader string) {
	w := weather{down: set(n.down()), slow: set(n.victims(func(e *episode) []string { return e.Slow }))}
	p := phase{Leader: leader, Nodes: n.victims((*episode).hit), Down: n.down(), Paused: n.paused(), Ends: strings.HasPrefix(event, "stop-")}
	if !p.Ends {
		p.Begun = e
	}
	var kinds []string
	for _, e := range n.active {
		w.grudge = w.grudge.union(e.Grudge)
		w.loss, w.duplicate, w.reorder = w.loss || e.Loss, w.duplicate || e.Duplicate, w.reorder || e.Reorder
		kinds = append(kinds, e.Kind)
	}
	p.Kind = strings.Join(kinds, " + ")
	p.Grudge = w.grudge.without(n.victims(func(e *episode) []string { return append(e.Killed, e.Paused...) }), n.nodes)
	n.history.changeNetwork(event, p, e, func() { n.target.setWeather(w) })
}

func set(ids []string) map[string]bool {
	s := map[string]bool{}
	for _, id := range ids {
		s[id] = true
	}
	return s
}

func (n *nemesis) sleepTo(ctx context.Context, at time.Duration) bool {
	return coarseSleep(ctx, at-n.history.now())
}

// questionAhead is when nodes are asked a second time who leads before a cut.
const questionAhead = 20 * time.Millisecond

// whoLeads asks all nodes right before a fault at the given time: once early
// enough that an answer may sit behind delayed messages, and once again just
// before. It returns no later than the fault is due. Faults that come at the
// same time share the answers: a client has one question open at a time.
func (n *nemesis) whoLeads(ctx context.Context, at time.Duration) string {
	if len(n.askers) == 0 {
		return ""
	}
	begun := max(n.history.now(), at-n.patient)
	for _, q := range []struct{ ahead, limit time.Duration }{
		{n.patient, n.patient - questionAhead}, {questionAhead, questionAhead},
	} {
		if !n.sleepTo(ctx, at-q.ahead) {
			return ""
		}
		if n.asking.TryLock() {
			if left := at - n.history.now() - (q.ahead - q.limit); left > 0 {
				askAll(ctx, n.askers, left)
			}
			n.asking.Unlock()
		}
	}
	return n.board.leader(begun)
}
