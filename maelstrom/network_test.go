package maelstrom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// network carries lines between nodes and clients, as Maelstrom does, and holds every line against the protocol. It serves nodes in
// this process, with a latency and in virtual time, as well as real processes.
type network struct {
	t       testing.TB
	latency time.Duration
	ids     []string

	mu      sync.Mutex
	stdin   map[string]io.Writer
	cut     map[[2]string]bool
	waiting map[string]chan map[string]json.RawMessage // by client and msg_id
	replies map[string]int                             // less the copies of the request
	clients map[string]bool
	between int // messages between nodes
	relays  int // those of them that are relays, cut or not
	detours int // those of them that do not go straight from end to end
	nextID  int
}

func newNetwork(t testing.TB, latency time.Duration, ids ...string) *network {
	return &network{
		t: t, latency: latency, ids: ids, stdin: map[string]io.Writer{}, cut: map[[2]string]bool{}, clients: map[string]bool{},
		waiting: map[string]chan map[string]json.RawMessage{}, replies: map[string]int{},
	}
}

func (n *network) attach(id string, stdin io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stdin[id] = stdin
}

// stdout returns what a node prints on.
func (n *network) stdout(id string) io.Writer {
	return &lineWriter{take: func(l []byte) { n.route(id, l) }}
}

// route takes one line that a node has printed.
func (n *network) route(from string, line []byte) {
	var m struct {
		Src, Dest string
		Body      map[string]json.RawMessage
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || d.More() || m.Src != from || m.Body == nil {
		n.t.Errorf("node %s printed a bad line (%v): %s", from, err, line)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	stdin, isNode := n.stdin[m.Dest]
	switch {
	case isNode && m.Dest != from:
		n.between++
		if string(m.Body["type"]) == `"relay"` {
			n.relays++
			if string(m.Body["from"]) != quote(from) || string(m.Body["to"]) != quote(m.Dest) {
				n.detours++
			}
		}
		if !n.cut[[2]string{from, m.Dest}] {
			n.deliver(stdin, line)
		}
	case n.clients[m.Dest]:
		key := m.Dest + " " + string(m.Body["in_reply_to"])
		if n.replies[key]++; n.replies[key] > 1 {
			n.t.Errorf("node %s replied twice to %s: %s", from, key, line)
		}
		if c := n.waiting[key]; c != nil {
			c <- m.Body
		}
	default:
		n.t.Errorf("node %s wrote to %q, which does not exist: %s", from, m.Dest, line)
	}
}

func (n *network) deliver(stdin io.Writer, line []byte) {
	text := append(bytes.Clone(line), '\n')
	if q, ok := stdin.(*queue); ok {
		q.put(text, q.delay())
		return
	}
	if n.latency == 0 {
		_, _ = stdin.Write(text)
		return
	}
	time.AfterFunc(n.latency, func() { _, _ = stdin.Write(text) })
}

// isolate cuts all links of a node, or heals them.
func (n *network) isolate(id string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.ids {
		n.cut[[2]string{id, other}], n.cut[[2]string{other, id}] = cut, cut
	}
}

// cutLink cuts one direction of a link, or heals it.
func (n *network) cutLink(from, to string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{from, to}] = cut
}

// cutAll cuts every direction of which cut says so, and heals all others.
func (n *network) cutAll(cut func(from, to int) bool) {
	for i, from := range n.ids {
		for j, to := range n.ids {
			n.cutLink(from, to, i != j && cut(i, j))
		}
	}
}

func quote(name string) string { return fmt.Sprintf("%q", name) }

// relayed returns how many relays have been sent since it was called last, and how many of them on a detour.
func (n *network) relayed() (relays, detours int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	relays, detours = n.relays, n.detours
	n.relays, n.detours = 0, 0
	return relays, detours
}

// line writes a line to a node's stdin.
func (n *network) line(id, line string) {
	n.mu.Lock()
	stdin := n.stdin[id]
	n.mu.Unlock()
	_, _ = io.WriteString(stdin, line+"\n")
}

// expect opens a box for the reply to a client's request.
func (n *network) expect(client, msgID string) chan map[string]json.RawMessage {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := make(chan map[string]json.RawMessage, 2)
	n.clients[client] = true
	n.waiting[client+" "+msgID] = c
	return c
}

// start sends a request, whose body lacks type and msg_id, and returns the box for the reply.
func (n *network) start(node, kind, members string) chan map[string]json.RawMessage {
	n.mu.Lock()
	n.nextID++
	id := fmt.Sprint(n.nextID)
	n.mu.Unlock()
	c := n.expect("c1", id)
	n.send(node, kind, id, members)
	return c
}

// again sends a copy of the last request. The reply goes where the first one's does.
func (n *network) again(node, kind, members string) {
	n.mu.Lock()
	id := fmt.Sprint(n.nextID)
	n.replies["c1 "+id]--
	n.mu.Unlock()
	n.send(node, kind, id, members)
}

func (n *network) send(node, kind, id, members string) {
	if members != "" {
		members = "," + members
	}
	n.line(node, fmt.Sprintf(`{"id":7,"src":"c1","dest":%q,"body":{"type":%q,"msg_id":%s%s}}`, node, kind, id, members))
}

// await returns a reply in short: its type, or its code if it is an error, and the value if there is one.
func (n *network) await(c chan map[string]json.RawMessage, limit time.Duration) string {
	select {
	case body := <-c:
		short := strings.Trim(string(body["type"]), `"`)
		if short == "error" {
			short = string(body["code"])
		}
		if v := body["value"]; v != nil {
			short += " " + string(v)
		}
		return short
	case <-time.After(limit):
		return "nothing"
	}
}

// ask sends a request and returns its reply in short.
func (n *network) ask(node, kind, members string) string {
	return n.await(n.start(node, kind, members), 5*time.Second)
}

// want asks, and compares.
func (n *network) want(want, node, kind, members string) {
	n.t.Helper()
	if got := n.ask(node, kind, members); got != want {
		n.t.Errorf("%s at %s %s: got %q, want %q", kind, node, members, got, want)
	}
}

// status returns a node's status_ok.
func (n *network) status(node string) (s statusOK) {
	body := <-n.start(node, "status", "")
	text, _ := json.Marshal(body)
	if err := json.Unmarshal(text, &s); err != nil {
		n.t.Errorf("status: %v in %s", err, text)
	}
	return s
}

// init starts the protocol at all nodes.
func (n *network) init() {
	ids, _ := json.Marshal(n.ids)
	for i, id := range n.ids {
		client := fmt.Sprintf("c%d", 100+i)
		c := n.expect(client, "1")
		n.line(id, fmt.Sprintf(`{"id":%d,"src":%q,"dest":%q,"body":{"type":"init","node_id":%q,"node_ids":%s,"msg_id":1}}`,
			i, client, id, id, ids))
		if got := n.await(c, 10*time.Second); got != "init_ok" {
			n.t.Fatalf("init at %s: %s", id, got)
		}
	}
}

// lineWriter cuts what is written into lines.
type lineWriter struct {
	take func(line []byte)
	part []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; ; {
		text, after, ended := bytes.Cut(rest, []byte{'\n'})
		w.part = append(w.part, text...)
		if !ended {
			return len(p), nil
		}
		w.take(w.part)
		w.part, rest = nil, after
	}
}

// feed is a pipe of any capacity, whose reader waits in a way that testing/synctest understands.
type feed struct {
	mu     sync.Mutex
	filled sync.Cond
	buffer []byte
	closed bool
}

func newFeed() *feed {
	f := &feed{}
	f.filled.L = &f.mu
	return f
}

func (f *feed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffer = append(f.buffer, p...)
	f.filled.Signal()
	return len(p), nil
}

func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.buffer) == 0 {
		if f.closed {
			return 0, io.EOF
		}
		f.filled.Wait()
	}
	n := copy(p, f.buffer)
	f.buffer = f.buffer[n:]
	return n, nil
}

func (f *feed) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.filled.Signal()
	return nil
}

// cluster is a network of nodes in this process. Close it before the end of the bubble.
type cluster struct {
	*network
	queued func() time.Duration // the delay of the next message, if they are delivered one at a time (queue); nil: the network's latency
	ends   []io.Closer
	done   sync.WaitGroup
}

func startCluster(t testing.TB, latency time.Duration, ids ...string) *cluster {
	return startClusterWith(t, Options{Seed: 1}, latency, ids...)
}

func startClusterWith(t testing.TB, o Options, latency time.Duration, ids ...string) *cluster {
	c := &cluster{network: newNetwork(t, latency, ids...)}
	c.launch(o)
	return c
}

func (c *cluster) launch(o Options) {
	for _, id := range c.ids {
		f := newFeed()
		c.ends = append(c.ends, f)
		c.attach(id, f)
		if c.queued != nil {
			q := newQueue(f, c.queued)
			c.ends = append(c.ends, q)
			c.attach(id, q)
			c.done.Go(q.run)
		}
		c.done.Go(func() {
			if err := Serve(f, c.stdout(id), io.Discard, o); err != nil {
				c.t.Errorf("node %s: %v", id, err)
			}
		})
	}
	c.init()
}

// close ends all nodes, which must answer everything first.
func (c *cluster) close() {
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.done.Wait()
}
