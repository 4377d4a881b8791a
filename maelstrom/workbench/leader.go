package workbench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// sample is one answer to a status question.
type sample struct {
	At   time.Duration `json:"at_ns"`
	Node string        `json:"node"`
	Role string        `json:"role"`
	Term int64         `json:"term"`
	// ElectionTimeoutMS is the top of the range from which the node draws its time-outs; 0 if it did not say.
	ElectionTimeoutMS int64 `json:"election_timeout_ms,omitempty"`
}

// board collects what nodes say about themselves. Only clients ask, so nothing
// here adds a message between nodes. Safe for concurrent use.
type board struct {
	now func() time.Duration

	mu      sync.Mutex
	samples []sample
}

// leader returns who, among answers since a moment, claims to lead in the
// highest term; "" if nobody does.
func (b *board) leader(since time.Duration) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	latest := map[string]sample{}
	for i := len(b.samples) - 1; i >= 0 && b.samples[i].At >= since; i-- {
		s := b.samples[i]
		if _, seen := latest[s.Node]; !seen {
			latest[s.Node] = s
		}
	}
	return leaderOf(latest)
}

func leaderOf(latest map[string]sample) string {
	best := sample{Term: -1}
	for _, s := range latest {
		if s.Role == "leader" && s.Term > best.Term {
			best = s
		}
	}
	return best.Node
}

func (b *board) add(s sample) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.At = b.now()
	b.samples = append(b.samples, s)
}

func (b *board) all() []sample {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.samples)
}

// electionTimeout returns the median of what nodes said of their election time-outs, in milliseconds, or the default if none did.
func electionTimeout(samples []sample) int {
	var said []int64
	for _, s := range samples {
		if s.ElectionTimeoutMS > 0 && s.ElectionTimeoutMS <= maxLatencyMS*clientLimitLatencies {
			said = append(said, s.ElectionTimeoutMS)
		}
	}
	if len(said) == 0 {
		return defaultElectionTimeoutMS
	}
	slices.Sort(said)
	return int(said[len(said)/2])
}

// asker asks one node for its status. Not safe for concurrent use.
type asker struct {
	client *client
	node   string
	board  *board
}

func newAskers(rt *router, nodes []string, b *board) []*asker {
	askers := make([]*asker, len(nodes))
	for i, node := range nodes {
		askers[i] = &asker{client: rt.addClient(), node: node, board: b}
	}
	return askers
}

// ask puts the answer on the board and says whether there was one.
func (a *asker) ask(ctx context.Context, limit time.Duration) bool {
	r, err := a.client.call(ctx, a.node, func(msgID int64) []byte {
		return fmt.Appendf(nil, `{"type":"status","msg_id":%d}`, msgID)
	}, limit)
	if err != nil {
		return false
	}
	kind, _ := asString(r.fields["type"])
	role, okRole := asString(r.fields["role"])
	term, okTerm := asInt(r.fields["term"])
	if kind != "status_ok" || !okRole || !okTerm {
		return false
	}
	timeout, _ := asInt(r.fields["election_timeout_ms"])
	a.board.add(sample{Node: a.node, Role: role, Term: term, ElectionTimeoutMS: timeout})
	return true
}

// askAll asks all nodes at once and returns when all have answered or the
// limit is over.
func askAll(ctx context.Context, askers []*asker, limit time.Duration) {
	var wg sync.WaitGroup
	for _, a := range askers {
		wg.Go(func() { a.ask(ctx, limit) })
	}
	wg.Wait()
}

// watch asks one node again and again until ctx ends.
func (a *asker) watch(ctx context.Context, limit time.Duration) {
	for {
		a.ask(ctx, limit)
		if !coarseSleep(ctx, watchPeriod) {
			return
		}
	}
}

// probeStatus finds out whether the program answers status.
func probeStatus(ctx context.Context, cfg clusterConfig) (answers bool) {
	probe(ctx, cfg, func(c *cluster) {
		b := &board{now: cfg.clock.now}
		answers = newAskers(c.router, c.nodes, b)[0].ask(ctx, probeLimit)
	})
	return answers
}

// probe puts a question to a throwaway node, a cluster of one named probe0,
// because a node may well die of a message type that it does not know, and
// Maelstrom never sends ours. It says whether that node could be started.
func probe(ctx context.Context, cfg clusterConfig, question func(*cluster)) bool {
	cfg.nodes, cfg.journal = []string{"probe0"}, nil
	cfg.fail, cfg.note, cfg.warn = func(error) {}, func(*Violation) {}, func(string) {}
	c, err := startCluster(ctx, cfg)
	if err != nil {
		return false
	}
	defer c.stop()
	question(c)
	return true
}
