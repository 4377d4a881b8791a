package workbench

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// thread is one client thread. Threads come in blocks of 2n, each with a key
// of its own; within a block each node has one reader and one writer.
type thread struct {
	id, block int
	node      string
	reader    bool
	process   int // grows by the number of threads with each unknown outcome
	free      bool
	ops       *rand.Rand
	work      chan *op
}

// block is what 2n threads share.
type block struct {
	key, ops int
	touched  map[int]bool // processes that used the key
}

// plan decides which thread acts next and on which key. It belongs to the
// goroutine of the generator.
type plan struct {
	quirks   bool
	halves   bool // one half of a block reads
	threads  []*thread
	blocks   []*block
	perBlock int
	limit    int // processes per key
	nextKey  int
	rotation int // quirks: where the search for a free thread starts
	choice   *rand.Rand
	freeN    int
}

func newPlan(opts Options, nodes []string, threads int) *plan {
	n := len(nodes)
	p := &plan{quirks: opts.MaelstromQuirks, freeN: threads, choice: stream(opts.Seed, purposeDispatch, "")}
	p.perBlock, p.halves = workloads[opts.Workload].block(n, threads)
	p.limit = max(quirkProcessLimit, 4*n)
	if p.quirks {
		p.limit = quirkProcessLimit
	}
	for id := range threads {
		t := &thread{
			id: id, block: id / p.perBlock, node: nodes[id%n], reader: id%p.perBlock < n,
			process: id, free: true, ops: stream(opts.Seed, purposeOps, strconv.Itoa(id)), work: make(chan *op),
		}
		if p.quirks && t.block > 0 {
			t.reader = false // Maelstrom compares absolute thread numbers
		}
		p.threads = append(p.threads, t)
	}
	for range threads / p.perBlock {
		p.blocks = append(p.blocks, &block{})
		p.renew(p.blocks[len(p.blocks)-1])
	}
	return p
}

// renew gives a block its next key.
func (p *plan) renew(b *block) {
	b.key, b.ops, b.touched = p.nextKey, 0, map[int]bool{}
	p.nextKey++
}

// next picks a free thread and prepares its operation; there must be one.
func (p *plan) next(w workload) (*thread, *op) {
	var t *thread
	if p.quirks {
		t = p.pickBiased()
	} else {
		t = p.pickUniform()
	}
	t.free = false
	p.freeN--
	o := &op{Thread: t.id, Process: t.process, Node: t.node, Key: p.key(t.block)}
	w.next(t.ops, t.reader, o)
	return t, o
}

// done takes a thread back; after an unknown outcome it goes on as a new
// process.
func (p *plan) done(t *thread, unknown bool) {
	t.free = true
	p.freeN++
	if unknown {
		t.process += len(p.threads)
	}
}

// key returns the key for a block's next operation, a new one if as many
// processes or operations as a key may have would otherwise be exceeded.
func (p *plan) key(index int) int {
	b := p.blocks[index]
	current := p.threads[index*p.perBlock : (index+1)*p.perBlock]
	for _, t := range current {
		b.touched[t.process] = true
	}
	if len(b.touched) > p.limit || (!p.quirks && b.ops >= perKeyLimit) {
		p.renew(b)
		for _, t := range current {
			b.touched[t.process] = true
		}
	}
	b.ops++
	return b.key
}

func (p *plan) pickUniform() *thread {
	return p.nthFree(p.threads, p.choice.IntN(p.freeN))
}

func (p *plan) nthFree(among []*thread, n int) *thread {
	for _, t := range among {
		if t.free {
			if n == 0 {
				return t
			}
			n--
		}
	}
	return nil
}

// pickBiased picks as Jepsen does: a block at random, then readers or writers
// at random, then the first free thread at or after an index that goes round
// all threads and the nemesis, or else the first free one. With idle threads
// that is nearly always the first thread of its half, and so the first node.
func (p *plan) pickBiased() *thread {
	var pools [][]*thread
	for i := range p.blocks {
		if pool := p.pool(i); pool != nil {
			pools = append(pools, pool)
		}
	}
	pool := pools[p.choice.IntN(len(pools))]
	from := p.rotation
	p.rotation = (p.rotation + 1) % (len(p.threads) + 1)
	for _, t := range pool {
		if t.free && t.id >= from {
			return t
		}
	}
	return p.nthFree(pool, 0)
}

// pool returns the half of a block that acts next, or nil if all are busy.
func (p *plan) pool(index int) []*thread {
	all := p.threads[index*p.perBlock : (index+1)*p.perBlock]
	if index > 0 || !p.halves {
		if p.nthFree(all, 0) == nil {
			return nil
		}
		return all
	}
	readers, writers := all[:p.perBlock/2], all[p.perBlock/2:]
	first, second := readers, writers
	if p.choice.IntN(2) == 1 {
		first, second = writers, readers
	}
	for _, half := range [][]*thread{first, second} {
		if p.nthFree(half, 0) != nil {
			return half
		}
	}
	return nil
}

// generator issues operations at random times until the time limit, each on a
// free thread, and waits for those that are still out.
type generator struct {
	plan     *plan
	workload workload
	history  *history
	gaps     *rand.Rand
	rate     float64
	limit    time.Duration // time limit of the test
	run      func(ctx context.Context, t *thread, o *op)
	done     chan *thread
	unknown  []bool // by thread: outcome of its last operation, set before done
}

func newGenerator(opts Options, p *plan, w workload, h *history, run func(context.Context, *thread, *op)) *generator {
	return &generator{
		plan: p, workload: w, history: h, gaps: stream(opts.Seed, purposeStagger, ""),
		rate: opts.Rate, limit: seconds(opts.TimeLimit), run: run,
		done: make(chan *thread, len(p.threads)), unknown: make([]bool, len(p.threads)),
	}
}

// loop runs until the time limit or the end of ctx, and returns when all
// threads have ended.
func (g *generator) loop(ctx context.Context) {
	var wg sync.WaitGroup
	for _, t := range g.plan.threads {
		wg.Go(func() {
			for o := range t.work {
				g.run(ctx, t, o)
				g.unknown[t.id] = o.Outcome == outcomeInfo
				g.done <- t
			}
		})
	}
	g.dispatch(ctx)
	for _, t := range g.plan.threads {
		close(t.work)
	}
	wg.Wait()
}

// dispatch issues operations. Gaps are uniform in [0, 2/rate] and counted from
// the last operation: time lost because no thread was free is not made up for.
func (g *generator) dispatch(ctx context.Context) {
	due := time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for g.rate > 0 && due < g.limit {
		if !g.await(ctx, timer, due, func() bool { return false }) {
			return
		}
		g.collect()
		waits := g.plan.freeN == 0
		if waits && !g.await(ctx, timer, g.limit, func() bool { return g.plan.freeN > 0 }) {
			return
		}
		now := g.history.now()
		if now >= g.limit {
			return
		}
		if waits || now-due > dispatchSlack {
			due = now
		}
		t, o := g.plan.next(g.workload)
		t.work <- o // the thread is free, so it is waiting
		due += time.Duration(g.gaps.Float64() * 2 / g.rate * float64(time.Second))
	}
	g.await(ctx, timer, g.limit, func() bool { return false })
}

// collect takes back the threads that are done by now.
func (g *generator) collect() {
	for {
		select {
		case t := <-g.done:
			g.plan.done(t, g.unknown[t.id])
		default:
			return
		}
	}
}

// await takes threads back until the time comes or enough says so; false means
// that ctx ended.
func (g *generator) await(ctx context.Context, timer *time.Timer, until time.Duration, enough func() bool) bool {
	timer.Reset(until - g.history.now())
	for {
		select {
		case t := <-g.done:
			g.plan.done(t, g.unknown[t.id])
			if enough() {
				return true
			}
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
