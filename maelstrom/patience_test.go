package maelstrom

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
)

func TestPatience(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct{ limit, waited, want time.Duration }{
		{time.Second, 0, 850 * ms},
		{time.Second, 70 * ms, 850 * ms}, // behind one constant delay
		{time.Second, 400 * ms, 520 * ms},
		{time.Second, time.Hour, 50 * ms},
		{4 * time.Second, 0, 3400 * ms},
		{4 * time.Second, time.Second, 2680 * ms},
	} {
		if got := patience(c.limit, c.waited); (got - c.want).Abs() > ms {
			t.Errorf("limit %v, waited %v: patience %v, want %v", c.limit, c.waited, got, c.want)
		}
	}
}

// A steady round trip is believed at once, one that varies on the average and after a while, and none is the shortest limit.
func TestClientLimit(t *testing.T) {
	l := &clientLimit{}
	renewed := time.Duration(0)
	for _, c := range []struct {
		at             time.Duration
		rtt, deviation time.Duration
		want           time.Duration
	}{
		{time.Second, 0, 0, time.Second}, // not measured
		{2 * time.Second, time.Second, 500 * time.Millisecond, time.Second},
		{7 * time.Second, time.Second, 500 * time.Millisecond, 2 * time.Second}, // of 5 s, taken for 4 s in the end
		{12 * time.Second, time.Second, 500 * time.Millisecond, 2700 * time.Millisecond},
		{500 * time.Second, time.Second, 500 * time.Millisecond, 3 * time.Second}, // one look after a long time does not say much
		{501 * time.Second, 5 * time.Second, 5 * time.Second, 3800 * time.Millisecond},
		{501 * time.Second, 5 * time.Second, 0, 20 * time.Second},
		{502 * time.Second, 500 * time.Millisecond, 50 * time.Millisecond, 2400 * time.Millisecond},
	} {
		renewed++
		s := raft.Status{Measured: c.rtt > 0, RTT: raft.RoundTrip{Mean: c.rtt, Deviation: c.deviation}, RTTAt: renewed}
		if got := l.estimate(c.at, s); (got - c.want).Abs() > c.want/20 {
			t.Errorf("at %v, round trip %v, deviation %v: limit %v, want %v", c.at, c.rtt, c.deviation, got, c.want)
		}
	}
}

// The last word of a leader that had been stopped is a round trip of seconds. A node that hears nothing more, because it has been removed, does not believe it
// the more the longer it stands.
func TestStaleRoundTripSaysNothingMore(t *testing.T) {
	const ms = time.Millisecond
	l := &clientLimit{}
	for at := time.Duration(0); at < 10*time.Second; at += 10 * ms {
		l.estimate(at+1, raft.Status{Measured: true, RTT: raft.RoundTrip{Mean: 50 * ms, Deviation: 10 * ms}, RTTAt: at + 1})
	}
	spoilt := raft.Status{Measured: true, RTT: raft.RoundTrip{Mean: 2 * time.Second, Deviation: time.Second}, RTTAt: 10 * time.Second}
	for at := 10 * time.Second; at < time.Minute; at += 10 * ms {
		if got := l.estimate(at, spoilt); got != minClientLimit {
			t.Fatalf("at %v the limit is %v", at, got)
		}
	}
}

// A process that did not run for a while knows it, whoever notices first, and its requests may have waited as long. That lasts until everything has been
// read that has come meanwhile.
func TestStandstillCounts(t *testing.T) {
	const ms = time.Millisecond
	epoch := time.Now()
	at := func(n int) time.Time { return epoch.Add(time.Duration(n) * ms) }
	for _, c := range []struct {
		what string
		then func(w *wayIn)
		want time.Duration
	}{
		{"the pulse first", func(w *wayIn) { w.runs(at(1700)); w.line(at(1000), at(1700)) }, 700 * ms},
		{"a peer's message first", func(w *wayIn) { w.line(at(1000), at(1700)); w.delayed(); w.line(at(1700), at(1701)) }, 701 * ms},
		{"a request first", func(w *wayIn) { w.line(at(1000), at(1700)) }, 700 * ms},
		{"much to read", func(w *wayIn) {
			w.line(at(1000), at(1700))
			for i := range 100 {
				w.runs(at(1700 + i))
				w.line(at(1700+i), at(1700+i))
			}
		}, 799 * ms},
		{"after that", func(w *wayIn) { w.line(at(1000), at(1700)); w.line(at(1700), at(1720)); w.line(at(1720), at(1721)) }, 0},
		{"no standstill", func(w *wayIn) { w.runs(at(1025)); w.runs(at(1050)); w.line(at(1000), at(1060)) }, 0},
	} {
		w := &wayIn{}
		for i := 0; i <= 1000; i += 25 {
			w.runs(at(i))
			w.line(at(i), at(i))
		}
		c.then(w)
		if got := w.waited(); got != c.want {
			t.Errorf("%s: waited %v, want %v", c.what, got, c.want)
		}
	}
}

// A request that comes right behind another node's message may have waited behind it for as long as it was silent before, and is answered so much
// earlier. One that comes by itself has not waited, however long it was silent.
func TestTheWayInCounts(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 10*ms, three...)
		defer c.close()
		c.want("write_ok", "n1", "write", `"key":1,"value":1`)
		for _, id := range three {
			c.isolate(id, true)
		}
		time.Sleep(time.Second)
		late := func() { c.line("n1", `{"src":"n2","dest":"n1","body":{"type":"confirm","term":0,"read_id":1}}`) }
		for _, test := range []struct {
			what   string
			before func()
			want   time.Duration
		}{
			{"by itself", func() {}, 850 * ms},
			{"behind a message", late, 520 * ms},
			{"behind a message that came soon after another", func() { late(); time.Sleep(5 * ms); late() }, 515 * ms},
			{"behind another request", func() { c.status("n1") }, 850 * ms},
			{"long after a message", func() { late(); time.Sleep(30 * ms) }, 850 * ms},
			{"behind a message that came soon after a request", func() { c.status("n1"); time.Sleep(ms); late() }, 850 * ms},
		} {
			c.status("n1") // the silence begins
			time.Sleep(400 * ms)
			test.before()
			began := time.Now()
			if got := c.ask("n1", "read", `"key":1`); got != "11" {
				t.Errorf("%s: got %q", test.what, got)
			}
			if took := time.Since(began); (took - test.want).Abs() > ms {
				t.Errorf("%s: answered after %v, want %v", test.what, took, test.want)
			}
		}
	})
}

// Under Maelstrom's delivery, with delays that vary as much as they can there, and partitions that come and go, every request is answered within its
// client's limit.
func TestEveryRequestIsAnsweredInTime(t *testing.T) {
	for _, mean := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(mean)))
			c := &cluster{network: newNetwork(t, 0, five...)}
			c.queued = func() time.Duration { return time.Duration(random.ExpFloat64() * float64(mean)) }
			c.launch(Options{Seed: 1, CASReads: true})
			defer c.close()
			limit := max(minClientLimit, clientLimitLatencies*mean)
			var clients sync.WaitGroup
			var all tally
			for i := range 2 * len(five) {
				clients.Go(func() { c.client(i, limit, 120*time.Second/slowdown, &all) })
			}
			for i := range int(120 * time.Second / slowdown / limit) {
				time.Sleep(limit)
				c.cutAll(func(from, to int) bool { return i%2 == 0 && ((from+i/2)%5 < 2) != ((to+i/2)%5 < 2) })
			}
			clients.Wait()
			t.Logf("delays of %v: %d requests, %d of them ok, the slowest took %v", mean, all.asked, all.ok, all.slowest)
			if all.late > 0 || all.ok < all.asked/3 {
				t.Errorf("delays of %v: %d of %d requests were not answered within %v, and %d were ok", mean, all.late, all.asked, limit, all.ok)
			}
		})
	}
}

// tally counts what became of requests.
type tally struct {
	mu              sync.Mutex
	asked, ok, late int
	slowest         time.Duration
}

// client asks the same node for one thing after the other, until a time is over.
func (c *cluster) client(i int, limit, span time.Duration, all *tally) {
	end := time.Now().Add(span)
	for n := 0; time.Now().Before(end); n++ {
		time.Sleep(time.Duration(i+n%7) * 10 * time.Millisecond)
		began := time.Now()
		got := c.ask(c.ids[i%len(c.ids)], []string{"read", "write"}[i/len(c.ids)%2], fmt.Sprintf(`"key":1,"value":%d`, n))
		took := time.Since(began)
		all.mu.Lock()
		all.asked++
		all.slowest = max(all.slowest, took)
		if strings.Contains(got, "ok") {
			all.ok++
		}
		if took > limit {
			all.late++
		}
		all.mu.Unlock()
	}
}

// queue delivers messages to one node as Maelstrom does: it takes the one that is due first, waits until it is due, and lets everything wait that comes meanwhile.
type queue struct {
	stdin io.Writer
	delay func() time.Duration

	mu     sync.Mutex
	filled sync.Cond
	parts  []parcel
	closed bool
}

type parcel struct {
	due  time.Time
	text []byte
}

func newQueue(stdin io.Writer, delay func() time.Duration) *queue {
	q := &queue{stdin: stdin, delay: delay}
	q.filled.L = &q.mu
	return q
}

func (q *queue) run() {
	for {
		q.mu.Lock()
		for len(q.parts) == 0 && !q.closed {
			q.filled.Wait()
		}
		if q.closed {
			q.mu.Unlock()
			return
		}
		first := q.parts[0]
		q.parts = q.parts[1:]
		q.mu.Unlock()
		time.Sleep(time.Until(first.due))
		_, _ = q.stdin.Write(first.text)
	}
}

func (q *queue) put(text []byte, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := parcel{time.Now().Add(delay), text}
	at, _ := slices.BinarySearchFunc(q.parts, p, func(a, b parcel) int {
		return cmp.Or(a.due.Compare(b.due), -1) // behind its equals
	})
	q.parts = slices.Insert(q.parts, at, p)
	q.filled.Signal()
}

// Write takes a client's line, which is due at once.
func (q *queue) Write(text []byte) (int, error) {
	q.put(slices.Clone(text), 0)
	return len(text), nil
}

func (q *queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Signal()
	return nil
}
