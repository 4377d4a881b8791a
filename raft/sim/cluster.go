package sim

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// Cluster is a simulated cluster. It is used by one goroutine.
type Cluster[C, R any] struct {
	IDs     []raft.NodeID
	Network Network
	// Sent counts the messages between nodes.
	Sent int
	// Trace, if set, sees every message when it is sent.
	Trace func(now time.Duration, m raft.Message)
	// Crashes is the probability that a node crashes at a step of its disk. It restarts after RestartAfter.
	Crashes      float64
	RestartAfter time.Duration

	config  raft.Config[C]
	machine func() raft.StateMachine[C, R]
	rng     *rand.Rand
	now     time.Duration
	events  events
	nodes   map[raft.NodeID]*member[C, R]
	cuts    map[link]bool
	known   knowledge[C]
	err     error
}

// member is one place in the cluster: a disk that stays, and a node that comes and goes.
type member[C, R any] struct {
	id      raft.NodeID
	seed    uint64 // the same in every life: no guarantee may rest on another one
	disk    *disk[C]
	clock   clock
	node    *raft.Node[C, R] // nil while crashed
	machine raft.StateMachine[C, R]
	waiting map[raft.Ticket]func(raft.Outcome[R])
	life    int           // counts restarts
	wake    time.Duration // the earliest pending wake-up
	crashed bool          // in the middle of a batch
	paused  []func()      // inputs that wait, if not nil
	seen    seen[C]
}

// New returns a cluster of nodes n1, n2, ... that share a configuration (ID, Members and Seed are filled in) and have state machines of
// their own.
func New[C, R any](seed uint64, nodes int, config raft.Config[C], machine func() raft.StateMachine[C, R]) *Cluster[C, R] {
	c := &Cluster[C, R]{
		RestartAfter: time.Second,
		config:       config,
		machine:      machine,
		rng:          rand.New(rand.NewPCG(seed, 0)),
		nodes:        map[raft.NodeID]*member[C, R]{},
		cuts:         map[link]bool{},
		known:        newKnowledge[C](),
	}
	for i := range nodes {
		c.IDs = append(c.IDs, raft.NodeID(fmt.Sprintf("n%d", i+1)))
	}
	c.config.Members = c.IDs
	for _, id := range c.IDs {
		m := &member[C, R]{id: id, seed: c.rng.Uint64(), disk: &disk[C]{}, clock: clock{rate: 1}}
		m.disk.crash = func() bool {
			m.crashed = m.crashed || c.rng.Float64() < c.Crashes
			return m.crashed
		}
		c.nodes[id] = m
		c.Restart(id)
	}
	return c
}

// Now returns the virtual time since the start.
func (c *Cluster[C, R]) Now() time.Duration { return c.now }

// Node returns a node, or nil while it is crashed.
func (c *Cluster[C, R]) Node(id raft.NodeID) *raft.Node[C, R] { return c.nodes[id].node }

// Machine returns the state machine of a node's present life.
func (c *Cluster[C, R]) Machine(id raft.NodeID) raft.StateMachine[C, R] { return c.nodes[id].machine }

// Leader returns the leader of the highest term, or the empty id.
func (c *Cluster[C, R]) Leader() (leader raft.NodeID) {
	var term raft.Term
	for _, id := range c.IDs {
		if n := c.Node(id); n != nil {
			if s := n.Status(); s.Role == raft.Leader && s.Term > term {
				leader, term = id, s.Term
			}
		}
	}
	return leader
}

// Propose hands a command to a node. done gets the outcome, unless the node crashes first.
func (c *Cluster[C, R]) Propose(id raft.NodeID, command C, limit time.Duration, done func(raft.Outcome[R])) {
	c.request(id, limit, done, func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.Propose(now, command, deadline)
	})
}

// Read hands a query to a node, like Propose.
func (c *Cluster[C, R]) Read(id raft.NodeID, query C, limit time.Duration, done func(raft.Outcome[R])) {
	c.request(id, limit, done, func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.Read(now, query, deadline)
	})
}

func (c *Cluster[C, R]) request(
	id raft.NodeID, limit time.Duration, done func(raft.Outcome[R]),
	ask func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket,
) {
	m := c.nodes[id]
	if m.node == nil {
		done(raft.Outcome[R]{Err: raft.ErrUnavailable})
		return
	}
	deadline := m.clock.shows(c.now) + limit
	c.input(m, func(now time.Duration) { m.waiting[ask(m.node, now, deadline)] = done })
}

// Crash stops a node at once. What it had not synced may be lost.
func (c *Cluster[C, R]) Crash(id raft.NodeID) {
	m := c.nodes[id]
	if m.node == nil {
		return
	}
	m.disk.lose(c.rng.IntN(len(m.disk.written) + 1))
	m.node, m.machine, m.waiting, m.crashed, m.paused = nil, nil, nil, false, nil
	m.life++
}

// Restart starts a crashed node from its disk.
func (c *Cluster[C, R]) Restart(id raft.NodeID) {
	m := c.nodes[id]
	if m.node != nil {
		return
	}
	config := c.config
	config.ID, config.Seed = id, m.seed
	saved, _ := m.disk.Load()
	m.machine = c.machine()
	node, err := raft.New(config, m.machine, saved, m.clock.shows(c.now))
	if err != nil {
		c.fail("restart of %s: %v", id, err)
		return
	}
	m.node, m.wake, m.seen = node, forever, seen[C]{}
	m.waiting = map[raft.Ticket]func(raft.Outcome[R]){}
	c.input(m, func(time.Duration) {})
}

// Pause stops a node as SIGSTOP does: nothing is lost, but nothing happens either.
func (c *Cluster[C, R]) Pause(id raft.NodeID) {
	if m := c.nodes[id]; m.paused == nil {
		m.paused = []func(){}
	}
}

// Resume lets a paused node go on, with everything that has arrived meanwhile.
func (c *Cluster[C, R]) Resume(id raft.NodeID) {
	m := c.nodes[id]
	inputs := m.paused
	m.paused = nil
	for _, input := range inputs {
		input()
	}
}

// After calls f after a delay, as one event of its own.
func (c *Cluster[C, R]) After(d time.Duration, f func()) { c.at(c.now+d, f) }

// Run lets time pass. It returns the first violation of an invariant.
func (c *Cluster[C, R]) Run(d time.Duration) error {
	end := c.now + d
	for c.err == nil && len(c.events) > 0 && c.events[0].at <= end {
		e := heap.Pop(&c.events).(event)
		c.now = e.at
		e.do()
	}
	c.now = end
	return c.err
}

// RunUntil lets time pass until a condition holds, for at most limit, and says whether it came to hold.
func (c *Cluster[C, R]) RunUntil(limit time.Duration, condition func() bool) bool {
	for end := c.now + limit; !condition(); {
		if c.err != nil || len(c.events) == 0 || c.events[0].at > end {
			return false
		}
		if err := c.Run(c.events[0].at - c.now); err != nil {
			return false
		}
	}
	return true
}

// Err returns the first violation of an invariant.
func (c *Cluster[C, R]) Err() error { return c.err }

// input gives a node something to do and carries out what follows from it, as package driver would.
func (c *Cluster[C, R]) input(m *member[C, R], do func(now time.Duration)) {
	life := m.life
	run := func() {
		if m.life == life && m.node != nil {
			do(m.clock.shows(c.now))
			c.turn(m)
		}
	}
	if m.paused != nil {
		m.paused = append(m.paused, run)
		return
	}
	run()
}

func (c *Cluster[C, R]) turn(m *member[C, R]) {
	now := func() time.Duration { return m.clock.shows(c.now) }
	m.node.Tick(now())
	err := driver.Drain(m.node, now, driver.Effects[C, R]{
		Storage: m.disk,
		Send: func(messages []raft.Message) {
			c.stateMachineSafety(m, m.node.View()) // after every batch: the next may drop what this one commits
			c.checkPromises(m, messages)
			c.send(messages)
		},
		Answer: func(outcomes []raft.Outcome[R]) { c.answer(m, outcomes) },
	})
	if m.crashed {
		c.Crash(m.id)
		c.After(c.RestartAfter, func() { c.Restart(m.id) })
		return
	}
	if err != nil && !errors.Is(err, ErrCrash) {
		c.fail("node %s: %v", m.id, err)
	}
	c.checkNode(m)
	c.wakeAt(m, m.clock.when(m.node.Tick(now())))
}

func (c *Cluster[C, R]) answer(m *member[C, R], outcomes []raft.Outcome[R]) {
	if m.crashed {
		return
	}
	for _, o := range outcomes {
		done := m.waiting[o.Ticket]
		if done == nil {
			c.fail("node %s: a second outcome for ticket %d", m.id, o.Ticket)
			return
		}
		delete(m.waiting, o.Ticket)
		done(o)
	}
}

// wakeAt makes sure that a node is called when it wants to be.
func (c *Cluster[C, R]) wakeAt(m *member[C, R], at time.Duration) {
	if at >= m.wake && m.wake > c.now {
		return
	}
	at = max(at, c.now+1) // a node that wants to be called at once would stop time
	m.wake = at
	life := m.life
	c.at(at, func() {
		if m.life == life && m.wake == at {
			m.wake = forever
			c.input(m, func(time.Duration) {})
		}
	})
}

func (c *Cluster[C, R]) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("at %v: %s", c.now, fmt.Sprintf(format, args...))
	}
}

const forever = time.Duration(1<<63 - 1)

// event is something that happens at a moment. Events of one moment happen in the order in which they were planned.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (c *Cluster[C, R]) at(t time.Duration, do func()) {
	c.known.planned++
	heap.Push(&c.events, event{t, c.known.planned, do})
}
