package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"maelraft/raft"
)

// Codec turns commands into bytes and back.
type Codec[C any] interface {
	// Append appends the bytes of a command to a slice.
	Append(to []byte, command C) ([]byte, error)
	// Decode is the inverse. The command must not refer to the bytes.
	Decode(text []byte) (C, error)
}

// Identity says whose a directory is.
type Identity struct {
	// Node is the node, Cluster all nodes, in whatever form the caller likes, as long as it stays the same.
	Node, Cluster string
	// Run names the run of the cluster. A caller who names none takes what there is.
	Run string
}

// kind is the first byte of a body.
type kind byte

const (
	// kindStart is the first record of a file: whose it is.
	kindStart kind = 1
	// kindSnapshot is a piece of the snapshot, all of it or the next piece.
	kindSnapshot kind = 2
	// kindBatch is a batch: term, vote and lives, and entries that follow each other.
	kindBatch kind = 3
	// kindComplete ends what was written before the file got its name.
	kindComplete kind = 4
)

// state is what stands in every batch.
type state struct {
	raft.HardState
	lives uint64
}

// with returns the state after a change.
func (s state) with(h *raft.HardState, lives uint64) state {
	if h != nil {
		s.HardState = *h
	}
	if lives > 0 {
		s.lives = lives
	}
	return s
}

// join returns what holds if both states were promised.
func (s state) join(t state) state {
	if t.Term > s.Term || t.Term == s.Term && s.VotedFor == "" {
		s.HardState = t.HardState
	}
	s.lives = max(s.lives, t.lives)
	return s
}

// place is where an entry stands in the file, from its term to its command or configuration, and the checksum of that: what is carried into the next
// file is what was written into this one.
type place struct {
	offset    int64
	size, sum uint32
	term      raft.Term
}

// newPlace returns the place of an entry that stands at an offset, without its term.
func newPlace(offset int64, entry []byte) place {
	return place{offset: offset, size: uint32(len(entry)), sum: crc32.Checksum(entry, castagnoli)}
}

func (c *composer) start(id Identity) {
	at := c.begin()
	c.buffer = append(c.buffer, byte(kindStart))
	c.buffer = binary.AppendUvarint(c.buffer, c.generation)
	for _, s := range []string{id.Node, id.Cluster, id.Run} {
		c.buffer = appendText(c.buffer, s)
	}
	c.end(at)
}

// snapshot adds a record with a piece of a snapshot's state.
func (c *composer) snapshot(s raft.Snapshot, piece []byte) {
	at := c.begin()
	c.buffer = append(c.buffer, byte(kindSnapshot))
	c.buffer = binary.AppendUvarint(c.buffer, uint64(s.Index))
	c.buffer = binary.AppendUvarint(c.buffer, uint64(s.Term))
	c.buffer = binary.AppendUvarint(c.buffer, uint64(s.Configuration.Index))
	c.buffer = appendConfiguration(c.buffer, &s.Configuration)
	c.buffer = append(c.buffer, piece...)
	c.end(at)
}

// batch adds a record with n entries, or as few of them as fit, and returns where they will stand. entry appends the i-th.
func (c *composer) batch(s state, first raft.Index, n int, entry func(to []byte, i int) ([]byte, error)) ([]place, error) {
	at := c.begin()
	c.buffer = append(c.buffer, byte(kindBatch))
	c.buffer = binary.AppendUvarint(c.buffer, uint64(s.Term))
	c.buffer = appendText(c.buffer, string(s.VotedFor))
	c.buffer = binary.AppendUvarint(c.buffer, s.lives)
	c.buffer = binary.AppendUvarint(c.buffer, uint64(first))
	var places []place
	for i := 0; i < n && len(c.buffer)-at < chunk; i++ {
		from := len(c.buffer)
		var err error
		if c.buffer, err = entry(c.buffer, i); err != nil {
			return nil, err
		}
		places = append(places, newPlace(c.base+int64(from), c.buffer[from:]))
	}
	if len(c.buffer)-at > maxBody {
		return nil, errors.New("wal: an entry is too large")
	}
	c.end(at)
	return places, nil
}

// complete adds the record that ends the beginning of a file.
func (c *composer) complete() {
	at := c.begin()
	c.buffer = append(c.buffer, byte(kindComplete))
	c.end(at)
}

// appendEntry appends an entry but for its index, which follows from those before it. The command goes on to the end of its length. A configuration
// stands where a command does, and is told from one by the proposal's id, which is zero; from a no-op, by having a length: it is never empty.
func appendEntry[C any](to []byte, codec Codec[C], e raft.Entry[C]) ([]byte, error) {
	to = binary.AppendUvarint(to, uint64(e.Term))
	to = appendText(to, string(e.ID.Node))
	to = binary.AppendUvarint(to, e.ID.Seq)
	switch {
	case e.Config != nil:
		return appendText(to, string(appendConfiguration(nil, e.Config))), nil
	case e.IsNoOp():
		return appendText(to, ""), nil
	}
	const room = 4 // for the length
	at := len(to)
	to = append(to, make([]byte, room)...)
	to, err := codec.Append(to, e.Command)
	if err != nil {
		return to, fmt.Errorf("wal: a command cannot be encoded: %w", err)
	}
	length := len(to) - at - room
	if length > maxBody {
		return to, errors.New("wal: a command is too large")
	}
	var prefix [binary.MaxVarintLen32]byte
	n := binary.PutUvarint(prefix[:], uint64(length))
	if n <= room { // the usual case: move the command to where its length ends
		copy(to[at+n:], to[at+room:])
		copy(to[at:], prefix[:n])
		return to[:at+n+length], nil
	}
	command := append([]byte(nil), to[at+room:]...)
	return append(append(to[:at], prefix[:n]...), command...), nil
}

// appendConfiguration appends a configuration but for its index.
func appendConfiguration(to []byte, g *raft.Configuration) []byte {
	for _, list := range [][]raft.NodeID{g.Voters, g.Outgoing, g.Learners, g.Witnesses} {
		to = binary.AppendUvarint(to, uint64(len(list)))
		for _, id := range list {
			to = appendText(to, string(id))
		}
	}
	return to
}

func appendText(to []byte, s string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

// parser takes a body apart, and remembers whether something was missing.
type parser struct {
	all, rest []byte
	bad       bool
}

func newParser(body []byte) *parser { return &parser{all: body, rest: body} }

// at returns how much was taken so far.
func (p *parser) at() int { return len(p.all) - len(p.rest) }

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.bad, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

// bytes returns the next so many bytes, which stand behind their number.
func (p *parser) bytes() []byte {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.bad, p.rest = true, nil
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) text() string { return string(p.bytes()) }

func (p *parser) kind() kind {
	if len(p.rest) == 0 {
		p.bad = true
		return 0
	}
	k := kind(p.rest[0])
	p.rest = p.rest[1:]
	return k
}

func (p *parser) state() state {
	return state{raft.HardState{Term: raft.Term(p.uvarint()), VotedFor: raft.NodeID(p.text())}, p.uvarint()}
}

// configuration returns a configuration that was made at an index.
func (p *parser) configuration(index raft.Index) raft.Configuration {
	return raft.Configuration{Index: index, Voters: p.nodes(), Outgoing: p.nodes(), Learners: p.nodes(), Witnesses: p.nodes()}
}

// nodes returns the ids that stand behind their number, or nil if that is zero.
func (p *parser) nodes() []raft.NodeID {
	var ids []raft.NodeID
	for n := p.uvarint(); n > 0 && !p.bad; n-- {
		ids = append(ids, raft.NodeID(p.text()))
	}
	return ids
}

// parseEntry reads an entry and gives it an index.
func parseEntry[C any](p *parser, codec Codec[C], index raft.Index) (raft.Entry[C], error) {
	e := raft.Entry[C]{Index: index, Term: raft.Term(p.uvarint())}
	e.ID = raft.ProposalID{Node: raft.NodeID(p.text()), Seq: p.uvarint()}
	text := p.bytes()
	if p.bad {
		return e, errors.New("an entry is not complete")
	}
	var err error
	if !e.IsNoOp() {
		e.Command, err = codec.Decode(text)
	} else if len(text) > 0 {
		e.Config, err = parseConfiguration(text, index)
	}
	if err != nil {
		return e, fmt.Errorf("what is in entry %d cannot be read: %w", index, err)
	}
	return e, nil
}

// parseConfiguration reads the configuration of the entry at an index.
func parseConfiguration(text []byte, index raft.Index) (*raft.Configuration, error) {
	p := newParser(text)
	g := p.configuration(index)
	if p.bad || len(p.rest) > 0 {
		return nil, errors.New("it is no configuration")
	}
	return &g, nil
}
