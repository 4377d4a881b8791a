package maelstrom

import (
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"maelraft/raft"
)

// peer is what we know of another node, besides its name. Safe for concurrent use.
type peer struct {
	// heard says that a message has come from it. Then it exists, and can be written to.
	heard atomic.Bool
	link  *link
	taken numbers // of its proxies; the reader's
}

func (m *member) isPeer(name string) bool { return m.peers[name] != nil }

// reachable says whether a peer may be written to at a time since init (see silence).
func (m *member) reachable(name string, sinceInit time.Duration) bool {
	p := m.peers[name]
	return p != nil && (sinceInit >= silence || p.heard.Load())
}

// receive takes in a peer's message: for the core, which sees for itself whether it makes sense, or to be passed on.
func (s *server) receive(m message, kind string) {
	w := wrapped{from: m.Src, to: m.Dest, heard: m.Dest, kind: kind, body: m.body}
	if kind == kindRelay {
		var err error
		if w, err = unwrap(m.body); err != nil || !s.member.knows(w) {
			s.drops.add(slog.LevelWarn, dropBadPeer, "src", m.Src, "type", kind, "error", err)
			return
		}
	}
	if w.to != s.member.id {
		s.passOn(w, m)
		return
	}
	body, err := decodeBody(w.kind, w.body)
	if err != nil {
		s.drops.add(slog.LevelWarn, dropBadPeer, "src", m.Src, "type", w.kind, "error", err)
		return
	}
	by := m.Src
	if m.Src == w.from {
		by = ""
		s.member.peers[m.Src].heard.Store(true)
	}
	if by == "" {
		s.member.guess(body)
	} else {
		body = untimed(body)
	}
	if w.kind == kindAppendEntries {
		s.errands.heardLeader(w.from)
	}
	s.member.peers[w.from].link.hear(s.member.now(), by, w.heard)
	s.member.driver.Receive(raft.Message{From: raft.NodeID(w.from), To: raft.NodeID(w.to), Body: body})
}

// guess notes for how long a message of an election was under way by its sender's clock, which has begun when that node was told who it is: about when ours has.
func (m *member) guess(body raft.Body) {
	var at time.Duration
	switch b := body.(type) {
	case raft.PreVoteRequest:
		at = b.At
	case raft.VoteRequest:
		at = b.At
	default:
		return
	}
	m.guessed.Store(max(m.guessed.Load(), int64(m.now()-at), 1))
}

// untimed takes the time from a reply that came on a detour: all time-outs follow the round trips, and a few slow ones should not make
// every election slower.
func untimed(body raft.Body) raft.Body {
	const unknown = -1 // the core passes over a time before its start
	switch b := body.(type) {
	case raft.PreVoteReply:
		b.At = unknown
		return b
	case raft.VoteReply:
		b.At = unknown
		return b
	case raft.AppendReply:
		b.At = unknown
		return b
	case raft.SnapshotReply:
		b.At = unknown
		return b
	}
	return body
}

// knows says whether a relay's ends are two different nodes of this cluster, we are not the sender, and whom the sender hears the
// receiver through, if through anybody, is a third node or the receiver itself.
func (m *member) knows(w wrapped) bool {
	isNode := func(name string) bool { return name == m.id || m.isPeer(name) }
	heard := w.heard == "" || w.heard != w.from && isNode(w.heard)
	return w.from != w.to && w.from != m.id && isNode(w.from) && isNode(w.to) && heard
}

// passOn sends on what a peer has given us for another. It goes one step only: what comes from a third node ends here.
func (s *server) passOn(w wrapped, m message) {
	switch {
	case m.Src != w.from || !s.member.reachable(w.to, s.member.now()):
		s.drops.add(slog.LevelDebug, dropElsewhere, "src", m.Src, "dest", w.to)
	case s.out.crowded():
		s.drops.add(slog.LevelWarn, dropFull, "dest", w.to)
	default:
		s.transmit(w.to, relayBody{kindRelay, w.from, w.to, w.heard, w.raw})
	}
}

// send is where the core's messages go. It is called from the core's loop and does not wait.
func (s *server) send(messages []raft.Message) {
	sinceInit := s.member.now()
	status := s.member.core.Status()
	patience := linkPatience(status, time.Duration(s.member.guessed.Load()))
	for _, m := range messages {
		to := string(m.To)
		switch {
		case !s.member.reachable(to, sinceInit):
			s.drops.add(slog.LevelDebug, dropSilence, "dest", to)
		case s.out.crowded():
			s.drops.add(slog.LevelWarn, dropFull, "dest", to)
		default:
			link := s.member.peers[to].link
			way := link.route
			if isCasual(m, status.Leader) {
				way = link.casual
			}
			s.dispatch(to, m.Body, way(sinceInit, patience), sinceInit)
		}
	}
}

// isCasual says whether somebody else could as well do what a message asks for, or say what it says: a confirmation of the term, or an
// acknowledgement to a node that is not the leader.
func isCasual(m raft.Message, leader raft.NodeID) bool {
	switch m.Body.(type) {
	case raft.ConfirmRequest, raft.ConfirmReply:
		return true
	case raft.AppendReply:
		return leader != "" && m.To != leader
	}
	return false
}

// linkPatience is how long a peer may leave us without a word before its silence means something: three heartbeats, or the least
// election time-out if that is longer, and a round trip. As long as none was measured it is guessed, or we suppose a slow network.
func linkPatience(s raft.Status, guessed time.Duration) time.Duration {
	p := max(3*s.Heartbeat, s.ElectionTimeout/2) + s.RTT.Mean
	slow := max(p, minClientLimit/2)
	switch {
	case s.Measured:
		return p
	case guessed == 0:
		return slow
	}
	return min(p+2*guessed, slow)
}

// dispatch sends a message on its way, or its ways.
func (s *server) dispatch(to string, b raft.Body, r route, sinceInit time.Duration) {
	var body any = encodeBody(b)
	wrap := r.heard != to
	if wrap || r.through != "" || r.flood {
		raw, err := json.Marshal(body)
		if err != nil {
			s.log.Error("a message could not be encoded", "dest", to, "error", err)
			return
		}
		relay := relayBody{kindRelay, s.member.id, to, r.heard, raw}
		for _, other := range s.member.ids {
			if other != to && (r.flood || other == r.through) && s.member.reachable(other, sinceInit) {
				s.transmit(other, relay)
			}
		}
		if wrap {
			body = relay
		}
	}
	if r.direct {
		s.transmit(to, body)
	}
}

func (s *server) transmit(to string, body any) {
	if err := s.node.Send(to, body); err != nil {
		s.log.Error("a message could not be sent", "dest", to, "error", err)
	}
}
