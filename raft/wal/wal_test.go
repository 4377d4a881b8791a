package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"maelraft/raft"
	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// text is the codec of commands that are strings.
type text struct{}

func (text) Append(to []byte, c string) ([]byte, error) { return append(to, c...), nil }
func (text) Decode(b []byte) (string, error)            { return string(b), nil }

var me = wal.Identity{Node: "n1", Cluster: "n1,n2,n3", Run: "r1"}

func open(fs wal.FS, logs io.Writer) (*wal.Storage[string], raft.Saved[string], error) {
	return openWith(fs, logs, 0)
}

// tight makes a storage write its file anew all the time.
const tight = 150

func openWith(fs wal.FS, logs io.Writer, slack int64) (*wal.Storage[string], raft.Saved[string], error) {
	s, err := wal.Open(wal.Options[string]{FS: fs, Identity: me, Codec: text{}, Slack: slack, Log: slog.New(slog.NewTextHandler(logs, nil))})
	if err != nil {
		return nil, raft.Saved[string]{}, err
	}
	saved, err := s.Load()
	return s, saved, err
}

type changes = raft.Changes[string]

func hard(term raft.Term, vote raft.NodeID) *raft.HardState {
	return &raft.HardState{Term: term, VotedFor: vote}
}

// members returns a configuration that no other index or term has, with something in every list.
func members(index raft.Index, term raft.Term) *raft.Configuration {
	return &raft.Configuration{
		Index: index, Voters: []raft.NodeID{"n1", "n2", "n3"}, Outgoing: []raft.NodeID{"n1", "n2"},
		Learners: []raft.NodeID{raft.NodeID(fmt.Sprintf("n%d.%d", index, term))}, Witnesses: []raft.NodeID{"n2"},
	}
}

// entries returns entries of a term from one index to another: no-ops, configurations and commands.
func entries(term raft.Term, from, to raft.Index) []raft.Entry[string] {
	var list []raft.Entry[string]
	for i := from; i <= to; i++ {
		e := raft.Entry[string]{Index: i, Term: term}
		switch {
		case i%4 == 3:
			e.Config = members(i, term)
		case i != from: // the first is a no-op
			e.ID, e.Command = raft.ProposalID{Node: "n2", Seq: uint64(i)}, fmt.Sprintf("command %d of term %d", i, term)
		}
		list = append(list, e)
	}
	return list
}

func snapshot(index raft.Index, term raft.Term) *raft.Snapshot {
	return &raft.Snapshot{Index: index, Term: term, Configuration: *members(index-1, term), State: fmt.Appendf(nil, "state at %d", index)}
}

// script is a workload with everything in it: batches, each ended by one sync.
var script = [][]changes{
	{{Lives: 1}},
	{{HardState: hard(1, "n1")}},
	{{Entries: entries(1, 1, 3)}},
	{{Entries: entries(1, 4, 4)}, {Entries: entries(1, 5, 6)}},
	{{HardState: hard(2, "n2"), Entries: entries(2, 4, 5)}},                              // replaces 4 to 6
	{{Snapshot: snapshot(3, 1)}},                                                         // keeps 4 and 5
	{{Entries: entries(2, 6, 9)}, {HardState: hard(3, ""), Snapshot: snapshot(8, 2)}},    // keeps 9
	{{Entries: entries(3, 10, 11)}},                                                      //
	{{HardState: hard(4, "n3"), Snapshot: snapshot(20, 3), Entries: entries(4, 21, 22)}}, // keeps nothing of old
	{{Entries: entries(4, 22, 25), Lives: 2}},
	{{HardState: hard(5, "n1")}},
}

// elections are what comes behind the script where nobody is elected for a while, and what is written once somebody is.
var elections = [][]changes{
	{{HardState: hard(6, "n2")}},
	{{HardState: hard(7, "n1")}},
	{{HardState: hard(8, "")}},
	{{HardState: hard(8, "n3"), Entries: entries(8, 24, 27)}},
	{{HardState: hard(9, "n1")}},
	{{HardState: hard(10, "n1")}},
	{{HardState: hard(11, "n1")}},
	{{Entries: entries(11, 26, 28)}, {Entries: entries(11, 29, 29)}},
	{{HardState: hard(12, "n1")}},
	{{HardState: hard(13, "n2"), Entries: entries(13, 28, 31)}}, // replaces 28 and 29
	{{HardState: hard(14, "n3")}},
	{{HardState: hard(15, "")}, {HardState: hard(15, "n2")}},
	{{Entries: entries(15, 31, 31)}}, // a configuration in the place of one
	{{HardState: hard(16, "n1")}},
	{{HardState: hard(17, "n1")}},
	{{HardState: hard(18, "n1")}},
	{{Snapshot: snapshot(30, 13), Entries: entries(18, 32, 34)}}, // keeps 31
	{{HardState: hard(19, "n2")}},
	{{HardState: hard(20, "n3")}},
	{{HardState: hard(21, "n1")}},
	{{Entries: entries(21, 34, 36)}},
}

// model is what is stored after each of the script's changes, the first before any.
func model() []raft.Saved[string] { return modelOf(script) }

func modelOf(script [][]changes) []raft.Saved[string] {
	var m raft.MemoryStorage[string]
	states := []raft.Saved[string]{{}}
	for _, batch := range script {
		for _, c := range batch {
			_ = m.Write(c)
			saved, _ := m.Load()
			saved.Entries = slices.Clone(saved.Entries)
			states = append(states, saved)
		}
	}
	return states
}

// carryOut runs the script until an error, and returns how many changes were written, at least begun, and how many of them were acknowledged.
func carryOut(s *wal.Storage[string]) (begun, acknowledged int, err error) {
	return carryOutAll(s, script)
}

func carryOutAll(s *wal.Storage[string], script [][]changes) (begun, acknowledged int, err error) {
	for _, batch := range script {
		for _, c := range batch {
			begun++
			if err := s.Write(c); err != nil {
				return begun, acknowledged, err
			}
		}
		if err := s.Sync(); err != nil {
			return begun, acknowledged, err
		}
		acknowledged = begun
	}
	return begun, acknowledged, nil
}

func sameLog(a, b raft.Saved[string]) bool {
	return a.Snapshot.Index == b.Snapshot.Index && a.Snapshot.Term == b.Snapshot.Term && bytes.Equal(a.Snapshot.State, b.Snapshot.State) &&
		sameConfig(&a.Snapshot.Configuration, &b.Snapshot.Configuration) && slices.EqualFunc(a.Entries, b.Entries, sameEntry)
}

func sameEntry(a, b raft.Entry[string]) bool {
	return a.Index == b.Index && a.Term == b.Term && a.ID == b.ID && a.Command == b.Command && sameConfig(a.Config, b.Config)
}

func sameConfig(a, b *raft.Configuration) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Index == b.Index && slices.Equal(a.Voters, b.Voters) && slices.Equal(a.Outgoing, b.Outgoing) &&
		slices.Equal(a.Learners, b.Learners) && slices.Equal(a.Witnesses, b.Witnesses)
}

func same(a, b raft.Saved[string]) bool {
	return a.HardState == b.HardState && a.Lives == b.Lives && sameLog(a, b)
}

// legal says whether a state holds everything from one place of the model, and nothing from behind another. Term, vote and lives may be
// further than the log.
func legal(states []raft.Saved[string], from, to int, got raft.Saved[string]) bool {
	for i := from; i <= to; i++ {
		if !sameLog(states[i], got) {
			continue
		}
		for j := i; j <= to; j++ {
			if states[j].HardState == got.HardState && states[j].Lives == got.Lives {
				return true
			}
		}
	}
	return false
}

// whole returns what the script leaves in a directory.
func whole(t testing.TB) map[string][]byte {
	t.Helper()
	fs := simfs.New(nil)
	s, _, err := open(fs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := carryOut(s); err != nil {
		t.Fatal(err)
	}
	_ = fs.SyncDir() // the last generation alone
	return fs.Left()[0]
}

func TestEverythingIsThere(t *testing.T) {
	states := model()
	_, saved, err := open(simfs.New(whole(t)), io.Discard)
	if want := states[len(states)-1]; err != nil || !same(saved, want) {
		t.Errorf("wrote %+v\nread  %+v, %v", want, saved, err)
	}
}

// TestCrashPoints cuts the power at every call that changes something, with every outcome for what was not synced.
func TestCrashPoints(t *testing.T) {
	for _, c := range []struct {
		slack       int64
		script      [][]changes
		least, most int // crash points, generations
	}{
		{0, script, 700, 4},
		{tight, slices.Concat(script, elections), 1500, 10},
	} {
		states := modelOf(c.script)
		points := 0
		for at := 1; ; at++ {
			fs := simfs.New(nil)
			fs.CrashAt(at)
			begun, acknowledged := 0, 0
			s, _, err := openWith(fs, io.Discard, c.slack)
			if err == nil {
				begun, acknowledged, err = carryOutAll(s, c.script)
			}
			for _, image := range fs.Left() {
				points++
				if why := survives(states, image, c.slack, acknowledged, begun); why != nil {
					t.Fatalf("slack %d, crash at step %d, %d changes acknowledged: %v", c.slack, at, acknowledged, why)
				}
			}
			if err == nil {
				if fs.Size(wal.NameOf(uint64(c.most))) == 0 {
					t.Errorf("slack %d: there are not %d generations", c.slack, c.most)
				}
				break
			}
		}
		t.Logf("slack %d: %d crash points", c.slack, points)
		if points < c.least {
			t.Errorf("slack %d: only %d crash points", c.slack, points)
		}
	}
}

// survives opens what a crash has left, looks, writes something and opens it once more.
func survives(states []raft.Saved[string], image map[string][]byte, slack int64, acknowledged, begun int) error {
	var logs bytes.Buffer
	fs := simfs.New(image)
	s, saved, err := openWith(fs, &logs, slack)
	if err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	if !legal(states, acknowledged, begun, saved) {
		return fmt.Errorf("not a legal state: %+v\n%s", saved, logs.String())
	}
	h := raft.HardState{Term: saved.Term + 7, VotedFor: "n9"}
	last := saved.Snapshot.Index + raft.Index(len(saved.Entries))
	more := changes{HardState: &h, Entries: entries(h.Term, last+1, last+2)}
	if err := errors.Join(s.Write(more), s.Sync()); err != nil {
		return err
	}
	_, again, err := open(simfs.New(fs.Left()[0]), &logs)
	saved.HardState, saved.Entries = h, append(slices.Clone(saved.Entries), more.Entries...)
	if err != nil || !same(again, saved) {
		return fmt.Errorf("went on with %+v\nand read %+v, %w", saved, again, err)
	}
	return nil
}

// TestWhatALifeHasSeen: the process dies at every step, and the next life reads what the system still has in memory. It relies on what it reads, so
// that is durable.
func TestWhatALifeHasSeen(t *testing.T) {
	for at := 1; ; at++ {
		fs := simfs.New(nil)
		fs.CrashAt(at)
		s, _, err := open(fs, io.Discard)
		if err == nil {
			_, _, err = carryOut(s)
		}
		fs.Reopen()
		_, seen, opened := open(fs, io.Discard)
		if opened != nil {
			t.Fatalf("death at step %d: %v", at, opened)
		}
		for _, image := range fs.Left() {
			if _, saved, err := open(simfs.New(image), io.Discard); err != nil || !same(seen, saved) {
				t.Fatalf("death at step %d, then a power cut: saw %+v\nread %+v, %v", at, seen, saved, err)
			}
		}
		if err == nil {
			return
		}
	}
}

// TestFaults lets every call that changes something fail once: for good, or for lack of room after some bytes.
func TestFaults(t *testing.T) {
	fire := errors.New("the disk is on fire")
	for _, c := range []struct {
		fault error
		slack int64
	}{{fire, 0}, {raft.ErrFull, 0}, {fire, tight}, {raft.ErrFull, tight}} {
		faults(t, c.fault, c.slack)
	}
}

func faults(t *testing.T, fault error, slack int64) {
	t.Helper()
	states := model()
	for at, done := 1, false; !done; at++ {
		fs := simfs.New(nil)
		fs.Fault = func(simfs.Op) (int, error) {
			if fs.Steps == at {
				return 5, fault
			}
			return 0, nil
		}
		s, _, err := openWith(fs, io.Discard, slack)
		begun, acknowledged := 0, 0
		if err == nil {
			begun, acknowledged, err = stubborn(t, s)
		}
		done = err == nil && fs.Steps < at
		for _, image := range fs.Left() {
			if why := survives(states, image, slack, acknowledged, begun); why != nil {
				t.Fatalf("%v at step %d, slack %d, %d changes acknowledged: %v", fault, at, slack, acknowledged, why)
			}
		}
	}
}

// stubborn is carryOut, but tries once more where there was no room, and where anything else went wrong, to see that nothing is
// promised any more.
func stubborn(t *testing.T, s *wal.Storage[string]) (begun, acknowledged int, err error) {
	for _, batch := range script {
		for _, c := range batch {
			begun++
			err := s.Write(c)
			if errors.Is(err, raft.ErrFull) {
				err = s.Write(c)
			}
			if err != nil {
				return begun, acknowledged, staysFailed(t, s, err)
			}
		}
		if err := s.Sync(); err != nil {
			return begun, acknowledged, staysFailed(t, s, err)
		}
		acknowledged = begun
	}
	return begun, acknowledged, nil
}

func staysFailed(t *testing.T, s *wal.Storage[string], err error) error {
	if errors.Is(err, raft.ErrFull) {
		t.Errorf("taken for a lack of room that ends: %v", err)
	}
	if s.Sync() == nil || s.Write(changes{Lives: 9}) == nil || s.Sync() == nil {
		t.Errorf("promises something after: %v", err)
	}
	return err
}

// TestDamage flips bits and cuts files in a directory where everything was synced. What comes of it is the same state, a refusal that
// leaves everything as it is, or a log without its last batch (or shorter if the file was cut), and then the log says so, unless the file was cut
// between two records.
func TestDamage(t *testing.T) {
	const tries = 10_000
	image := whole(t)
	states := model()
	last := len(states) - 1
	random := rand.New(rand.NewPCG(1, 2))
	outcomes := map[string]int{}
	for range tries {
		name, flips, damaged := damage(random, image)
		least := 0
		if flips > 0 {
			least = last - flips // it takes a flip for each batch that is to look torn
		}
		var logs bytes.Buffer
		fs := simfs.New(damaged)
		_, saved, err := open(fs, &logs)
		told := strings.Contains(logs.String(), "CUT OFF")
		refusal := (*wal.DamageError)(nil)
		switch {
		case err != nil:
			outcomes["refused"]++
			if fs.Steps > 0 {
				t.Fatalf("%s: refused, and changed: %v", name, err)
			}
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "dir/"+wal.NameOf(4)) {
				t.Fatalf("%s: an unclear refusal: %v", name, err)
			}
		case same(saved, states[last]):
			outcomes["equal"]++
		case !legal(states, least, last, saved):
			t.Fatalf("%s: not a legal state: %+v", name, saved)
		case told:
			outcomes["cut"]++
		case strings.HasPrefix(name, "cut"):
			outcomes["cut between records"]++
		default:
			t.Fatalf("%s: silently %+v", name, saved)
		}
	}
	t.Logf("%v", outcomes)
	if outcomes["refused"] < 1000 || outcomes["cut"] < 100 || outcomes["equal"] == 0 {
		t.Errorf("outcomes: %v", outcomes)
	}
}

// damage flips one to three bits of the one file in a copy of an image, or cuts it. It returns what it did, and the number of flips.
func damage(random *rand.Rand, image map[string][]byte) (how string, flips int, damaged map[string][]byte) {
	name := wal.NameOf(4)
	content := slices.Clone(image[name])
	if random.IntN(4) == 0 {
		n := random.IntN(len(content) + 1)
		return fmt.Sprintf("cut at %d", n), 0, map[string][]byte{name: content[:n]}
	}
	flips = 1 + random.IntN(3)
	how = "flip"
	for range flips {
		bit := random.IntN(len(content) * 8)
		content[bit/8] ^= 1 << (bit % 8)
		how += fmt.Sprintf(" bit %d", bit)
	}
	return how, flips, map[string][]byte{name: content}
}
