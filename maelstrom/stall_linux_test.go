package maelstrom

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/driver"
	"maelraft/raft/session"
	"maelraft/raft/wal"
)

// BenchmarkStall measures how long a node's loop was busy with the longest of many requests, one after the other, while it takes snapshots of a state of
// so many clients' sessions, each with a full window of answers, and 10,000 keys: in time of its own thread, so that other work on the machine does not
// count, and of the wall. With the state kept in memory or in files, written at once, or aside as package driver does it.
func BenchmarkStall(b *testing.B) {
	for _, clients := range []int{100, 1_000, 20_000} {
		for _, files := range []bool{false, true} {
			for _, aside := range []bool{false, true} {
				b.Run(fmt.Sprintf("clients=%d/files=%v/aside=%v", clients, files, aside), func(b *testing.B) {
					for b.Loop() {
						stall(b, clients, files, aside)
					}
				})
			}
		}
	}
}

// stored returns a storage with a snapshot in it: in memory, or in a directory.
func stored(b *testing.B, files bool, snapshot raft.Snapshot) (disk raft.Storage[command], saved raft.Saved[command]) {
	disk = &raft.MemoryStorage[command]{}
	if files {
		dir, err := wal.Dir(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		log, err := wal.Open(wal.Options[command]{FS: dir, Codec: diskCodec{}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() })
		disk = log
	}
	saved, err := disk.Load()
	if err != nil {
		b.Fatal(err)
	}
	saved.HardState, saved.Snapshot = raft.HardState{Term: 1}, snapshot
	if err := errors.Join(disk.Write(raft.Changes[command]{HardState: &saved.HardState, Snapshot: &snapshot}), disk.Sync()); err != nil {
		b.Fatal(err)
	}
	return disk, saved
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

func stall(b *testing.B, clients int, files, aside bool) {
	const every, keys = 2_000, 10_000
	old, index := full(b, clients, session.DefaultAnswersPerClient, keys)
	state := old.Snapshot()
	b.ReportMetric(float64(len(state))/1e6, "MB")
	machine, _ := session.New(kv.New(), kv.Digest, session.Limits{Clients: clients + 1, AnswersPerClient: session.DefaultAnswersPerClient})
	disk, saved := stored(b, files, raft.Snapshot{Index: index, Term: 1, Configuration: raft.Configuration{Voters: []raft.NodeID{"n1"}}, State: state})
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
		l.effects.Capture = func(c raft.Capture) {
			go func() {
				s := c.Write()
				if stager, ok := disk.(raft.Stager); ok {
					if err := stager.Stage(s); err != nil {
						b.Error(err)
					}
				}
				l.written <- s
			}()
		}
	}
	l.now = time.Hour
	l.turn() // it is elected
	longest := l.run(clients, keys, index, func() bool { return l.snapshots >= 10 || node.Status().Snapshot > index+10*every })
	b.ReportMetric(milliseconds64(longest.thread), "thread-ms")
	b.ReportMetric(milliseconds64(longest.wall), "wall-ms")
}

// span is how long something took: in time of the loop's own thread, and of the wall.
type span struct{ thread, wall time.Duration }

func milliseconds64(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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
func (l *loop) run(clients, keys int, index raft.Index, enough func() bool) (longest span) {
	for i := 0; !enough(); i++ {
		op := kv.Command{Op: kv.Write, Key: number(i * 7 % keys), Value: number(i)}
		c := command{Client: fmt.Sprint("c", i*31%clients), ID: uint64(1<<40 + i), Seen: index, Op: op}
		began, beganWall := threadTime(), time.Now()
		l.node.Propose(l.now, c, l.now+time.Hour)
		l.turn()
		longest = span{max(longest.thread, threadTime()-began), max(longest.wall, time.Since(beganWall))}
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
