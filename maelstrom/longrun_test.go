//go:build unix

package maelstrom

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"maelraft/raft"
)

// The long forms of these tests make results/longrun.md.
var (
	ops     = flag.Int("ops", 20_000, "operations of TestLongRun")
	entries = flag.Int("entries", 2_000, "entries that pass in TestCutFollowerCatchesUp while a follower is cut off")
	pad     = flag.Int("pad", 0, "bytes that each value in TestCutFollowerCatchesUp has besides")
)

// A follower that was cut off is back level within 3 s of healing, by a snapshot, while writes go on. In virtual time, over the real wire.
func TestCutFollowerCatchesUp(t *testing.T) {
	for _, latency := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			every := min(*entries/5, 10_000)
			c := startClusterWith(t, Options{Seed: 1, SnapshotEntries: every}, latency, three...)
			defer c.close()
			c.want("write_ok", "n1", "write", `"key":0,"value":0`)
			leader := string(c.status("n1").Leader)
			away := "n3"
			if leader == "n3" {
				away = "n2"
			}
			c.isolate(away, true)
			before := c.status(leader).Applied
			text := strings.Repeat("x", *pad)
			write := func(n int) {
				var boxes []chan map[string]json.RawMessage
				for i := range n {
					boxes = append(boxes, c.start(leader, "write", fmt.Sprintf(`"key":%d,"value":"%d%s"`, i, i, text)))
				}
				for _, b := range boxes {
					if got := c.await(b, 5*time.Second); got != "write_ok" {
						t.Errorf("a write ended as %s", got)
					}
				}
			}
			const burst = 500
			for c.status(leader).Applied < before+raft.Index(*entries) {
				write(burst)
			}
			lag := c.status(leader).Applied - c.status(away).Applied
			c.isolate(away, false)
			healed := time.Now()
			for c.status(away).Applied < c.status(leader).Applied {
				write(10)
				time.Sleep(time.Millisecond)
				if time.Since(healed) > 3*time.Second {
					t.Fatalf("latency %v: after %v at %d of %d", latency, time.Since(healed), c.status(away).Applied, c.status(leader).Applied)
				}
			}
			t.Logf("latency %v: %d entries behind, level %v after the cut was healed", latency, lag, time.Since(healed))
			if s := c.status(away); int(s.Snapshot) < *entries/2 {
				t.Errorf("not by a snapshot: the newest is at %d", s.Snapshot)
			}
		})
	}
}

// Memory does not grow with the number of operations, and neither does what one of them costs: three nodes in this process over the real wire, on a small
// key set, with snapshots every 10,000 entries.
func TestLongRun(t *testing.T) {
	const clients, tenths = 48, 10
	l := startLongRun(t)
	defer l.close()
	var heap, rate [tenths]float64
	for tenth := range tenths {
		began, busy := time.Now(), processTime()
		l.run(clients, tenth*(*ops)/tenths/clients, (tenth+1)*(*ops)/tenths/clients)
		rate[tenth] = float64(*ops/tenths) / time.Since(began).Seconds()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[tenth] = float64(m.HeapAlloc) / 1e6
		t.Logf("tenth %2d: %6.0f operations per second, %6.0f per second of processor time, %5.1f MB of heap, snapshot at %s",
			tenth+1, rate[tenth], float64(*ops/tenths)/(processTime()-busy).Seconds(), heap[tenth], l.snapshot())
	}
	// After the second tenth of a long run everything has its size. A short one shows only that nothing is far out of proportion.
	if heap[tenths-1] > 2*heap[1]+20 {
		t.Errorf("the heap grew from %.1f to %.1f MB", heap[1], heap[tenths-1])
	}
	// A pause of this machine may cost a leader, and its clients an answer.
	if bad := l.bad.Load(); bad > int64(*ops/100) {
		t.Errorf("%d requests were not served", bad)
	} else {
		t.Logf("%d requests were not served", bad)
	}
}

// longRun is a network that remembers nothing and looks at nothing but where a line goes.
type longRun struct {
	stdin   map[string]io.Writer
	feeds   []*feed
	done    sync.WaitGroup
	replies []chan []byte // by client
	bad     atomic.Int64
}

func startLongRun(t *testing.T) *longRun {
	l := &longRun{stdin: map[string]io.Writer{}}
	for range 100 {
		l.replies = append(l.replies, make(chan []byte, 1))
	}
	for _, id := range three {
		f := newFeed()
		l.feeds = append(l.feeds, f)
		l.stdin[id] = f
	}
	for i, id := range three {
		l.done.Go(func() {
			if err := Serve(l.feeds[i], &lineWriter{take: l.route}, io.Discard, Options{Seed: 1}); err != nil {
				t.Errorf("node %s: %v", id, err)
			}
		})
		l.ask(i, id, `"type":"init","node_id":"`+id+`","node_ids":["n1","n2","n3"],"msg_id":1`)
	}
	for id := 1; !served(l.ask(len(l.replies)-1, "n1", fmt.Sprintf(`"type":"write","key":0,"value":0,"msg_id":%d`, id))); id++ {
		t.Log("no leader yet")
	}
	return l
}

func (l *longRun) route(line []byte) {
	const mark = `"dest":"`
	_, rest, _ := bytes.Cut(line, []byte(mark))
	dest, _, _ := bytes.Cut(rest, []byte{'"'})
	if dest[0] == 'n' {
		_, _ = l.stdin[string(dest)].Write(append(bytes.Clone(line), '\n'))
		return
	}
	client, _ := strconv.Atoi(string(dest[1:]))
	l.replies[client] <- bytes.Clone(line)
}

func (l *longRun) ask(client int, node, body string) []byte {
	_, _ = io.WriteString(l.stdin[node], fmt.Sprintf(`{"id":7,"src":"c%d","dest":%q,"body":{%s}}`+"\n", client, node, body))
	return <-l.replies[client]
}

// run lets every client do the operations from a number to another, one after the other.
func (l *longRun) run(clients, from, to int) {
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := from; i < to; i++ {
				key := (i + client) % 10
				op := fmt.Sprintf(`"type":"write","key":%d,"value":%d`, key, i)
				switch i % 3 {
				case 1:
					op = fmt.Sprintf(`"type":"cas","key":%d,"from":%d,"to":%d`, key, i, i+1)
				case 2:
					op = fmt.Sprintf(`"type":"read","key":%d`, key)
				}
				reply := l.ask(client, three[client%len(three)], fmt.Sprintf(`%s,"msg_id":%d`, op, i+10))
				if !served(reply) {
					l.bad.Add(1)
				}
			}
		})
	}
	all.Wait()
}

// served says whether a reply is ok, or that a cas did not match.
func served(reply []byte) bool {
	return bytes.Contains(reply, []byte("_ok")) || bytes.Contains(reply, []byte(`"code":22`))
}

// processTime is how long the processors have worked for this process.
func processTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func (l *longRun) snapshot() string {
	_, rest, _ := bytes.Cut(l.ask(0, "n1", `"type":"status","msg_id":2`), []byte(`"snapshot":`))
	index, _, _ := bytes.Cut(rest, []byte{','})
	return string(index)
}

func (l *longRun) close() {
	for _, f := range l.feeds {
		_ = f.Close()
	}
	l.done.Wait()
}
