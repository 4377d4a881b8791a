package maelstrom

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// timed is what the requests of some time were answered, and how long they took.
type timed struct {
	mu            sync.Mutex
	answers       map[string]int
	reads, writes []time.Duration
}

// askFor sends requests to nodes in turn, a hundred a second, half of them reads, and waits for the answers.
func (n *network) askFor(d time.Duration, nodes ...string) *timed {
	const pause = 10 * time.Millisecond
	t := &timed{answers: map[string]int{}}
	var open sync.WaitGroup
	for i := range int(d / pause) {
		node, kind := nodes[i/2%len(nodes)], []string{"write", "read"}[i%2]
		began := time.Now()
		box := n.start(node, kind, fmt.Sprintf(`"key":1,"value":%d`, i))
		open.Go(func() {
			got := n.await(box, 10*time.Second)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.answers[got[:min(len(got), len("write_ok"))]]++
			if kind == "read" {
				t.reads = append(t.reads, time.Since(began))
			} else {
				t.writes = append(t.writes, time.Since(began))
			}
		})
		time.Sleep(pause)
	}
	open.Wait()
	return t
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

// The leadership goes once to where the load has gone, gains what the table of latencies promises, and stays where it is under an even load.
func TestLeadershipFollowsTheLoad(t *testing.T) {
	const latency = 50 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		ids := []string{"n1", "n2", "n3", "n4", "n5"}
		c := startClusterWith(t, Options{Seed: 1, FollowTheLoad: true}, latency, ids...)
		defer c.close()
		first := c.leaderOf("n1")
		to, began := others(ids, first), c.status("n1")
		wants := func(leader string, moves int) {
			t.Helper()
			if s := c.status(leader); s.Role != "leader" || int(s.Term-began.Term) != moves {
				t.Errorf("%s is %s in term %d, want the leader after %d transfers", leader, s.Role, s.Term, moves)
			}
		}
		c.askFor(10*time.Second, ids...).tell(t, "even load", latency)
		wants(first, 0)
		before := c.askFor(2*time.Second, to[0])
		before.tell(t, "all load at a follower", latency)
		c.askFor(10*time.Second, to[0]).tell(t, "while it moves", latency)
		wants(to[0], 1)
		after := c.askFor(5*time.Second, to[0])
		after.tell(t, "after the transfer", latency)
		if median(after.writes) > latency*5/2 || median(after.writes) >= median(before.writes) {
			t.Error("nothing is gained")
		}
		c.askFor(15*time.Second, to[1])
		wants(to[1], 2)
		c.askFor(10*time.Second, ids...).tell(t, "even load again", latency)
		wants(to[1], 2)
	})
}

// tell logs the medians, and wants every request to have been served.
func (l *timed) tell(t *testing.T, when string, latency time.Duration) {
	t.Helper()
	in := func(d time.Duration) float64 { return float64(d) / float64(latency) }
	t.Logf("%s: median write %.2f L, read %.2f L; answers %v", when, in(median(l.writes)), in(median(l.reads)), l.answers)
	for got := range l.answers {
		if got != "write_ok" && got != "read_ok " && got != "20" {
			t.Errorf("%s: answered %s", when, got)
		}
	}
}
