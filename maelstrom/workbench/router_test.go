package workbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a node's stdin: it notes what arrives and when.
type recorder struct {
	mu    sync.Mutex
	clock clock
	got   []string
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		var m struct {
			Body struct{ Type string }
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return 0, err
		}
		r.got = append(r.got, fmt.Sprintf("%s@%g", m.Body.Type, ms(r.clock.now())))
	}
	return len(p), nil
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.got, " ")
}

// wire builds a router with nodes n0, n1 and n2 in a synctest bubble. Call end
// before the bubble ends.
func wire(t *testing.T, o Options) (rt *router, sinks map[string]*recorder, end func()) {
	t.Helper()
	rt = newRouter(newClock(), o, coarseSleep)
	sinks = map[string]*recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, id := range nodeNames(3) {
		sink := &recorder{clock: rt.clock}
		sinks[id] = sink
		ib := rt.addNode(id)
		wg.Go(func() { rt.feed(ctx, id, ib, sink) })
	}
	return rt, sinks, func() { cancel(); wg.Wait() }
}

func post(t *testing.T, rt *router, src, dest, kind string) {
	t.Helper()
	body := []byte(fmt.Sprintf(`{"type":%q}`, kind))
	if f := rt.sendFromNode(src, message{src: src, dest: dest, kind: kind, body: body}); f != nil {
		t.Fatal(f.why)
	}
}

func constantLatency(ms int) Options {
	o := DefaultOptions()
	o.Latency, o.Seed = ms, 5
	return o
}

// TestHeadOfLine: while the head of the queue is waited for, nothing else gets
// through, not even a client's request, which itself has no delay.
func TestHeadOfLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, sinks, end := wire(t, constantLatency(100))
		c := rt.addClient()
		post(t, rt, "n0", "n1", "a")
		synctest.Wait() // the feeder has taken a and sleeps on it
		rt.sendFromClient(message{src: c.id, dest: "n1", body: []byte(`{"type":"request"}`)})
		rt.sendFromClient(message{src: c.id, dest: "n2", body: []byte(`{"type":"request"}`)})
		time.Sleep(30 * time.Millisecond)
		post(t, rt, "n0", "n1", "b")
		post(t, rt, "n1", "n1", "self")
		time.Sleep(time.Second)
		if got := sinks["n1"].String(); got != "a@100 request@100 b@130 self@130" {
			t.Error(got)
		}
		if got := sinks["n2"].String(); got != "request@0" {
			t.Error(got)
		}
		s := rt.snapshot()
		if s.Servers.Sent != 3 || s.Clients.Sent != 2 || s.All.Sent != 5 || s.All.Received != 5 || s.Servers.Received != 3 || s.ServersByType["self"] != 1 {
			t.Errorf("%+v", s)
		}
		end()
	})
}

// TestPartitionAtPoll: a message is judged when it is taken, not when it is due.
func TestPartitionAtPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, sinks, end := wire(t, constantLatency(100))
		post(t, rt, "n0", "n1", "taken-before")
		synctest.Wait()
		rt.setWeather(weather{grudge: split([]string{"n0"}, []string{"n1", "n2"})})
		post(t, rt, "n0", "n1", "taken-after-heal")
		post(t, rt, "n0", "n2", "dropped-at-once") // n2 is idle
		post(t, rt, "n2", "n1", "other-side")
		synctest.Wait()
		time.Sleep(50 * time.Millisecond)
		rt.setWeather(weather{grudge: nil})
		time.Sleep(time.Second)
		if got := sinks["n1"].String(); got != "taken-before@100 taken-after-heal@100 other-side@100" {
			t.Error(got)
		}
		if got := sinks["n2"].String(); got != "" {
			t.Error(got)
		}
		if s := rt.snapshot(); s.Dropped != 1 || s.Servers.Sent != 4 || s.Servers.Received != 3 {
			t.Errorf("%+v", s)
		}
		end()
	})
}

// TestOneWayGrudge: only the named direction is cut, and self-sends never.
func TestOneWayGrudge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, sinks, end := wire(t, constantLatency(0))
		g := grudge{}
		g.cut("n0", "n1")
		rt.setWeather(weather{grudge: g})
		post(t, rt, "n0", "n1", "no")
		post(t, rt, "n1", "n0", "yes")
		post(t, rt, "n1", "n1", "self")
		synctest.Wait()
		if sinks["n1"].String() != "self@0" || sinks["n0"].String() != "yes@0" {
			t.Error(sinks["n0"], sinks["n1"])
		}
		end()
	})
}

// TestQuirkTruncates: Maelstrom sleeps a whole number of milliseconds.
func TestQuirkTruncates(t *testing.T) {
	t.Parallel()
	for quirks, want := range map[bool]string{false: "a@10 b@19.9", true: "a@10 b@19"} {
		synctest.Test(t, func(t *testing.T) {
			o := constantLatency(10)
			o.MaelstromQuirks = quirks
			rt, sinks, end := wire(t, o)
			post(t, rt, "n0", "n1", "a")
			synctest.Wait()
			time.Sleep(9900 * time.Microsecond)
			post(t, rt, "n0", "n1", "b") // stamped at 9.9 ms, taken at 10 ms
			time.Sleep(time.Second)
			if got := sinks["n1"].String(); got != want {
				t.Errorf("quirks %v: %s", quirks, got)
			}
			end()
		})
	}
}

// stuck is the stdin of a node that does not read.
type stuck struct{ released chan struct{} }

func (s stuck) Write([]byte) (int, error) {
	<-s.released
	return 0, io.ErrClosedPipe
}

func TestStuckNodeBlocksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, sinks, end := wire(t, constantLatency(0))
		ctx, cancel := context.WithCancel(t.Context())
		s := stuck{make(chan struct{})}
		ib := rt.addNode("n3")
		done := make(chan struct{})
		go func() { rt.feed(ctx, "n3", ib, s); close(done) }()
		for range 1000 {
			post(t, rt, "n0", "n3", "x")
		}
		post(t, rt, "n0", "n1", "y")
		synctest.Wait()
		if sinks["n1"].String() != "y@0" {
			t.Error(sinks["n1"])
		}
		close(s.released) // after the error the rest is thrown away
		synctest.Wait()
		cancel()
		<-done
		end()
	})
}

func TestLatencyDistributions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dist           string
		mean, low, max int
		average        float64
	}{
		{distConstant, 10, 10, 10, 10},
		{distUniform, 10, 0, 19, 9.5},
		{distExponential, 10, 0, 1000, 9.5},
		{distConstant, 0, 0, 0, 0},
		{distUniform, 0, 0, 0, 0},
		{distExponential, 0, 0, 0, 0},
	} {
		r := stream(1, purposeDelay, c.dist)
		sum, n := 0, 200_000
		for range n {
			d := (latency{c.mean, c.dist}).draw(r)
			if d < c.low || d > c.max {
				t.Fatalf("%s %d: %d", c.dist, c.mean, d)
			}
			sum += d
		}
		if got := float64(sum) / float64(n); got < c.average-0.15 || got > c.average+0.15 {
			t.Errorf("%s %d: mean %.2f, want %.2f", c.dist, c.mean, got, c.average)
		}
	}
}

// TestDelaysDependOnSeedAlone: the k-th delay of a link is the same whatever
// other links do.
func TestDelaysDependOnSeedAlone(t *testing.T) {
	t.Parallel()
	o := constantLatency(100)
	o.LatencyDist = distExponential
	draws := func(seed uint64, others int) []int {
		o.Seed = seed
		rt := newRouter(newClock(), o, coarseSleep)
		var out []int
		for range 20 {
			for range others {
				rt.delays.draw(rt.chance("n1", "n0").delays)
			}
			out = append(out, rt.delays.draw(rt.chance("n0", "n1").delays))
		}
		return out
	}
	a, b, c := fmt.Sprint(draws(1, 0)), fmt.Sprint(draws(1, 3)), fmt.Sprint(draws(2, 0))
	if a != b || a == c {
		t.Error(a, b, c)
	}
}

func TestClientTimesOutAndDiscardsLateReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, sinks, end := wire(t, constantLatency(0))
		c := rt.addClient()
		build := func(id int64) []byte { return fmt.Appendf(nil, `{"type":"q","msg_id":%d}`, id) }
		answer := func(from string, id int) *fault {
			return rt.sendFromNode(from, message{src: from, dest: c.id, body: fmt.Appendf(nil, `{"type":"r","in_reply_to":%d}`, id)})
		}
		start := time.Now()
		if _, err := c.call(t.Context(), "n0", build, time.Second); err != errClientTimeout || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		var r reply
		var err error
		done := make(chan struct{})
		go func() { r, err = c.call(t.Context(), "n0", build, time.Second); close(done) }()
		synctest.Wait()
		if f := answer("n0", 1); f != nil {
			t.Error("a late reply is no fault", f)
		}
		if f := answer("n2", 2); f != nil {
			t.Error(f)
		}
		<-done
		if id, _ := asInt(r.fields["in_reply_to"]); id != 2 || err != nil {
			t.Error(id, err)
		}
		checkStrayReplies(t, rt, c, answer)
		if s := rt.snapshot(); s.LateReplies != 1 || s.ForeignReplies != 1 {
			t.Errorf("%+v", s)
		}
		if sinks["n0"].String() != "q@0 q@1000" {
			t.Error(sinks["n0"])
		}
		end()
	})
}

// checkStrayReplies: what is not the one reply to a request is a fault that
// Maelstrom puts up with, unless the client is gone.
func checkStrayReplies(t *testing.T, rt *router, c *client, answer func(string, int) *fault) {
	t.Helper()
	for id, why := range map[int]string{1: "second time", 2: "second time", 3: "never was", 0: "never was"} {
		if f := answer("n0", id); f == nil || !strings.Contains(f.why, why) || !f.mild {
			t.Errorf("%d: %+v", id, f)
		}
	}
	if f := rt.sendFromNode("n0", message{src: "n0", dest: c.id, body: []byte(`{"in_reply_to":"2"}`)}); f == nil {
		t.Error("a string is no msg_id")
	}
	rt.closeClient(c)
	if f := answer("n0", 2); f == nil || f.mild || !strings.Contains(f.why, "unknown") {
		t.Error("a closed client is unknown")
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	line := encode(7, message{src: "c1", dest: "n0", body: []byte(`{"a":1}`)})
	if string(line) != `{"id":7,"src":"c1","dest":"n0","body":{"a":1}}`+"\n" || !json.Valid(bytes.TrimSpace(line)) {
		t.Errorf("%s", line)
	}
}

// TestPreciseSleep: the whole point is to be less than the runtime's
// millisecond late. The bound is generous; a busy machine may miss any.
func TestPreciseSleep(t *testing.T) {
	t.Parallel()
	best := time.Hour
	for range 30 {
		start := time.Now()
		if !preciseSleep(t.Context(), 3*time.Millisecond) {
			t.Fatal("interrupted")
		}
		took := time.Since(start)
		if took < 3*time.Millisecond {
			t.Fatalf("woke up after %v", took)
		}
		best = min(best, took)
	}
	if best > 4*time.Millisecond {
		t.Errorf("never closer than %v", best)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if preciseSleep(ctx, time.Hour) || coarseSleep(ctx, 0) {
		t.Error("not interrupted")
	}
}
