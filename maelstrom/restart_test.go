package maelstrom

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/driver"
	"maelraft/raft/session"
)

// BenchmarkRestart starts a node that has executed a million writes to a thousand keys, and waits until it has its state back: with the snapshots that
// it takes by default, and without any. Building the directory is not counted.
func BenchmarkRestart(b *testing.B) {
	const total, batch, keys = 1_000_000, 64, 1000
	for name, every := range map[string]int{"snapshots=default": 0, "snapshots=none": -1} {
		b.Run(name, func(b *testing.B) {
			s := &server{opts: Options{DataDir: b.TempDir()}, log: slog.New(slog.DiscardHandler)}
			l := s.live(b, every, false)
			for i := 0; i < total; i += batch {
				for id := i + 1; id <= i+batch; id++ {
					key, _ := kv.ParseValue(fmt.Append(nil, id%keys))
					l.core.Propose(l.now, command{Client: "c1", ID: uint64(id), Seen: 1, Op: kv.Command{Op: kv.Write, Key: key, Value: key}}, l.now+time.Minute)
				}
				l.drain(b)
			}
			last := l.core.Status().Applied
			l.close(b)
			for b.Loop() {
				l := s.live(b, every, true)
				if applied := l.core.Status().Applied; applied <= last {
					b.Fatalf("applied %d of %d", applied, last)
				}
				l.close(b)
			}
		})
	}
}

// life is one life of a node that is alone, on a clock of its own.
type life struct {
	core *raft.Node[command, result]
	disk storage
	to   driver.Effects[command, result]
	now  time.Duration
}

// lazily is a storage whose syncs wait for nothing.
type lazily struct{ raft.Storage[command] }

func (lazily) Sync() error { return nil }

// live starts a node and lets it be elected, so that it has applied everything.
func (s *server) live(b *testing.B, every int, sync bool) *life {
	b.Helper()
	machine, err := session.New(kv.New(), kv.Digest, session.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	l := &life{}
	if l.disk, err = s.openStorage("n1", []string{"n1"}); err != nil {
		b.Fatal(err)
	}
	saved, err := l.disk.Load()
	if err != nil {
		b.Fatal(err)
	}
	config := s.opts.raftConfig("n1", []raft.NodeID{"n1"})
	if config.SnapshotEntries = every; every < 0 {
		config.SnapshotBytes = every
	}
	if l.core, err = raft.New(config, machine, saved, 0); err != nil {
		b.Fatal(err)
	}
	l.to = driver.Effects[command, result]{Storage: l.disk, Send: func([]raft.Message) {}, Answer: func([]outcome) {}}
	if !sync {
		l.to.Storage = lazily{l.disk}
	}
	for l.core.Status().Role != raft.Leader {
		l.now = max(l.core.Tick(l.now), l.now+1)
		l.drain(b)
	}
	return l
}

func (l *life) drain(b *testing.B) {
	b.Helper()
	l.core.Tick(l.now)
	if err := driver.Drain(l.core, func() time.Duration { return l.now }, l.to); err != nil {
		b.Fatal(err)
	}
}

func (l *life) close(b *testing.B) {
	b.Helper()
	if err := l.disk.Close(); err != nil {
		b.Fatal(err)
	}
}
