package maelstrom

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/driver"
	"maelraft/raft/session"
)

// member is a node that knows who it is. Its fields do not change after join.
type member struct {
	id     string
	ids    []string // of all nodes, this one among them
	peers  map[string]*peer
	epoch  time.Time // zero of the node's clock
	core   *raft.Node[command, result]
	driver *driver.Driver[command, result]
	disk   storage
	life   uint64 // this process is the node's nth
	// guessed is for how long messages are under way, as long as nothing is measured; zero: nothing has come.
	guessed atomic.Int64
}

// now is the time on the node's clock.
func (m *member) now() time.Duration { return time.Since(m.epoch) }

// handleInit makes this process a node, before anything else can be taken in, and answers. An init that says the same once more is
// answered once more, for its answer may have been lost.
func (s *server) handleInit(m message) {
	who, ok := askerOf(m)
	if !ok {
		s.drops.add(slog.LevelWarn, dropUnanswerable, "src", m.Src, "type", "init")
		return
	}
	id, ids, err := parseInit(m)
	switch {
	case s.member == nil && err == nil:
		err = s.join(id, ids)
	case s.member == nil:
	case m.Dest != s.member.id:
		s.drops.add(slog.LevelDebug, dropElsewhere, "src", m.Src, "dest", m.Dest)
		return
	case err == nil && (id != s.member.id || !slices.Equal(ids, s.member.ids)):
		err = fmt.Errorf("this node is %q of %q already", s.member.id, s.member.ids)
	}
	if isDiskError(err) {
		s.fatal = err
		return
	}
	if s.member == nil { // nobody yet, so nobody can answer
		s.drops.add(slog.LevelError, dropBadInit, "error", err)
		return
	}
	if err != nil {
		s.replyError(who, official.MalformedRequest, err.Error())
		return
	}
	s.out.allow(who.name)
	if err := replyInitOK(s.node, who); err != nil {
		s.log.Error("init_ok could not be sent", "error", err)
	}
}

func parseInit(m message) (id string, ids []string, err error) {
	id, ok := m.body.text("node_id")
	if !ok || id == "" || id != m.Dest {
		return "", nil, errors.New("node_id is not the id of the node that was asked")
	}
	list, err := elements(m.body.find("node_ids"))
	if err != nil {
		return "", nil, fmt.Errorf("node_ids: %w", err)
	}
	for _, element := range list {
		if element[0] != '"' {
			return "", nil, errors.New("node_ids are not all strings")
		}
		ids = append(ids, string(unquote(element)))
	}
	return id, ids, nil
}

// join starts the node. The error says what is wrong with the list of nodes, or is a diskError.
func (s *server) join(id string, ids []string) error {
	m := &member{id: id, ids: ids, peers: map[string]*peer{}}
	nodes := make([]raft.NodeID, len(ids))
	for i, name := range ids {
		nodes[i] = raft.NodeID(name)
		if name != id {
			m.peers[name] = &peer{link: newLink(id, name)}
		}
	}
	cfg := s.opts.raftConfig(raft.NodeID(id), nodes)
	cfg.Seed = s.opts.seed(slices.Index(ids, id))
	machine, err := session.New(kv.New(), kv.Digest, session.Limits{})
	if err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil { // before a directory becomes that of such a node
		return err
	}
	if !slices.Contains(ids, id) {
		return fmt.Errorf("this node, %q, is not among node_ids", id)
	}
	if n := s.opts.InitialVoters; n > 0 {
		cfg.Members = nodes[:min(n, len(nodes))]
	}
	if m.disk, err = s.openStorage(id, ids); err != nil {
		return diskError{err}
	}
	saved, err := m.disk.Load()
	if err != nil {
		return diskError{errors.Join(err, m.disk.Close())}
	}
	m.epoch, m.life = time.Now(), saved.Lives+1
	if m.core, err = raft.New(cfg, machine, saved, 0); err != nil {
		return diskError{errors.Join(err, m.disk.Close())}
	}
	m.driver = driver.New(driver.Options[command, result]{
		Node: m.core, Storage: m.disk, Send: s.send, Epoch: m.epoch, Log: s.log,
		Refused: func(m raft.Message, err error) {
			s.drops.add(slog.LevelWarn, dropBadPeer, "src", string(m.From), "error", err)
		},
	})
	s.node.Init(id, ids)
	s.out.name(id, ids)
	s.member = m
	s.arrive(m, s.feelThePulse)
	s.arrive(m, func() {
		m.driver.Run(s.ctx)
		if err := m.disk.Close(); err != nil {
			s.log.Error("the data directory could not be closed", "error", err)
		}
	})
	s.log.Info("node initialised", "id", id, "nodes", ids, "voters", cfg.Members)
	return nil
}

// seed returns the seed of the node at a place in the list of nodes.
func (o Options) seed(place int) uint64 {
	if o.Seed != 0 {
		return o.Seed + uint64(place)
	}
	var b [8]byte
	_, _ = crand.Read(b[:]) // never fails since Go 1.24
	return binary.LittleEndian.Uint64(b[:])
}
