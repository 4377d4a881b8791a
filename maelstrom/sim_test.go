package maelstrom

import (
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
	"maelraft/raft/sim"
)

// chain is a client that alone writes to its keys: it writes a number, then adds one by one with cas. It always knows what the key
// holds, so a cas that does not match means that something was executed twice, or never, or out of order.
type chain struct {
	*sim.Cluster[command, result]
	t       *testing.T
	name    string
	id      uint64
	key     int  // counts the keys: one that an unknown operation may still change is not used again
	value   int  // what the key holds, if known
	known   bool // false as long as nothing was written to the key
	done    int
	served  int // answers of any kind: with more clients than are remembered, Forgotten is one
	stopped *bool
	tries   bool // asks by Try: a node whose state is old thinks that the cas does not match, and looks again
}

func number(i int) kv.Value {
	v, err := kv.ParseValue([]byte(fmt.Sprint(i)))
	if err != nil {
		panic(err)
	}
	return v
}

// next sends the next operation, to a node that depends on nothing but the number of the request.
func (c *chain) next() {
	if *c.stopped {
		return
	}
	c.id++
	key, _ := kv.ParseValue(fmt.Appendf(nil, "[%q, %d]", c.name, c.key))
	op := kv.Command{Op: kv.CAS, Key: key, From: number(c.value), To: number(c.value + 1)}
	if !c.known {
		op = kv.Command{Op: kv.Write, Key: key, Value: number(c.value + 1)}
	}
	node := c.IDs[int(c.id)%len(c.IDs)]
	var seen raft.Index
	if n := c.Node(node); n != nil {
		seen = n.Status().Applied
	}
	ended := false
	done := func(o outcome) {
		if !ended {
			ended = true
			c.ended(op, o)
			c.After(30*time.Millisecond, c.next)
		}
	}
	ask := c.Propose
	if c.tries {
		ask = c.Try
	}
	ask(node, command{Client: c.name, ID: c.id, Seen: seen, Op: op}, time.Second, done)
	c.After(2*time.Second, func() { done(outcome{Err: raft.ErrUnknown}) }) // the node has crashed
}

func (c *chain) ended(op kv.Command, o outcome) {
	if o.Err == nil {
		c.served++
	}
	switch {
	case o.Err == nil && o.Result.Status == session.Executed:
		if o.Result.Result.Status != kv.OK {
			c.t.Errorf("%s: %v of request %d ended as %+v", c.name, op, c.id, o.Result)
		}
		c.value, c.known = c.value+1, true
		c.done++
	case o.Err == raft.ErrUnavailable || o.Err == raft.ErrOverloaded:
		// Definitely not executed: what is known stays known.
	default:
		c.key, c.known = c.key+1, false
	}
}

// replica is the machine of a node, and the store inside it.
type replica struct {
	*session.Machine[kv.Command, kv.Result]
	store *kv.Store
}

func newReplica() raft.StateMachine[command, result] {
	store := kv.New()
	m, err := session.New(store, kv.Digest, session.Limits{Clients: 4, AnswersPerClient: 2})
	if err != nil {
		panic(err)
	}
	return replica{m, store}
}

// digest tells apart states of the store or of the table of sessions.
func digest(m raft.StateMachine[command, result]) uint64 {
	r := m.(replica)
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", r.State())
	return h.Sum64() ^ r.store.Hash()
}

// Exactly once, with the real session layer and the real state machine over the real core: whatever goes wrong, nothing is executed twice,
// nothing that was definitely not executed is executed after all, and nodes that have applied as much have equal stores and equal tables
// of sessions. When a quorum is healed, every client is served again.
func TestExactlyOnceUnderFaults(t *testing.T) {
	total := 0
	for seed := range uint64(60 / slowdown) {
		total += exactlyOnce(t, sim.Draw(seed, 10*time.Second, 0, 0))
	}
	t.Logf("%d operations", total)
	if total < 5000/slowdown {
		t.Errorf("only %d operations were executed", total)
	}
}

// exactlyOnce runs one seed, and returns how many operations were executed.
func exactlyOnce(t *testing.T, s sim.Swarm) (total int) {
	t.Helper()
	config := raft.Config[command]{Resend: true, FirstElection: silence, EarlyCommit: s.Seed%2 == 1, Thrifty: s.Seed%4 < 2}
	c := sim.New(s.Seed, s.Nodes, config, newReplica)
	c.Digest = digest
	stopped := false
	var chains []*chain
	for i := range 6 { // more than the session layer remembers
		chains = append(chains, &chain{Cluster: c, t: t, name: fmt.Sprintf("c%d", i), stopped: &stopped, tries: i%2 == 0})
		chains[i].next()
	}
	c.Weather(s)
	_ = c.Run(s.Span)
	c.Calm(s.Only(sim.AllFaults &^ sim.Wreckage))
	for _, ch := range chains {
		before := ch.served
		if !c.RunUntil(30*time.Second, func() bool { return ch.served > before }) {
			t.Errorf("seed %d: client %s is not served any more: %v", s.Seed, ch.name, c.Err())
		}
		total += ch.done
	}
	stopped = true
	if err := c.Run(3 * time.Second); err != nil {
		t.Errorf("seed %d: %v", s.Seed, err)
	}
	return total
}
