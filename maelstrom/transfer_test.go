package maelstrom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
)

// others returns the nodes that are not the given one.
func others(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
}

// leaderOf returns who leads, by what a node knows. It asks for a write first, so that there is one.
func (n *network) leaderOf(node string) string {
	n.t.Helper()
	n.want("write_ok", node, "write", `"key":"leader?","value":0`)
	return string(n.status(node).Leader)
}

func TestTransferRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 10*time.Millisecond, three...)
		defer c.close()
		leader := c.leaderOf("n1")
		for _, to := range append(others(three, leader), leader, leader) { // the last one leads already
			for i, at := range three { // all are told the same, also when it is done
				body := <-c.start(at, "transfer", fmt.Sprintf(`"node":%q`, to))
				if string(body["type"]) != `"transfer_ok"` || string(body["leader"]) != quote(to) {
					t.Errorf("transfer to %s at %s: %s", to, at, body)
				}
				if i == 0 && c.status(to).Role != "leader" {
					t.Errorf("%s does not lead", to)
				}
			}
		}
		body := <-c.start(leader, "transfer", "")
		if got := string(body["leader"]); got == quote(leader) || got == "" {
			t.Errorf("transfer from %s to anybody else: %s", leader, body)
		}
	})
}

func TestTransferErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 10*time.Millisecond, three...)
		defer c.close()
		leader := c.leaderOf("n1")
		rest := others(three, leader)
		for _, at := range three {
			c.want("12", at, "transfer", `"node":"n9"`)
			c.want("12", at, "transfer", `"node":""`)
			c.want("12", at, "transfer", `"node":3`)
		}
		c.isolate(rest[0], true)
		c.want("14", leader, "transfer", fmt.Sprintf(`"node":%q`, rest[0])) // is told to stand, and does not
		c.want("write_ok", rest[1], "write", `"key":1,"value":1`)
		time.Sleep(time.Second)
		c.want("14", rest[1], "transfer", fmt.Sprintf(`"node":%q`, rest[0])) // is not even tried
		c.want("11", rest[0], "transfer", `"node":"n1"`)                     // knows of no leader
	})
}

func TestTransferErrorCodes(t *testing.T) {
	for err, code := range map[error]int{
		nil: 0, raft.ErrUnavailable: 11, raft.ErrOverloaded: 11, raft.ErrNoVoter: 12, raft.ErrUnknown: 13,
		raft.ErrUnreachable: 14, raft.ErrTransferring: 14, raft.ErrNotTransferred: 14, errors.New("other"): 13,
	} {
		if got, _ := transferError(err); got != code {
			t.Errorf("%v: code %d, want %d", err, got, code)
		}
	}
}

// load has one client at each node write all the time, and returns what the writes were answered, and the longest time between two
// that were served.
type load struct {
	*network
	answers map[string]int
	last    time.Time
	gap     time.Duration
}

func (l *load) serve(node string, every time.Duration, until time.Time) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; time.Now().Before(until); i++ {
			got := l.await(l.start(node, "write", fmt.Sprintf(`"key":%q,"value":%d`, node, i)), 10*time.Second)
			l.mu.Lock()
			l.answers[got]++
			if now := time.Now(); got == "write_ok" {
				l.gap, l.last = max(l.gap, now.Sub(l.last)), now
			}
			l.mu.Unlock()
			time.Sleep(every)
		}
	}()
	return done
}

// Under load no request fails because leadership moves, and the longest time without a served write stays at a few network delays.
func TestTransferUnderLoad(t *testing.T) {
	for _, of := range []struct {
		ids     []string
		latency time.Duration
		early   bool
	}{
		{three, 10 * time.Millisecond, true},
		{three, 50 * time.Millisecond, false},
		{three, 50 * time.Millisecond, true},
		{[]string{"n1", "n2", "n3", "n4", "n5"}, 50 * time.Millisecond, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := startClusterWith(t, Options{Seed: 1, EarlyCommit: &of.early}, of.latency, of.ids...)
			defer c.close()
			c.leaderOf("n1")
			time.Sleep(2 * time.Second)
			const transfers = 10
			l := &load{network: c.network, answers: map[string]int{}, last: time.Now()}
			end := time.Now().Add((transfers + 1) * time.Second)
			var clients []chan struct{}
			for range 4 {
				for _, id := range of.ids {
					clients = append(clients, l.serve(id, 3*time.Millisecond, end))
				}
			}
			time.Sleep(500 * time.Millisecond)
			l.mu.Lock()
			usual := l.gap
			l.gap = 0
			l.mu.Unlock()
			for range transfers {
				if got := c.await(c.start("n2", "transfer", ""), 5*time.Second); got != "transfer_ok" {
					t.Errorf("transfer: %s", got)
				}
				time.Sleep(time.Second)
			}
			for _, done := range clients {
				<-done
			}
			t.Logf("%d nodes, %v, early commit %t: longest time between served writes %.2f L, without transfers %.2f L; answers %v",
				len(of.ids), of.latency, of.early, float64(l.gap)/float64(of.latency), float64(usual)/float64(of.latency), l.answers)
			if len(l.answers) != 1 {
				t.Errorf("not all writes were served: %v", l.answers)
			}
			const most = 8 // network delays
			if l.gap > most*of.latency {
				t.Errorf("%v without a served write", l.gap)
			}
		})
	}
}

// A node that is told to end hands over first, serves what it has, refuses what comes, and ends with 0.
func TestTermination(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := startProcessesWith(t, []string{"--election-timeout", "1000"}, three...) // without a transfer there is no leader for a second
		p.latency = 5 * time.Millisecond
		p.init()
		p.serves("n1")
		leader := string(p.status("n1").Leader)
		i := slices.Index(three, leader)
		var boxes []chan map[string]json.RawMessage
		for k := range 50 {
			boxes = append(boxes, p.start(leader, "write", fmt.Sprintf(`"key":%d,"value":1`, k)))
		}
		if err := p.nodes[i].Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := p.nodes[i].Wait(); err != nil {
			t.Errorf("after %v: %v", signal, err)
		}
		for _, b := range boxes {
			if got := p.await(b, time.Second); got != "write_ok" && got != "11" {
				t.Errorf("after %v a request was answered %s", signal, got)
			}
		}
		rest := others(three, leader)
		if a, b := p.status(rest[0]), p.status(rest[1]); a.Role != "leader" && b.Role != "leader" {
			t.Errorf("after %v %s is %s and %s is %s", signal, rest[0], a.Role, rest[1], b.Role)
		}
		p.serves(rest[1])
		p.nodes = slices.Delete(p.nodes, i, i+1)
		p.ids = rest
		p.end()
	}
}

// A leader that has nobody to hand over to ends all the same, and in time.
func TestTerminationAlone(t *testing.T) {
	p := startProcesses(t, three...)
	p.init()
	p.serves("n1")
	leader := string(p.status("n1").Leader)
	for _, id := range others(three, leader) {
		if err := p.nodes[slices.Index(three, id)].Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	box := p.start(leader, "write", `"key":1,"value":1`)
	began := time.Now()
	node := p.nodes[slices.Index(three, leader)]
	_ = node.Process.Signal(syscall.SIGTERM)
	if err := node.Wait(); err != nil || time.Since(began) > leaveLimit+time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(began))
	}
	if got := p.await(box, time.Second); got != "11" && got != "13" {
		t.Errorf("the last request was answered %s", got)
	}
	for _, other := range p.nodes {
		if other != node {
			_ = other.Wait()
		}
	}
}

// So does a node that was never told who it is, and one that has no peers.
func TestTerminationBeforeInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ids := range [][]string{nil, {"n1"}} {
			ctx, end := context.WithCancel(t.Context())
			n, f, done := newNetwork(t, 0, ids...), newFeed(), make(chan error)
			n.attach("n1", f)
			go func() { done <- ServeUntil(ctx, f, n.stdout("n1"), io.Discard, Options{Seed: 1}) }()
			n.init()
			end()
			if err := <-done; err != nil {
				t.Error(err)
			}
			_ = f.Close()
		}
	})
}

// A request that comes while the node takes leave is refused, and one that waits is answered when the core's loop ends.
func TestRequestsWhileLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		n, f, done := newNetwork(t, 10*time.Millisecond, three...), newFeed(), make(chan error)
		n.attach("n1", f)
		n.attach("n2", io.Discard)
		n.attach("n3", io.Discard)
		go func() { done <- ServeUntil(ctx, f, n.stdout("n1"), io.Discard, Options{Seed: 1}) }()
		c := n.expect("c7", "1")
		n.line("n1", `{"id":1,"src":"c7","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2","n3"],"msg_id":1}}`)
		if got := n.await(c, time.Second); got != "init_ok" {
			t.Fatal(got)
		}
		waits := n.start("n1", "write", `"key":1,"value":1`) // there is no leader, and none will come
		synctest.Wait()
		end()
		synctest.Wait()
		for _, kind := range []string{"write", "transfer"} {
			if got := n.await(n.start("n1", kind, `"key":1,"value":1`), 100*time.Millisecond); got != "11" {
				t.Errorf("a %s while the node takes leave: %s", kind, got)
			}
		}
		if got := n.await(waits, leaveLimit); got != "11" {
			t.Errorf("the request that waited: %s", got)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = f.Close()
	})
}
