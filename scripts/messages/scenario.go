package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
	"maelraft/raft/sim"
)

type (
	command = session.Command[kv.Command]
	result  = session.Result[kv.Result]
)

// warmUp is how long a cluster runs before anything is counted, and limit how long a request may take.
const (
	warmUp = 2 * time.Second
	limit  = time.Second
)

// values is how many different values clients write and expect, as in Maelstrom; so four of five cas do not match.
const values = 5

// scenario is one kind of load.
type scenario struct {
	name string
	ops  []kv.Op // drawn from
	// places are the nodes that are asked, counted from the leader, which is 0.
	places func(nodes int) (first, last int)
	floors map[int]string // DESIGN.md section 7, by cluster size
	old    map[int]string
}

func atLeader(int) (first, last int)          { return 0, 0 }
func atFollowers(nodes int) (first, last int) { return 1, nodes - 1 }
func anywhere(nodes int) (first, last int)    { return 0, nodes - 1 }

var scenarios = []scenario{
	{"write at leader", []kv.Op{kv.Write}, atLeader, map[int]string{3: "4", 5: "8"}, map[int]string{3: "8", 5: "16"}},
	{"write at follower", []kv.Op{kv.Write}, atFollowers, map[int]string{3: "5", 5: "10 to 12"}, map[int]string{3: "9", 5: "17"}},
	{"read at leader", []kv.Op{kv.Read}, atLeader, map[int]string{3: "2 to 4", 5: "4 to 8"}, map[int]string{3: "4", 5: "8"}},
	{"read at follower", []kv.Op{kv.Read}, atFollowers, map[int]string{3: "2", 5: "4"}, map[int]string{3: "6", 5: "10"}},
	{"cas at leader", []kv.Op{kv.CAS}, atLeader, map[int]string{3: "4", 5: "8"}, map[int]string{3: "8", 5: "16"}},
	{"cas at follower", []kv.Op{kv.CAS}, atFollowers, map[int]string{3: "5", 5: "10 to 12"}, map[int]string{3: "9", 5: "17"}},
	{"a third each, anywhere", []kv.Op{kv.Read, kv.Write, kv.CAS}, anywhere, nil, nil},
	{"Maelstrom's mix, anywhere", []kv.Op{kv.Read, kv.Read, kv.Read, kv.Write, kv.CAS, kv.CAS}, anywhere, nil, nil},
}

func (s scenario) floor(nodes int) string   { return s.floors[nodes] }
func (s scenario) classic(nodes int) string { return s.old[nodes] }

// run measures the scenario.
func (s scenario) run(nodes int, network sim.Network) column {
	config := raft.Config[command]{
		Resend: true, EarlyCommit: *early, Thrifty: *thrifty, FirstElection: warmUp / 10, SizeOf: func(c command) int { return kv.Size(c.Op) },
	}
	if *lease {
		config.Reads = raft.LeaseReads
	}
	m := &meter{
		column:  column{scenario: s, sent: map[string]int{}, tookBy: map[kind][]time.Duration{}},
		Cluster: sim.New(*seed, nodes, config, newMachine),
		rng:     rand.New(rand.NewPCG(*seed, uint64(nodes))),
		asked:   map[question]string{},
		rounds:  map[raft.NodeID]uint64{},
		due:     map[raft.NodeID][]time.Duration{},
	}
	m.Network = network
	m.OnSend = m.see
	m.After(warmUp/2, m.next)
	_ = m.Run(warmUp)
	m.ops, m.took = 0, nil
	clear(m.tookBy)
	clear(m.sent)
	if err := m.Run(*span); err != nil {
		panic(err)
	}
	if m.failed > 0 {
		panic(fmt.Sprintf("%d requests failed where nothing can", m.failed))
	}
	return m.column
}

func newMachine() raft.StateMachine[command, result] {
	m, err := session.New(kv.New(), kv.Digest, session.Limits{})
	if err != nil {
		panic(err) // no limit is negative
	}
	return m
}

// meter is a cluster under a load, and what has been counted of it.
type meter struct {
	column
	*sim.Cluster[command, result]
	rng    *rand.Rand
	failed int
	id     uint64

	asked  map[question]string    // what an append was for, by what its reply repeats of it
	rounds map[raft.NodeID]uint64 // the last round of reads that a follower was asked to confirm

	due map[raft.NodeID][]time.Duration // when messages under way will be at their node
}

// question names an append: a leader sends a follower no two without time passing, but for entries.
type question struct {
	follower raft.NodeID
	at       time.Duration
}

// next makes one request, and comes back after a random time.
func (m *meter) next() {
	m.After(time.Duration(m.rng.Float64()*2*float64(time.Second)/float64(*rate)), m.next)
	first, last := m.places(len(m.IDs))
	node := m.IDs[first+m.rng.IntN(last-first+1)] // n1 leads: nothing ever fails
	start := m.Now()
	m.After(m.queued(node), func() { m.ask(node, start) })
}

// queued is how long a request waits for a node that is given one message at a time, and has begun to wait for the next one.
func (m *meter) queued(node raft.NodeID) time.Duration {
	due := m.due[node]
	for len(due) > 0 && due[0] <= m.Now() {
		due = due[1:]
	}
	m.due[node] = due
	if !*queue || len(due) == 0 {
		return 0
	}
	return due[0] - m.Now()
}

// ask makes a request that a client sent at the given time.
func (m *meter) ask(node raft.NodeID, start time.Duration) {
	m.id++
	m.ops++
	c := command{Client: string(node), ID: m.id, Seen: m.Node(node).Status().Applied, Op: m.command()}
	where := kind{c.Op.Op, node == m.Leader()}
	done := func(o raft.Outcome[result]) {
		if o.Err != nil {
			m.failed++
		}
		m.took = append(m.took, m.Now()-start)
		m.tookBy[where] = append(m.tookBy[where], m.Now()-start)
	}
	switch {
	case c.Op.Op == kv.Read:
		m.Read(node, c, limit, done)
	case c.Op.Op == kv.CAS && *try:
		m.Try(node, c, limit, done)
	default:
		m.Propose(node, c, limit, done)
	}
}

func (m *meter) command() kv.Command {
	number := func() kv.Value {
		v, err := kv.ParseValue(fmt.Appendf(nil, "%d", m.rng.IntN(values)))
		if err != nil {
			panic(err) // a number is a value
		}
		return v
	}
	key, _ := kv.ParseValue([]byte("0"))
	c := kv.Command{Op: m.scenario.ops[m.rng.IntN(len(m.scenario.ops))], Key: key}
	switch c.Op {
	case kv.Write:
		c.Value = number()
	case kv.CAS:
		c.From, c.To, c.CreateIfNotExists = number(), number(), true
	}
	return c
}

// kinds are the rows of the table.
var kinds = []string{
	"append with entries", "its acknowledgement", "round of reads", "its confirmation", "second acknowledgement", "forward", "read request", "read reply",
	"confirm request", "confirm reply", "commit notice", "heartbeat", "its reply", "election",
}

func (m *meter) see(sent raft.Message) {
	m.sent[m.kind(sent)]++
	m.due[sent.To] = append(m.due[sent.To], m.Now()+*latency)
}

func (m *meter) kind(sent raft.Message) string {
	switch b := sent.Body.(type) {
	case raft.AppendRequest[command]:
		kind := "heartbeat"
		switch {
		case len(b.Entries) > 0:
			kind = "append with entries"
		case b.Round > m.rounds[sent.To]:
			kind = "round of reads"
		}
		m.rounds[sent.To] = max(m.rounds[sent.To], b.Round)
		m.asked[question{sent.To, b.At}] = kind
		return kind
	case raft.AppendReply:
		if sent.To != m.Leader() {
			return "second acknowledgement"
		}
		q := question{sent.From, b.At}
		kind := map[string]string{"append with entries": "its acknowledgement", "round of reads": "its confirmation", "heartbeat": "its reply"}[m.asked[q]]
		delete(m.asked, q)
		return kind
	case raft.ForwardRequest[command]:
		return "forward"
	case raft.ReadRequest:
		return "read request"
	case raft.ReadReply:
		return "read reply"
	case raft.ConfirmRequest:
		return "confirm request"
	case raft.ConfirmReply:
		return "confirm reply"
	case raft.CommitNotice:
		return "commit notice"
	}
	return "election"
}
