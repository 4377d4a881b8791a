package raft

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// every sets how often snapshots are taken, and how many entries stay before one. Chunks are short, and sent one by one.
func every(entries, trailing int) func(*Config[string]) {
	return func(c *Config[string]) {
		c.SnapshotEntries, c.TrailingEntries, c.MaxChunkBytes, c.MaxTransferBytes = entries, trailing, 4, 4
	}
}

// write lets a leader of three commit n commands with n2.
func (h *host) write(n int) {
	h.t.Helper()
	for range n {
		h.Propose(h.now, fmt.Sprint("w", h.View().Commit), h.now+second)
		h.drain()
		h.acks("n2")
	}
}

func (h *host) wantJournal(want string) {
	h.t.Helper()
	if got := strings.Join(h.journal.commands, " "); got != want {
		h.t.Errorf("executed %q, want %q", got, want)
	}
}

// wantBase checks what is dropped, and what the newest durable snapshot is; of the disk too.
func (h *host) wantBase(base, snapshot Index) {
	h.t.Helper()
	v := h.View()
	saved, _ := h.disk.Load()
	if v.Base != base || v.Snapshot.Index != snapshot || saved.Snapshot.Index != snapshot {
		h.t.Errorf("dropped up to %d, snapshot at %d, on disk %d; want %d, %d", v.Base, v.Snapshot.Index, saved.Snapshot.Index, base, snapshot)
	}
}

// chunks returns a snapshot of n2's in chunks of two bytes.
func chunks(term Term, index Index, lastTerm Term, state string) (all []SnapshotRequest) {
	for at := 0; at < len(state); at += 2 {
		all = append(all, SnapshotRequest{
			Configuration: threeVoters,
			Term:          term, Index: index, LastTerm: lastTerm, Offset: uint64(at), Size: uint64(len(state)), Data: []byte(state[at:min(at+2, len(state))]),
		})
	}
	return all
}

// installs lets n2 send a whole snapshot.
func (h *host) installs(term Term, index Index, lastTerm Term, state string) {
	h.t.Helper()
	for _, m := range chunks(term, index, lastTerm, state) {
		h.gets("n2", m)
	}
}

// §7: when enough has been applied, the state takes the place of the log. Not before it is durable: after a crash the log would be gone, and
// nothing in its place.
func TestSnapshotTakesThePlaceOfTheLog(t *testing.T) {
	for _, change := range []func(*Config[string]){
		every(5, 2),
		func(c *Config[string]) { c.SnapshotEntries, c.SnapshotBytes, c.TrailingEntries = -1, 5, 2 },
	} {
		h := start(t, 3, change)
		h.lead()
		h.acks("n2")
		h.write(3)
		h.wantBase(0, 0)
		h.Propose(h.now, "last", h.now+second)
		h.drain()
		_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: AppendReply{Term: 1, OK: true, Match: 5, At: h.now}})
		h.carryOut(h.Take(h.now)) // applies the fifth entry, and captures the state
		h.carryOut(h.Take(h.now)) // writes it
		b := h.Take(h.now)
		if b.Snapshot == nil || b.Snapshot.Index != 5 || b.Snapshot.Term != 1 || string(b.Snapshot.State) != "w1 w2 w3 last" {
			t.Fatalf("the batch has the snapshot %+v", b.Snapshot)
		}
		h.wantBase(0, 0)
		_ = h.disk.Write(b.Changes)
		h.Saved(b)
		h.carryOut(b)
		h.wantBase(3, 5)
		h.wantLog(1, 1)
	}
}

// capturing is a leader that has captured its state after five entries, and has not been given the snapshot yet.
func capturing(t *testing.T) (*host, Capture) {
	t.Helper()
	h := start(t, 3, every(5, 2))
	h.lead()
	h.acks("n2")
	h.write(3)
	h.Propose(h.now, "w4", h.now+second)
	h.drain()
	var capture *Capture
	for capture == nil {
		_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: AppendReply{Term: 1, OK: true, Match: h.View().Base + Index(len(h.View().Log)), At: h.now}})
		b := h.Take(h.now)
		capture, b.Capture = b.Capture, nil
		_ = h.disk.Write(b.Changes)
		h.Saved(b)
		h.carryOut(b)
	}
	return h, *capture
}

// While a snapshot is being written the node goes on: it commits, applies and answers, and begins no other snapshot. What is written is the state as
// it was; until it is durable, the log stays.
func TestSnapshotIsWrittenAside(t *testing.T) {
	h, capture := capturing(t)
	h.write(20)
	h.wantBase(0, 0)
	h.wantLog(slices.Repeat([]Term{1}, 25)...)
	s := capture.Write()
	if s.Index != 5 || s.Term != 1 || string(s.State) != "w1 w2 w3 w4" {
		t.Fatalf("written: %+v", s)
	}
	h.Captured(h.now, s)
	h.drain() // and the next one is due at once
	h.wantBase(23, 25)
}

// A snapshot that has not been written when the node dies has never been.
func TestCrashWhileASnapshotIsWritten(t *testing.T) {
	h, _ := capturing(t)
	h.write(1)
	again := restart(t, h.disk, 3, every(5, 2))
	again.wantBase(0, 0)
	again.wantLog(slices.Repeat([]Term{1}, 6)...)
	again.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 6, PrevTerm: 1, Commit: 6})
	again.wantJournal("w1 w2 w3 w4 w5")
	again.wantBase(4, 6)
}

// A machine that is a Capturer is asked for nothing else.
func TestCapturer(t *testing.T) {
	h := start(t, 1, every(5, 2))
	h.lead()
	machine := &capturer{journal: h.journal}
	h.sm = machine
	for range 4 {
		h.Propose(h.now, "x", h.now+second)
		h.drain()
	}
	h.wantBase(3, 5)
	if machine.captures != 1 || string(h.View().Snapshot.State) != "x x x x" {
		t.Errorf("%d captures, snapshot %q", machine.captures, h.View().Snapshot.State)
	}
}

type capturer struct {
	*journal
	captures int
}

func (c *capturer) Capture() func() []byte {
	c.captures++
	state := c.journal.Snapshot()
	return func() []byte { return state }
}

func (c *capturer) Snapshot() []byte { panic("the node stands still") }

// A negative threshold is none, and with both there are no snapshots.
func TestSnapshotsCanBeTurnedOff(t *testing.T) {
	h := start(t, 1, func(c *Config[string]) { c.SnapshotEntries, c.SnapshotBytes = -1, -1 })
	h.lead()
	for range 100 {
		h.Propose(h.now, "x", h.now+second)
		h.drain()
	}
	h.wantBase(0, 0)
}

// Many commands, few states: neither the log nor the disk grows with the number of commands.
func TestLogIsBounded(t *testing.T) {
	const entries, trailing = 100, 10
	h := start(t, 1, every(entries, trailing))
	h.lead()
	for n := range 20_000 {
		h.Propose(h.now, "x", h.now+second)
		h.drain()
		saved, _ := h.disk.Load()
		if log := len(h.View().Log); log > entries+trailing+1 || len(saved.Entries) > entries+1 {
			t.Fatalf("after %d commands %d entries in memory, %d on disk", n, log, len(saved.Entries))
		}
		clear(h.outcomes)
		h.journal.commands = h.journal.commands[:min(len(h.journal.commands), 3)]
	}
	if got, most := cap(h.core.log.entries), 4*(entries+trailing); got > most {
		t.Errorf("room for %d entries, want at most %d", got, most)
	}
}

// A node starts from its snapshot, and from the log behind it. What it applied behind it is not remembered.
func TestRestartFromASnapshot(t *testing.T) {
	h := start(t, 3, every(5, -1))
	h.lead()
	h.acks("n2")
	h.write(6)
	h.wantBase(5, 5)
	again := restart(t, h.disk, 3, every(5, -1))
	again.wantJournal("w1 w2 w3 w4")
	again.wantBase(5, 5)
	again.wantLog(1, 1)
	if v := again.View(); v.Commit != 5 || v.Applied != 5 {
		t.Errorf("commit %d, applied %d", v.Commit, v.Applied)
	}
	again.gets("n2", AppendRequest[string]{Term: 2, PrevIndex: 7, PrevTerm: 1, Commit: 7})
	again.wantJournal("w1 w2 w3 w4 w5 w6")
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	good := Snapshot{Configuration: threeVoters, Index: 2, Term: 1, State: []byte("a b")}
	for name, saved := range map[string]Saved[string]{
		"a term of the future": {HardState: HardState{Term: 1}, Snapshot: Snapshot{Configuration: threeVoters, Index: 2, Term: 2}},
		"no term":              {HardState: HardState{Term: 1}, Snapshot: Snapshot{Configuration: threeVoters, Index: 2}},
		"no configuration":     {HardState: HardState{Term: 1}, Snapshot: Snapshot{Index: 2, Term: 1, State: []byte("a b")}},
		"a state":              {HardState: HardState{Term: 1}, Snapshot: Snapshot{Configuration: threeVoters, Index: 2, Term: 1, State: []byte("damaged")}},
		"a gap":                {HardState: HardState{Term: 1}, Snapshot: good, Entries: entries(4, 1)},
		"an overlap":           {HardState: HardState{Term: 1}, Snapshot: good, Entries: entries(2, 1)},
		"a falling term":       {HardState: HardState{Term: 2}, Snapshot: Snapshot{Configuration: threeVoters, Index: 2, Term: 2}, Entries: entries(3, 1)},
	} {
		if _, err := New(Config[string]{ID: "n1", Members: []NodeID{"n1"}}, &journal{}, saved, 0); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// §7, Figure 13: a follower puts the chunks together, makes the snapshot durable before it says so, and goes on behind it.
func TestFollowerInstallsASnapshot(t *testing.T) {
	h := start(t, 3)
	h.follow(3, 1, 1)
	all := chunks(3, 9, 2, "a b c d")
	for i, m := range all[:3] {
		h.gets("n2", m)
		if r := only[SnapshotReply](h, "n2"); r.Done || r.Offset != uint64(2*i+2) || r.Index != 9 || r.Chunk != m.Offset {
			t.Fatalf("answered chunk %d with %+v", i, r)
		}
	}
	h.wantJournal("")
	_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: all[3]})
	b := h.Take(h.now)
	if b.Snapshot == nil || string(b.Snapshot.State) != "a b c d" || len(b.Messages) != 1 || !b.Messages[0].Body.(SnapshotReply).Done {
		t.Fatalf("a batch with %+v, %+v", b.Snapshot, b.Messages)
	}
	_ = h.disk.Write(b.Changes)
	h.Saved(b)
	h.carryOut(b)
	h.wantJournal("a b c d")
	h.wantBase(9, 9)
	h.wantLog()
	h.wantCommit(9)

	h.gets("n2", AppendRequest[string]{Term: 3, PrevIndex: 9, PrevTerm: 2, Entries: entries(10, 3), Commit: 10})
	h.wantJournal("a b c d j3")
	h.gets("n2", all[3]) // late
	h.wantJournal("a b c d j3")
	if saved, _ := h.disk.Load(); len(saved.Entries) != 1 || saved.Snapshot.Index != 9 {
		t.Errorf("disk has %+v", saved)
	}
}

// Chunks come late, twice and in any order. One that has overtaken others is kept if there is room, and the reply says which is wanted.
func TestChunksInAnyOrder(t *testing.T) {
	type step struct {
		chunk int
		want  uint64
	}
	for _, c := range []struct {
		room  int // in bytes
		steps []step
		last  int
	}{
		{1, []step{{1, 0}, {3, 0}, {0, 2}, {0, 2}, {2, 2}, {1, 4}, {0, 4}, {1, 4}, {2, 6}}, 3},
		{2, []step{{1, 0}, {3, 0}, {0, 4}, {0, 4}, {3, 4}, {2, 4}}, -1},
		{100, []step{{3, 0}, {3, 0}, {1, 0}, {1, 0}, {0, 4}, {1, 4}}, 2},
		{100, []step{{3, 0}, {2, 0}, {1, 0}}, 0},
	} {
		h := start(t, 3, func(cfg *Config[string]) { cfg.MaxTransferBytes = c.room })
		h.follow(3)
		all := chunks(3, 9, 2, "a b c dd")
		for i, step := range c.steps {
			h.gets("n2", all[step.chunk])
			r := only[SnapshotReply](h, "n2")
			if last := c.last < 0 && i == len(c.steps)-1; r.Done != last || !last && r.Offset != step.want {
				t.Fatalf("room %d, after chunk %d: %+v, want offset %d", c.room, step.chunk, r, step.want)
			}
			if in := h.core.incoming; in != nil && in.earlyBytes > c.room {
				t.Fatalf("room %d, and %d bytes are kept", c.room, in.earlyBytes)
			}
		}
		if c.last >= 0 {
			h.gets("n2", all[c.last])
		}
		h.wantJournal("a b c dd")
	}
}

// A newer snapshot takes the place of one that is half there; a late chunk of the older one does not take it back. The next leader begins
// anew, and may have an older one to offer.
func TestHalfASnapshot(t *testing.T) {
	h := start(t, 3)
	h.follow(3)
	old, fresh := chunks(3, 8, 2, "a b c"), chunks(3, 9, 2, "a b c d")
	h.gets("n2", old[0])
	h.gets("n2", fresh[0])
	h.sent = nil
	h.gets("n2", old[1])
	if len(h.sent) > 0 {
		t.Errorf("a late chunk was answered: %+v", h.sent)
	}
	h.gets("n2", fresh[1])
	if r := only[SnapshotReply](h, "n2"); r.Offset != 4 {
		t.Errorf("a late chunk of an older snapshot has done harm: %+v", r)
	}
	again := chunks(4, 9, 2, "a b c d")
	h.gets("n3", again[2])
	if r := only[SnapshotReply](h, "n3"); r.Offset != 0 {
		t.Errorf("chunks of two leaders were put together: %+v", r)
	}
	h.gets("n2", chunks(5, 7, 2, "a b")[0])
	if r := only[SnapshotReply](h, "n2"); r.Offset != 2 || r.Index != 7 {
		t.Errorf("an older snapshot of a later leader is not taken: %+v", r)
	}
	h.gets("n2", SnapshotRequest{Configuration: threeVoters, Term: 5, Index: 7, LastTerm: 2, Offset: 0, Size: 2, Data: []byte("z")})
	if r := only[SnapshotReply](h, "n2"); r.Offset != 1 {
		t.Errorf("a snapshot of another size goes on where the other had ended: %+v", r)
	}
}

// What is applied never goes back: a snapshot that is older than what is committed is done with before it is installed.
func TestSnapshotDoesNotRollBack(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 1, 1, 1), Commit: 3})
	h.sent = nil
	h.gets("n2", chunks(1, 2, 1, "a1 b1")[0])
	if r := only[SnapshotReply](h, "n2"); !r.Done || r.Index != 2 {
		t.Errorf("answered %+v", r)
	}
	h.installs(1, 3, 1, "x")
	h.wantJournal("a1 b1 c1")
	h.wantLog(1, 1, 1)
	h.wantBase(0, 0)
}

// §7: a log that has the snapshot's last entry keeps what is behind it. There is nothing to install.
func TestLogThatHasTheLastEntryStays(t *testing.T) {
	h := start(t, 3)
	h.follow(2, 1, 1, 2, 2)
	h.gets("n2", chunks(2, 3, 2, "not even looked at")[0])
	if r := only[SnapshotReply](h, "n2"); !r.Done {
		t.Errorf("answered %+v", r)
	}
	h.wantLog(1, 1, 2, 2)
	h.wantCommit(3)
	h.wantJournal("a1 b1 c2")
}

// §7: a log that has another entry there is discarded, with everything behind it.
func TestDivergedLogIsDiscarded(t *testing.T) {
	h := start(t, 3)
	h.follow(2, 1, 1, 1, 1, 1)
	h.gets("n3", AppendRequest[string]{Term: 3, Commit: 0})
	for _, m := range chunks(3, 3, 2, "a b") {
		h.gets("n3", m)
	}
	h.wantLog()
	h.wantBase(3, 3)
	if saved, _ := h.disk.Load(); len(saved.Entries) != 0 {
		t.Errorf("the disk still has %v", saved.Entries)
	}
	h.gets("n3", AppendRequest[string]{Term: 3, PrevIndex: 3, PrevTerm: 2, Entries: entries(4, 3), Commit: 4})
	h.wantJournal("a b d3")
}

// Appends may reach back to what this node has dropped. That was committed, so it agrees.
func TestAppendFromBeforeTheBase(t *testing.T) {
	h := start(t, 3)
	h.installs(2, 5, 1, "a b")
	h.sent = nil
	for _, step := range []struct {
		prev  Index
		terms []Term
		match Index
	}{{2, nil, 2}, {1, []Term{1, 1}, 3}, {0, nil, 0}, {3, []Term{1, 1, 2, 2}, 7}} {
		h.core.role.(*follower[string]).verified = 0 // as if the leader were new
		m := AppendRequest[string]{Term: 2, PrevIndex: step.prev, Entries: entries(step.prev+1, step.terms...)}
		if step.prev > 0 {
			m.PrevTerm = 1
		}
		h.gets("n2", m)
		if r := only[AppendReply](h, "n2"); !r.OK || r.Match != step.match {
			t.Errorf("from %d: %+v, want match %d", step.prev, r, step.match)
		}
	}
	h.wantLog(2, 2)
}

// A snapshot does not say which commands led to it. A proposal that was sent before may be among them: it is not dead when an entry of a later
// term comes, and its fate is unknown. With Resend it is sent again, and the state machine knows.
func TestProposalBehindASnapshot(t *testing.T) {
	for _, resend := range []bool{true, false} {
		h := start(t, 3, func(c *Config[string]) { c.Resend = resend })
		h.follow(1, 1)
		k := h.Propose(h.now, "mine", h.now+second)
		h.drain()
		h.sent = nil
		h.installs(1, 5, 1, "a mine")
		if !resend {
			h.wantOutcome(k, ErrUnknown.Error())
			continue
		}
		h.wantOutcome(k, "")
		if m := take[ForwardRequest[string]](h, "n2"); len(m) != 1 || m[0].Proposals[0].Seq != uint64(k) {
			t.Errorf("not sent again: %+v", h.sent)
		}
		h.gets("n3", AppendRequest[string]{Term: 2, PrevIndex: 5, PrevTerm: 1, Entries: entries(6, 2), Commit: 6})
		h.core.role.(*follower[string]).heardAt = never // nobody takes it any more
		h.wait(2 * second)
		h.wantOutcome(k, ErrUnknown.Error())
	}
}

// A proposal that never left is not touched by a snapshot.
func TestProposalThatNeverLeftIsNotBehindASnapshot(t *testing.T) {
	h := start(t, 3)
	k := h.Propose(h.now, "mine", h.now+second)
	h.drain()
	m := SnapshotRequest{Configuration: threeVoters, Term: 1, Index: 5, LastTerm: 1, Size: 1, Data: []byte("a")}
	if err := h.Step(h.now, Message{From: "n2", To: "n1", Body: m}); err != nil {
		t.Fatal(err)
	}
	h.core.role.(*follower[string]).heardAt = never
	h.drain()
	h.wait(2 * second)
	h.wantOutcome(k, ErrUnavailable.Error())
}

// A read waits until the snapshot that reaches its index is restored, and then sees it.
func TestReadBehindASnapshot(t *testing.T) {
	h := start(t, 3)
	h.follow(1, 1)
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	id := only[ReadRequest](h, "n2").ID
	h.gets("n2", ReadReply{Term: 1, ID: id, Index: 5, Commit: 5, Confirmed: true})
	h.wantOutcome(k, "")
	h.installs(1, 5, 1, "a b c")
	h.wantOutcome(k, "q:3")
}

// A state that the machine refuses leaves nothing to go on from: the driver takes such a node out of the cluster.
func TestRefusedStateStopsTheNode(t *testing.T) {
	h := start(t, 3)
	h.follow(1)
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "damaged state") {
			t.Errorf("panic %s", p)
		}
	}()
	h.installs(1, 5, 1, "damaged")
}

// A leader's snapshot that comes while the own one is being taken wins: it reaches further.
func TestOwnSnapshotDoesNotReplaceALaterOne(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 1, Entries: entries(1, 1, 1), Commit: 2})
	_ = h.Step(h.now, Message{From: "n2", To: "n1", Body: SnapshotRequest{Configuration: threeVoters, Term: 1, Index: 5, LastTerm: 1, Size: 1, Data: []byte("a")}})
	h.core.snapshotTaken(Snapshot{Configuration: threeVoters, Index: 2, Term: 1, State: []byte("a1 b1")})
	h.drain()
	h.wantBase(5, 5)
	h.wantJournal("a")
	h.core.snapshotSaved(Snapshot{Configuration: threeVoters, Index: 2, Term: 1})
	h.wantBase(5, 5)
}

func TestNonsenseAboutSnapshotsIsRefused(t *testing.T) {
	h := start(t, 3)
	h.gets("n2", AppendRequest[string]{Term: 2, Entries: entries(1, 1, 1), Commit: 2})
	good := SnapshotRequest{Configuration: threeVoters, Term: 2, Index: 5, LastTerm: 2, Size: 4, Data: []byte("ab")}
	for _, change := range []func(*SnapshotRequest){
		func(m *SnapshotRequest) { m.Index, m.LastTerm = 0, 0 },
		func(m *SnapshotRequest) { m.LastTerm = 0 },
		func(m *SnapshotRequest) { m.LastTerm = 3 },
		func(m *SnapshotRequest) { m.Index = maxNumber + 1 },
		func(m *SnapshotRequest) { m.Size = 1 },
		func(m *SnapshotRequest) { m.Size = maxStateBytes + 1 },
		func(m *SnapshotRequest) { m.Offset = 3 },
		func(m *SnapshotRequest) { m.Offset = 1 << 63 },
		func(m *SnapshotRequest) { m.Data = nil },
		func(m *SnapshotRequest) { m.Index, m.LastTerm = 2, 2 }, // another term is committed there
	} {
		m := good
		change(&m)
		h.refuses("n2", m)
	}
	h.refuses("n3", good) // a second leader
	h.sent = nil
	stale := good
	stale.Term, stale.LastTerm = 1, 1
	h.gets("n3", stale)
	if r := only[SnapshotReply](h, "n3"); r.Term != 2 || r.Done {
		t.Errorf("a stale leader was answered %+v", r)
	}
	h.refuses("n2", SnapshotReply{Term: 2, Index: maxNumber + 1})
}

// behind returns a leader of three whose follower n3 lacks what was dropped, and the term. The state is "w1 w2 w3 w4".
func behind(t *testing.T) (*host, Term) {
	h := start(t, 3, every(5, -1))
	term := h.lead()
	h.acks("n2")
	h.write(4)
	h.wantBase(5, 5)
	h.sent = nil
	h.gets("n3", AppendReply{Term: term, PrevIndex: 5, At: h.now, Round: h.round()})
	return h, term
}

// A follower that lacks what was dropped gets the snapshot, chunk by chunk, from where it wants it; then the entries behind. The leader commits
// meanwhile with the others, also beyond further snapshots.
func TestLeaderSendsItsSnapshot(t *testing.T) {
	h, term := behind(t)
	var state []byte
	for offset := 0; ; {
		m := only[SnapshotRequest](h, "n3")
		if m.Index != 5 || m.LastTerm != term || m.Offset != uint64(offset) || len(m.Data) > 4 {
			t.Fatalf("sent %+v", m)
		}
		state = append(state, m.Data...)
		if offset = len(state); offset == int(m.Size) {
			break
		}
		h.sent = nil
		h.write(1)
		if sent := take[SnapshotRequest](h, "n3"); len(sent) > 0 {
			t.Fatalf("sent %+v while another chunk is under way", sent)
		}
		h.sent = nil
		h.gets("n3", SnapshotReply{Term: term, Index: 5, Chunk: m.Offset, Offset: uint64(offset), At: h.now})
	}
	if string(state) != "w1 w2 w3 w4" {
		t.Errorf("sent %q", state)
	}
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Done: true, At: h.now})
	m := only[AppendRequest[string]](h, "n3")
	if m.PrevIndex != 5 || len(m.Entries) != int(h.View().Commit)-5 {
		t.Errorf("went on with %+v", m)
	}
	h.wantBase(5, 5)
}

// What is lost is sent again, and not before; old replies move nothing; a follower that has restarted begins anew.
func TestLostChunk(t *testing.T) {
	h, term := behind(t)
	first := only[SnapshotRequest](h, "n3")
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Offset: 4, At: h.now})
	if m := only[SnapshotRequest](h, "n3"); m.Offset != 4 {
		t.Fatalf("went on with %+v", m)
	}
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Offset: 4, At: h.now}) // twice
	h.gets("n3", SnapshotReply{Term: term, Index: 4, Chunk: 4, At: h.now})  // of another snapshot
	if sent := take[SnapshotRequest](h, "n3"); len(sent) > 0 {
		t.Errorf("an old reply made it send %+v", sent)
	}
	h.wait(h.core.pace.resendAfter() + time.Millisecond)
	h.acks("n2")
	if m := take[SnapshotRequest](h, "n3"); len(m) != 1 || m[0].Offset != 4 {
		t.Errorf("sent again: %+v", m)
	}
	if m := take[AppendRequest[string]](h, "n3"); len(m) == 0 || m[0].PrevIndex != 5 || len(m[0].Entries) > 0 {
		t.Errorf("heartbeats: %+v", m)
	}
	h.sent = nil
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Chunk: 4, Offset: 0, At: h.now})
	if m := only[SnapshotRequest](h, "n3"); !bytes.Equal(m.Data, first.Data) || m.Offset != 0 {
		t.Errorf("a follower that has restarted got %+v", m)
	}
	h.refuses("n3", SnapshotReply{Term: term, Index: 5, Offset: 100})
	h.refuses("n3", SnapshotReply{Term: term, Index: 50, Done: true})
}

// offsets returns where the chunks stand that were sent to n3, and forgets everything sent.
func (h *host) offsets() (offsets []uint64) {
	for _, m := range take[SnapshotRequest](h, "n3") {
		offsets = append(offsets, m.Offset)
	}
	h.sent = nil
	return offsets
}

func (h *host) wantOffsets(want ...uint64) {
	h.t.Helper()
	if got := h.offsets(); !slices.Equal(got, want) {
		h.t.Fatalf("sent chunks at %d, want %d", got, want)
	}
}

// Chunks follow each other without waiting, once the follower has said where to begin, as far as the window reaches. Replies move it, late ones do not move
// it back; what is missing is asked for alone after a time-out, and the reply to that says where to go on, be it backwards.
func TestWindowOfChunks(t *testing.T) {
	h := start(t, 3, every(8, -1), func(c *Config[string]) { c.MaxTransferBytes = 9 })
	term := h.lead()
	h.acks("n2")
	h.write(7) // "w1 w2 w3 w4 w5 w6 w7": 20 bytes, 5 chunks
	h.sent = nil
	h.gets("n3", AppendReply{Term: term, PrevIndex: 8, At: h.now, Round: h.round()})
	reply := func(chunk, offset uint64) {
		h.t.Helper()
		h.gets("n3", SnapshotReply{Term: term, Index: 8, Chunk: chunk, Offset: offset, At: h.now})
	}
	timeOut := func() {
		h.wait(h.core.pace.resendAfter() + time.Millisecond)
		h.acks("n2")
	}
	h.wantOffsets(0) // a probe
	reply(0, 4)
	h.wantOffsets(4, 8, 12)
	reply(8, 4) // it has overtaken the one before, which is lost
	reply(12, 4)
	h.wantOffsets()
	timeOut()
	h.wantOffsets(4)
	reply(12, 4) // twice
	h.wantOffsets()
	reply(4, 16)
	h.wantOffsets(16)
	reply(8, 8) // late
	h.wantOffsets()
	timeOut()
	h.wantOffsets(16)
	reply(16, 0) // it has restarted
	h.wantOffsets(0, 4, 8)
	reply(0, 4)
	h.wantOffsets(12)
	reply(4, 8)
	reply(8, 12)
	h.wantOffsets(16)
	h.gets("n3", SnapshotReply{Term: term, Index: 8, Chunk: 16, Done: true, At: h.now})
	h.wantOffsets()
	h.refuses("n3", SnapshotReply{Term: term, Index: 50, Chunk: 16, Offset: 20})
}

// A follower that falls silent in the middle of a transfer gets a few more chunks, one at a time, and then heartbeats; and the log is not kept for it.
func TestBlackHoleDuringATransfer(t *testing.T) {
	h, term := behind(t)
	h.wantOffsets(0)
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Offset: 4, At: h.now})
	h.wantOffsets(4)
	for h.now += h.core.pace.electionMax(); h.core.reachable(h.core.role.(*leader[string]).peers[1]); h.now++ {
		h.acks("n2")
	}
	h.offsets()
	for range 100 {
		h.write(1)
		h.wait(h.core.pace.heartbeatEvery())
	}
	h.wantOffsets()
	if n := len(h.View().Log); n > 5 {
		t.Errorf("%d entries are kept", n)
	}
}

// While a follower is getting a snapshot, the entries behind that stay, or it would get one snapshot after the other; but not for ever.
func TestLogIsHeldForATransfer(t *testing.T) {
	h, term := behind(t)
	h.write(7)
	h.wantBase(5, 10)
	h.sent = nil
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Done: true, At: h.now})
	if m := only[AppendRequest[string]](h, "n3"); m.PrevIndex != 5 || len(m.Entries) != 7 {
		t.Errorf("went on with %+v", m)
	}
	h.write(3)
	h.wantBase(15, 15)

	h, _ = behind(t)
	h.write(5 * maxHeld)
	h.wantBase(5, 5+5*maxHeld)
	h.write(5)
	h.wantBase(10, 10+5*maxHeld)
}

// If the log has been cut again when a follower has its snapshot, it gets the newest next.
func TestNextSnapshotIsTheNewest(t *testing.T) {
	h, term := behind(t)
	for range 3 { // it does not answer
		h.wait(h.core.pace.electionMax() / 2)
		h.acks("n2")
	}
	h.write(5)
	h.wantBase(10, 10)
	h.sent = nil
	h.gets("n3", SnapshotReply{Term: term, Index: 5, Done: true, At: h.now})
	if m := only[SnapshotRequest](h, "n3"); m.Index != 10 || m.Offset != 0 {
		t.Errorf("sent %+v", m)
	}
	h.gets("n3", AppendReply{Term: term, OK: true, Match: 10, At: h.now, Round: h.round()}) // from elsewhere: nothing to send any more
	h.sent = nil
	h.write(1)
	if len(take[SnapshotRequest](h, "n3")) > 0 || len(take[AppendRequest[string]](h, "n3")) == 0 {
		t.Errorf("sent %+v", h.sent)
	}
}

// A follower that does not answer gets heartbeats only; and entries in flight whose place is dropped meanwhile are made up for by a snapshot.
func TestSnapshotInsteadOfLostEntries(t *testing.T) {
	h := start(t, 3, every(5, -1))
	term := h.lead()
	h.acks("n2")
	h.acks("n3")
	h.write(5)
	h.wantBase(5, 5)
	h.sent = nil
	h.wait(h.core.pace.electionMax() - time.Millisecond)
	h.acks("n2")
	h.wait(h.core.pace.heartbeatEvery())
	if len(take[SnapshotRequest](h, "n3")) > 1 {
		t.Errorf("a silent follower got %+v", take[SnapshotRequest](h, "n3"))
	}
	h.sent = nil
	h.gets("n3", AppendReply{Term: term, PrevIndex: 5, HintIndex: 1, HintTerm: term, At: h.now})
	h.wait(h.core.pace.resendAfter() + time.Millisecond)
	if m := take[SnapshotRequest](h, "n3"); len(m) == 0 || m[0].Index != 5 {
		t.Errorf("sent %+v", h.sent)
	}
}

// Entries that were handed out before the log was cut stay what they were.
func TestEntriesHandedOutOutliveACut(t *testing.T) {
	l := log[string]{}
	l.append(entries(1, 1, 1, 2, 2)...)
	out := l.slice(1, 3)
	want := slices.Clone(out)
	l.compact(3)
	l.append(entries(5, 3, 3, 3)...)
	l.truncate(4)
	l.append(entries(5, 4)...)
	if !slices.Equal(out, want) || l.base != 3 || l.baseTerm != 2 || l.last() != 5 {
		t.Errorf("handed out %v, then %v; base %d of term %d, last %d", want, out, l.base, l.baseTerm, l.last())
	}
	if l.compact(2); l.base != 3 {
		t.Error("a cut went back")
	}
}

// The same log gives the same snapshot, and it brings back the same state.
func TestSnapshotCarriesTheState(t *testing.T) {
	a, b := start(t, 3, every(4, -1)), start(t, 3, every(2, -1))
	for _, h := range []*host{a, b} {
		for i := range Index(4) {
			h.gets("n2", AppendRequest[string]{Term: 1, PrevIndex: i, PrevTerm: Term(min(i, 1)), Entries: entries(i+1, 1), Commit: i + 1})
		}
		h.wantBase(4, 4)
	}
	if x, y := a.View().Snapshot, b.View().Snapshot; !bytes.Equal(x.State, y.State) || x.Term != y.Term {
		t.Errorf("snapshots %q and %q of one log", x.State, y.State)
	}
}
