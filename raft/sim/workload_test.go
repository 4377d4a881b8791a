package sim_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// A key is left after some operations, and earlier if the outcome of a few is unknown: checking for linearizability takes time that is
// exponential in those.
const (
	opsPerKey     = 60
	unknownPerKey = 4
)

// workload makes clients call a cluster until it is stopped, and keeps the history.
type workload struct {
	*sim.Cluster[op, result]
	swarm   sim.Swarm
	rng     *rand.Rand
	history []porcupine.Operation
	stopped bool
	never   map[int]bool   // operations that were said never to be executed
	acked   map[int]result // writes and cas that clients have the outcome of
	once    bool           // the core itself is to see to it that nothing is executed twice
	tries   bool           // a cas that does not match needs no log
	readers int            // clients from this number on only read, if not zero: one that writes waits where nothing can be committed
	clients int
	pause   time.Duration // of a client between two operations
	ops     int
	key     int
	onKey   int // operations, the unknown ones weighted
	tally
}

// tally is what a campaign counts.
type tally struct {
	ok, unknown int
	failed      int // definitely not executed
	undecided   int // histories for which no linearization was found in time, nor excluded
	virtual     time.Duration
	recovery    time.Duration // the longest until a quorum served everybody again
	changing    int           // runs in which the membership changed
	configs     int           // configurations committed
}

func (t *tally) add(u tally) {
	t.ok, t.unknown, t.failed, t.undecided = t.ok+u.ok, t.unknown+u.unknown, t.failed+u.failed, t.undecided+u.undecided
	t.changing, t.configs = t.changing+u.changing, t.configs+u.configs
	t.virtual, t.recovery = t.virtual+u.virtual, max(t.recovery, u.recovery)
}

// newWorkload draws the configuration and the clients of a run; about ten operations per second, in some runs less and in some more.
func newWorkload(s sim.Swarm) *workload { return newWorkloadOn(s, nil) }

// newWorkloadOn is newWorkload with disks of the caller's, or the simulator's own.
func newWorkloadOn(s sim.Swarm, disks newDisk) *workload {
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	config := raft.Config[op]{Resend: rng.IntN(4) > 0, FirstElection: 150 * time.Millisecond, EarlyCommit: s.Seed%2 == 1}
	if rng.IntN(3) == 0 {
		config.MaxInflight, config.MaxAppendBytes = 1+rng.IntN(3), 4+rng.IntN(8)
	}
	compact(&config, s.Seed)
	s = readBy(&config, s)
	shortCuts := rand.New(rand.NewPCG(s.Seed, 4))
	config.Thrifty = shortCuts.IntN(2) == 0
	if !config.Resend {
		s = s.Only(sim.AllFaults &^ sim.Duplicates) // a forward that arrives twice is executed twice, unless the machine sees to that
	}
	w := assembleOn(s, config, rng, disks)
	w.tries = shortCuts.IntN(2) == 0
	w.clients = 2 * len(w.IDs)
	perSecond := []int{3, 8, 12, 12, 50}[rng.IntN(5)]
	w.pause = time.Duration(w.clients) * time.Second / time.Duration(perSecond)
	return w
}

// compact draws thresholds so low that logs are cut, and followers get snapshots in tiny chunks, all the time. Other draws stay as they were.
func compact(config *raft.Config[op], seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	if rng.IntN(2) == 0 {
		return
	}
	config.SnapshotEntries = 5 + rng.IntN(16)
	config.TrailingEntries = rng.IntN(4) - 1 // none, the default of many, one, two
	config.MaxChunkBytes = []int{50, 500, 10_000}[rng.IntN(3)]
}

// readBy draws how reads are made sure of: in a quarter of the seeds by leases, and in some through the log. Other draws stay as they were.
func readBy(config *raft.Config[op], s sim.Swarm) sim.Swarm {
	rng := rand.New(rand.NewPCG(s.Seed, 3))
	switch rng.IntN(12) {
	case 0:
		config.Reads = raft.LogReads
	case 1, 2, 3:
		config.Reads = raft.LeaseReads
		config.MaxDrift = []float64{0, 0.01, 1}[rng.IntN(3)]
		return s.Disciplined(cmp.Or(config.MaxDrift, raft.DefaultMaxDrift))
	}
	return s
}

// newDisk makes a disk of the caller's for a node.
type newDisk func(raft.NodeID, sim.Hazards) sim.Disk[op]

func assemble(s sim.Swarm, config raft.Config[op], rng *rand.Rand) *workload {
	return assembleOn(s, config, rng, nil)
}

func assembleOn(s sim.Swarm, config raft.Config[op], rng *rand.Rand, disks newDisk) *workload {
	for i := range s.Nodes {
		config.Members = append(config.Members, raft.NodeID(fmt.Sprint("n", i+1)))
	}
	config.CatchUp = time.Second
	cluster := sim.New(s.Seed, s.Nodes+s.Spare, config, newRegisters)
	if disks != nil {
		cluster = sim.NewOn(s.Seed, s.Nodes+s.Spare, config, newRegisters, disks)
	}
	w := &workload{
		Cluster: cluster, swarm: s, rng: rng,
		never: map[int]bool{}, acked: map[int]result{}, once: !config.Resend,
	}
	w.Digest = digest
	return w
}

func (w *workload) client(n int) {
	if w.stopped {
		return
	}
	w.ops++
	if w.onKey++; w.onKey > opsPerKey {
		w.key, w.onKey = w.key+1, 0
	}
	o := op{id: w.ops, key: w.key, from: w.rng.IntN(5), to: w.rng.IntN(5)}
	o.kind = []string{"read", "write", "cas"}[w.rng.IntN(3)]
	if w.readers > 0 && n >= w.readers {
		o.kind = "read"
	}
	id := w.IDs[n%len(w.IDs)]
	call := w.Now()
	ended := false
	const limit = patience
	done := func(out raft.Outcome[result]) {
		if ended {
			return
		}
		ended = true
		w.record(n, o, int64(call), out)
		w.After(w.pause, func() { w.client(n) })
	}
	switch {
	case o.kind == "read":
		w.Read(id, o, limit, done)
	case o.kind == "cas" && w.tries:
		w.Try(id, o, limit, done)
	default:
		w.Propose(id, o, limit, done)
	}
	w.After(2*limit, func() { done(raft.Outcome[result]{Err: raft.ErrUnknown}) }) // the node has crashed
}

func (w *workload) record(client int, o op, call int64, out raft.Outcome[result]) {
	w.Note("client %d: %+v is %+v, %v", client, o, out.Result, out.Err)
	event := porcupine.Operation{ClientId: client, Input: o, Call: call, Return: int64(w.Now())}
	switch {
	case out.Err == nil:
		w.ok++
		event.Output = out.Result
		if o.kind == "write" || o.kind == "cas" && (out.Result.matched || !w.tries) {
			w.acked[o.id] = out.Result
		}
	case out.Err == raft.ErrUnknown && o.kind != "read":
		w.unknown++
		w.onKey += opsPerKey / unknownPerKey
		event.Return = 1 << 62
	default:
		w.failed++
		w.never[o.id] = o.kind != "read" && out.Err != raft.ErrUnknown
		return
	}
	w.history = append(w.history, event)
}

// Phase two: how long a healed quorum may take until it has served everybody; and phase three: until every node has caught up, which takes
// long with the smallest windows.
const (
	recoveryLimit = 30 * time.Second
	catchUpLimit  = time.Minute
	// patience is how long a request waits before its client asks anew.
	patience = time.Second
)

// checkLimit bounds the search for a linearization. Where hardly anything has an outcome it can take for ever; no verdict is no failure.
const checkLimit = 10 * time.Second

// run goes through the phases: anything may fail; a quorum is healed and must serve; all are healed and must agree.
func (w *workload) run() error {
	w.start()
	_ = w.Run(w.swarm.Span)
	w.stopped = true
	healthy := w.Calm(w.swarm)
	calm := w.Now()
	acked := maps.Clone(w.acked)
	served := w.insist("phase two: a healed quorum serves", healthy, recoveryLimit)
	w.readAll(served)
	w.recovery = w.Now() - calm
	w.checkDurable(served, acked)

	w.Calm(w.swarm.Only(sim.AllFaults &^ sim.Wreckage))
	acked = maps.Clone(w.acked)
	served = w.insist("phase three: every healed node serves", w.IDs, catchUpLimit)
	w.checkDurable(served, acked)
	_ = w.Run(3 * time.Second) // whatever a client waits for has an outcome
	w.checkMachines()
	w.checkHistory()
	w.sumUp()
	return w.Err()
}

// sumUp notes what the tally is to say of the run.
func (w *workload) sumUp() {
	w.virtual, w.configs = w.Now(), w.Configurations()
	if w.configs > 0 {
		w.changing = 1
	}
}

// start lets the clients and the weather begin.
func (w *workload) start() {
	for n := range w.clients {
		w.client(n)
	}
	w.Weather(w.swarm)
}

// insist sends a write to each of the nodes until it succeeds, and returns those where it did: all of them that are members.
func (w *workload) insist(rule string, ids []raft.NodeID, limit time.Duration) (served []raft.NodeID) {
	over := false
	for _, id := range ids {
		w.tryUntil(func(done func(raft.Outcome[result])) {
			if !over {
				w.ops++
				w.Propose(id, op{id: w.ops, key: -1, kind: "write"}, patience, done)
			}
		}, func(raft.Outcome[result]) { served = append(served, id) })
	}
	missing := func(id raft.NodeID) bool { return !slices.Contains(served, id) && w.Serves(id) }
	if !w.RunUntil(limit, func() bool { return len(served) > 0 && !slices.ContainsFunc(ids, missing) }) {
		w.Violate(rule, "%v of %v do, and the others do not within %v", served, ids, limit)
	}
	over = true
	return served
}

// readAll reads every key at some of the nodes; the values go into the history.
func (w *workload) readAll(ids []raft.NodeID) {
	if w.Err() != nil {
		return
	}
	open := w.key + 1
	for key := range open {
		call, o := w.Now(), op{key: key, kind: "read"}
		w.tryUntil(func(done func(raft.Outcome[result])) { w.Read(ids[w.rng.IntN(len(ids))], o, patience, done) }, func(out raft.Outcome[result]) {
			w.record(w.clients, o, int64(call), out)
			open--
		})
	}
	if !w.RunUntil(recoveryLimit, func() bool { return open == 0 }) {
		w.Violate("phase two: everything is readable", "%d keys are not within %v", open, recoveryLimit)
	}
}

// tryUntil asks until there is a result.
func (w *workload) tryUntil(ask func(done func(raft.Outcome[result])), then func(raft.Outcome[result])) {
	ask(func(out raft.Outcome[result]) {
		if out.Err == nil {
			then(out)
			return
		}
		w.After(100*time.Millisecond, func() { w.tryUntil(ask, then) })
	})
}

// checkDurable looks for what is missing on nodes that have served something since it was acknowledged.
func (w *workload) checkDurable(ids []raft.NodeID, acked map[int]result) {
	if w.Err() != nil {
		return
	}
	for _, id := range ids {
		m := w.Machine(id).(*registers)
		for _, o := range slices.Sorted(maps.Keys(acked)) {
			if got, ok := m.done[o]; !ok || got != acked[o] {
				w.Violate("what is acknowledged is durable", "node %s has %v of operation %d, the client %v", id, got, o, acked[o])
			}
		}
	}
}

// checkMachines looks for what clients were told would never happen, for what nobody asked for, and for what happened twice. Every node is
// up.
func (w *workload) checkMachines() {
	if w.Err() != nil {
		return
	}
	for _, id := range w.IDs {
		m := w.Machine(id).(*registers)
		for _, o := range slices.Sorted(maps.Keys(m.done)) {
			if w.never[o] || o > w.ops {
				w.Violate("nothing phantom", "node %s executed operation %d, which was never to be", id, o)
			}
		}
		if w.once && m.twice > 0 {
			w.Violate("exactly once", "node %s was given %d operations twice", id, m.twice)
		}
	}
}

func (w *workload) checkHistory() {
	if w.Err() != nil {
		return
	}
	switch porcupine.CheckOperationsTimeout(model, w.history, checkLimit) {
	case porcupine.Illegal:
		w.Violate("linearizable", "the history of %d operations is not", len(w.history))
	case porcupine.Unknown:
		w.undecided++
	}
}
