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

func TestEverythingIsThere(t *testing.T) {
	states := model()
	_, saved, err := open(simfs.New(whole(t)), io.Discard)
	if want := states[len(states)-1]; err != nil || !same(saved, want) {
		t.Errorf("wrote %+v\nread  %+v, %v", want, saved, err)
	}
}

// TestCrashPoints cuts the power at every call that changes something, with every outcome for what was not synced. Snapshots are not staged, or some batches ahead,
// within which there may be another generation.
func TestCrashPoints(t *testing.T) {
	for _, c := range []struct {
		slack       int64
		script      [][]changes
		ahead       int
		least, most int // crash points, generations
	}{
		{0, script, unstaged, 700, 4},
		{0, script, 0, 750, 4},
		{0, script, 2, 1300, 4},
		{tight, slices.Concat(script, elections), unstaged, 1500, 10},
		{tight, slices.Concat(script, elections), 0, 1600, 10},
		{tight, slices.Concat(script, elections), 5, 1600, 10},
	} {
		t.Run(fmt.Sprintf("slack %d, staged %d ahead", c.slack, c.ahead), func(t *testing.T) {
			t.Parallel()
			whole := everyCrash(t, modelOf(c.script), c.slack, c.least, func(_ *simfs.FS, s *wal.Storage[string]) (begun, acknowledged int, err error) {
				return carryOutAll(s, c.script, c.ahead)
			})
			if whole.Size(wal.NameOf(uint64(c.most))) == 0 {
				t.Errorf("there are not %d generations", c.most)
			}
		})
	}
}

// everyCrash has changes carried out that lead from state to state, with the power cut at each step in turn, and looks at everything that may be left. There have to
// be so many outcomes at least. It returns the directory in which all went well.
func everyCrash(t *testing.T, states []raft.Saved[string], slack int64, least int,
	carryOut func(*simfs.FS, *wal.Storage[string]) (begun, acknowledged int, err error),
) *simfs.FS {
	t.Helper()
	points := 0
	for at := 1; ; at++ {
		fs := simfs.New(nil)
		fs.CrashAt(at)
		begun, acknowledged := 0, 0
		s, _, err := openWith(fs, io.Discard, slack)
		if err == nil {
			begun, acknowledged, err = carryOut(fs, s)
		}
		for _, image := range fs.Left() {
			points++
			if why := survives(states, image, slack, acknowledged, begun); why != nil {
				t.Fatalf("crash at step %d, %d changes acknowledged: %v", at, acknowledged, why)
			}
		}
		if err == nil {
			t.Logf("%d crash points", points)
			if points < least {
				t.Errorf("only %d crash points", points)
			}
			return fs
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
	for _, fault := range []error{fire, raft.ErrFull} {
		for _, slack := range []int64{0, tight} {
			for _, ahead := range []int{unstaged, 0, 2} {
				faults(t, fault, slack, ahead)
			}
		}
	}
}

func faults(t *testing.T, fault error, slack int64, ahead int) {
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
			begun, acknowledged, err = stubborn(t, s, ahead)
		}
		done = err == nil && fs.Steps < at
		for _, image := range fs.Left() {
			if why := survives(states, image, slack, acknowledged, begun); why != nil {
				t.Fatalf("%v at step %d, slack %d, staged %d ahead, %d changes acknowledged: %v", fault, at, slack, ahead, acknowledged, why)
			}
		}
	}
}

// stubborn is carryOut, but tries once more where there was no room, and where anything else went wrong, to see that nothing is
// promised any more.
func stubborn(t *testing.T, s *wal.Storage[string], ahead int) (begun, acknowledged int, err error) {
	for i, batch := range script {
		stage(s, script, i, ahead)
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
