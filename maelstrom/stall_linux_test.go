package maelstrom

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/driver"
	"maelraft/raft/session"
)

// BenchmarkStall measures how long a node's loop was busy with the longest of many requests, one after the other, while it takes snapshots of a state of
// so many clients' sessions, each with a full window of answers, and 10,000 keys: in time of its own thread, so that other work on the machine does not
// count. With the snapshots written at once, and written aside as package driver does it.
func BenchmarkStall(b *testing.B) {
	for _, clients := range []int{100, 1_000, 20_000} {
		for _, aside := range []bool{false, true} {
			b.Run(fmt.Sprintf("clients=%d/aside=%v", clients, aside), func(b *testing.B) {
				for b.Loop() {
					stall(b, clients, aside)
				}
			})
		}
	}
}

// full returns a machine that remembers so many clients, with so many answers each, and holds so many keys; and the index of its last command.
func full(tb testing.TB, clients, answers, keys int) (*session.Machine[kv.Command, kv.Result], raft.Index) {
	tb.Helper()
	m, err := session.New(kv.New(), kv.Digest, session.Limits{Clients: clients + 1, AnswersPerClient: answers})
	if err != nil {
		tb.Fatal(err)
	}
	index := raft.Index(0)
	for i := range max(answers*clients, keys) {
		index++
		op := kv.Command{Op: kv.Write, Key: number(i % keys), Value: number(i)}
		if i >= keys && i%2 == 1 {
			op = kv.Command{Op: kv.CAS, Key: number(i % keys), From: number(-1), To: number(i)}
		}
		m.Apply(index, command{Client: fmt.Sprint("c", i%clients), ID: uint64(i), Seen: index - 1, Op: op})
	}
	return m, index
}

func stall(b *testing.B, clients int, aside bool) {
	const every, keys = 2_000, 10_000
	old, index := full(b, clients, session.DefaultAnswersPerClient, keys)
	state := old.Snapshot()
	b.ReportMetric(float64(len(state))/1e6, "MB")
	machine, _ := session.New(kv.New(), kv.Digest, session.Limits{Clients: clients + 1, AnswersPerClient: session.DefaultAnswersPerClient})
	disk := &raft.MemoryStorage[command]{}
	_ = disk.Write(raft.Changes[command]{HardState: &raft.HardState{Term: 1}, Snapshot: &raft.Snapshot{Index: index, Term: 1, State: state}})
	saved, _ := disk.Load()
	node, err := raft.New(raft.Config[command]{ID: "n1", Members: []raft.NodeID{"n1"}, SnapshotEntries: every}, machine, saved, 0)
	if err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := loop{b: b, node: node, written: make(chan raft.Snapshot, 1)}
	l.effects = driver.Effects[command, result]{
		Storage: disk, Send: func([]raft.Message) {},
		Answer: func(outcomes []outcome) { l.answers += len(outcomes) },
	}
	if aside {
		l.effects.Capture = func(c raft.Capture) { go func() { l.written <- c.Write() }() }
	}
	l.now = time.Hour
	l.turn() // it is elected
	longest := l.run(clients, keys, index, func() bool { return l.snapshots >= 10 || node.Status().Snapshot > index+10*every })
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
}

// loop is a driver's loop, on one thread.
type loop struct {
	b         *testing.B
	node      *raft.Node[command, result]
	effects   driver.Effects[command, result]
	now       time.Duration
	written   chan raft.Snapshot
	answers   int
	snapshots int
}

// run asks for one command after the other, and returns how long the longest kept the loop busy.
func (l *loop) run(clients, keys int, index raft.Index, enough func() bool) (longest time.Duration) {
	for i := 0; !enough(); i++ {
		op := kv.Command{Op: kv.Write, Key: number(i * 7 % keys), Value: number(i)}
		c := command{Client: fmt.Sprint("c", i*31%clients), ID: uint64(1<<40 + i), Seen: index, Op: op}
		began := threadTime()
		l.node.Propose(l.now, c, l.now+time.Hour)
		l.turn()
		longest = max(longest, threadTime()-began)
		if l.answers != i+1 {
			l.b.Fatalf("%d of %d answered", l.answers, i+1)
		}
	}
	return longest
}

func (l *loop) turn() {
	l.now++
	select {
	case s := <-l.written:
		l.node.Captured(l.now, s)
		l.snapshots++
	default:
	}
	l.node.Tick(l.now)
	if err := driver.Drain(l.node, func() time.Duration { return l.now }, l.effects); err != nil {
		l.b.Fatal(err)
	}
}

// threadTime is how long this thread has been running.
func threadTime() time.Duration {
	const thisThread = 1
	var r syscall.Rusage
	_ = syscall.Getrusage(thisThread, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
