package sim_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// opCodec is the codec of the test's own commands. (They are compared by value, so any codec does that loses nothing.)
type opCodec struct{}

type opOnDisk struct {
	ID, Key  int
	Kind     string
	From, To int
}

func (opCodec) Append(to []byte, o op) ([]byte, error) {
	text, err := json.Marshal(opOnDisk{o.id, o.key, o.kind, o.from, o.to})
	return append(to, text...), err
}

func (opCodec) Decode(text []byte) (op, error) {
	var o opOnDisk
	err := json.Unmarshal(text, &o)
	return op{id: o.ID, key: o.Key, kind: o.Kind, from: o.From, to: o.To}, err
}

// files is a sim.Disk that is the real storage, raft/wal, on a simulated file system. It crashes not only between Write and Sync, but at every step
// that these take, and after a crash finds whatever the file system may have left: nothing, all, a torn part, or the later without the earlier.
type files struct {
	sim.Hazards
	id   raft.NodeID
	fs   *simfs.FS
	log  *wal.Storage[op]
	full bool
	// sure is what was synced, and what Load returns. written is what came since.
	sure    raft.MemoryStorage[op]
	written []raft.Changes[op]
	// kill, if set, decides over the crashes in the place of chance, and pick over what is left.
	kill func(simfs.Op) bool
	pick func(n int) int
}

// slackOfFiles makes logs be written anew all the time.
const slackOfFiles = 200

func newFiles(id raft.NodeID, h sim.Hazards) *files {
	d := &files{Hazards: h, id: id, fs: simfs.New(nil)}
	d.pick = h.Rand.IntN
	if _, err := d.open(); err != nil {
		panic(err)
	}
	d.fs.Fault = d.fault
	return d
}

func (d *files) open() (saved raft.Saved[op], err error) {
	d.log, err = wal.Open(wal.Options[op]{
		FS: d.fs, Identity: wal.Identity{Node: string(d.id)}, Codec: opCodec{}, Slack: slackOfFiles, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return saved, err
	}
	return d.log.Load()
}

// fault says what goes wrong at a step of the file system.
func (d *files) fault(op simfs.Op) (written int, err error) {
	switch {
	case d.kill != nil && d.kill(op):
		d.Kill()
		return 0, simfs.ErrCrash
	case d.Crash():
		return 0, simfs.ErrCrash
	case op == simfs.Sync && d.SyncFails():
		return 0, sim.ErrSync
	case d.full && (op == simfs.Write || op == simfs.Create):
		return d.pick(40), fmt.Errorf("simulated: %w", raft.ErrFull)
	}
	return 0, nil
}

// Load implements sim.Disk.
func (d *files) Load() (raft.Saved[op], error) { return d.sure.Load() }

// Write implements sim.Disk.
func (d *files) Write(c raft.Changes[op]) error {
	d.written = append(d.written, c)
	return d.log.Write(c)
}

// Stage implements raft.Stager.
func (d *files) Stage(s raft.Snapshot) error { return d.log.Stage(s) }

// Sync implements sim.Disk.
func (d *files) Sync() error {
	if err := d.log.Sync(); err != nil {
		return err
	}
	for _, c := range d.written {
		_ = d.sure.Write(c)
	}
	d.written = nil
	return nil
}

// Fill implements sim.Disk.
func (d *files) Fill(full bool) { d.full = full }

// Lose implements sim.Disk: the power is cut, or only the process dies; then the next life reads what is there, and may crash while it does, at
// any step. It must find what was synced, and behind that nothing but what was written.
func (d *files) Lose() error {
	const (
		deaths  = 4  // one in so many is of the process alone
		crashes = 10 // one in so many steps of a start is a crash
	)
	if d.kill == nil && d.pick(deaths) == 0 {
		d.fs.Reopen()
	} else {
		d.cut()
	}
	for {
		if d.kill == nil {
			d.fs.Fault = func(simfs.Op) (int, error) {
				if d.pick(crashes) == 0 {
					return 0, simfs.ErrCrash
				}
				return 0, nil
			}
		}
		saved, err := d.open()
		if d.fs.Down() {
			d.cut()
			continue
		}
		d.fs.Fault = d.fault
		if err != nil {
			return err
		}
		return d.found(saved)
	}
}

// cut cuts the power.
func (d *files) cut() {
	left := d.fs.Left()
	d.fs = simfs.New(left[d.pick(len(left))])
}

// found judges what was found, which from now on is sure.
func (d *files) found(saved raft.Saved[op]) error {
	legal := d.sure
	was, _ := legal.Load()
	was.Entries = slices.Clone(was.Entries)
	states := []raft.Saved[op]{was}
	for _, c := range d.written {
		_ = legal.Write(c)
		is, _ := legal.Load()
		is.Entries = slices.Clone(is.Entries)
		states = append(states, is)
	}
	d.sure, d.written = raft.MemoryStorage[op]{}, nil
	all := raft.Changes[op]{HardState: &saved.HardState, Lives: saved.Lives, Entries: saved.Entries}
	if saved.Snapshot.Index > 0 {
		all.Snapshot = &saved.Snapshot
	}
	_ = d.sure.Write(all)
	for i, log := range states {
		for _, hard := range states[i:] { // term and vote may have survived where the entries are torn
			if simfs.SameLog(log, saved) && hard.HardState == saved.HardState && hard.Lives == saved.Lives {
				return nil
			}
		}
	}
	return fmt.Errorf("found %+v, and synced was %+v, written behind that %d changes", saved, was, len(states)-1)
}

// TestSwarmOnFiles is TestSwarm over the real storage: clusters whose nodes crash at any step of their file systems.
func TestSwarmOnFiles(t *testing.T) {
	n := *seeds
	if n == defaultSeeds {
		n = 2 * defaultSeeds
	}
	campaign(t, n, min(*span, 5*time.Second), func(s sim.Swarm) *workload {
		return newWorkloadOn(s, func(id raft.NodeID, h sim.Hazards) sim.Disk[op] { return newFiles(id, h) })
	}, (*workload).run)
}

// story is a scripted run of three nodes on files: so many writes, one after the other, at each node in turn, with logs that are cut all the time. One
// node crashes at one step of its file system, and finds one of the things that may be left then; afterwards everything must go on, and everything that
// was acknowledged must be on every node.
type story struct {
	*workload
	disks map[raft.NodeID]*files
	// steps is how many steps each node has taken, left how many things may have been left by the crash.
	steps map[raft.NodeID]int
	left  int
}

const (
	storyWrites = 12
	storyLimit  = time.Minute // of virtual time, until everything is served
)

// tell runs the story with a crash of a node at a step, and the outcome of that number.
func tell(victim raft.NodeID, step, outcome int) (*story, error) {
	y := &story{disks: map[raft.NodeID]*files{}, steps: map[raft.NodeID]int{}}
	config := raft.Config[op]{Resend: true, FirstElection: 150 * time.Millisecond, SnapshotEntries: 4, TrailingEntries: 1, MaxChunkBytes: 60}
	s := sim.Swarm{Nodes: 3, Network: sim.Network{Latency: time.Millisecond}}
	y.workload = assembleOn(s, config, nil, func(id raft.NodeID, h sim.Hazards) sim.Disk[op] {
		d := newFiles(id, h)
		d.kill = func(simfs.Op) bool {
			y.steps[id]++
			return id == victim && y.steps[id] == step
		}
		d.pick = func(n int) int {
			y.left = n
			return outcome
		}
		y.disks[id] = d
		return d
	})
	y.Network, y.RestartAfter = s.Network, 30*time.Millisecond
	for i := range storyWrites {
		y.write(y.IDs[i%3])
	}
	for _, id := range y.IDs {
		y.write(id)
	}
	_ = y.Run(200 * time.Millisecond) // every node hears of it
	y.checkDurable(y.IDs, y.acked)
	return y, y.Err()
}

// write asks a node to write, and again as long as it fails, or has crashed and says nothing.
func (y *story) write(id raft.NodeID) {
	served := false
	var try func()
	try = func() {
		y.ops++
		o, open := op{id: y.ops, kind: "write", to: y.ops}, true
		end := func(out raft.Outcome[result]) {
			if !open {
				return
			}
			open = false
			if out.Err == nil {
				y.acked[o.id], served = out.Result, true
				return
			}
			y.After(10*time.Millisecond, try)
		}
		y.Propose(id, o, patience, end)
		y.After(2*patience, func() { end(raft.Outcome[result]{Err: raft.ErrUnknown}) })
	}
	try()
	if !y.RunUntil(storyLimit, func() bool { return served }) {
		y.Violate("everything is served", "%s does not within %v", id, storyLimit)
	}
}

// TestEveryCrashOfAStory crashes each node at each step of its file system, in the middle of a run, with everything that may be left.
func TestEveryCrashOfAStory(t *testing.T) {
	quiet, err := tell("", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range quiet.IDs {
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			points := 0
			for step := 1; step <= quiet.steps[id]; step += slowdown {
				for outcome, left := 0, 1; outcome < left; outcome++ {
					y, err := tell(id, step, outcome)
					if err != nil {
						t.Fatalf("step %d, outcome %d: %v", step, outcome, err)
					}
					left = y.left
					points++
				}
			}
			t.Logf("%d steps, %d crash points", quiet.steps[id], points)
			if points < 300/slowdown {
				t.Errorf("only %d crash points", points)
			}
		})
	}
}
