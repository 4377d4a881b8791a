package maelstrom

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	three = []string{"n1", "n2", "n3"}
	five  = []string{"n1", "n2", "n3", "n4", "n5"}
)

func TestServesLinKVAtEveryNode(t *testing.T) {
	for _, ids := range [][]string{{"n1"}, {"a", "b"}, three, {"n0", "n1", "n2", "n3", "n4"}} {
		for _, latency := range []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				c := startCluster(t, latency, ids...)
				defer c.close()
				for i, id := range ids {
					key := fmt.Sprintf(`"key":"k%d"`, i)
					c.want("20", id, "read", key)
					c.want("20", id, "cas", key+`,"from":1,"to":2`)
					c.want("write_ok", id, "write", key+`,"value":0`)
					c.want("22", id, "cas", key+`,"from":0.0,"to":2`)
					c.want("cas_ok", id, "cas", key+`,"from":0,"to":null`)
					for _, other := range ids {
						c.want("read_ok null", other, "read", key)
					}
					c.want("cas_ok", id, "cas", fmt.Sprintf(`"key":%d`, i)+`,"from":1,"to":[2],"create_if_not_exists":true`)
				}
			})
		}
	}
}

// What leases save, a leader's read has beside a write that is under way, too; with early commit it waits, so with leases that is not the default.
func TestReadBesideAWrite(t *testing.T) {
	const delay = 50 * time.Millisecond
	yes := true
	for _, c := range []struct {
		reads string
		early *bool
		want  time.Duration // at least, and at most a fifth of a delay more
	}{
		{"lease", nil, 0},
		{"lease", &yes, 2*delay - delay/5},
		{"readindex", nil, 2 * delay},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := startClusterWith(t, Options{Seed: 1, Reads: c.reads, EarlyCommit: c.early}, delay, three...)
			defer n.close()
			n.want("write_ok", "n2", "write", `"key":1,"value":1`)
			time.Sleep(10 * time.Second)
			leader := string(n.status("n1").Leader)
			written := n.start(leader, "write", `"key":1,"value":2`)
			time.Sleep(delay / 10)
			began := time.Now()
			n.ask(leader, "read", `"key":1`)
			if took := time.Since(began); took < c.want || took > c.want+delay/5 {
				t.Errorf("%s: a read at the leader beside a write took %v, want %v", c.reads, took, c.want)
			}
			if got := n.await(written, time.Second); got != "write_ok" {
				t.Error(got)
			}
		})
	}
}

// Each way to read takes as many network delays as DESIGN.md says, at the leader and at a follower.
func TestWaysToRead(t *testing.T) {
	const delay = 50 * time.Millisecond
	for _, c := range []struct {
		reads            string
		ids              []string
		leader, follower time.Duration
	}{
		{"readindex", three, 2 * delay, 2 * delay},
		{"readindex", five, 2 * delay, 2 * delay},
		{"lease", three, 0, 2 * delay},
		{"lease", five, 0, 2 * delay},
		{"log", three, 2 * delay, 2 * delay},
		{"log", five, 2 * delay, 3 * delay},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := startClusterWith(t, Options{Seed: 1, Reads: c.reads}, delay, c.ids...)
			defer n.close()
			n.want("write_ok", "n2", "write", `"key":1,"value":1`)
			time.Sleep(10 * time.Second)
			leader := string(n.status("n1").Leader)
			for _, id := range c.ids {
				want := c.follower
				if id == leader {
					want = c.leader
				}
				began := time.Now()
				n.want("read_ok 1", id, "read", `"key":1`)
				if took := time.Since(began); took < want || took > want+delay/5 {
					t.Errorf("%s, %d nodes: a read at %s, where %s leads, took %v, want %v", c.reads, len(c.ids), id, leader, took, want)
				}
				time.Sleep(time.Second)
			}
		})
	}
}

func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 10*time.Millisecond, three...)
		defer c.close()
		c.want("write_ok", "n2", "write", `"key":1,"value":1`)
		leader := c.status("n2").Leader
		rest := slices.DeleteFunc(slices.Clone(three), func(id string) bool { return id == string(leader) })

		c.isolate(string(leader), true)
		began := time.Now()
		c.want("write_ok", rest[0], "write", `"key":1,"value":2`) // held until there is a new leader
		t.Logf("outage: %v", time.Since(began))
		c.want("read_ok 2", rest[1], "read", `"key":1`)
		c.want("11", string(leader), "read", `"key":1`) // and not 1

		c.isolate(string(leader), false)
		time.Sleep(2 * time.Second)
		c.want("read_ok 2", string(leader), "read", `"key":1`)
	})
}

func TestHeldRequestsAreAnsweredAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 10*time.Millisecond, three...)
		defer c.close()
		c.want("write_ok", "n1", "write", `"key":1,"value":1`)
		leader := string(c.status("n1").Leader)
		for _, id := range three {
			c.isolate(id, true)
		}
		early := c.start(leader, "write", `"key":1,"value":2`) // appended at once, and never acknowledged
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		read := c.start(leader, "read", `"key":1`)
		late := c.start(leader, "write", `"key":1,"value":3`) // kept back: no follower has been heard
		for _, want := range []struct {
			reply string
			from  chan map[string]json.RawMessage
		}{{"13", early}, {"11", read}, {"11", late}} {
			if got := c.await(want.from, 5*time.Second); got != want.reply {
				t.Errorf("got %q, want %q", got, want.reply)
			}
		}
		if waited := time.Since(began); waited < 800*time.Millisecond || waited > 900*time.Millisecond {
			t.Errorf("waited %v, which is not shortly before the client gives up", waited)
		}
	})
}

func TestEveryRequestIsAnsweredOnceAtEndOfInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 50*time.Millisecond, three...)
		var boxes []chan map[string]json.RawMessage
		for i := range 300 {
			kind := []string{"read", "write"}[i%2]
			boxes = append(boxes, c.start(three[i%3], kind, fmt.Sprintf(`"key":%d,"value":%d`, i%5, i)))
		}
		c.close()
		counts := map[string]int{}
		for _, b := range boxes {
			counts[c.await(b, 5*time.Second)]++
		}
		if counts["nothing"] > 0 {
			t.Errorf("unanswered requests: %v", counts)
		}
	})
}

func TestManyClientsUnderFlappingLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 5*time.Millisecond, three...)
		defer c.close()
		var boxes []chan map[string]json.RawMessage
		for i := range 600 {
			if i%100 == 50 {
				c.isolate(three[i/100%3], true)
				c.isolate(three[(i/100+2)%3], false)
			}
			boxes = append(boxes, c.start(three[i%3], []string{"read", "write", "write"}[i/3%3], fmt.Sprintf(`"key":%d,"value":%d`, i%5, i)))
			time.Sleep(10 * time.Millisecond)
		}
		counts := map[string]int{}
		for _, b := range boxes {
			counts[c.await(b, 5*time.Second)]++
		}
		t.Log(counts)
		if counts["nothing"] > 0 {
			t.Errorf("unanswered requests: %v", counts)
		}
	})
}

// A node that is told at once of its peers must not write to those that may not exist yet.
func TestSilenceAfterInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 0, three...)
		f := newFeed()
		var first time.Duration
		began := time.Now()
		stdout := &lineWriter{take: func(line []byte) {
			if m, err := parseMessage(line); err == nil && m.Dest != "c9" && first == 0 {
				first = time.Since(began)
			}
		}}
		n.attach("n1", f)
		done := make(chan error)
		go func() { done <- Serve(f, stdout, t.Output(), Options{Seed: 1, ElectionTimeout: 20}) }()
		n.line("n1", `{"src":"c9","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2","n3"],"msg_id":1}}`)
		time.Sleep(time.Second)
		_ = f.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if first < silence {
			t.Errorf("first message to a peer after %v", first)
		}
	})
}
