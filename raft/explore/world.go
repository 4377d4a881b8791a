package explore

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"time"

	"maelraft/raft"
)

// noDeadline is later than any clock here will be: they all stand still.
const noDeadline = time.Hour

// Where time may pass, promises are as long as two ticks, and n1's leases, by its slow clock, end with the second.
const (
	// Tick is how much time passes at once.
	Tick    = timeout / 2
	timeout = 100 * time.Millisecond
	drift   = 0.25
)

// set is a set of writes, by number: what the state machine holds, and what a read returns.
type set uint64

// machine is a state machine that remembers which writes it has executed.
type machine struct{ state set }

// tried is the number of a write that changes nothing as long as the first one has not been made.
const tried = 32

func (m *machine) Apply(_ raft.Index, write int) set {
	if _, settled := m.Settle(write); settled {
		return m.state
	}
	m.state |= 1 << write
	return m.state
}

func (m *machine) Query(int) set { return m.state }

func (m *machine) Settle(write int) (set, bool) {
	return m.state, write == tried && m.state&(1<<1) == 0
}

// Snapshot and Restore: no log that is explored is long enough for them.
func (m *machine) Snapshot() []byte     { return nil }
func (m *machine) Restore([]byte) error { return nil }

type (
	node    = raft.Node[int, set]
	entry   = raft.Entry[int]
	request = raft.AppendRequest[int]
)

// member is one node in one state. Its values are shared between states until a step changes them.
type member struct {
	node  *node
	sm    *machine
	view  raft.View[int]
	lives uint64
	print []byte
	// writes and reads are the requests that wait for an answer, and for a read what it must hold.
	writes map[raft.Ticket]int
	reads  map[raft.Ticket]set
}

// parcel is a message under way, and its text.
type parcel struct {
	raft.Message
	print string
}

// world is a state of the whole: nothing in it is changed once it has been visited.
type world struct {
	members []*member
	network []parcel // in the order of their texts
	history history

	writes, readCount, tries, crashes, ticks, transfers, changes int // begun so far
}

// kind is what a step does.
type kind int

const (
	deliver kind = iota
	timeOut
	write
	readStep
	tryStep
	crash
	tick
	transfer
	giveUp
	change
)

// step is one thing that can happen next.
type step struct {
	kind    kind
	node    int
	to      int // of a transfer
	message parcel
}

func (s step) String() string {
	who := fmt.Sprintf("n%d", s.node+1)
	switch s.kind {
	case deliver:
		return fmt.Sprintf("%s -> %s: %T%+v", s.message.From, who, s.message.Body, s.message.Body)
	case timeOut:
		return who + " times out and stands for election"
	case write:
		return who + " is asked to write"
	case readStep:
		return who + " is asked to read"
	case tryStep:
		return who + " is asked to try"
	case tick:
		return "time passes"
	case transfer:
		return fmt.Sprintf("%s is asked to have %s lead", who, name(s.to))
	case giveUp:
		return who + " gives a transfer up"
	case change:
		return who + " is asked for another membership"
	}
	return who + " crashes and starts again"
}

// newWorld returns a new cluster in which nothing has happened.
func newWorld(b Bounds) (*world, error) {
	w := &world{history: newHistory()}
	for i := range b.Nodes {
		m := &member{sm: &machine{}}
		if err := m.start(b, i, raft.Saved[int]{}, 0); err != nil {
			return nil, err
		}
		w.members = append(w.members, m)
	}
	return w, nil
}

func name(i int) raft.NodeID { return raft.NodeID(fmt.Sprintf("n%d", i+1)) }

// start begins a life of a member.
func (m *member) start(b Bounds, i int, saved raft.Saved[int], now time.Duration) error {
	cfg := raft.Config[int]{ID: name(i), Seed: uint64(i + 1), EarlyCommit: b.EarlyCommit, Thrifty: b.Thrifty, MaxAppendBytes: b.MaxAppendBytes}
	if b.Ticks > 0 {
		cfg.Reads, cfg.ElectionTimeout, cfg.MaxDrift = raft.LeaseReads, timeout, drift
	}
	for j := range b.Nodes {
		cfg.Members = append(cfg.Members, name(j))
	}
	m.sm = &machine{}
	n, err := raft.New(cfg, m.sm, saved, now)
	m.node, m.lives = n, saved.Lives+1
	m.writes, m.reads = map[raft.Ticket]int{}, map[raft.Ticket]set{}
	if err == nil {
		m.look()
	}
	return err
}

// look renews what is known of a node after it has changed.
func (m *member) look() {
	m.view = m.node.View()
	m.print = m.node.Fingerprint(nil)
	m.print = fmt.Appendf(m.print, "|%d %v %v\n", m.lives, m.writes, m.reads)
}

func (m *member) clone() *member {
	d := *m
	sm := *m.sm
	d.sm = &sm
	d.node = m.node.Clone(d.sm)
	d.writes, d.reads = map[raft.Ticket]int{}, map[raft.Ticket]set{}
	for t, n := range m.writes {
		d.writes[t] = n
	}
	for t, must := range m.reads {
		d.reads[t] = must
	}
	return &d
}

// after returns the state to which a step leads, and what is wrong with it.
func (w *world) after(b Bounds, s step) (*world, error) {
	next := *w
	if s.kind == tick {
		next.ticks++
		return &next, nil
	}
	next.members, next.network = slices.Clone(w.members), slices.Clone(w.network)
	next.history = w.history.clone()
	m := w.members[s.node].clone()
	next.members[s.node] = m
	switch s.kind {
	case deliver:
		next.network = slices.DeleteFunc(next.network, func(p parcel) bool { return p.print == s.message.print })
		if vote, ok := s.message.Body.(raft.VoteRequest); ok && !vote.Transfer {
			m.node.ForgetLeader()
		}
		if err := m.node.Step(w.clock(s.node), s.message.Message); err != nil {
			return &next, fmt.Errorf("a correct message was refused: %w", err)
		}
	case timeOut:
		m.node.TimeOut(w.clock(s.node))
	case write:
		next.writes++
		m.writes[m.node.Propose(w.clock(s.node), next.writes, noDeadline)] = next.writes
	case readStep:
		next.readCount++
		m.reads[m.node.Read(w.clock(s.node), 0, noDeadline)] = next.history.known
	case tryStep:
		next.tries++
		m.reads[m.node.Try(w.clock(s.node), tried, noDeadline)] = next.history.known // either answer says what there is
	case transfer:
		next.transfers++
		m.node.TransferLeadership(w.clock(s.node), name(s.to), noDeadline)
	case giveUp:
		m.node.GiveUpHandover()
	case change:
		m.node.ChangeMembership(w.clock(s.node), b.Changes[w.changes], noDeadline)
		next.changes++
	case crash:
		next.crashes++
		saved := raft.Saved[int]{HardState: m.view.HardState, Entries: slices.Clone(m.view.Log), Lives: m.lives}
		if err := m.start(b, s.node, saved, w.clock(s.node)); err != nil {
			return &next, err
		}
	}
	return &next, next.settle(s.node)
}

// settle carries out what a node has left behind, and checks what it has become.
func (w *world) settle(i int) error {
	m := w.members[i]
	before := m.view
	now := w.clock(i)
	for batch := m.node.Take(now); !batch.Empty(); batch = m.node.Take(now) {
		m.node.Saved(batch)
		for _, message := range batch.Messages {
			w.post(message)
		}
		for _, o := range m.node.Apply(batch) {
			if err := w.answered(m, o); err != nil {
				return err
			}
		}
	}
	m.look()
	w.network = slices.DeleteFunc(w.network, func(p parcel) bool { return w.lost(p) })
	if err := m.node.CheckInvariants(); err != nil {
		return err
	}
	return w.check(i, before)
}

// post puts a message on its way, without what is only about time.
func (w *world) post(m raft.Message) {
	if b, ok := m.Body.(request); ok {
		b.RTT = raft.RoundTrip{}
		m.Body = b
	}
	p := parcel{m, fmt.Sprintf("%T%v\n", m.Body, m)}
	at, found := slices.BinarySearchFunc(w.network, p, func(a, b parcel) int { return bytes.Compare([]byte(a.print), []byte(b.print)) })
	if !found {
		w.network = slices.Insert(w.network, at, p)
	}
}

// lost says whether nothing can come of a message any more, see package doc.
func (w *world) lost(p parcel) bool {
	term := w.members[number(p.To)].view.Term
	if b, ok := p.Body.(raft.VoteReply); ok && !b.Granted && b.Term == term {
		return true
	}
	return raft.Term(reflect.ValueOf(p.Body).FieldByName("Term").Uint()) < term
}

// clock returns what a node's own clock shows.
func (w *world) clock(node int) time.Duration {
	passed := time.Duration(w.ticks) * Tick
	if node == 0 {
		passed = time.Duration(float64(passed) / (1 + drift))
	}
	return passed
}

func number(id raft.NodeID) int {
	var n int
	_, _ = fmt.Sscanf(string(id), "n%d", &n)
	return n - 1
}

// steps lists what can happen next within the bounds.
func (w *world) steps(b Bounds) []step {
	var steps []step
	for _, p := range w.network {
		steps = append(steps, step{kind: deliver, node: number(p.To), message: p})
	}
	if w.ticks < b.Ticks {
		steps = append(steps, step{kind: tick})
	}
	for i, m := range w.members {
		if m.view.Term < b.Terms {
			steps = append(steps, step{kind: timeOut, node: i})
		}
		if w.writes < b.Writes {
			steps = append(steps, step{kind: write, node: i})
		}
		if w.readCount < b.Reads {
			steps = append(steps, step{kind: readStep, node: i})
		}
		if w.tries < b.Tries {
			steps = append(steps, step{kind: tryStep, node: i})
		}
		if w.crashes < b.Crashes {
			steps = append(steps, step{kind: crash, node: i})
		}
		if w.changes < len(b.Changes) && m.view.Role == raft.Leader {
			steps = append(steps, step{kind: change, node: i})
		}
		steps = append(steps, w.transferSteps(b, i)...)
	}
	return steps
}

// transferSteps lists what a member can do about a transfer.
func (w *world) transferSteps(b Bounds, i int) []step {
	v := w.members[i].view
	if v.Role != raft.Leader || v.Term >= b.Terms {
		return nil
	}
	var steps []step
	if w.transfers < b.Transfers {
		for to := range w.members {
			if to != i {
				steps = append(steps, step{kind: transfer, node: i, to: to})
			}
		}
	}
	if v.Successor != "" {
		steps = append(steps, step{kind: giveUp, node: i})
	}
	return steps
}
