package workbench

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Exit codes, Maelstrom's.
const (
	// ExitValid, ExitInvalid and ExitUnknown are those of Result.ExitCode.
	ExitValid   = 0
	ExitInvalid = 1
	ExitUnknown = 2
	// ExitBadArguments is for options that Options.Validate refuses.
	ExitBadArguments = 254
	// ExitCrashed is for an error that Run returns.
	ExitCrashed = 255
)

// Result is the outcome of one test.
type Result struct {
	// Verdict is what is printed: the official one with quirks, else the
	// strict one.
	Verdict Verdict `json:"verdict"`
	// Official is what Maelstrom would say; Strict is the strict verdict.
	Official Verdict `json:"official"`
	Strict   Verdict `json:"strict"`
	// Reasons says in words what is not valid about the test.
	Reasons []string `json:"reasons,omitempty"`
	// LinearizableOfficial and LinearizableStrict are the checker's part.
	LinearizableOfficial Reading `json:"linearizable_official"`
	LinearizableStrict   Reading `json:"linearizable_strict"`
	// Explanation shows what is wrong with the first bad key, or is nil.
	Explanation *Explanation `json:"explanation,omitempty"`
	// Violations lists the first violations of the protocol; ViolationCount
	// counts all. Without quirks the first one ends the test.
	Violations     []*Violation `json:"violations,omitempty"`
	ViolationCount int          `json:"violation_count"`
	// Options are those of the test, with the seed that was used.
	Options Options `json:"options"`
	// LeaderWatched says whether nodes were asked who leads.
	LeaderWatched bool `json:"leader_watched"`
	// Figures are the measurements.
	Figures Figures `json:"figures"`
	// FinalReads is what came of --final-reads, or nil.
	FinalReads *FinalReads `json:"final_reads,omitempty"`
	// Store is the directory with history, logs and this result.
	Store string `json:"store"`
}

// ExitCode is 0 for valid, 1 for invalid and 2 for unknown.
func (r Result) ExitCode() int {
	switch r.Verdict {
	case Valid:
		return ExitValid
	case Invalid:
		return ExitInvalid
	default:
		return ExitUnknown
	}
}

// maxViolations is how many violations are kept.
const maxViolations = 20

// bench is one test while it runs.
type bench struct {
	opts     Options
	nodes    []string
	threads  int
	workload workload
	history  *history
	clock    clock
	launch   launcher
	sleep    sleeper
	out      *printer
	dir      string
	cluster  *cluster
	clients  []*client // by thread
	board    *board
	journal  *journal
	watched  bool
	fail     context.CancelCauseFunc
	end      time.Duration // when the last operation ended
	final    *FinalReads   // what came then, if it was asked for
	net      *NetStats     // the messages before that

	mu         sync.Mutex
	violations []*Violation
	violationN int
}

// Run tests a program and writes what a person reads to stdout. It returns
// when every process and goroutine that it started has ended. An error means
// that there is no verdict: options that make no sense, a node that could not
// be started or ended on its own (*CrashError), a store that could not be
// written, or ctx's own error; main answers it with ExitCrashed.
func Run(ctx context.Context, opts Options, stdout io.Writer) (Result, error) {
	b, err := newBench(opts, stdout)
	if err != nil {
		return Result{}, err
	}
	return b.run(ctx)
}

// run is Run, once the options are known to make sense.
func (b *bench) run(ctx context.Context) (Result, error) {
	inner, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	b.fail = fail
	err := b.test(inner)
	b.closeJournal()
	// A violation has a verdict, everything else that ends a test has none.
	violation := (*Violation)(nil)
	if err != nil && !errors.As(err, &violation) {
		return Result{Store: b.dir}, errors.Join(err, writeHistory(b.dir, b.history.finish().events))
	}
	return b.conclude(ctx)
}

func newBench(opts Options, stdout io.Writer) (*bench, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if opts.Bin == "" {
		return nil, errors.New("no node program was given")
	}
	bin, err := filepath.Abs(opts.Bin) // nodes run in another directory
	if err != nil {
		return nil, err
	}
	opts.Bin = bin
	if opts.Seed == 0 {
		opts.Seed = drawSeed()
	}
	threads, err := opts.threads()
	if err != nil {
		return nil, err
	}
	b := &bench{
		opts: opts, nodes: opts.nodeNames(), threads: threads,
		workload: workloads[opts.Workload], clock: newClock(), launch: launchProgram, sleep: preciseSleep,
		out: newPrinter(stdout, opts.Quiet),
	}
	b.history = newHistory(b.clock)
	b.board = &board{now: b.history.now}
	if b.dir, err = newStore(opts.Store, opts.Workload, time.Now()); err != nil {
		return nil, err
	}
	b.journal, err = openJournal(b.dir, opts.MessagesLimit)
	return b, err
}

// test runs the nodes, the clients and the nemesis. Everything it starts has
// ended when it returns.
func (b *bench) test(ctx context.Context) error {
	b.out.header(b)
	cfg := clusterConfig{
		opts: b.opts, nodes: b.nodes, clock: b.clock, launch: b.launch, sleep: b.sleep,
		logDir: filepath.Join(b.dir, logsDir), dataDir: filepath.Join(b.dir, dataDir), run: filepath.Base(b.dir),
		fail: b.fail, note: b.note, warn: b.out.warn, journal: b.journal,
	}
	b.watched = b.wantsLeader() && (b.opts.WatchLeader == watchOn || probeStatus(ctx, cfg))
	if b.opts.changesMembers() {
		if err := probeMembership(ctx, cfg); err != nil {
			return err
		}
	}
	if b.opts.LogStderr {
		cfg.stderr = os.Stderr
	}
	var err error
	if b.cluster, err = startCluster(ctx, cfg); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer b.cluster.stop()
	for range b.nodes {
		b.cluster.router.addClient() // Maelstrom opens one per node for its own set-up
	}
	for range b.threads {
		b.clients = append(b.clients, b.cluster.router.addClient())
	}
	b.drive(ctx)
	return context.Cause(ctx)
}

// wantsLeader says whether somebody would use the answers to status.
func (b *bench) wantsLeader() bool {
	switch b.opts.WatchLeader {
	case watchOn:
		return true
	case watchOff:
		return false
	default:
		return !b.opts.MaelstromQuirks || slices.Contains(b.opts.faults(), nemesisLeaderCut)
	}
}

// drive runs clients, nemesis, watchers and progress until the time limit, the
// last reply or the end of ctx.
func (b *bench) drive(ctx context.Context) {
	side, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	b.history.begin()
	b.journal.begin(b.history.start)
	var askers []*asker
	if b.watched {
		for _, a := range newAskers(b.cluster.router, b.nodes, b.board) {
			wg.Go(func() { a.watch(side, b.opts.clientLimit()) })
		}
		askers = newAskers(b.cluster.router, b.nodes, b.board)
	}
	n := &nemesis{
		target: b.cluster, nodes: b.nodes, history: b.history, limit: seconds(b.opts.TimeLimit),
		board: b.board, askers: askers, patient: b.opts.statusLimit(), fail: b.fail,
	}
	if b.opts.FinalReads {
		n.test = ctx
	}
	for _, d := range newDisturbances(b.opts, b.nodes) {
		wg.Go(func() { n.run(side, d) })
	}
	if b.opts.changesMembers() {
		m := b.newMembership()
		wg.Go(func() { m.run(side) })
	}
	wg.Go(func() { b.out.progress(side, b) })
	plan := newPlan(b.opts, b.nodes, b.threads)
	newGenerator(b.opts, plan, b.workload, b.history, b.perform).loop(ctx)
	b.end = b.history.now()
	stop()
	wg.Wait()
	if b.opts.FinalReads && ctx.Err() == nil {
		net := b.cluster.router.snapshot()
		b.net = &net
		b.final = b.readFinally(ctx, n)
	}
}

// newMembership returns the nemesis that lets nodes come and go.
func (b *bench) newMembership() *membership {
	return &membership{
		call: b.cluster.router.addClient().call, nodes: b.nodes, seed: b.opts.Seed, interval: seconds(b.opts.NemesisInterval),
		history: b.history, limit: seconds(b.opts.TimeLimit), patient: b.opts.clientLimit(), pause: b.opts.statusLimit(),
		judge: func(node string, line []byte, f *fault) { b.cluster.judge(b.cluster.ctx, f.by(node, line), true) },
	}
}

// perform runs one operation of a thread and records it.
func (b *bench) perform(ctx context.Context, t *thread, o *op) { b.ask(ctx, b.clients[t.id], o) }

// ask runs one operation of a client and records it.
func (b *bench) ask(ctx context.Context, c *client, o *op) {
	b.history.invoke(o)
	r, err := c.call(ctx, o.Node, func(msgID int64) []byte {
		return b.workload.request(o, msgID)
	}, b.opts.clientLimit())
	var f *fault
	switch {
	case err == nil:
		f = b.workload.interpret(o, r)
	case errors.Is(err, errClientTimeout):
		b.workload.silent(o, codeTimeout)
	default:
		b.workload.silent(o, codeStopped)
	}
	b.history.complete(o)
	if f != nil {
		b.cluster.judge(b.cluster.ctx, f.by(o.Node, r.line), true)
	}
}

// closeJournal ends the journal. An incomplete one is no reason to fail a test.
func (b *bench) closeJournal() {
	if err := b.journal.close(); err != nil {
		b.out.warn("WARN " + messagesFile + " is not complete: " + err.Error())
	}
}

// note takes down a violation.
func (b *bench) note(v *Violation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v.At = b.history.moment()
	b.violationN++
	if len(b.violations) < maxViolations {
		b.violations = append(b.violations, v)
	}
}
