package driver

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"maelraft/raft"
)

// inboxSize is how many inputs may wait while a batch is carried out. Whoever brings more has to wait: that is the back-pressure.
const inboxSize = 4096

// maxLimit is the longest that a request can wait: longer than any process lives, and no overflow.
const maxLimit = time.Duration(math.MaxInt64 / 2)

// Options are what a Driver needs. Node, Storage and Send are required.
type Options[C, R any] struct {
	// Node is driven by this driver alone.
	Node    *raft.Node[C, R]
	Storage raft.Storage[C]
	// Send hands messages to the network. It is called from the loop and must not wait for anything that the loop does.
	Send func([]raft.Message)
	// Epoch is the zero of the node's clock, the one used for raft.New.
	Epoch time.Time
	// Refused is told of every message from a peer that a correct peer cannot have sent; nil logs it. It is called from the loop.
	Refused func(raft.Message, error)
	// Log receives what an operator must know; nil is slog.Default.
	Log *slog.Logger
}

// Driver runs one node. Its methods may be called from any goroutine; Receive and those that ask for something take effect in the order in which
// they were called by one goroutine.
type Driver[C, R any] struct {
	Options[C, R]
	stager  raft.Stager // the storage, if it is one
	inbox   chan func(now time.Duration)
	stopped chan struct{}
	putting sync.RWMutex                          // held for reading while something goes into the inbox
	waiting map[raft.Ticket]func(raft.Outcome[R]) // used by the loop alone
	full    bool                                  // the storage has no room; used by the loop alone
}

// New returns a driver; Run starts it.
func New[C, R any](o Options[C, R]) *Driver[C, R] {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Refused == nil {
		o.Refused = func(_ raft.Message, err error) { o.Log.Warn("refused a peer's message", "error", err) }
	}
	stager, _ := o.Storage.(raft.Stager)
	return &Driver[C, R]{
		Options: o,
		stager:  stager,
		inbox:   make(chan func(time.Duration), inboxSize),
		stopped: make(chan struct{}),
		waiting: map[raft.Ticket]func(raft.Outcome[R]){},
	}
}

// Receive hands over a message from a peer. It waits while the inbox is full, and drops the message after the end of Run.
func (d *Driver[C, R]) Receive(m raft.Message) {
	d.put(func(now time.Duration) {
		if d.full {
			return
		}
		if err := d.Node.Step(now, m); err != nil {
			d.Refused(m, err)
		}
	})
}

// Propose asks for a command to be executed (see raft.Node.Propose). Within the limit, done is called once with the outcome, from the
// loop, so it must not block, and not call a method of the driver, which may. After the end of Run the outcome is raft.ErrUnavailable, from the caller's
// goroutine.
func (d *Driver[C, R]) Propose(command C, limit time.Duration, done func(raft.Outcome[R])) {
	d.request(d.Node.Propose, command, limit, done)
}

// Try asks for a command to be executed that may turn out to change nothing (see raft.Node.Try). For done the same holds as in Propose.
func (d *Driver[C, R]) Try(command C, limit time.Duration, done func(raft.Outcome[R])) {
	d.request(d.Node.Try, command, limit, done)
}

// Read asks for a query to be answered (see raft.Node.Read). For done the same holds as in Propose.
func (d *Driver[C, R]) Read(query C, limit time.Duration, done func(raft.Outcome[R])) {
	d.request(d.Node.Read, query, limit, done)
}

// TransferLeadership asks for another node to lead (see raft.Node.TransferLeadership). For done the same holds as in Propose.
func (d *Driver[C, R]) TransferLeadership(to raft.NodeID, limit time.Duration, done func(raft.Outcome[R])) {
	ask := func(now time.Duration, _ C, deadline time.Duration) raft.Ticket {
		return d.Node.TransferLeadership(now, to, deadline)
	}
	d.request(ask, *new(C), limit, done)
}

// ChangeMembership asks for another membership (see raft.Node.ChangeMembership). For done the same holds as in Propose.
func (d *Driver[C, R]) ChangeMembership(what raft.Change, limit time.Duration, done func(raft.Outcome[R])) {
	ask := func(now time.Duration, _ C, deadline time.Duration) raft.Ticket {
		return d.Node.ChangeMembership(now, what, deadline)
	}
	d.request(ask, *new(C), limit, done)
}

func (d *Driver[C, R]) request(
	ask func(time.Duration, C, time.Duration) raft.Ticket, c C, limit time.Duration, done func(raft.Outcome[R]),
) {
	deadline := d.now() + min(limit, maxLimit)
	ok := d.put(func(now time.Duration) {
		if d.full {
			done(raft.Outcome[R]{Err: raft.ErrUnavailable})
			return
		}
		taken := false
		defer func() {
			if !taken { // ask has panicked: nobody else knows of this request
				done(raft.Outcome[R]{Err: raft.ErrUnknown})
			}
		}()
		d.waiting[ask(now, c, deadline)] = done
		taken = true
	})
	if !ok {
		done(raft.Outcome[R]{Err: raft.ErrUnavailable})
	}
}

func (d *Driver[C, R]) put(input func(now time.Duration)) bool {
	d.putting.RLock()
	defer d.putting.RUnlock()
	select {
	case <-d.stopped:
		return false
	default:
	}
	select {
	case d.inbox <- input:
		return true
	case <-d.stopped:
		return false
	}
}

func (d *Driver[C, R]) now() time.Duration { return time.Since(d.Epoch) }

// Run drives the node until the context ends. It is called once. Every request that waits then is answered before Run returns.
func (d *Driver[C, R]) Run(ctx context.Context) {
	d.Storage = patient[C, R]{d.Storage, d, ctx}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-timer.C:
		case input := <-d.inbox:
			d.guard(func() { input(d.now()) })
		}
		runtime.Gosched() // whoever has just been answered may have the next request ready: it comes into the same batch
		d.guard(d.takeAll)
		next := time.Duration(math.MaxInt64)
		d.guard(func() { next = d.turn() })
		timer.Reset(max(next-d.now(), 0))
	}
	d.stop()
}

// takeAll hands the node everything that waits.
func (d *Driver[C, R]) takeAll() {
	for n := len(d.inbox); n > 0; n-- {
		input := <-d.inbox
		input(d.now())
	}
}

// turn does what is due and carries out the batches that result. It returns when the node next wants to be called: at once if
// something has arrived meanwhile, which is looked at before anything else falls due. A leader is not dead because its follower
// was busy.
func (d *Driver[C, R]) turn() time.Duration {
	d.Node.Tick(d.now())
	err := Drain(d.Node, d.now, Effects[C, R]{Storage: d.Storage, Send: d.Send, Answer: d.answer, Capture: d.capture})
	if err != nil {
		d.Log.Error("STORAGE FAILED: this node takes no further part in the cluster", "error", err)
	}
	if len(d.inbox) > 0 {
		return d.now()
	}
	return d.Node.Tick(d.now())
}

func (d *Driver[C, R]) answer(outcomes []raft.Outcome[R]) {
	for _, o := range outcomes {
		if done := d.waiting[o.Ticket]; done != nil {
			delete(d.waiting, o.Ticket)
			done(o)
		}
	}
}

// capture has a state written, to memory and to the storage, by a goroutine of its own: the loop goes on, however large the state is. What breaks there
// breaks the node.
func (d *Driver[C, R]) capture(c raft.Capture) {
	go func() {
		var snapshot raft.Snapshot
		var staged error
		var broken any
		func() {
			defer func() { broken = recover() }()
			snapshot = c.Write()
			if d.stager != nil {
				staged = d.stager.Stage(snapshot)
			}
		}()
		d.put(func(now time.Duration) {
			if broken != nil {
				panic(broken)
			}
			if staged != nil {
				d.Log.Warn("a snapshot could not be written beside the work of the node: it will be within", "index", snapshot.Index, "error", staged)
			}
			d.Node.Captured(now, snapshot)
		})
	}()
}

// guard keeps the process alive if an invariant breaks: the node falls silent towards its peers instead, which they survive.
func (d *Driver[C, R]) guard(work func()) {
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error("INVARIANT BROKEN: this node takes no further part in the cluster",
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			d.answer(d.Node.Fail(raft.Batch[C]{}))
			d.endWaiting() // what the broken batch had taken with it
		}
	}()
	work()
}

// stop ends all requests: those in the node, and those that are still in the inbox.
func (d *Driver[C, R]) stop() {
	close(d.stopped)
	// Wait for everybody who is putting something into the inbox; from here on nothing enters it.
	d.putting.Lock()
	//lint:ignore SA2001 nothing is to be done under the lock
	d.putting.Unlock()
	d.answer(d.Node.Close())
	for {
		select {
		case input := <-d.inbox:
			input(d.now())
			d.turn()
		default:
			return
		}
	}
}
