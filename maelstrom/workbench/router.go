package workbench

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// router is the network. It carries messages between nodes and clients as
// Maelstrom does: each node has one queue, ordered by deadline, and one
// goroutine that takes the head of it, drops it if the sender is cut off *at
// that moment*, and otherwise sleeps until it is due while everything behind
// it waits. Clients have neither delay nor partitions. Safe for concurrent use.
type router struct {
	clock   clock
	seed    uint64
	delays  latency
	unit    time.Duration // the mean latency, or what stands for it in faults
	quirks  bool
	sleep   sleeper
	late    lateness
	journal *journal // takes down every message, or nil
	// logSend and logRecv show messages to a person; they do nothing unless
	// asked for.
	logSend, logRecv func(message)
	mu               sync.Mutex
	nodes            map[string]*inbox
	clients          map[string]*client
	links            map[[2]string]chance
	weather          weather
	lastID           int
	clientN          int
	stats            NetStats
}

// NetStats counts messages since the nodes were started.
type NetStats struct {
	// All counts every message; Clients those with a client at one end;
	// Servers those between nodes, self-sends included.
	All     Traffic `json:"all"`
	Clients Traffic `json:"clients"`
	Servers Traffic `json:"servers"`
	// ServersByType counts sent messages between nodes by their body's type.
	ServersByType map[string]int `json:"servers_by_type"`
	// Dropped counts messages that a partition swallowed; Lost those that were
	// lost to other faults; Duplicated those that arrived twice.
	Dropped    int `json:"dropped"`
	Lost       int `json:"lost"`
	Duplicated int `json:"duplicated"`
	// LateReplies counts replies that came after their client gave up.
	LateReplies int `json:"late_replies"`
	// ForeignReplies counts replies from a node other than the one asked. They
	// take the client's free link, so message and latency figures flatter.
	ForeignReplies int `json:"foreign_replies"`
	// SpoofedSources counts messages whose src was not the node's own id.
	SpoofedSources int `json:"spoofed_sources"`
	// SilencedLines counts lines of silenced nodes (with quirks only).
	SilencedLines int `json:"silenced_lines"`
}

// Traffic counts messages of one class. Bytes are those of bodies sent.
type Traffic struct {
	Sent     int   `json:"sent"`
	Received int   `json:"received"`
	Bytes    int64 `json:"bytes"`
}

func newRouter(c clock, opts Options, sleep sleeper) *router {
	return &router{
		clock:   c,
		seed:    opts.Seed,
		delays:  latency{mean: opts.Latency, dist: opts.LatencyDist},
		quirks:  opts.MaelstromQuirks,
		sleep:   sleep,
		nodes:   map[string]*inbox{},
		clients: map[string]*client{},
		unit:    max(opts.meanLatency(), leastUnit),
		links:   map[[2]string]chance{},
		logSend: messageLog(opts.LogNetSend, "send"),
		logRecv: messageLog(opts.LogNetRecv, "recv"),
		stats:   NetStats{ServersByType: map[string]int{}},
	}
}

// messageLog returns what shows messages on stderr, if wanted.
func messageLog(wanted bool, what string) func(message) {
	if !wanted {
		return func(message) {}
	}
	return func(m message) { _, _ = fmt.Fprintf(os.Stderr, "%s %s -> %s %s\n", what, m.src, m.dest, m.body) }
}

// addNode makes id a destination.
func (rt *router) addNode(id string) *inbox {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	ib := newInbox()
	rt.nodes[id] = ib
	return ib
}

// inbox returns the queue of a node.
func (rt *router) inbox(id string) *inbox {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.nodes[id]
}

// addClient opens a client with the next id of the one counter for all.
func (rt *router) addClient() *client {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c := newClient(rt, fmt.Sprintf("c%d", rt.clientN))
	rt.clientN++
	rt.clients[c.id] = c
	return c
}

// closeClient makes the client's id unknown; messages to it are violations.
func (rt *router) closeClient(c *client) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	delete(rt.clients, c.id)
}

// setWeather replaces what is in force of faults.
func (rt *router) setWeather(w weather) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.weather = w
	for id := range w.down {
		rt.stats.Lost += rt.lose(rt.nodes[id])
	}
}

// snapshot copies the counters.
func (rt *router) snapshot() NetStats {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	s := rt.stats
	s.ServersByType = maps.Clone(s.ServersByType)
	return s
}

func (rt *router) countSilenced() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.stats.SilencedLines++
}

// sendFromNode carries a message that node printed, after checking its ends. A
// mild fault does not keep it from being carried.
func (rt *router) sendFromNode(node string, m message) *fault {
	rt.mu.Lock()
	spoof := rt.judgeSource(node, m.src)
	c, toClient := rt.clients[m.dest]
	_, toNode := rt.nodes[m.dest]
	if spoof != nil && !spoof.mild {
		rt.mu.Unlock()
		return spoof
	}
	if !toClient && !toNode {
		rt.mu.Unlock()
		return &fault{why: fmt.Sprintf("its dest %q is unknown", m.dest), asks: askDest}
	}
	rt.post(m)
	rt.mu.Unlock()
	if toClient {
		if f := c.deliver(node, m); f != nil {
			return f
		}
	}
	return spoof
}

// judgeSource tells a src that is not the sender's own: Maelstrom only asks
// that somebody has it, and gives a client's the client's free links.
func (rt *router) judgeSource(node, src string) *fault {
	if src == node {
		return nil
	}
	rt.stats.SpoofedSources++
	_, isNode := rt.nodes[src]
	_, isClient := rt.clients[src]
	if !isNode && !isClient {
		return &fault{why: fmt.Sprintf("its src %q is unknown", src), asks: askSrc}
	}
	return &fault{why: fmt.Sprintf("its src %q is somebody else's", src), asks: askSrc, mild: true}
}

// sendFromClient carries a request.
func (rt *router) sendFromClient(m message) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.post(m)
}

// post numbers and counts a message and, if it goes to a node, queues it. The
// caller holds mu and has checked both ends. Clients have no queue here: their
// links have no delay, so the caller hands the message over at once.
func (rt *router) post(m message) {
	id := rt.lastID
	rt.lastID++
	ib, toNode := rt.nodes[m.dest]
	_, fromClient := rt.clients[m.src]
	server := toNode && !fromClient
	rt.countSent(m, server)
	rt.logSend(m)
	if !toNode {
		rt.countReceived(false)
		rt.logRecv(m)
		now := rt.clock.now()
		rt.journal.add(journalEntry{id: id, message: m, sent: now, at: now})
		return
	}
	late := []time.Duration{0}
	if server {
		l := rt.chance(m.src, m.dest)
		delay := time.Duration(rt.delays.draw(l.delays)) * time.Millisecond
		late = rt.weather.fate(l.faults, m.src, m.dest, rt.unit)
		for i := range late {
			late[i] += delay
		}
	}
	now := rt.clock.now()
	if len(late) == 0 || rt.weather.down[m.dest] {
		rt.stats.Lost++
		rt.journal.add(journalEntry{id: id, message: m, sent: now, at: now, fate: fateLost})
		return
	}
	rt.stats.Duplicated += len(late) - 1
	for _, delay := range late {
		ib.push(&parcel{id: id, message: m, server: server, sent: now, deadline: now + delay})
	}
}

// chance is what is random about an ordered pair of nodes.
type chance struct{ delays, faults *rand.Rand }

func (rt *router) chance(src, dest string) chance {
	key := [2]string{src, dest}
	l, ok := rt.links[key]
	if !ok {
		name := src + ">" + dest
		l = chance{stream(rt.seed, purposeDelay, name), stream(rt.seed, purposeFate, name)}
		rt.links[key] = l
	}
	return l
}

func (rt *router) countSent(m message, server bool) {
	class := &rt.stats.Clients
	if server {
		class = &rt.stats.Servers
		rt.stats.ServersByType[m.kind]++
	}
	for _, t := range []*Traffic{&rt.stats.All, class} {
		t.Sent++
		t.Bytes += int64(len(m.body))
	}
}

func (rt *router) countReceived(server bool) {
	rt.stats.All.Received++
	if server {
		rt.stats.Servers.Received++
	} else {
		rt.stats.Clients.Received++
	}
}

// countReply counts replies that are legal but worth knowing.
func (rt *router) countReply(late, foreign bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if late {
		rt.stats.LateReplies++
	}
	if foreign {
		rt.stats.ForeignReplies++
	}
}
