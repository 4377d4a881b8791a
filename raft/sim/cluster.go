package sim

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// Cluster is a simulated cluster. It is used by one goroutine.
type Cluster[C, R any] struct {
	IDs     []raft.NodeID
	Network Network
	// Sent counts the messages between nodes. OnSend, if set, is shown each.
	Sent   int
	OnSend func(raft.Message)
	// Trace, if set, is told in a line what happens: messages, faults, and what the nodes become.
	Trace func(line string)
	// Crashes is the probability that a node crashes at a step of its disk, SyncErrors the one that a sync fails, which takes the node
	// out of the cluster (raft.Node.Fail). Either way it is started anew after RestartAfter.
	Crashes      float64
	SyncErrors   float64
	RestartAfter time.Duration
	// Digest, if set, is equal for equal states of the state machine: nodes that have applied as much must agree in it.
	Digest func(raft.StateMachine[C, R]) uint64

	config  raft.Config[C]
	machine func() raft.StateMachine[C, R]
	rng     *rand.Rand // of the network
	writing *rand.Rand // of how long it takes to write a snapshot
	now     time.Duration
	events  events
	nodes   map[raft.NodeID]*member[C, R]
	cuts    map[link]bool
	calm    bool // the weather is over
	known   knowledge[C]
	broken  *Violation
}

// member is one place in the cluster: a disk that stays, and a node that comes and goes.
type member[C, R any] struct {
	id      raft.NodeID
	seed    uint64 // the same in every life: no guarantee may rest on another one
	disk    Disk[C]
	full    bool // its disk has no room
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

// New returns a cluster of nodes n1, n2, ... that share a configuration (ID and Seed are filled in, and Members if there are none: all nodes) and have
// state machines of their own.
func New[C, R any](seed uint64, nodes int, config raft.Config[C], machine func() raft.StateMachine[C, R]) *Cluster[C, R] {
	return NewOn(seed, nodes, config, machine, func(_ raft.NodeID, h Hazards) Disk[C] { return &disk[C]{Hazards: h} })
}

// NewOn is New with disks of the caller's.
func NewOn[C, R any](
	seed uint64, nodes int, config raft.Config[C], machine func() raft.StateMachine[C, R], disks func(raft.NodeID, Hazards) Disk[C],
) *Cluster[C, R] {
	c := &Cluster[C, R]{
		RestartAfter: time.Second,
		config:       config,
		machine:      machine,
		rng:          rand.New(rand.NewPCG(seed, streamNetwork)),
		writing:      rand.New(rand.NewPCG(seed, streamCaptures)),
		nodes:        map[raft.NodeID]*member[C, R]{},
		cuts:         map[link]bool{},
		known:        newKnowledge[C](),
	}
	for i := range nodes {
		c.IDs = append(c.IDs, raft.NodeID(fmt.Sprintf("n%d", i+1)))
	}
	if len(c.config.Members) == 0 {
		c.config.Members = c.IDs
	}
	rng := rand.New(rand.NewPCG(seed, streamDisks))
	for _, id := range c.IDs {
		m := &member[C, R]{id: id, seed: c.rng.Uint64(), clock: clock{rate: 1}}
		m.disk = disks(id, Hazards{
			Rand: rng,
			Crash: func() bool {
				m.crashed = m.crashed || rng.Float64() < c.Crashes
				return m.crashed
			},
			SyncFails: func() bool { return rng.Float64() < c.SyncErrors },
			Kill:      func() { m.crashed = true },
		})
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

// Leader returns the leader of the highest term that has not failed, or the empty id.
func (c *Cluster[C, R]) Leader() (leader raft.NodeID) {
	var term raft.Term
	for _, id := range c.IDs {
		if n := c.Node(id); n != nil {
			if s := n.Status(); s.Role == raft.Leader && s.Term > term && !s.Failed {
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

// Try hands a command to a node that may turn out to change nothing, like Propose.
func (c *Cluster[C, R]) Try(id raft.NodeID, command C, limit time.Duration, done func(raft.Outcome[R])) {
	c.request(id, limit, c.fresh(id, done), func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.Try(now, command, deadline)
	})
}

// Read hands a query to a node, like Propose.
func (c *Cluster[C, R]) Read(id raft.NodeID, query C, limit time.Duration, done func(raft.Outcome[R])) {
	c.request(id, limit, c.fresh(id, done), func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.Read(now, query, deadline)
	})
}

// fresh checks besides that the state which answers a request is new enough.
func (c *Cluster[C, R]) fresh(id raft.NodeID, done func(raft.Outcome[R])) func(raft.Outcome[R]) {
	applied := c.known.applied
	return func(o raft.Outcome[R]) {
		c.readFreshness(id, applied, o)
		done(o)
	}
}

// Transfer asks a node for another one to lead (raft.Node.TransferLeadership).
func (c *Cluster[C, R]) Transfer(id, to raft.NodeID, limit time.Duration, done func(raft.Outcome[R])) {
	c.note("%s is asked to have %q lead", id, to)
	c.request(id, limit, done, func(n *raft.Node[C, R], now, deadline time.Duration) raft.Ticket {
		return n.TransferLeadership(now, to, deadline)
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

// Crash stops a node at once. What it had not synced may be lost, and the last of what is not may be torn.
func (c *Cluster[C, R]) Crash(id raft.NodeID) {
	m := c.nodes[id]
	if m.node == nil {
		return
	}
	if err := m.disk.Lose(); err != nil {
		c.Violate("what is synced survives", "%s: %v", id, err)
	}
	c.note("%s is down", id)
	m.node, m.machine, m.waiting, m.crashed, m.paused = nil, nil, nil, false, nil
	m.life++
	c.quorumKeeps()
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
		c.Violate("a disk is always good enough to start from", "%s: %v", id, err)
		return
	}
	c.note("%s starts with term %d, %d entries", id, saved.Term, len(saved.Entries))
	m.node, m.wake, m.seen = node, forever, seen[C]{}
	m.waiting = map[raft.Ticket]func(raft.Outcome[R]){}
	c.input(m, func(time.Duration) {})
}

// Pause stops a node as SIGSTOP does: nothing is lost, but nothing happens either.
func (c *Cluster[C, R]) Pause(id raft.NodeID) {
	if m := c.nodes[id]; m.paused == nil {
		m.paused = []func(){}
		c.note("%s is paused", id)
	}
}

// Resume lets a paused node go on, with everything that has arrived meanwhile.
func (c *Cluster[C, R]) Resume(id raft.NodeID) {
	m := c.nodes[id]
	inputs := m.paused
	m.paused = nil
	if inputs != nil {
		c.note("%s goes on", id)
	}
	for _, input := range inputs {
		input()
	}
}

// Err returns the first violation of a rule, a *Violation, or nil.
func (c *Cluster[C, R]) Err() error {
	if c.broken == nil {
		return nil
	}
	return c.broken
}

// input gives a node something to do and carries out what follows from it, as package driver would.
func (c *Cluster[C, R]) input(m *member[C, R], do func(now time.Duration)) {
	life := m.life
	run := func() {
		if m.life == life && m.node != nil {
			c.guard(func() {
				do(m.clock.shows(c.now))
				c.turn(m)
			})
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
	var err error
	if !m.crashed { // as it may have while a snapshot was staged
		m.node.Tick(now())
		err = c.drain(m, now)
	}
	switch {
	case m.crashed:
		c.Crash(m.id)
		life := m.life
		c.After(c.RestartAfter, func() {
			if m.life == life {
				c.Restart(m.id)
			}
		})
		return
	case err != nil:
		c.failed(m, err)
	default:
		c.checkNode(m)
	}
	c.wakeAt(m, m.clock.when(m.node.Tick(now())))
}

func (c *Cluster[C, R]) drain(m *member[C, R], now func() time.Duration) error {
	return driver.Drain(m.node, now, driver.Effects[C, R]{
		Storage: m.disk,
		Send: func(messages []raft.Message) {
			c.checkNode(m)
			c.checkPromises(m, messages)
			c.send(messages)
		},
		Answer:  func(outcomes []raft.Outcome[R]) { c.answer(m, outcomes) },
		Capture: func(capture raft.Capture) { c.capture(m, capture) },
	})
}

// longestWriting bounds how long it takes to write a snapshot, while its node goes on.
const longestWriting = 300 * time.Millisecond

// capture lets a captured state be written after a while, if the node still lives then. A disk that can take it beforehand has it half-way there.
func (c *Cluster[C, R]) capture(m *member[C, R], capture raft.Capture) {
	delay := time.Duration(c.writing.Int64N(int64(longestWriting)))
	write := sync.OnceValue(capture.Write)
	if stager, ok := m.disk.(raft.Stager); ok {
		c.inputLater(m, delay/2, func(time.Duration) { _ = stager.Stage(write()) }) // if it fails, Write does it all
	}
	c.inputLater(m, delay, func(now time.Duration) { m.node.Captured(now, write()) })
}

// inputLater gives a node something to do after a while, if it still lives then.
func (c *Cluster[C, R]) inputLater(m *member[C, R], delay time.Duration, do func(now time.Duration)) {
	life := m.life
	c.After(delay, func() {
		if m.life == life && m.node != nil {
			c.input(m, do)
		}
	})
}

// failed is what an operator does with a node whose disk has failed: it still runs, and is started anew after a while.
func (c *Cluster[C, R]) failed(m *member[C, R], err error) {
	c.note("%s takes no further part: %v", m.id, err)
	life := m.life
	c.After(c.RestartAfter, func() {
		if m.life == life {
			c.Crash(m.id)
			c.Restart(m.id)
		}
	})
}

func (c *Cluster[C, R]) answer(m *member[C, R], outcomes []raft.Outcome[R]) {
	if m.crashed || len(outcomes) == 0 {
		return
	}
	c.checkNode(m)
	c.checkSnapshot(m)
	for _, o := range outcomes {
		done := m.waiting[o.Ticket]
		if done == nil {
			c.Violate("one outcome", "node %s: another one for ticket %d", m.id, o.Ticket)
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
