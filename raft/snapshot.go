package raft

import (
	"errors"
	"fmt"
	"time"
)

// Log compaction: §7 of the paper, thesis ch. 5. Every node takes snapshots of its own state machine, and drops the entries that led there,
// but for some at the end that spare a follower which is a little behind the whole state. A follower that lacks what the leader has dropped
// gets the leader's snapshot, in chunks.

// maxStateBytes bounds what is collected of a peer's snapshot.
const maxStateBytes = 1 << 30

// maxHeld bounds the entries that a leader keeps longer than it would, while a follower is getting a snapshot: as many as lead to so many
// snapshots.
const maxHeld = 20

// transfer is a snapshot on its way to a follower. It stays the same if the leader takes a newer one meanwhile.
type transfer struct {
	Snapshot
	offset int // the follower has everything before it
	next   int // what is sent next; all between offset and it is under way
	// probing: it is in doubt what the follower has. One chunk, the one at offset, is sent, and the reply to it says where to go on. Otherwise chunks follow
	// each other without waiting, as far as the window reaches.
	probing bool
	flying  bool          // the chunk that probes is under way
	movedAt time.Duration // when offset was last moved, or probed
}

// full says whether nothing more may be sent before there is a reply.
func (t *transfer) full(window int) bool {
	if t.probing {
		return t.flying
	}
	return t.next == len(t.State) || t.next > t.offset && t.next-t.offset >= window
}

// incoming is what a follower has of a leader's snapshot. The chunks of two leaders are never put together: their states are equal, but need not be
// written alike, byte for byte, where a network writes commands anew on their way (as JSON may be).
type incoming struct {
	Snapshot
	size uint64
	term Term // of the leader
	// early are chunks that have overtaken others, by offset. They lie behind what is there, and are bounded in bytes like the leader's window.
	early      map[uint64][]byte
	earlyBytes int
}

// ---- Taking.

// Capture is a state of the state machine that has been noted, and is to be written.
type Capture struct {
	at    Snapshot // without the state
	write func() []byte
}

// Write returns the snapshot. It takes as long as the state is large. It may be called once, by any goroutine, while the node goes on.
func (c Capture) Write() Snapshot {
	s := c.at
	s.State = c.write()
	return s
}

// snapshotDue says whether enough has been applied since the last snapshot for another one.
func (c *core[C]) snapshotDue() bool {
	entries, bytes := c.cfg.SnapshotEntries, c.cfg.SnapshotBytes
	return !c.writing && c.fresh == nil && c.applied > c.snapshot.Index && c.installed <= c.applied &&
		(entries > 0 && c.applied-c.snapshot.Index >= Index(entries) || bytes > 0 && c.appliedBytes >= bytes)
}

// captured notes that the state has been noted. Until it is written there is no other snapshot.
func (c *core[C]) captured(capture *Capture) {
	c.capture, c.writing, c.appliedBytes = capture, true, 0
}

// snapshotTaken notes a snapshot of the own state machine, to be made durable with the next batch. If a leader's has come meanwhile, that one
// reaches further.
func (c *core[C]) snapshotTaken(s Snapshot) {
	c.writing = false
	if s.Index >= c.installed {
		c.fresh = &s
	}
}

// snapshotSaved notes that a snapshot is durable. Only then may what it stands for be forgotten.
func (c *core[C]) snapshotSaved(s Snapshot) {
	if s.Index <= c.snapshot.Index {
		return
	}
	c.snapshot = s
	if keep := max(Index(max(c.cfg.TrailingEntries, 0)), c.held(s.Index)); s.Index > keep {
		c.log.compact(s.Index - keep)
	}
}

// held returns how many entries before an index are kept for followers that are getting an older snapshot: without them, a follower for which
// the transfer takes longer than the way to the next snapshot would get one snapshot after the other and never catch up. It is bounded, for a
// transfer may take for ever.
func (c *core[C]) held(index Index) (entries Index) {
	l, ok := c.role.(*leader[C])
	if !ok {
		return 0
	}
	for _, p := range l.peers {
		if p.transfer != nil && c.reachable(p) {
			entries = max(entries, index-p.transfer.Index)
		}
	}
	perSnapshot := c.cfg.SnapshotEntries
	if perSnapshot < 0 {
		perSnapshot = DefaultSnapshotEntries
	}
	return min(entries, Index(maxHeld*perSnapshot))
}

// ---- The leader.

// sendSnapshot sends a follower the next chunks of a snapshot. Heartbeats go on beside it.
func (c *core[C]) sendSnapshot(p *progress) {
	t := p.transfer
	if t == nil {
		t = &transfer{Snapshot: c.snapshotFor(p), probing: true, movedAt: c.now}
		p.transfer = t
	}
	if c.now-t.movedAt > c.pace.resendAfter() {
		t.probing, t.flying, t.next, t.movedAt = true, false, t.offset, c.now
	}
	for !t.full(c.cfg.MaxTransferBytes) {
		end := min(len(t.State), t.next+c.cfg.MaxChunkBytes)
		c.send(p.id, SnapshotRequest{
			Term: c.hard.Term, Index: t.Index, LastTerm: t.Term, Configuration: t.Configuration, Offset: uint64(t.next), Size: uint64(len(t.State)),
			Data: t.State[t.next:end:end], At: c.now,
		})
		t.next, t.flying = end, true
	}
}

// handleSnapshotReply learns where a follower wants the next chunk from, or that it has all that the snapshot stands for.
func (c *core[C]) handleSnapshotReply(from NodeID, m SnapshotReply) {
	l, ok := c.role.(*leader[C])
	if !ok {
		return
	}
	c.pace.sample(m.At, c.now)
	p := l.progress(from)
	if p == nil {
		return
	}
	p.ackAt = c.now
	if m.Done {
		p.accept(m.Index)
		if p.transfer != nil && p.transfer.Index <= m.Index {
			p.transfer = nil // if the log has been cut again, the next one begins with the newest
		}
		return
	}
	if t := p.transfer; t != nil && m.Index == t.Index {
		t.replied(int(m.Chunk), int(m.Offset), c.now)
	}
}

// replied notes that a follower which was given a chunk has everything before an offset. Only the reply to the chunk that probes may say less than was
// known: a follower that has restarted begins anew. What others say less is old.
func (t *transfer) replied(chunk, offset int, now time.Duration) {
	switch {
	case t.probing && t.flying && chunk == t.offset:
		t.offset, t.next, t.probing, t.movedAt = offset, offset, false, now
	case !t.probing && offset > t.offset:
		t.offset, t.next, t.movedAt = offset, max(t.next, offset), now
	}
}

// ---- A follower.

// handleSnapshot takes in a chunk from the leader of the present term. Where the snapshot is older than what is committed here, or its last
// entry is in the log, there is nothing to install: the log has it all, and keeps what is behind.
func (c *core[C]) handleSnapshot(from NodeID, m SnapshotRequest) {
	f := c.followerOf(from)
	c.hearLeader(f)
	reply := SnapshotReply{Term: c.hard.Term, Index: m.Index, Chunk: m.Offset, At: m.At}
	if m.Index > c.commit && !c.log.has(m.Index, m.LastTerm) {
		s, wanted, ok := c.collect(m)
		if !ok {
			return
		}
		if s == nil {
			reply.Offset = wanted
			c.send(from, reply)
			return
		}
		c.install(*s)
	}
	if c.incoming != nil && c.incoming.Index <= m.Index {
		c.incoming = nil
	}
	f.verified = max(f.verified, m.Index)
	c.learnCommit(f, m.Index)
	reply.Done = true
	c.send(from, reply)
}

// collect adds a chunk to what is there, and returns the snapshot if nothing is missing any more, or the offset of the chunk that is wanted. It is not ok
// if the leader has begun with a newer snapshot since.
func (c *core[C]) collect(m SnapshotRequest) (s *Snapshot, wanted uint64, ok bool) {
	in := c.incoming
	if in != nil && m.Term == in.term && m.Index < in.Index {
		return nil, 0, false
	}
	if in == nil || in.term != m.Term || in.Index != m.Index || in.Term != m.LastTerm || in.size != m.Size {
		in = &incoming{Snapshot: Snapshot{Index: m.Index, Term: m.LastTerm, Configuration: m.Configuration}, size: m.Size, term: m.Term}
		c.incoming = in
	}
	in.add(m.Offset, m.Data, c.cfg.MaxTransferBytes)
	wanted = uint64(len(in.State))
	if wanted < in.size {
		return nil, wanted, true
	}
	return &in.Snapshot, wanted, true
}

// add takes in a chunk that follows what is there, and those behind it that have come already. One that has overtaken others is kept, if there is room: it
// would be sent again, but not before a time-out. All others are old.
func (in *incoming) add(offset uint64, data []byte, room int) {
	switch end := uint64(len(in.State)); {
	case offset > end && in.early[offset] == nil && in.earlyBytes+len(data) <= room:
		if in.early == nil {
			in.early = map[uint64][]byte{}
		}
		in.early[offset] = data
		in.earlyBytes += len(data)
	case offset == end:
		for len(data) > 0 {
			in.State = append(in.State, data...)
			end = uint64(len(in.State))
			data = in.early[end]
			delete(in.early, end)
			in.earlyBytes -= len(data)
		}
	}
}

// install puts a leader's snapshot in the place of a log that ends before it or contradicts it (§7). It is durable before the leader hears of it, and
// the state machine takes it over with the same batch.
func (c *core[C]) install(s Snapshot) {
	c.log.reset(s.Index, s.Term, &s.Configuration)
	c.configured()
	c.fresh, c.restore, c.installed = &s, &s, s.Index
}

// restored notes that the state machine has taken over a leader's snapshot. Which commands led there nobody can tell, so whatever had been sent
// to a leader may be among them.
func (c *core[C]) restored(s Snapshot) {
	c.applied, c.appliedTerm, c.appliedBytes = s.Index, s.Term, 0
	c.requests.hide(c.now, c.cfg.Resend)
}

// ---- What a peer may say of snapshots.

func (c *core[C]) checkSnapshot(from NodeID, m SnapshotRequest) error {
	if err := m.check(); err != nil {
		return err
	}
	switch {
	case m.Term < c.hard.Term:
		return nil // old: will be answered, and changes nothing
	case m.Term == c.hard.Term && !c.mayLead(from):
		return fmt.Errorf("a second leader in term %d", m.Term)
	case m.Index <= c.commit && m.Index >= c.log.base && !c.log.has(m.Index, m.LastTerm):
		return fmt.Errorf("entry %d is committed with another term than %d", m.Index, m.LastTerm)
	}
	return nil
}

// check says what is wrong with a chunk, whoever it is for.
func (m SnapshotRequest) check() error {
	n := uint64(len(m.Data))
	switch {
	case m.Index == 0:
		return errors.New("a snapshot of nothing")
	case m.Size > maxStateBytes || m.Offset > m.Size || n > m.Size-m.Offset || n == 0 && m.Size > 0:
		return fmt.Errorf("a chunk of %d bytes at %d of %d", n, m.Offset, m.Size)
	case m.Configuration.Index > m.Index:
		return fmt.Errorf("a snapshot at %d with a configuration of %d", m.Index, m.Configuration.Index)
	}
	return errors.Join(checkPosition(m.Index, m.LastTerm, m.Term), m.Configuration.validate())
}

func (c *core[C]) checkSnapshotReply(from NodeID, m SnapshotReply) error {
	if err := checkIndex(m.Index); err != nil {
		return err
	}
	l, ok := c.role.(*leader[C])
	if !ok || m.Term != c.hard.Term {
		return nil
	}
	var t *transfer
	if p := l.progress(from); p != nil {
		t = p.transfer
	}
	switch {
	case m.Index > c.commit:
		return fmt.Errorf("a snapshot at %d was never sent", m.Index)
	case t != nil && t.Index == m.Index && !m.Done && m.Offset >= uint64(len(t.State)):
		return fmt.Errorf("offset %d is behind the end of the snapshot", m.Offset)
	}
	return nil
}
