package maelstrom

import (
	"fmt"
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
	stopped *bool
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
	c.Propose(node, command{Client: c.name, ID: c.id, Seen: seen, Op: op}, time.Second, done)
	c.After(2*time.Second, func() { done(outcome{Err: raft.ErrUnknown}) }) // the node has crashed
}

func (c *chain) ended(op kv.Command, o outcome) {
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

// Exactly once, with the real session layer and the real state machine over the real core: under loss, duplication, reordering, changes of
// leader and crashes, nothing is executed twice, and nothing that was definitely not executed is executed after all.
func TestExactlyOnceUnderFaults(t *testing.T) {
	total := 0
	for seed := range uint64(40 / slowdown) {
		nodes := []int{1, 3, 3, 5, 5}[seed%5]
		config := raft.Config[command]{Resend: true, FirstElection: silence, EarlyCommit: seed%2 == 1}
		if seed%4 > 1 {
			config.SnapshotEntries, config.TrailingEntries, config.MaxChunkBytes = 20, 3, 300
		}
		c := sim.New(seed, nodes, config, func() raft.StateMachine[command, result] {
			m, err := session.New(kv.New(), kv.Digest, session.Limits{Clients: 4, AnswersPerClient: 2})
			if err != nil {
				t.Fatal(err)
			}
			return m
		})
		c.Network = sim.Network{
			Latency: time.Duration(seed%4) * 15 * time.Millisecond, Distribution: sim.Distribution(seed % 3),
			Loss: 0.02 * float64(seed%5), Duplicate: 0.05 * float64(seed%4),
		}
		c.Crashes = 0.0005 * float64(seed%3)
		stopped := false
		var chains []*chain
		for i := range 6 { // more than the session layer remembers
			chains = append(chains, &chain{Cluster: c, t: t, name: fmt.Sprintf("c%d", i), stopped: &stopped})
			chains[i].next()
		}
		for i := range 10 {
			c.After(time.Duration(i)*time.Second, func() {
				c.Heal()
				if i%2 == 0 {
					if l := c.Leader(); l != "" {
						c.Isolate(l)
					}
				}
			})
		}
		if err := c.Run(10 * time.Second); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		stopped = true
		for _, ch := range chains {
			total += ch.done
		}
	}
	t.Logf("%d operations", total)
	if total < 10000/slowdown {
		t.Errorf("only %d operations were executed", total)
	}
}
