package maelstrom

import (
	"sync"
	"time"
)

// A partition seldom cuts everything. In Maelstrom's majorities-ring every node still sees a majority, but not every node sees the
// leader; with three nodes the links even work in one direction only. So nodes pass each other's messages on, one step far. The
// core knows nothing of this: to it, it is a network with fewer partitions and more delay.
//
// A message normally travels as it is, which also says that its sender hears the receiver. It is wrapped in a relay if it takes a
// detour, or if the sender does not hear the receiver directly; "heard" then names the node through which it does, if any. From
// this each side learns how the other hears it. As long as nobody knows a way, copies go through all other nodes, ever less often.

// way is how one node's messages reach another.
type way int

const (
	wayDirect  way = iota // as far as anybody knows
	wayThrough            // through a third node only
	wayUnknown            // not directly, and nobody knows how
)

// link is what a node knows of the two directions between itself and a peer. Safe for concurrent use.
type link struct {
	self, peer string

	mu sync.Mutex

	// From the peer to us.
	directAt  time.Duration // when it was last heard directly
	relayedAt time.Duration // when it was last heard through relayedBy
	relayedBy string
	// waiting is since when messages to it, sent without long pauses, have been without any word from it; never: no message is.
	waiting time.Duration
	sentAt  time.Duration

	// From us to the peer, by its own word.
	out     way
	through string // valid if out is wayThrough

	floodAt  time.Duration // not before then, copies go through everybody again
	floodGap time.Duration
	probeAt  time.Duration // not before then, a copy goes the direct way although that seemed cut
}

const never = time.Duration(-1 << 62)

func newLink(self, peer string) *link {
	return &link{self: self, peer: peer, directAt: never, relayedAt: never, waiting: never, sentAt: never}
}

// hear notes a word from the peer: by is the node that relayed it, empty if it came directly; heard is the node through which the
// peer hears us: ourselves if directly, empty if not at all.
func (l *link) hear(now time.Duration, by, heard string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.floodGap = never, 0
	if by == "" {
		l.directAt = now
	} else {
		l.relayedAt, l.relayedBy = now, by
	}
	switch heard {
	case l.self:
		l.out = wayDirect
	case "":
		l.out = wayUnknown
	default:
		l.out, l.through = wayThrough, heard
	}
}

// route is what to do with one message.
type route struct {
	direct  bool
	through string // a relay, or empty
	flood   bool   // through everybody
	heard   string // how we hear the peer: see hear
}

// route decides how a message goes to the peer. Within patience, a peer that is there answers.
func (l *link) route(now, patience time.Duration) route {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == never || now-l.sentAt > longPause*patience {
		l.waiting = now
	}
	l.sentAt = now
	relayed := now-l.relayedAt <= patience
	r := route{direct: true, heard: l.heard(now, patience)}
	switch {
	case l.silent(now, patience):
		r.flood = l.mayFlood(now, patience)
	case l.out == wayDirect:
	case l.out == wayThrough:
		r.through = l.through
		r.direct = l.mayProbe(now, patience)
	case relayed: // what comes through a node probably also gets there through it
		r.through = l.relayedBy
	default:
		r.flood = l.mayFlood(now, patience)
	}
	return r
}

// casual is the route of a message that somebody else could answer as well: it is not worth a search, nor is its silence telling.
func (l *link) casual(now, patience time.Duration) route {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := route{direct: l.out != wayThrough, heard: l.heard(now, patience)}
	if l.out == wayThrough {
		r.through = l.through
	}
	return r
}

// silent says whether the peer has left our messages without a word for longer than it should.
func (l *link) silent(now, patience time.Duration) bool {
	return l.waiting != never && now-l.waiting > patience
}

// heard returns how we hear the peer: its own name if directly, as far as we know.
func (l *link) heard(now, patience time.Duration) string {
	switch {
	case now-l.directAt <= patience:
	case now-l.relayedAt <= patience:
		return l.relayedBy
	case l.silent(now, patience):
		return ""
	}
	return l.peer
}

// mayFlood allows copies through everybody with growing pauses, as long as they lead to nothing.
func (l *link) mayFlood(now, patience time.Duration) bool {
	if now < l.floodAt {
		return false
	}
	l.floodGap = min(max(2*l.floodGap, patience), maxFloodGap*patience)
	l.floodAt = now + l.floodGap
	return true
}

func (l *link) mayProbe(now, patience time.Duration) bool {
	if now < l.probeAt {
		return false
	}
	l.probeAt = now + patience
	return true
}
