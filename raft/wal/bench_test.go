package wal_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
	"maelraft/raft/wal"
)

// slow is a directory whose files take a while to sync, and that counts.
type slow struct {
	wal.FS
	delay        time.Duration
	syncs, bytes atomic.Int64
}

// counted is a storage that counts what is written to it.
type counted struct {
	raft.Storage[string]
	batches atomic.Int64
}

func (c *counted) Write(changes raft.Changes[string]) error {
	c.batches.Add(1)
	return c.Storage.Write(changes)
}

type slowFile struct {
	wal.File
	fs *slow
}

func (s *slow) Create(name string) (wal.File, error) {
	f, err := s.FS.Create(name)
	return slowFile{f, s}, err
}

func (f slowFile) Write(b []byte) (int, error) {
	f.fs.bytes.Add(int64(len(b)))
	return f.File.Write(b)
}

// Sync takes the delay, and no time of the disk, unless there is none.
func (f slowFile) Sync() error {
	f.fs.syncs.Add(1)
	if f.fs.delay > 0 {
		time.Sleep(f.fs.delay)
		return nil
	}
	return f.File.Sync()
}

// length is a state machine that knows only how long the last command was.
type length struct{}

func (length) Apply(_ raft.Index, c string) int { return len(c) }
func (length) Query(string) int                 { return 0 }
func (length) Snapshot() []byte                 { return nil }
func (length) Restore([]byte) error             { return nil }

// BenchmarkCommits has writers wait for their commands, one after the other, on clusters that keep their logs on disk. A sync takes 5 ms, or what it
// takes here. Nobody can commit more per second than one batch per sync; of-limit is the share of that which is reached: the syncs of the leader per
// second beside as many of small writes alone, on the same disk right before and after.
func BenchmarkCommits(b *testing.B) {
	for _, delay := range []time.Duration{5 * time.Millisecond, 0} {
		for _, nodes := range []int{1, 3} {
			for _, writers := range []int{1, 8, 64, 512} {
				name := fmt.Sprintf("sync=%v/nodes=%d/writers=%d", delay, nodes, writers)
				b.Run(name, func(b *testing.B) { commits(b, delay, nodes, writers) })
			}
		}
	}
}

func commits(b *testing.B, delay time.Duration, nodes, writers int) {
	const command = "a command of forty bytes, more or less."
	drivers, disks, storages, stop := cluster(b, delay, nodes)
	defer stop()
	leader := leaderOf(b, drivers)
	var done, next atomic.Int64
	ask := func() bool {
		outcome := make(chan raft.Outcome[int], 1)
		leader.Propose(command, time.Minute, func(o raft.Outcome[int]) { outcome <- o })
		return (<-outcome).Err == nil
	}
	i := slices.Index(drivers, leader)
	disk, storage := disks[i], storages[i]
	raw := rawSyncs(b, delay)
	before, written, batches := disk.syncs.Load(), disk.bytes.Load(), storage.batches.Load()
	b.ResetTimer()
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if ask() {
					done.Add(1)
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	if done.Load() != int64(b.N) {
		b.Fatalf("%d of %d", done.Load(), b.N)
	}
	syncs, seconds := float64(disk.syncs.Load()-before), b.Elapsed().Seconds()
	raw = (raw + rawSyncs(b, delay)) / 2
	b.ReportMetric(float64(b.N)/seconds, "commits/s")
	b.ReportMetric(float64(b.N)/syncs, "commits/sync")
	b.ReportMetric(syncs/float64(storage.batches.Load()-batches), "syncs/batch")
	b.ReportMetric(float64(disk.bytes.Load()-written)/float64(b.N*len(command)), "bytes/byte")
	b.ReportMetric(raw, "raw-syncs/s")
	b.ReportMetric(syncs/seconds/raw, "of-limit")
}

// rawSyncs is how many small writes a second can be synced, each on its own.
func rawSyncs(b *testing.B, delay time.Duration) float64 {
	b.Helper()
	const n = 50
	dir, err := wal.Dir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	f, err := (&slow{FS: dir, delay: delay}).Create("raw")
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(strings.Repeat("x", 100))
	start := time.Now()
	for range n {
		if _, err := f.Write(text); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	_ = f.Close()
	return n / time.Since(start).Seconds()
}

// cluster starts nodes that talk at once.
func cluster(b *testing.B, delay time.Duration, n int) ([]*driver.Driver[string, int], []*slow, []*counted, func()) {
	b.Helper()
	ids := []raft.NodeID{"n1", "n2", "n3"}[:n]
	drivers := map[raft.NodeID]*driver.Driver[string, int]{}
	var list []*driver.Driver[string, int]
	var disks []*slow
	var storages []*counted
	for i, id := range ids {
		dir, err := wal.Dir(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		disk := &slow{FS: dir, delay: delay}
		s, saved, err := open(disk, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		node, err := raft.New(raft.Config[string]{ID: id, Members: ids, Seed: uint64(i + 1)}, length{}, saved, 0)
		if err != nil {
			b.Fatal(err)
		}
		storage := &counted{Storage: s}
		mail := make(chan raft.Message, 1<<16)
		d := driver.New(driver.Options[string, int]{
			Node: node, Storage: storage, Epoch: time.Now(), Log: slog.New(slog.DiscardHandler),
			Send: func(ms []raft.Message) {
				for _, m := range ms {
					mail <- m
				}
			},
		})
		go func() {
			for m := range mail {
				drivers[m.To].Receive(m)
			}
		}()
		drivers[id] = d
		list, disks, storages = append(list, d), append(disks, disk), append(storages, storage)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, d := range list {
		running.Go(func() { d.Run(ctx) })
	}
	return list, disks, storages, func() { stop(); running.Wait() }
}

func leaderOf(b *testing.B, drivers []*driver.Driver[string, int]) *driver.Driver[string, int] {
	for range 10_000 {
		for _, d := range drivers {
			if d.Node.Status().Role == raft.Leader {
				return d
			}
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatal("no leader")
	return nil
}

// BenchmarkRestart opens a log of a million entries, written one by one and by sixty-fours.
func BenchmarkRestart(b *testing.B) {
	const total = 1_000_000
	for _, batch := range []int{1, 64} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			dir, err := wal.Dir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			s, _, err := open(dir, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			for first := 1; first <= total; first += batch {
				if err := s.Write(changes{Entries: entries(1, raft.Index(first), raft.Index(min(first+batch-1, total)))}); err != nil {
					b.Fatal(err)
				}
			}
			_ = s.Close()
			for b.Loop() {
				s, saved, err := open(dir, io.Discard)
				if err != nil || len(saved.Entries) != total {
					b.Fatal(len(saved.Entries), err)
				}
				_ = s.Close()
			}
		})
	}
}
